"""The engineer's day on a phone: visits in the order of their slots, and what is entered at each, by plain forms.

With script the same entries go to the API, through a queue on the phone (static/js/day-queue.js): each once, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.homes import PersonRepository, PremisesRepository
from devices.registry.models import Person, Premises
from devices.registry.repository import HubRepository
from devices.registry.schemas import PeripheralIn
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.visits.evidence import Item
from devices.switchover.visits.models import VisitLog
from devices.switchover.visits.pairing import Peripheral, pairing
from devices.switchover.visits.repository import VisitFilter, VisitRepository
from devices.switchover.visits.schemas import StepIn, VisitNoteIn, VisitOut, show_visit
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.endpoints import hubs as hubs_api
from telecare.api.endpoints import visit_calendars
from telecare.api.endpoints import visits as api
from telecare.console import day_view
from telecare.console.acting import REFUSED, SEE_OTHER
from telecare.console.forms import NOTHING, Fault, Form, FormError, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.switchover.evidence import Evidence

router = APIRouter(prefix="/switchover/day")

Engineer = Annotated[Actor, Depends(PageNeeds(Permission.SWITCH_OVER))]
On = Annotated[date | None, Query(description="the day, in London; left out: today")]
Done = Annotated[str, Query(max_length=20)]
MOST = 40
_DONE = {"revoked": "All addresses of your calendar are revoked."}
_STEP = {
    "to": "Choose what happened",
    "why": "Say why, in 3 to 500 characters",
    "next_contact_on": "Give the day on which somebody takes it up again, as on the calendar",
    "owner": "Say who takes it up again, in 100 characters at most",
    "retired": "Say in one line why each is retired",
    "as_of": "The visit has changed: look and enter it again",
}
_NOTE = {"text": "Write something, in 4,000 characters at most"}
_PAIR = {"device_id": "This peripheral is not known", "kind": "This peripheral is not known", "room": "No such room"}
_RETIRED = "retired."


@dataclass(frozen=True)
class Stop:
    """One visit as the page shows it."""

    visit: VisitOut
    number: int
    person: Person
    premises: Premises
    new_hub: RowMapping | None
    peripherals: tuple[Peripheral, ...]
    rooms: dict[str, str]
    items: tuple[Item, ...]
    soaked_h: int | None
    latest: VisitLog | None
    again_on: date


@router.get("")
async def day(request: Request, session: Transaction, actor: Engineer, on: On = None, done: Done = "") -> Response:
    """Show the visits of a day; that somebody looked is written to the audit, for they tell of people's homes."""
    chosen = on or (await database_now(session)).astimezone(day_view.LONDON).date()
    facts = await _day(session, actor, chosen)
    seen = {"on": chosen.isoformat(), "visits": [str(stop.visit.id) for stop in facts["stops"]]}
    await AuditRepository(session).add(actor, "day_viewed", "user", actor.id, details=seen)
    return page(request, "day.html", actor, form=NOTHING, wrong=None, **{**facts, "done": _DONE.get(done, "")})


@router.post("/calendar-feed")
async def issue_feed(request: Request, session: Transaction, services: ServicesDep, actor: Engineer) -> Response:
    """Show a fresh address of their own visits for a calendar program, this once."""
    feed = await visit_calendars.issue_visit_feed(actor.id, session, services, actor)
    facts = await _day(session, actor, (await database_now(session)).astimezone(day_view.LONDON).date())
    return page(request, "day.html", actor, form=NOTHING, wrong=None, **{**facts, "feed": feed.url})


@router.post("/calendar-feed/revoke")
async def revoke_feeds(session: Transaction, actor: Engineer) -> Response:
    """Revoke every address of their own visits."""
    await visit_calendars.revoke_visit_feeds(actor.id, session, actor)
    return RedirectResponse("/switchover/day?done=revoked#calendar", SEE_OTHER)


@router.get("/visits/{visit_id}")
async def stop(
    request: Request, visit_id: UUID, session: Transaction, actor: Engineer, on: date, number: int = 0
) -> Response:
    """Give one visit as it is now, for the page to tick what has arrived."""
    row = await VisitRepository(session, actor.councils).shown(visit_id)
    now = await database_now(session)
    found = await _stop(session, actor, row, number, now.astimezone(day_view.LONDON).date())
    facts: dict[str, Any] = {"stop": found, "on": on, "first": None, "words": day_view, "now": now}
    return page(request, "_day_visit.html", actor, form=NOTHING, wrong=None, **facts)


