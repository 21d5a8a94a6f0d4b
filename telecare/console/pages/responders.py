"""Responders: the list, and one with the ways to them, the rules, the quiet hours; ways are proven by a code."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.responders.domain import Urgency
from alarms.responders.schemas import CodeIn, MethodIn, MethodPatch, ResponderIn, ResponderPatch, RuleIn
from alarms.responders.service import ResponderService
from alarms.rota.service import RotaService
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.endpoints import calendars
from telecare.api.endpoints import responders as api
from telecare.api.paging import decode_cursor, encode_cursor
from telecare.console import responder_view
from telecare.console.acting import REFUSED, SEE_OTHER
from telecare.console.forms import NOTHING, Form, FormError, check_sure, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

LISTED = 100
FREE_ROWS = 3
MOST_RULES = 100
DONE = {
    "saved": "Saved.",
    "made": "They are a responder now. Add the ways to reach them.",
    "added": "The way was added, and is used at once. Send a code to be sure that it is theirs.",
    "sent": "A code is on its way. Ask them for it, and enter it below. It is good for 15 minutes.",
    "verified": "The address is verified.",
    "removed": "The way was removed, with the rules that used it.",
    "rules": "The rules hold from now on, also for rounds that go on now.",
    "revoked": "All addresses of their calendar are revoked.",
}
_PERSON_WORDS = {
    "name": "Write a name of at most 100 characters, in one line",
    "key": "Write a key of small letters, digits and hyphens, such as isla-reid",
    "council_id": "Choose a council of the list",
    "quiet_hours": "Write both ends of the quiet hours, not the same; or leave both empty",
    "active": "Choose whether they serve",
}
_METHOD_WORDS = {
    "address": "Write the address: a telephone number, an e-mail address or what the channel calls one",
    "channel": "Choose by what they are told",
    "label": "Write a name of at most 100 characters, in one line",
}
_CHANGE_WORDS = {
    "why": "Say why, in 3 to 500 characters",
    "label": "Write a name of at most 100 characters, in one line",
    "position": "Write a place from 0 to 1,000: the smallest comes first",
}


@router.get("/responders")
async def responders(
    request: Request, session: Transaction, actor: Viewer, cursor: Annotated[str, Query(max_length=500)] = ""
) -> Response:
    """Show who can be sent, and by what each of them can be reached."""
    before = decode_cursor(cursor or None, UUID)
    repository = ResponderService(session).responders
    rows = await repository.page(actor.councils, before[0] if before else None, LISTED + 1)
    listed = rows[:LISTED]
    return page(
        request,
        "responders.html",
        actor,
        responders=listed,
        methods=await repository.methods_by([row.id for row in listed]),
        older=encode_cursor(listed[-1].id) if len(rows) > LISTED else None,
        newest=not cursor,
        words=responder_view,
    )


@router.get("/responders/new")
async def new(request: Request, session: Transaction, actor: Administrator) -> Response:
    """Show the form for a new responder."""
    return await _new(request, session, actor, NOTHING, 200)


@router.post("/responders/new")
async def create(request: Request, session: Transaction, actor: Administrator) -> Response:
    """Add a responder."""
    form = await typed(request, "person")
    try:
        values = {name: form.value(name) for name in ("key", "name", "council_id")} | _quiet(form)
        async with session.begin_nested():
            made = await api.create_responder(read(ResponderIn, values, _PERSON_WORDS), session, actor)
    except REFUSED as error:
        status, faults = refused(error, "key", {"body.council_id": "council_id"})
        return await _new(request, session, actor, form.wrong(*faults), status)
    return _to(made.id, "made")


@router.get("/responders/{responder_id}")
async def responder(
    request: Request, responder_id: UUID, session: Transaction, actor: Viewer, done: str = ""
) -> Response:
    """Show a responder."""
    facts = await _facts(session, actor, responder_id, NOTHING)
    return page(request, "responder.html", actor, **{**facts, "done": DONE.get(done, "")})


@router.post("/responders/{responder_id}")
async def change(request: Request, responder_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Change the name, the quiet hours, and whether they serve."""
    form = await typed(request, "person")
    try:
        values = {"name": form.value("name"), "active": form.value("active") == "yes"} | _quiet(form)
        body = read(ResponderPatch, values, _PERSON_WORDS)
        if "quiet_hours" not in values:
            body = body.model_copy(update={"quiet_hours": None})
            body.model_fields_set.add("quiet_hours")
        async with session.begin_nested():
            await api.change_responder(responder_id, body, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, responder_id, form, error, "name")
    return _to(responder_id, "saved")


