"""Plans of visits: ordered, watched while they are made, looked at as a timetable and a picture; somebody is ill."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.repository import ModelRepository
from devices.switchover.planning.domain import PlanState
from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.schemas import AcceptIn, AwayIn, BookingOut, PlanIn
from devices.switchover.programmes.repository import ProgrammeRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import switchover_engineers, switchover_plans
from telecare.console import plan_view
from telecare.console.acting import REFUSED, SEE_OTHER
from telecare.console.forms import NOTHING, Fault, Form, FormError, read, refused, typed
from telecare.console.render import PageNeeds, page

router = APIRouter(prefix="/switchover/plan")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Planner = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
Day = Annotated[date | None, Query()]
SHOWN = 10
_ORDER = {
    "council_id": "Choose the council",
    "first_on": "Give the first day, tomorrow at the earliest",
    "last_on": "Give the last day, from the first one on and within 400 days",
    "programme_id": "Choose the homes from the list",
    "wave_id": "Choose the homes from the list",
}
_ILL = {
    "engineer": "Choose who is away",
    "first_on": "Give the first day",
    "last_on": "Give the last day, from the first one on",
    "reason": "Say why, in 3 to 500 characters",
    "council_id": "Choose who is away",
}


@router.get("")
async def plans(request: Request, session: Transaction, actor: Viewer) -> Response:
    """Show the newest plan that can be looked at, and what plans there are."""
    found = await PlanningRepository(session, actor.councils).page(None, None, SHOWN)
    chosen = next((row for row in found if row.result is not None), found[0] if found else None)
    return await _page(request, session, actor, chosen, NOTHING)


@router.get("/{plan_id}")
async def plan(
    request: Request, plan_id: UUID, session: Transaction, actor: Viewer, day: Day = None, done: str = ""
) -> Response:
    """Show a plan: how far it is, or one week of it and one day as a picture."""
    row = await PlanningRepository(session, actor.councils).require(plan_id)
    return await _page(request, session, actor, row, NOTHING, day=day, done=plan_view.DONE.get(done, ""))


@router.post("/{plan_id}/accept")
async def accept(request: Request, plan_id: UUID, session: Transaction, actor: Planner) -> Response:
    """Book the visits of a day; the page that follows says what became of each."""
    form = await typed(request, "accept")
    row = await PlanningRepository(session, actor.councils).require(plan_id)
    try:
        async with session.begin_nested():
            body = read(AcceptIn, form.values, {"day": "Choose a day of the plan"})
            told = await switchover_plans.accept_plan(plan_id, body, session, actor)
    except REFUSED as error:
        status, faults = refused(error, "day", {"body.day": "day"})
        return await _page(request, session, actor, row, form.wrong(*faults), status)
    return await _page(request, session, actor, row, NOTHING, day=body.day, bookings=told.bookings)


@router.post("/order")
async def order(request: Request, session: Transaction, actor: Planner) -> Response:
    """Order a plan; the page that follows shows how far it is."""
    form = await typed(request, "order")
    try:
        async with session.begin_nested():
            made = await switchover_plans.order_plan(read(PlanIn, _wanted(form), _ORDER), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "council_id", _ORDER)
    return RedirectResponse(f"/switchover/plan/{made.id}", SEE_OTHER)


@router.post("/ill")
async def ill(request: Request, session: Transaction, actor: Planner) -> Response:
    """Write down that somebody is away, and have the plan of these days made anew."""
    form = await typed(request, "ill")
    try:
        async with session.begin_nested():
            user_id, council = _who(form)
            given = {name: value for name, value in form.values.items() if name != "engineer"}
            given["last_on"] = given.get("last_on") or given.get("first_on", "")
            body = read(AwayIn, given | {"council_id": council}, _ILL)
            told = await switchover_engineers.note_absence(user_id, body, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "engineer", _ILL)
    if told.plan is None:
        found = await PlanningRepository(session, actor.councils).page(None, None, 1)
        return await _page(request, session, actor, found[0] if found else None, NOTHING, done=plan_view.DONE["away"])
    return RedirectResponse(f"/switchover/plan/{told.plan.id}?done=ill", SEE_OTHER)


def _wanted(form: Form) -> dict[str, str]:
    """Return what a form asks for: which homes stands in one field, as a programme or as a programme and a wave."""
    values = {name: value for name, value in form.values.items() if name != "part"}
    programme, _, wave = form.value("part").partition("/")
    return values | {"programme_id": programme, "wave_id": wave}


async def _parts(programmes: ProgrammeRepository) -> list[tuple[str, str]]:
    """Return the parts of which a plan can be made, each as a form names it and in words."""
    every = [each for each in await programmes.all() if each.ended_at is None]
    found = []
    waves = await programmes.waves([each.id for each in every])
    for programme in every:
        found.append((str(programme.id), programme.name))
        found += [
            (f"{programme.id}/{wave.id}", f"{programme.name}, wave {wave.name}")
            for wave in waves
            if wave.programme_id == programme.id
        ]
    return found


def _who(form: Form) -> tuple[UUID, str]:
    """Return the engineer and the council that were chosen, or raise FormError."""
    written, _, council = str(form.value("engineer")).partition("/")
    try:
        return UUID(written), council
    except ValueError as error:
        raise FormError(Fault("engineer", _ILL["engineer"])) from error


async def _again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, field: str,
    names: dict[str, str],
) -> Response:  # fmt: skip
    status, faults = refused(error, field, {f"body.{name}": name for name in names})
    found = await PlanningRepository(session, actor.councils).page(None, None, SHOWN)
    chosen = next((row for row in found if row.result is not None), found[0] if found else None)
    return await _page(request, session, actor, chosen, form.wrong(*faults), status)


async def _page(
    request: Request, session: AsyncSession, actor: Actor, row: SwitchoverPlan | None, form: Form, status: int = 200,
    *, day: date | None = None, done: str = "", bookings: Sequence[BookingOut] = (),
) -> Response:  # fmt: skip
    planning = PlanningRepository(session, actor.councils)
    councils = await ModelRepository(session).councils()
    parts = await _parts(ProgrammeRepository(session, actor.councils))
    named = f"{row.programme_id}/{row.wave_id}" if row is not None and row.wave_id else str(row and row.programme_id)
    result: dict[str, Any] | None = row.result if row is not None else None
    week = plan_view.week_of(result, day) if result and result["days"] else None
    shown = None if week is None else day if day in week.days else week.days[0]
    return page(
        request,
        "switchover_plan.html",
        actor,
        status,
        form=form,
        done=done,
        bookings=bookings,
        plan=row,
        result=result,
        week=week,
        shown=shown,
        drawn=plan_view.picture(result, shown) if result and shown else "",
        hues=plan_view.colours(result) if result else {},
        plans=await planning.page(None, None, SHOWN),
        engineers=await planning.engineers(),
        councils=[(each.code, each.name) for each in councils if not actor.councils or each.code in actor.councils],
        parts=parts,
        part=dict(parts).get(named, ""),
        waits=row is not None and PlanState(row.state) in plan_view.WAITS,
        words=plan_view,
    )