@router.post("/visits/{visit_id}/steps")
async def step(request: Request, visit_id: UUID, session: Transaction, actor: Engineer) -> Response:
    """Enter a step, or why it does not go on."""
    form = await typed(request, "step")
    if form.value("to") in {one.to for one in day_view.OUTCOMES}:
        form = Form("leave", form.values)
    retired = {name.removeprefix(_RETIRED): why for name, why in form.values.items() if name.startswith(_RETIRED)}
    given = {name: value for name, value in form.values.items() if name in _STEP}
    chosen = {device_id: why for device_id, why in retired.items() if why}
    try:
        async with session.begin_nested():
            body = read(StepIn, given | ({"retired": chosen} if chosen else {}), _STEP)
            await api.step(visit_id, body, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, visit_id, form, error)
    return _back(form, visit_id)


@router.post("/visits/{visit_id}/note")
async def note(request: Request, visit_id: UUID, session: Transaction, actor: Engineer) -> Response:
    """Write something down."""
    form = await typed(request, "note")
    try:
        async with session.begin_nested():
            await api.note_on_visit(visit_id, read(VisitNoteIn, {"text": form.value("text")}, _NOTE), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, visit_id, form, error)
    return _back(form, visit_id)


@router.post("/visits/{visit_id}/peripherals")
async def pair(request: Request, visit_id: UUID, session: Transaction, actor: Engineer) -> Response:
    """Enter a peripheral of the old hub as paired with the new one."""
    form = await typed(request, "pair")
    visit = await VisitRepository(session, actor.councils).require(visit_id)
    try:
        async with session.begin_nested():
            if visit.new_hub_id is None:
                raise FormError(Fault("device_id", "There is no new hub to pair it with"))
            given = {name: form.value(name) for name in _PAIR}
            await hubs_api.pair(visit.new_hub_id, read(PeripheralIn, given, _PAIR), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, visit_id, form, error)
    return _back(form, visit_id)


async def _again(
    request: Request, session: AsyncSession, actor: Actor, visit_id: UUID, form: Form, error: Exception
) -> Response:
    """Show the day again with what was typed and why it was refused."""
    status, faults = refused(error, form.name, {f"body.{name}": name for name in _STEP})
    chosen = _on(form) or (await database_now(session)).astimezone(day_view.LONDON).date()
    facts = await _day(session, actor, chosen)
    return page(request, "day.html", actor, status, form=form.wrong(*faults), wrong=visit_id, **facts)


def _back(form: Form, visit_id: UUID) -> Response:
    on = _on(form)
    return RedirectResponse(f"/switchover/day{f'?on={on}' if on else ''}#visit-{visit_id}", SEE_OTHER)


def _on(form: Form) -> date | None:
    try:
        return date.fromisoformat(str(form.value("on")))
    except ValueError:
        return None


async def _day(session: AsyncSession, actor: Actor, on: date) -> dict[str, Any]:
    """Collect what the page shows."""
    now = await database_now(session)
    today = now.astimezone(day_view.LONDON).date()
    rows: Sequence[RowMapping] = await VisitRepository(session, actor.councils).page(
        VisitFilter(engineer_id=actor.id, on=on), None, MOST
    )
    stops = [await _stop(session, actor, row, number, today) for number, row in enumerate(rows, 1)]
    tomorrow = datetime.combine(on + timedelta(days=1), time(), day_view.LONDON)
    coming = None if stops else await VisitRepository(session, actor.councils).next_slot(actor.id, tomorrow)
    return {
        "coming": coming and coming.astimezone(day_view.LONDON).date(),
        "on": on,
        "today": today,
        "stops": stops,
        "first": next((stop.visit.id for stop in stops if day_view.is_open(day_view.state_of(stop.visit))), None),
        "words": day_view,
        "now": now,
        "feed": "",
        "done": "",
    }


async def _stop(session: AsyncSession, actor: Actor, row: RowMapping, number: int, today: date) -> Stop:
    visit, visits = row["Visit"], VisitRepository(session, actor.councils)
    new = visit.new_hub_id
    proofs = await Evidence(session).proofs(visit)
    log = await visits.log_of(visit.id)
    hubs = HubRepository(session, actor.councils)
    local = (await PlanningRepository(session).local_holidays([visit.council_id])).get(visit.council_id, frozenset())
    return Stop(
        visit=show_visit(row),
        number=number,
        person=await PersonRepository(session, actor.councils).require(visit.person_id),
        premises=await PremisesRepository(session, actor.councils).require(visit.premises_id),
        new_hub=await hubs.require(new) if new else None,
        peripherals=pairing(
            await visits.kinds(visit.old_hub_id), await visits.kinds(new) if new else [], visit.retired or {}
        ),
        rooms={row.device_id: row.room for row in await hubs.peripherals(visit.old_hub_id) if row.room},
        items=proofs.items,
        soaked_h=None if proofs.soaked is None else int(proofs.soaked.total_seconds()) // 3600,
        latest=log[-1] if log else None,
        again_on=day_view.again_on(visit.council_id, today, local),
    )
