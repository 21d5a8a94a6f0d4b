"""Rotas: who is on call now and next, a month as a picture, overrides and temporary schedules made and undone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.rota.domain import OverrideKind
from alarms.rota.models import RotaPlan
from alarms.rota.schemas import OnCallOut, OverrideIn, TemporaryIn
from alarms.rota.service import RotaService, UnreadableRotaError
from alarms.rota.wallclock import first_moment, zone_of
from telecare.access.domain import Actor, Permission
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.endpoints import calendars, rota_changes
from telecare.api.endpoints import rotas as api
from telecare.console import policy_view, rota_picture
from telecare.console.forms import NOTHING, Fault, Form, FormError, check_sure, read, refused, typed
from telecare.console.mend import to_mend
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Supervisor = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

SEE_OTHER = 303
WEEKS = 5
AHEAD = timedelta(days=400)
CHANGES = 30
TURNS = 6
"""How many turns the form of a temporary schedule has; the API takes more."""
TABLE = 400
DONE = {
    "override": "The override holds. Alarms go by it from its start on.",
    "undone": "That is undone; it stays in the history.",
    "temporary": "The temporary schedule holds.",
    "revoked": "All calendar addresses of this rota are revoked.",
    "imported": "Imported.",
}
_SPAN_WORDS = {
    "starts_at": "Write from when, such as 24/12/2026 18:00",
    "ends_at": "Write until when: it must lie after the start",
    "why": "Say why, in 3 to 500 characters",
}
_OVERRIDE_WORDS = {
    "kind": "Choose what to do",
    "member_id": "Choose who comes on",
    "instead_of_id": "Choose who goes off",
    **_SPAN_WORDS,
}
REFUSED = (ConflictError, InvalidError, ForbiddenError)


class LocalSpan(BaseModel):
    """From when until when, by the wall clock of the rota."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Listed:
    """A rota in the list: who is on, and its gaps in the days to come; `gaps` is None when they cannot be counted."""

    on_call: OnCallOut
    gaps: int | None
    first_gap: datetime | None


@router.get("/rotas")
async def rotas(request: Request, session: Transaction, services: ServicesDep, actor: Viewer) -> Response:
    """Show who is on call by each rota, the next hand-over, and the gaps of the next 400 days."""
    now = await database_now(session)
    plans = {plan.id: plan for plan in await RotaService(session).rotas.page(actor.councils, None, 1000)}
    listed = []
    for on_call in await api.on_call_now(session, actor.councils, now):
        try:
            gaps = await api.gaps_of(session, plans[on_call.rota_id], now, now + AHEAD)
            listed.append(Listed(on_call, len(gaps), gaps[0].start if gaps else None))
        except REFUSED:
            listed.append(Listed(on_call, None, None))
    notices = await to_mend(session, services, actor)
    return page(request, "rotas.html", actor, notices=notices, listed=listed, now=now)


@router.get("/rotas/{rota_id}")
async def rota(
    request: Request,
    rota_id: UUID,
    session: Transaction,
    actor: Viewer,
    since: Annotated[date | None, Query(alias="from")] = None,
    done: str = "",
) -> Response:
    """Show a rota: who is on, five weeks as a picture, what changes it for a while."""
    facts = await _facts(session, actor, rota_id, NOTHING, since)
    return page(request, "rota.html", actor, **{**facts, "done": DONE.get(done, "")})


