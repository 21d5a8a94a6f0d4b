"""Accepting a plan, day by day: what it says becomes booked visits, as far as each household has agreed by then.

A day at a time, since the hubs of a home are locked while its visit is booked: an alarm of theirs would wait. Nothing
is left out in silence: each appointment is booked, was so already, or is passed by with the reason. So the same act
again changes nothing, and later it books those who have agreed since.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.planning.domain import PlanState
from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.visits.domain import VisitState
from devices.switchover.visits.models import Visit
from devices.switchover.visits.repository import VisitRepository
from devices.switchover.visits.schemas import StepIn
from telecare.access.domain import Actor
from telecare.kernel.db import database_now
from telecare.kernel.errors import ProblemError, RefusedError
from telecare.switchover.swaps import LONDON, PROMISED, Swaps

CAN_BE_BOOKED = frozenset({VisitState.STOCK_ALLOCATED, VisitState.NO_ACCESS, VisitState.RESCHEDULED})


class Became(StrEnum):
    """What became of an appointment of a plan."""

    BOOKED = "booked"
    MOVED = "moved"
    AS_IT_WAS = "as_it_was"
    PASSED_BY = "passed_by"


@dataclass(frozen=True)
class Booking:
    """One appointment, and what became of it; `why` of what was passed by."""

    hub_id: str
    became: Became
    visit_id: UUID | None = None
    why: str = ""


@dataclass(frozen=True)
class Wanted:
    """What a plan wants of one visit."""

    hub_id: str
    engineer_id: UUID
    starts_at: datetime
    ends_at: datetime
    second_id: UUID | None

    @property
    def crew(self) -> tuple[UUID, ...]:
        """Whoever goes there, the lead first."""
        return (self.engineer_id,) if self.second_id is None else (self.engineer_id, self.second_id)

    def is_so(self, visit: Visit) -> bool:
        """Say whether the visit is at this time with these engineers."""
        is_so = (visit.engineer_id, visit.second_engineer_id, visit.starts_at, visit.ends_at)
        return is_so == (self.engineer_id, self.second_id, self.starts_at, self.ends_at)


class Accepting:
    """Plans as `actor` may accept them, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self.session = session
        self.actor = actor
        self.swaps = Swaps(session, actor)
        self.visits = VisitRepository(session, actor.councils)

    async def accept(self, plan_id: UUID, day: date) -> tuple[SwitchoverPlan, list[Booking]]:
        """Book what a plan says of a day; RefusedError while it is not made, or where it plans nothing on that day.

        The plan is accepted once it holds for a household: it is the one that an illness has made anew.
        """
        plan, result = await self.made(plan_id)
        there = [each for each in result["appointments"] if each["day"] == day.isoformat()]
        if not there:
            raise RefusedError(f"The plan has no visits on {day:%-d %B %Y}", field="day")
        now = await database_now(self.session)
        moved = {move["hub_id"]: move["why"] for move in result["moves"]}
        bookings, all_of_it = [], {str(each["hub_id"]) for each in there}
        all_wanted = sorted(map(wanted_of, there), key=lambda wanted: wanted.hub_id)
        await self.visits.lock_engineers({each for wanted in all_wanted for each in wanted.crew})
        for wanted in all_wanted:
            why = moved.get(wanted.hub_id, "the plan was made anew")
            bookings.append(await self.book(wanted, why, now, moving=all_of_it))
        if any(each.became is not Became.PASSED_BY for each in bookings):
            await self.hold(plan, now)
        return plan, bookings

    async def made(self, plan_id: UUID) -> tuple[SwitchoverPlan, Mapping[str, Any]]:
        """Return a plan, locked, and its result; RefusedError while it is not made."""
        plan = await PlanningRepository(self.session, self.actor.councils).require(plan_id, lock=True)
        if plan.state not in {PlanState.READY, PlanState.ACCEPTED} or plan.result is None:
            raise RefusedError("This plan is not made: wait until it is ready, or order it again")
        return plan, plan.result

    async def hold(self, plan: SwitchoverPlan, now: datetime) -> None:
        """Let a plan be the accepted one, once it holds for a household."""
        if plan.state != PlanState.ACCEPTED:
            plan.state, plan.accepted_at, plan.accepted_by = PlanState.ACCEPTED, now, self.actor.label
            await self.session.flush()

    async def book(
        self, wanted: Wanted, why_moved: str, now: datetime, moving: Collection[str] = frozenset()
    ) -> Booking:
        """Book one appointment; whatever is in its way keeps no other from being booked.

        `moving`: old hubs of visits that are booked anew by the same act, so that the times they have are no hindrance.
        """
        visit = await self.visits.of_hub(wanted.hub_id)
        refusal = _refusal(visit, wanted, now)
        if visit is None or refusal:
            return Booking(wanted.hub_id, Became.PASSED_BY, visit.id if visit else None, refusal)
        visit_id, was_promised = visit.id, visit.state in PROMISED
        if was_promised and wanted.is_so(visit):
            return Booking(wanted.hub_id, Became.AS_IT_WAS, visit_id)
        try:
            async with self.session.begin_nested():
                if was_promised:
                    today = now.astimezone(LONDON).date()
                    why = f"Moved with the plan: {why_moved}. Nobody has told the household yet"
                    away = StepIn(to=VisitState.RESCHEDULED, as_of=visit.version, why=why, next_contact_on=today)
                    visit = await self.swaps.step(visit_id, away)
                await self.swaps.step(visit_id, _booked(visit, wanted), moving)
        except ProblemError as error:
            return Booking(wanted.hub_id, Became.PASSED_BY, visit_id, str(error))
        return Booking(wanted.hub_id, Became.MOVED if was_promised else Became.BOOKED, visit_id)


def wanted_of(appointment: Mapping[str, Any]) -> Wanted:
    """Return what an appointment, as a plan keeps it, wants; its minutes are those of the clock on the wall."""
    day = date.fromisoformat(appointment["day"])
    crew = [UUID(each) for each in appointment["crew"]]
    starts_at, ends_at = (_at(day, appointment[name]) for name in ("start", "end"))
    return Wanted(appointment["hub_id"], crew[0], starts_at, ends_at, crew[1] if len(crew) > 1 else None)


def _at(day: date, minute: int) -> datetime:
    moment = datetime.combine(day, time(minute // 60 % 24, minute % 60), LONDON)
    return moment + timedelta(days=minute // (24 * 60))


def _refusal(visit: Visit | None, wanted: Wanted, now: datetime) -> str:
    if visit is None or visit.old_hub_id != wanted.hub_id:
        return "no visit is under way for it: make one in its programme"
    if visit.state not in CAN_BE_BOOKED | PROMISED:
        return f"its visit is {visit.state.replace('_', ' ')}: book it once the household agreed and a unit is kept"
    if wanted.starts_at <= now:
        return "its time has passed"
    return ""


def _booked(visit: Visit, wanted: Wanted) -> StepIn:
    return StepIn(
        to=VisitState.BOOKED,
        as_of=visit.version,
        engineer_id=wanted.engineer_id,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        second_engineer_id=wanted.second_id,
        second_person=wanted.second_id is not None or visit.second_person,
    )
