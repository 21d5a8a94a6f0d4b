"""Plans of visits: ordered, made in the background, looked at."""

from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.schemas import AcceptedOut, AcceptIn, BookingOut, PlanIn, PlanListed, PlanOut
from devices.switchover.programmes.repository import ProgrammeRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction, check_council
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError, RefusedError
from telecare.switchover.accepting import Accepting, Became
from telecare.switchover.swaps import LONDON

router = api_router("/switchover/plans", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Planner = Annotated[Actor, Depends(Needs(Permission.SUPERVISE))]


@router.get("")
async def list_plans(
    session: Transaction, actor: Viewer, council: Council = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[PlanListed]:
    """List plans, the newest first; without what is in them."""
    key = decode_cursor(cursor, datetime, UUID)
    after = None if key is None else (key[0], key[1])
    found = await PlanningRepository(session, actor.councils).page(council, after, limit + 1)
    return page_of(found, limit, PlanListed.model_validate, lambda row: (row.made_at, row.id))


@router.post("", status_code=202)
async def order_plan(body: PlanIn, session: Transaction, actor: Planner) -> PlanListed:
    """Order a plan; `GET` says how far it is. While one of the same days still waits, it is the same plan.

    409 when nobody visits homes of the council yet, 404 for a programme or wave that there is not.
    """
    check_council(actor, body.council_id)
    today = (await database_now(session)).astimezone(LONDON).date()
    if body.first_on <= today:
        errors = [{"where": "body.first_on", "what": "a plan begins tomorrow at the earliest"}]
        raise InvalidError("These days have begun", errors=errors)
    planning = PlanningRepository(session, actor.councils)
    if not await planning.engineers(body.council_id):
        raise RefusedError("Nobody visits homes of this council yet: say who does, and from where")
    part = await ProgrammeRepository(session, actor.councils).part(body.programme_id, body.wave_id)
    columns = body.model_dump() | ({} if part is None else {"programme_id": part.programme_id})
    row, new = await planning.order(**columns, made_by=actor.label)
    if new:
        await note_plan(session, actor, "plan_ordered", row)
    return PlanListed.model_validate(row)


@router.get("/{plan_id}")
async def get_plan(plan_id: UUID, session: Transaction, actor: Viewer) -> PlanOut:
    """Show a plan: how far it is, and once made its `result`: `appointments`, `unplanned`, `moves`, `figures`."""
    return PlanOut.model_validate(await PlanningRepository(session, actor.councils).require(plan_id))


@router.post("/{plan_id}/accept")
async def accept_plan(plan_id: UUID, body: AcceptIn, session: Transaction, actor: Planner) -> AcceptedOut:
    """Book the visits of one day of a plan, as far as their households have agreed; of the rest it says why not.

    What was booked at another time moves, and its visit's log says why. The same again changes nothing, and books
    those who have agreed since. 409 while the plan is not made.
    """
    plan, bookings = await Accepting(session, actor).accept(plan_id, body.day)
    counts = Counter(each.became for each in bookings)
    changed = counts[Became.BOOKED] + counts[Became.MOVED]
    if changed:
        said = {str(became): counts[became] for became in Became}
        await note_plan(session, actor, "plan_accepted", plan, day=body.day.isoformat(), **said)
    return AcceptedOut(
        plan=PlanListed.model_validate(plan),
        bookings=[BookingOut(**asdict(each)) for each in bookings],
    )


async def note_plan(session: AsyncSession, actor: Actor, action: str, plan: SwitchoverPlan, **details: Any) -> None:
    """Write to the audit what somebody did with a plan."""
    about = {"first_on": plan.first_on.isoformat(), "last_on": plan.last_on.isoformat()} | details
    await AuditRepository(session).add(actor, action, "switchover_plan", plan.id, plan.council_id, details=about)
