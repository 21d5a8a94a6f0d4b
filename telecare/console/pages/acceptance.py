"""Accepting a hub and taking one away, from its page; each refusal says why."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.repository import HubRepository
from devices.registry.schemas import InstallationEnd
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import acceptance as api
from telecare.api.endpoints.hubs import end_installation
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, NotFoundError, ProblemError
from telecare.protection.swap_day import Standing, SwapDay

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_FLEET))]
SEE_OTHER = 303


@router.get("/fleet/{hub_id}/acceptance")
async def panel(request: Request, hub_id: str, session: Transaction, actor: Viewer) -> Response:
    """Give the panel as it is now, for the page to tick what has arrived."""
    hub = await HubRepository(session, actor.councils).require(hub_id)
    facts = await acceptance_facts(request, session, actor, hub)
    return page(request, "_acceptance.html", actor, hub_id=hub_id, now=await database_now(session), **facts)


@router.post("/fleet/{hub_id}/acceptance")
async def accept(hub_id: str, session: Transaction, actor: Editor) -> Response:
    """Accept the hub in the name of whoever presses, and go back to its page."""
    try:
        await api.accept(hub_id, session, actor)
    except ConflictError as error:
        return _back(hub_id, error.detail)
    return _back(hub_id)


@router.post("/fleet/{hub_id}/installation/end")
async def take_away(request: Request, hub_id: str, session: Transaction, actor: Editor) -> Response:
    """Take the hub away, or withdraw the service with it, and go back to its page."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    body: dict[str, Any] = {}
    if "reason" in form:
        body["withdrawal"] = {"reason": form["reason"], "agreed_with": form.get("agreed_with", "")}
    try:
        await end_installation(hub_id, InstallationEnd.model_validate(body), session, actor)
    except ValidationError:
        return _back(hub_id, "Write why the service ends, and with whom that was agreed")
    except (ConflictError, InvalidError, NotFoundError) as error:
        return _back(hub_id, _words(error))
    return _back(hub_id)


async def acceptance_facts(
    request: Request, session: AsyncSession, actor: Actor, hub: RowMapping | None
) -> dict[str, Any]:
    """Collect what the panel shows."""
    reliance = await standing_of(session, actor, hub) if hub is not None else None
    return {"reliance": reliance, "stays_refused": request.query_params.get("stays", "")[:500]}


async def standing_of(session: AsyncSession, actor: Actor, hub: RowMapping) -> Standing | None:
    """Return how a hub stands with its person, None when it is nowhere."""
    try:
        return await SwapDay(session, actor.councils).standing(hub)
    except NotFoundError:
        return None


def _words(error: ProblemError) -> str:
    return str(error.extra["errors"][0]["what"]) if "errors" in error.extra else error.detail


def _back(hub_id: str, refused: str = "") -> Response:
    query = f"?stays={quote(refused)}" if refused else ""
    return RedirectResponse(f"/fleet/{quote(hub_id, safe='')}{query}#acceptance", SEE_OTHER)
