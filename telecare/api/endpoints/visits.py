"""Visits: the swap of one unit through its states, its evidence, and whom one tried to reach."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.visits.calendar import calendar_of
from devices.switchover.visits.domain import HAS_SLOT, VisitState
from devices.switchover.visits.models import Visit
from devices.switchover.visits.repository import VisitFilter, VisitRepository
from devices.switchover.visits.schemas import (
    AsOfIn,
    CancelIn,
    ChecklistOut,
    ContactIn,
    ExceptionIn,
    StepIn,
    VisitIn,
    VisitNoteIn,
    VisitOut,
    VisitWithLog,
    VoiceIn,
    show_item,
    show_visit,
    show_with_log,
)
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import CurrentActor, Needs, ServicesDep, Transaction
from telecare.api.filters import Council, Search
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.calendars import MEDIA_TYPE
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError
from telecare.switchover.evidence import Evidence, Proofs
from telecare.switchover.swaps import Swaps

router = api_router("/switchover/visits", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Swapper = Annotated[Actor, Depends(Needs(Permission.SWITCH_OVER))]
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)
MOST = 1000
"""So many visits are in a calendar at most."""
_CALENDAR: dict[int | str, dict[str, Any]] = {
    200: {"description": "an iCalendar file", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}
Speaker = Annotated[Actor, Depends(Needs(Permission.HANDLE_ALARMS))]


def wanted_visits(
    actor: CurrentActor,
    council: Council = None,
    state: VisitState | None = None,
    programme_id: UUID | None = None,
    engineer: Annotated[str | None, Query(max_length=40, description="the id of a user, or `me`")] = None,
    on: Annotated[date | None, Query(ge=FIRST, le=LAST, description="the day of the visit, in London")] = None,
    due: Annotated[date | None, Query(ge=FIRST, le=LAST, description="to be taken up again by this day")] = None,
    hub_id: Annotated[str | None, Query(max_length=64, description="the old hub or the new one")] = None,
    person_id: UUID | None = None,
    q: Search = None,
    over: bool | None = None,
) -> VisitFilter:
    """Read what a list of visits is narrowed to."""
    return VisitFilter(council, state, programme_id, engineer_of(engineer, actor), on, due, hub_id, person_id, q, over)


def engineer_of(asked: str | None, actor: Actor) -> UUID | None:
    """Return the user that is asked for: an id, or `me`."""
    if not asked:
        return None
    if asked == "me":
        return actor.id
    try:
        return UUID(asked)
    except ValueError as error:
        errors = [{"where": "query.engineer", "what": "the id of a user, or `me`"}]
        raise InvalidError("There is no such engineer", errors=errors) from error


Wanted = Annotated[VisitFilter, Depends(wanted_visits)]


@router.get("")
async def list_visits(
    wanted: Wanted, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[VisitOut]:
    """List visits by the time of their slot; `engineer=me&on=2026-11-30` is an engineer's day."""
    after = decode_cursor(cursor, str, UUID)
    key = None if after is None else (_moment(after[0]), after[1])
    found = await VisitRepository(session, actor.councils).page(wanted, key, limit + 1)
    return page_of(
        found,
        limit,
        show_visit,
        lambda row: (row["Visit"].starts_at.isoformat() if row["Visit"].starts_at else "", row["Visit"].id),
    )


@router.post("", status_code=201)
async def make_visit(body: VisitIn, session: Transaction, actor: Swapper) -> VisitOut:
    """Make a visit for a unit; 409 when one is under way for its hub."""
    swaps = Swaps(session, actor)
    visit = await swaps.make(body.unit_id, second_person=body.second_person, notes=body.notes)
    await _note(session, actor, "visit_made", visit)
    return await _show(swaps, visit)


@router.get("/calendar.ics", response_class=Response, responses=_CALENDAR)
async def export_calendar(wanted: Wanted, session: Transaction, services: ServicesDep, actor: Viewer) -> Response:
    """Return booked visits for a calendar program (`engineer=me` for one's own); they name hubs and no person."""
    rows = await VisitRepository(session, actor.councils).page(replace(wanted, over=False), None, MOST)
    booked = [row["Visit"] for row in rows if row["Visit"].state in HAS_SLOT]
    url = (services.settings.public_url or "").rstrip("/")
    return Response(calendar_of(booked, url, await database_now(session)), media_type=MEDIA_TYPE)


@router.get("/{visit_id}")
async def get_visit(visit_id: UUID, session: Transaction, actor: Viewer) -> VisitWithLog:
    """Show one visit with its log. It tells of somebody's home, so looking is audited."""
    visits = VisitRepository(session, actor.councils)
    row = await visits.shown(visit_id)
    await _note(session, actor, "visit_viewed", row["Visit"])
    return show_with_log(row, await visits.log_of(visit_id), await visits.contacts_of(visit_id))


