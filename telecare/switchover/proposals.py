"""Homes that a plan has a time for and that have not agreed: whom to ring, and what follows from their answer.

What a household said is written down whatever the rules say of the rest: its visit goes as far as they let it, step by
step, and the answer says what is in the way. Booking is the plan's own: `Accepting.book`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import Connection
from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.proposals.domain import (
    AGAIN_IN,
    NEEDS_A_DAY,
    Answer,
    slot_words,
    to_say,
    towards_booking,
    towards_refusal,
)
from devices.switchover.proposals.repository import Household, households
from devices.switchover.proposals.schemas import AnswerIn, ProposalOut
from devices.switchover.visits.domain import WAITS, ContactChannel, ContactOutcome, VisitState, follows
from devices.switchover.visits.models import Visit
from devices.switchover.visits.repository import VisitRepository
from devices.switchover.visits.schemas import StepIn
from telecare.access.domain import Actor
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError, NotFoundError, ProblemError, RefusedError
from telecare.switchover.accepting import CAN_BE_BOOKED, Accepting, Became, Wanted, wanted_of
from telecare.switchover.new_hubs import stock_for
from telecare.switchover.swaps import LONDON, StaleVisitError, Swaps

Key = tuple[datetime, str]
"""The place of a proposal in its list: when it begins, and its hub."""

_OUTCOMES = {
    Answer.AGREES: ContactOutcome.REACHED,
    Answer.ANOTHER_TIME: ContactOutcome.REACHED,
    Answer.REFUSES: ContactOutcome.REFUSED,
    Answer.NOT_REACHED: ContactOutcome.NO_ANSWER,
}
_ASKED = {
    VisitState.DATA_VALIDATED: "Gone through with them when they were asked about a time",
    VisitState.PRIORITISED: "The plan has given it its place",
    VisitState.SURVEYED: "Asked about when they agreed to a time; nobody has looked at the place itself",
}
"""What the log says of the steps that a call stands for."""


@dataclass(frozen=True)
class Answered:
    """How far a visit has come with an answer; `why` says what is in the way. `made`: there was none before."""

    visit: Visit
    made: bool
    why: str


@dataclass(frozen=True)
class Listed:
    """A plan, whom to ring about its times, and how many there are of them in all."""

    plan: SwitchoverPlan
    items: list[ProposalOut]
    total: int


class Proposals:
    """Proposed times as `actor` may ask about them, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self.session = session
        self.actor = actor
        self.accepting = Accepting(session, actor)
        self.swaps = Swaps(session, actor)
        self.visits = VisitRepository(session, actor.councils)

    async def open(self, plan_id: UUID, day: date | None, after: Key | None, limit: int, offset: int = 0) -> Listed:
        """Return whom to ring about a day of a plan, or about all of it, by time.

        They are those whose time is still to come and whom booking that day would pass by for want of an agreement.
        """
        plan = await PlanningRepository(self.session, self.actor.councils).require(plan_id)
        now = await database_now(self.session)
        planned = [(each, wanted_of(each)) for each in (plan.result or {"appointments": []})["appointments"]]
        planned = [
            (each, wanted) for each, wanted in planned
            if wanted.starts_at > now and (day is None or each["day"] == day.isoformat())
        ]  # fmt: skip
        hub_ids = {wanted.hub_id for _, wanted in planned}
        visits = await self.visits.replacing(hub_ids)
        homes = await households(self.session, plan.council_id, hub_ids)
        found = sorted(
            (
                (each, wanted) for each, wanted in planned
                if wanted.hub_id in homes and _to_be_asked(visits.get(wanted.hub_id))
            ),
            key=lambda row: _key(row[1]),
        )  # fmt: skip
        shown = [row for row in found if after is None or _key(row[1]) > after][offset : offset + limit]
        items = [_shown(each, wanted, homes[wanted.hub_id], visits.get(wanted.hub_id)) for each, wanted in shown]
        return Listed(plan, items, len(found))

    async def answer(self, plan_id: UUID, said: AnswerIn) -> Answered:
        """Write down what a household answered, and do what follows; what is in the way of that does not undo it.

        NotFoundError for a hub of which the plan has nothing, StaleVisitError when its visit has changed, RefusedError
        while nobody can be asked: the time has passed, the visit is further on, no programme has the home.
        """
        _check(said)
        plan, result = await self.accepting.made(plan_id)
        planned = next((each for each in result["appointments"] if each["hub_id"] == said.hub_id), None)
        if planned is None:
            raise NotFoundError(f"This plan has no time for {said.hub_id}")
        wanted, now = wanted_of(planned), await database_now(self.session)
        if wanted.starts_at <= now:
            raise RefusedError("The proposed time has passed: there is nothing to agree to any more")
        if said.answer is Answer.AGREES:
            await self.visits.lock_engineers(wanted.crew)
        visit, made = await self._visit(plan.council_id, said)
        visit_id, why = visit.id, ""
        await self._contact(visit, said, wanted)
        if said.answer is Answer.AGREES:
            why = await self._agree(visit_id, said, wanted, now)
        elif said.answer in NEEDS_A_DAY:
            why = await self._wait(visit_id, said)
        visit = await self.visits.require(visit_id)
        if visit.state == VisitState.CONFIRMED:
            await self.accepting.hold(plan, now)
        return Answered(visit, made, why)

    async def _visit(self, council: str, said: AnswerIn) -> tuple[Visit, bool]:
        """Return the visit of a home with its hubs locked, made where there is none, and whether it was."""
        visit = (await self.visits.replacing({said.hub_id})).get(said.hub_id)
        made = visit is None and said.as_of is None
        if visit is None and made:
            home = (await households(self.session, council, {said.hub_id})).get(said.hub_id)
            if home is None or home.unit_id is None:
                raise RefusedError(f"No programme has {said.hub_id}: have its units looked for, then write this down")
            visit = await self.swaps.make(home.unit_id)
        elif visit is not None:
            await self.swaps.lock_hubs(visit, said.new_hub_id)
            visit = await self.visits.require(visit.id, lock=True)
        if visit is None or (not made and visit.version != said.as_of):
            version = None if visit is None else visit.version
            raise StaleVisitError("Its visit has changed since you saw it: look and try again", version=version)
        if not _to_be_asked(visit) and visit.state not in CAN_BE_BOOKED:
            raise RefusedError(f"Its visit is {visit.state.replace('_', ' ')}: go on from the page of the visit")
        return visit, made

    async def _contact(self, visit: Visit, said: AnswerIn, wanted: Wanted) -> None:
        """Note the call, and first how else they were told of it, when that is not known yet."""
        known = {each.channel for each in await self.visits.contacts_of(visit.id)}
        if said.told_before is not None and said.told_before not in known:
            await self.swaps.contact(visit.id, ContactChannel(said.told_before), ContactOutcome.SENT, "Told before")
        agreed = f"They agree to {_slot(wanted)}" if said.answer is Answer.AGREES else None
        note = said.note or agreed or f"Asked about {_slot(wanted)}"
        await self.swaps.contact(visit.id, said.channel, _OUTCOMES[said.answer], note)

    async def _agree(self, visit_id: UUID, said: AnswerIn, wanted: Wanted, now: datetime) -> str:
        """Take a visit to where it can be booked, and book and confirm it; return what is in the way."""
        why = await self._go(visit_id, said, wanted)
        if why:
            return why
        booking = await self.accepting.book(wanted, "agreed with them", now)
        if booking.became is Became.PASSED_BY:
            return booking.why
        visit = await self.visits.require(visit_id)
        return await self._step(visit, StepIn(to=VisitState.CONFIRMED, as_of=visit.version))

    async def _go(self, visit_id: UUID, said: AnswerIn, wanted: Wanted) -> str:
        """Take a visit on until a unit is kept for it; return what is in the way."""
        visit = await self.visits.require(visit_id)
        while (to := towards_booking(*_where(visit))) is not None:
            wish = await self._wish(visit, to)
            if to is VisitState.CONSENTED:
                wish = wish.model_copy(update={"why": f"They agree to {_slot(wanted)}"})
            if to is VisitState.STOCK_ALLOCATED and (said.new_hub_id or visit.new_hub_id is None):
                stock = [said.new_hub_id] if said.new_hub_id else await stock_for(self.session, visit)
                if not stock:
                    return "They agreed, but no unit is in stock: keep one for its visit when it comes, then book"
                wish = wish.model_copy(update={"new_hub_id": stock[0]})
            why = await self._step(visit, wish)
            if why:
                return why
            visit = await self.visits.require(visit_id)
        return ""

    async def _wait(self, visit_id: UUID, said: AnswerIn) -> str:
        """Have a visit wait until the day on which somebody takes it up again; return what is in the way."""
        to = VisitState.DECLINED if said.answer is Answer.REFUSES else VisitState.HOLD
        visit = await self.visits.require(visit_id)
        while to not in follows(*_where(visit)):
            onward = towards_refusal(*_where(visit))
            if onward is None:
                return f"Its visit is {visit.state.replace('_', ' ')}: go on from the page of the visit"
            why = await self._step(visit, await self._wish(visit, onward))
            if why:
                return why
            visit = await self.visits.require(visit_id)
        words = f"They want another time: {said.note}" if to is VisitState.HOLD else said.note
        return await self._step(
            visit,
            StepIn(
                to=to,
                as_of=visit.version,
                why=words,
                next_contact_on=said.next_contact_on,
                owner=said.owner or self.actor.name,
            ),
        )

    async def _wish(self, visit: Visit, to: VisitState) -> StepIn:
        """Return a step on the way, with what its state must say."""
        wish = StepIn(to=to, as_of=visit.version, why=_ASKED.get(to))
        if to not in WAITS:
            return wish
        today = (await database_now(self.session)).astimezone(LONDON).date()
        return wish.model_copy(
            update={"why": "Taken up again: they were asked about a time", "next_contact_on": today + AGAIN_IN,
                    "owner": visit.owner or self.actor.name}
        )  # fmt: skip

    async def _step(self, visit: Visit, wish: StepIn) -> str:
        """Take a visit one step on, or leave it where it is and return why."""
        try:
            async with self.session.begin_nested():
                await self.swaps.step(visit.id, wish)
        except ProblemError as error:
            return str(error)
        return ""