@router.post("/rotas/{rota_id}/remove")
async def remove(request: Request, rota_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Remove a rota, unless a policy names it."""
    form = await typed(request, "remove")
    try:
        check_sure(form)
        await api.remove_rota(rota_id, session, actor)
    except (FormError, *REFUSED) as error:
        return await _refused(request, session, actor, rota_id, form, error, "sure")
    return RedirectResponse("/rotas", SEE_OTHER)


@router.post("/rotas/{rota_id}/overrides")
async def add_override(request: Request, rota_id: UUID, session: Transaction, actor: Supervisor) -> Response:
    """Put somebody on, take somebody off, or one in place of the other."""
    form = await typed(request, "override")
    try:
        plan = await api.visible_rota(session, actor, rota_id)
        body = _override(form, plan.zone)
        async with session.begin_nested():
            await rota_changes.add_override(rota_id, body, session, actor)
    except (FormError, *REFUSED) as error:
        return await _refused(request, session, actor, rota_id, form, error, "kind")
    return RedirectResponse(f"/rotas/{rota_id}?done=override", SEE_OTHER)


@router.post("/rotas/{rota_id}/overrides/{override_id}/undo")
async def undo_override(rota_id: UUID, override_id: UUID, session: Transaction, actor: Supervisor) -> Response:
    """Undo an override."""
    await rota_changes.undo_override(rota_id, override_id, session, actor)
    return RedirectResponse(f"/rotas/{rota_id}?done=undone", SEE_OTHER)


@router.post("/rotas/{rota_id}/temporary")
async def add_temporary(request: Request, rota_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Let explicit turns say who is on in a period."""
    form = await typed(request, "temporary")
    try:
        plan = await api.visible_rota(session, actor, rota_id)
        body = _temporary(form, plan.zone)
        async with session.begin_nested():
            await rota_changes.add_temporary(rota_id, body, session, actor)
    except (FormError, *REFUSED) as error:
        return await _refused(request, session, actor, rota_id, form, error, "starts_at")
    return RedirectResponse(f"/rotas/{rota_id}?done=temporary", SEE_OTHER)


@router.post("/rotas/{rota_id}/temporary/{schedule_id}/undo")
async def undo_temporary(rota_id: UUID, schedule_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Undo a temporary schedule."""
    await rota_changes.undo_temporary(rota_id, schedule_id, session, actor)
    return RedirectResponse(f"/rotas/{rota_id}?done=undone", SEE_OTHER)


@router.post("/rotas/{rota_id}/calendar-feed")
async def issue_feed(
    request: Request, rota_id: UUID, session: Transaction, services: ServicesDep, actor: Viewer
) -> Response:
    """Show a fresh address of the calendar, this once."""
    feed = await calendars.issue_rota_feed(rota_id, session, services, actor)
    facts = await _facts(session, actor, rota_id, NOTHING, None)
    return page(request, "rota.html", actor, **{**facts, "feed": feed.url})


@router.post("/rotas/{rota_id}/calendar-feed/revoke")
async def revoke_feeds(rota_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Revoke every address of the calendar."""
    await calendars.revoke_rota_feeds(rota_id, session, actor)
    return RedirectResponse(f"/rotas/{rota_id}?done=revoked", SEE_OTHER)


def _override(form: Form, zone: str) -> OverrideIn:
    """Return what the form asks for; names that the kind does not take are left out."""
    kind, member, instead = form.value("kind"), form.value("member_id"), form.value("instead_of_id")
    starts, ends = _moments(form, "starts_at", "ends_at", zone)
    values: dict[str, Any] = {
        "kind": kind,
        "member_id": member if kind != OverrideKind.REMOVE else "",
        "instead_of_id": instead if kind != OverrideKind.ADD else "",
        "starts_at": starts,
        "ends_at": ends,
        "why": form.value("why"),
    }
    missing = [
        Fault(name, _OVERRIDE_WORDS[name])
        for name, spared in (("member_id", OverrideKind.REMOVE), ("instead_of_id", OverrideKind.ADD))
        if kind != spared and not values[name]
    ]
    if missing and kind in list(OverrideKind):
        raise FormError(*missing)
    return read(OverrideIn, values, _OVERRIDE_WORDS)


def _temporary(form: Form, zone: str) -> TemporaryIn:
    starts, ends = _moments(form, "starts_at", "ends_at", zone)
    turns = []
    for row in range(TURNS):
        if form.value(f"member_{row}"):
            since, until = _moments(form, f"from_{row}", f"until_{row}", zone)
            turns.append({"member_id": form.value(f"member_{row}"), "starts_at": since, "ends_at": until})
            if not starts <= since < until <= ends:
                words = f"Turn {row + 1} must lie within the schedule, and end after it starts"
                raise FormError(Fault(f"from_{row}", words))
    values = {"starts_at": starts, "ends_at": ends, "turns": turns, "why": form.value("why")}
    return read(TemporaryIn, values, _SPAN_WORDS)


def _moments(form: Form, first: str, last: str, zone: str) -> tuple[datetime, datetime]:
    """Return two moments of the wall clock; an end that comes twice in autumn is the first of the two."""
    words = {"starts_at": "Write a date and a time, such as 24/12/2026 18:00", "ends_at": _SPAN_WORDS["ends_at"]}
    try:
        local = read(LocalSpan, {"starts_at": form.value(first), "ends_at": form.value(last)}, words)
    except FormError as error:
        names = {"starts_at": first, "ends_at": last}
        raise FormError(*(Fault(names[fault.field], fault.words) for fault in error.faults)) from error
    if local.ends_at.replace(tzinfo=None) <= local.starts_at.replace(tzinfo=None):
        raise FormError(Fault(last, words["ends_at"]))
    there = zone_of(zone)
    return (
        first_moment(local.starts_at.replace(tzinfo=None), there),
        first_moment(local.ends_at.replace(tzinfo=None), there),
    )


async def _refused(
    request: Request, session: AsyncSession, actor: Actor, rota_id: UUID, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    status, faults = refused(error, field)
    facts = await _facts(session, actor, rota_id, form.wrong(*faults), None)
    return page(request, "rota.html", actor, status, **facts)


async def _facts(session: AsyncSession, actor: Actor, rota_id: UUID, form: Form, since: date | None) -> dict[str, Any]:
    """Collect what the page shows."""
    now = await database_now(session)
    on_call = await api.who_is_on_call(rota_id, session, actor)
    plan = await api.visible_rota(session, actor, rota_id)
    zone = zone_of(plan.zone) if on_call.error is None else LONDON
    monday = _monday(since or now.astimezone(zone).date())
    service = RotaService(session)
    overrides = (await rota_changes.list_overrides(rota_id, session, actor, CHANGES)).items
    schedules = (await rota_changes.list_temporary(rota_id, session, actor, CHANGES)).items
    members = {one for each in overrides for one in (each.member_id, each.instead_of_id) if one is not None}
    members |= {turn.member_id for each in schedules for turn in each.turns}
    people = await service.responders.responders.page(actor.councils, None, 1000)
    return {
        "rota": plan,
        "zone": zone,
        "on_call": on_call,
        "monday": monday,
        "earlier": monday - timedelta(weeks=WEEKS - 1),
        "later": monday + timedelta(weeks=WEEKS - 1),
        **await _period(session, actor, plan, monday, now, readable=on_call.error is None),
        "overrides": overrides,
        "schedules": schedules,
        "names": await service.responders.responders.named(members),
        "people": [(str(one.id), one.name) for one in people if one.council_id in {None, plan.council_id}],
        "turns": range(TURNS),
        "edits": actor.may(Permission.ADMINISTER) and (not actor.councils or plan.council_id in actor.councils),
        "form": form,
        "words": policy_view,
        "feed": "",
        "done": "",
        "now": now,
    }


async def _period(
    session: AsyncSession, actor: Actor, plan: RotaPlan, monday: date, now: datetime, *, readable: bool
) -> dict[str, Any]:
    """Return the weeks as a picture, a legend and a table; or why there are none."""
    nothing: dict[str, Any] = {"picture": "", "legend": [], "spans": [], "gaps": [], "unshown": ""}
    if not readable:
        return nothing
    zone = zone_of(plan.zone)
    edges = [datetime.combine(monday + timedelta(weeks=weeks), datetime.min.time()) for weeks in (0, WEEKS)]
    start, end = (first_moment(edge, zone) for edge in edges)
    try:
        found = await api.list_shifts(plan.id, session, actor, start, end)
        ahead = await api.gaps_of(session, plan, now, now + AHEAD)
    except (InvalidError, UnreadableRotaError) as error:
        return {**nothing, "unshown": error.detail}
    period = rota_picture.spans(found.items, start, end)
    return {
        "picture": rota_picture.picture(period, monday, WEEKS, zone, now),
        "legend": list(rota_picture.colours(period).values()),
        "spans": period[:TABLE],
        "gaps": ahead,
        "unshown": "",
    }


def _monday(day: date) -> date:
    """Return the Monday of a day's week, within the years that rotas know."""
    day = min(max(day, date(2000, 1, 10)), date(2099, 10, 1))
    return day - timedelta(days=day.weekday())
