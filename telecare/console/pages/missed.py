"""When hubs are missed: what a council, a model or a hub has for it, and the forms by which it is set."""

from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from devices.presence.rule_repository import RuleRepository
from devices.presence.rule_schemas import HeartbeatRuleIn, SetHereOut
from devices.presence.rules import Level
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import heartbeat_rules as api
from telecare.api.endpoints.silence_deadlines import get_deadlines
from telecare.console import missed_view, view
from telecare.console.acting import acted
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.errors import ForbiddenError, NotFoundError

router = APIRouter(prefix="/fleet/missed")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_FLEET))]
Chosen = Annotated[str, Query(max_length=9, description="the council's code; left out: the first that one sees")]
Set = Literal[Level.HUB, Level.MODEL, Level.COUNCIL]

_WORDS = {
    "heartbeat_interval_s": "Write 30 to 604,800 seconds (7 days), or leave it empty",
    "heartbeat_grace_s": "Write 0 to 86,400 seconds (a day), or leave it empty",
    "miss_limit": "Write 1 to 100 missed heartbeats, or leave it empty",
    "reason": "Say why, in 3 to 500 characters",
}


@router.get("")
async def overview(
    request: Request, session: Transaction, actor: Viewer, council: Chosen = "", done: str = ""
) -> Response:
    """Show what a council has set, and what the models have that all councils share."""
    shared = ModelRepository(session)
    seen = [(each.code, each.name) for each in await shared.councils() if actor.sees(each.code)]
    chosen = next((code for code, _ in seen if council in {"", code}), None)
    if chosen is None:
        raise NotFoundError(f"There is no council {council} of yours")
    return page(
        request,
        "missed.html",
        actor,
        councils=seen,
        council=chosen,
        rule=await api.get_rule_of_council(chosen, session, actor),
        models=await shared.models(),
        may={level: _may(actor, level) for level in (Level.MODEL, Level.COUNCIL)},
        missed_view=missed_view,
        deadlines=await get_deadlines(chosen, session, actor),
        done=done if done in missed_view.DONE else "",
    )


@router.get("/{level}/{key}")
async def rule(request: Request, level: Set, key: str, session: Transaction, actor: Viewer) -> Response:
    """Show by which rule a hub is missed, or those of a model or a council; as a form for who may set it."""
    return page(request, "missed_rule.html", actor, **await _facts(session, actor, level, key, NOTHING))


@router.post("/{level}/{key}")
async def save(request: Request, level: Set, key: str, session: Transaction, actor: Editor) -> Response:
    """Set the rule by which a hub, or those of a model or a council are missed."""
    form = await typed(request, "rule")
    if not _may(actor, level):
        raise ForbiddenError(f"Only an administrator of {_whose(level)} may set this")

    async def put() -> None:
        body = read(HeartbeatRuleIn, form.values, _WORDS)
        if level is Level.HUB:
            await api.put_rule_of_hub(key, body, session, actor)
        elif level is Level.MODEL:
            await api.put_rule_of_model(_model_id(key), body, session, actor)
        else:
            await api.put_rule_of_council(key, body, session, actor)

    async def again(error: Exception) -> Response:
        status, faults = refused(error, "heartbeat_interval_s")
        facts = await _facts(session, actor, level, key, form.wrong(*faults))
        return page(request, "missed_rule.html", actor, status, **facts)

    return await acted(session, put, again, _back(level, key))


async def _facts(session: AsyncSession, actor: Actor, level: Level, key: str, form: Form) -> dict[str, Any]:
    of_hub = None
    if level is Level.HUB:
        of_hub = await api.get_rule_of_hub(key, session, actor)
        here, whose = of_hub.set_here, f"hub {key}"
    elif level is Level.MODEL:
        model = await ModelRepository(session).get(_model_id(key))
        if model is None:
            raise NotFoundError("There is no such model")
        found = await RuleRepository(session).set_here(level, model.id)
        here, whose = SetHereOut(**found._asdict()), f"{model.make} {model.name}"
    else:
        here, whose = await api.get_rule_of_council(key, session, actor), view.council(key)
    return {
        "level": level, "key": key, "whose": whose, "here": here, "of_hub": of_hub, "form": form,
        "may": _may(actor, level), "back": _back(level, key).partition("?")[0], "missed_view": missed_view,
    }  # fmt: skip


def _may(actor: Actor, level: Level) -> bool:
    """Say whether somebody may set it; models are of all councils."""
    needed = Permission.EDIT_FLEET if level is Level.HUB else Permission.ADMINISTER
    return actor.may(needed) and not (level is Level.MODEL and actor.councils)


def _whose(level: Level) -> str:
    return "all councils" if level is Level.MODEL else "the council"


def _back(level: Level, key: str) -> str:
    if level is Level.HUB:
        return f"/fleet/{quote(key, safe='')}"
    return f"/fleet/missed?council={quote(key)}&done=saved" if level is Level.COUNCIL else "/fleet/missed?done=saved"


def _model_id(key: str) -> UUID:
    try:
        return UUID(key)
    except ValueError as error:
        raise NotFoundError("There is no such model") from error