@router.post("/responders/{responder_id}/remove")
async def remove(request: Request, responder_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Take a responder out of service, and out of all teams and rotas."""
    form = await typed(request, "remove")
    try:
        check_sure(form)
        await api.remove_responder(responder_id, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, responder_id, form, error, "sure")
    return RedirectResponse("/responders", SEE_OTHER)


@router.post("/responders/{responder_id}/methods")
async def add_method(request: Request, responder_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Add a way to reach them."""
    form = await typed(request, "method")
    try:
        body = read(MethodIn, {name: form.value(name) for name in _METHOD_WORDS}, _METHOD_WORDS)
        async with session.begin_nested():
            await api.add_method(responder_id, body, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, responder_id, form, error, "address")
    return _to(responder_id, "added")


@router.post("/responders/{responder_id}/methods/{method_id}/{act}")
async def change_method(
    request: Request, responder_id: UUID, method_id: UUID, act: str, session: Transaction, actor: Administrator
) -> Response:
    """Send a code to a way, take the code, name and place it, switch it off or on, or remove it."""
    form = await typed(request, f"way-{method_id}")
    done = "saved"
    try:
        if act == "code":
            await api.send_code(responder_id, method_id, session, actor)
            done = "sent"
        elif act == "verify":
            words = {"code": "Write the six digits of the code"}
            code = read(CodeIn, {"code": form.value("code").replace(" ", "")}, words)
            found = await api.verify_method(responder_id, method_id, code, session, actor)
            if not found.verified:
                left = f": {found.tries_left} tries left" if found.tries_left else ""
                error = InvalidError(f"{found.note}{left}")
                return await _again(request, session, actor, responder_id, form, error, "code")
            done = "verified"
        elif act == "remove":
            check_sure(form)
            await api.delete_method(responder_id, method_id, session, actor)
            done = "removed"
        else:
            await api.change_method(responder_id, method_id, _patch(form, act), session, actor)
    except REFUSED as error:
        field = {"code": "code", "verify": "code", "remove": "sure", "name": "label"}.get(act, "why")
        return await _again(request, session, actor, responder_id, form, error, field)
    return _to(responder_id, done)


def _patch(form: Form, act: str) -> MethodPatch:
    """Return what the form changes of a way; what is left empty stays."""
    if act == "name":
        values = {"label": form.value("label"), "position": form.value("position")}
    else:
        values = {"disabled": act == "off", "why": form.value("why") if act == "off" else ""}
    return read(MethodPatch, values, _CHANGE_WORDS)


@router.post("/responders/{responder_id}/rules")
async def put_rules(request: Request, responder_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Put the rules of the form in place of all."""
    form = await typed(request, "rules")
    try:
        rules = []
        for row in range(MOST_RULES):
            if form.value(f"method_{row}"):
                values = {
                    "method_id": form.value(f"method_{row}"),
                    "after_s": form.value(f"after_{row}") or "0",
                    "urgency": form.value(f"urgency_{row}"),
                }
                words = {"after_s": f"Rule {row + 1}: from 0 to 7,200 seconds"}
                try:
                    rules.append(read(RuleIn, values, words))
                except FormError as error:
                    raise _moved(error, f"after_{row}") from error
        async with session.begin_nested():
            await api.put_rules(responder_id, rules, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, responder_id, form, error, "method_0")
    return _to(responder_id, "rules")


@router.post("/responders/{responder_id}/calendar-feed")
async def issue_feed(
    request: Request, responder_id: UUID, session: Transaction, services: ServicesDep, actor: Viewer
) -> Response:
    """Show a fresh address of their calendar, this once."""
    feed = await calendars.issue_responder_feed(responder_id, session, services, actor)
    facts = await _facts(session, actor, responder_id, NOTHING)
    return page(request, "responder.html", actor, **{**facts, "feed": feed.url})


@router.post("/responders/{responder_id}/calendar-feed/revoke")
async def revoke_feeds(responder_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Revoke every address of their calendar."""
    await calendars.revoke_responder_feeds(responder_id, session, actor)
    return _to(responder_id, "revoked")


def _quiet(form: Form) -> dict[str, Any]:
    """Return the quiet hours of a form; none when both ends are empty."""
    since, until = form.value("quiet_from")[:5], form.value("quiet_to")[:5]
    return {"quiet_hours": {"from": since, "to": until}} if since or until else {}


def _moved(error: FormError, field: str) -> FormError:
    return FormError(*(type(fault)(field, fault.words) for fault in error.faults))


def _to(responder_id: UUID, done: str) -> Response:
    return RedirectResponse(f"/responders/{responder_id}?done={done}", SEE_OTHER)


async def _new(request: Request, session: AsyncSession, actor: Actor, form: Form, status: int) -> Response:
    listed = await ModelRepository(session).councils()
    councils = [(row.code, row.name) for row in listed if not actor.councils or row.code in actor.councils]
    return page(request, "responder_new.html", actor, status, form=form, councils=councils)


async def _again(
    request: Request, session: AsyncSession, actor: Actor, responder_id: UUID, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    status, faults = refused(error, field)
    facts = await _facts(session, actor, responder_id, form.wrong(*faults))
    return page(request, "responder.html", actor, status, **facts)


async def _facts(session: AsyncSession, actor: Actor, responder_id: UUID, form: Form) -> dict[str, Any]:
    """Collect what the page shows."""
    shown = await api.visible_responder(session, actor, responder_id)
    service = ResponderService(session)
    methods = await service.responders.methods_of(responder_id)
    rules = await service.responders.rules_of(responder_id)
    teams = await service.teams.page(actor.councils, None, 1000)
    members = await service.teams.members([team.id for team in teams])
    plans = await RotaService(session).rotas.of_member(responder_id, shown.council_id)
    return {
        "responder": shown,
        "methods": methods,
        "rules": rules,
        "rows": range(len(rules) + FREE_ROWS),
        "timelines": {
            words: responder_view.timeline(methods, rules, urgency)
            for urgency, words in responder_view.URGENCIES.items()
        },
        "unruled": [
            words
            for urgency, words in responder_view.URGENCIES.items()
            if not any(rule.urgency == urgency for rule in rules)
        ],
        "urgencies": [(str(urgency), words) for urgency, words in responder_view.URGENCIES.items()],
        "teams": [team for team in teams if any(member.id == responder_id for member in members[team.id])],
        "rotas": [plan for plan in plans if actor.sees(plan.council_id)],
        "edits": actor.may(Permission.ADMINISTER) and (not actor.councils or shown.council_id in actor.councils),
        "form": form,
        "words": responder_view,
        "life": Urgency.LIFE_SAFETY,
        "feed": "",
        "done": "",
        "now": await database_now(session),
    }