def _to_be_asked(visit: Visit | None) -> bool:
    return visit is None or towards_booking(*_where(visit)) is not None


def _where(visit: Visit) -> tuple[VisitState, VisitState | None]:
    return VisitState(visit.state), VisitState(visit.resumes) if visit.resumes else None


def _check(said: AnswerIn) -> None:
    """Raise InvalidError for an answer that nobody could go on from."""
    if said.answer not in NEEDS_A_DAY:
        return
    errors = []
    if said.note is None:
        errors.append({"where": "body.note", "what": "write down what they said"})
    if said.next_contact_on is None:
        errors.append({"where": "body.next_contact_on", "what": "give the day on which somebody takes it up again"})
    if errors:
        raise InvalidError("This answer says too little", errors=errors)


def _key(wanted: Wanted) -> Key:
    return wanted.starts_at, wanted.hub_id


def _slot(wanted: Wanted) -> str:
    return slot_words(wanted.starts_at, wanted.ends_at)


def _shown(planned: Mapping[str, Any], wanted: Wanted, home: Household, visit: Visit | None) -> ProposalOut:
    engineers: Sequence[str] = planned["engineers"]
    return ProposalOut(
        hub_id=wanted.hub_id,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        engineers=list(engineers),
        say=to_say(wanted.starts_at, wanted.ends_at, engineers, digital=home.connection == Connection.DIGITAL),
        **{name: getattr(home, name) for name in _OF_HOME},
        in_programme=visit is not None or home.unit_id is not None,
        visit_id=visit.id if visit else None,
        version=visit.version if visit else None,
        state=VisitState(visit.state) if visit else None,
        next_contact_on=visit.next_contact_on if visit else None,
        owner=visit.owner if visit else None,
    )


_OF_HOME = (
    "person_id", "person_name", "premises_id", "place", "phones", "communication", "last_at", "last_by",
    "last_outcome", "last_note",
)  # fmt: skip