@router.post("/{visit_id}/steps")
async def step(visit_id: UUID, body: StepIn, session: Transaction, actor: Swapper) -> VisitOut:
    """Take a visit to another state, with all that this does to hubs; 409 says what is in the way, or `missing`."""
    swaps = Swaps(session, actor)
    visit = await swaps.step(visit_id, body)
    await _note(session, actor, "visit_stepped", visit, reason=body.why, to=body.to)
    return await _show(swaps, visit)


@router.post("/{visit_id}/contacts")
async def note_contact(visit_id: UUID, body: ContactIn, session: Transaction, actor: Swapper) -> VisitOut:
    """Note an attempt to reach somebody, and what came of it."""
    swaps = Swaps(session, actor)
    visit = await swaps.contact(visit_id, body.channel, body.outcome, body.note)
    await _note(session, actor, "visit_contact", visit, channel=body.channel, outcome=body.outcome)
    return await _show(swaps, visit)


@router.post("/{visit_id}/note")
async def note_on_visit(visit_id: UUID, body: VisitNoteIn, session: Transaction, actor: Swapper) -> VisitOut:
    """Write something down in the log of a visit."""
    swaps = Swaps(session, actor)
    visit = await swaps.note(visit_id, body.text)
    await _note(session, actor, "visit_noted", visit)
    return await _show(swaps, visit)


@router.post("/{visit_id}/cancel")
async def cancel_visit(visit_id: UUID, body: CancelIn, session: Transaction, actor: Swapper) -> VisitOut:
    """End a visit while its new hub is not in the home; its unit is there to be done still."""
    swaps = Swaps(session, actor)
    visit = await swaps.cancel(visit_id, body.reason, body.as_of)
    await _note(session, actor, "visit_cancelled", visit, reason=body.reason)
    return await _show(swaps, visit)


@router.get("/{visit_id}/evidence")
async def get_evidence(visit_id: UUID, session: Transaction, actor: Viewer) -> ChecklistOut:
    """Show what the new hub must show, and what has shown it."""
    visit = await VisitRepository(session, actor.councils).require(visit_id)
    return show_checklist(visit, await Evidence(session).proofs(visit))


@router.post("/{visit_id}/evidence/voice")
async def confirm_voice(visit_id: UUID, body: VoiceIn, session: Transaction, actor: Speaker) -> ChecklistOut:
    """Confirm as an operator, under one's own name, that one and the home have heard each other."""
    swaps = Swaps(session, actor)
    visit = await swaps.voice(visit_id, body.event_id)
    await _note(session, actor, "visit_voice_confirmed", visit)
    return show_checklist(visit, await swaps.evidence.proofs(visit))


@router.post("/{visit_id}/exception")
async def ask_exception(visit_id: UUID, body: ExceptionIn, session: Transaction, actor: Swapper) -> VisitOut:
    """Say as the first of two what of the evidence is left out, why, and by when it is tested."""
    swaps = Swaps(session, actor)
    visit = await swaps.ask_exception(visit_id, body)
    await _note(session, actor, "visit_exception_asked", visit, reason=body.why, items=visit.exception_items)
    return await _show(swaps, visit)


@router.post("/{visit_id}/exception/confirm")
async def confirm_exception(visit_id: UUID, body: AsOfIn, session: Transaction, actor: Swapper) -> VisitOut:
    """Confirm an exception as the second of two, logged in under one's own name."""
    swaps = Swaps(session, actor)
    visit = await swaps.confirm_exception(visit_id, body.as_of)
    await _note(session, actor, "visit_exception_confirmed", visit, items=visit.exception_items)
    return await _show(swaps, visit)


def show_checklist(visit: Visit, proofs: Proofs) -> ChecklistOut:
    """Return the evidence of a visit as programs see it."""
    return ChecklistOut(
        new_hub_id=visit.new_hub_id,
        items=[show_item(item, visit.exception_items) for item in proofs.items],
        missing=list(proofs.missing),
        soaked_s=None if proofs.soaked is None else int(proofs.soaked.total_seconds()),
    )


def _moment(written: str) -> datetime | None:
    if not written:
        return None
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidError("The cursor is not one that this list gave: start again without it") from error


async def _show(swaps: Swaps, visit: Visit) -> VisitOut:
    return show_visit(await swaps.visits.shown(visit.id))


async def _note(
    session: AsyncSession, actor: Actor, action: str, visit: Visit, reason: str | None = None, **details: Any
) -> None:
    about = {"person_id": str(visit.person_id), "old_hub_id": visit.old_hub_id, "new_hub_id": visit.new_hub_id}
    await AuditRepository(session).add(
        actor, action, "visit", visit.id, visit.council_id, reason=reason, details=about | details
    )
