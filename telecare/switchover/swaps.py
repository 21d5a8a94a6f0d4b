"""A swap, step by step: the pure rules asked, hubs installed, accepted and taken away, all in one transaction.

Locks in the order of the house: the engineers of a booking (advisory, by id), hubs (likewise), the visit's row, hub and
installation, the person. The database's triggers have the last word.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.intake.repository import IntakeRepository
from devices.commands.domain import CommandName
from devices.commands.service import CommandService
from devices.registry.domain import Connection, HubStatus
from devices.registry.repository import ModelRepository
from devices.switchover.programmes.repository import ProgrammeRepository
from devices.switchover.telco.domain import ANSWER_WITHIN
from devices.switchover.visits.domain import (
    ASIDE,
    ENDS,
    ESCALATED,
    HAS_SLOT,
    STANDS,
    WAITS,
    ContactChannel,
    ContactOutcome,
    Effect,
    EvidenceKind,
    Facts,
    VisitState,
    Wish,
    effects,
    objection,
)
from devices.switchover.visits.evidence import Shown
from devices.switchover.visits.models import Visit
from devices.switchover.visits.pairing import pairing
from devices.switchover.visits.repository import VisitRepository
from devices.switchover.visits.schemas import ExceptionIn, StepIn
from telecare.access.domain import Actor, Permission, UserRole
from telecare.access.repository import UserRepository
from telecare.kernel.db import database_now, words_of
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, RefusedError
from telecare.protection.swap_day import SwapDay
from telecare.switchover.evidence import Evidence, Proofs
from telecare.switchover.new_hubs import programme_of, why_not

LONDON = ZoneInfo("Europe/London")
LONGEST_SLOT = timedelta(hours=12)
PROMISED = frozenset({VisitState.BOOKED, VisitState.CONFIRMED})


class StaleVisitError(ConflictError):
    """The command was given on an older version of the visit than the present one."""

    slug, title = "stale", "The visit has changed"


class Swaps:
    """Visits as `actor` may carry them out, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self.session = session
        self.actor = actor
        self.visits = VisitRepository(session, actor.councils)
        self.swap_day = SwapDay(session, actor.councils)
        self.evidence = Evidence(session)

    async def make(self, unit_id: UUID, *, second_person: bool = False, notes: str | None = None) -> Visit:
        """Make a visit for a unit; ConflictError when one is under way for its hub."""
        unit = await ProgrammeRepository(self.session, self.actor.councils).unit(unit_id)
        await IntakeRepository(self.session).lock_hub(unit.hub_id)
        there = await self.visits.of_hub(unit.hub_id)
        if there is not None:
            raise ConflictError(f"A visit is under way for {unit.hub_id} already", visit_id=str(there.id))
        if unit.done_at is not None or unit.left_at is not None:
            raise RefusedError("This unit is done, or a matter of its programme no more: look for units again")
        async with self._judged():
            visit = await self.visits.add(
                council_id=unit.council_id, unit_id=unit.id, person_id=unit.person_id, premises_id=unit.premises_id,
                old_hub_id=unit.hub_id, second_person=second_person, notes=notes, made_by=self.actor.label,
            )  # fmt: skip
        words = f"A visit was made to replace {unit.hub_id}"
        await self.visits.say(visit, "state", self.actor.name, words, states=(None, VisitState.IDENTIFIED))
        return visit

    async def step(self, visit_id: UUID, wish: StepIn, moving: Collection[str] = frozenset()) -> Visit:
        """Take a visit to another state, with all that this does; RefusedError says what is in the way.

        `moving`: old hubs of visits that get another time by the same act, so that the one they have is no hindrance.
        """
        seen = await self.visits.require(visit_id)
        if wish.to in PROMISED:
            await self.visits.lock_engineers(_crew(seen, wish))
        await self.lock_hubs(seen, wish.new_hub_id)
        visit = await self._lock(visit_id, wish.as_of)
        before, promised = VisitState(visit.state), _promise(visit)
        await self._take(visit, wish)
        proofs = await self.evidence.collect(visit)
        facts = await self._facts(visit, proofs)
        refusal = objection(facts, Wish(wish.to, wish.why, wish.next_contact_on, wish.owner or visit.owner))
        if refusal is not None:
            missing = [item.words for item in proofs.items if item.key in refusal.missing]
            words = f"{refusal.words}: {'; '.join(missing)}" if missing else refusal.words
            raise RefusedError(words, missing=missing)
        if wish.to in PROMISED and (before not in HAS_SLOT or _promise(visit) != promised):
            await self._check_free(visit, moving)
        done = effects(before, wish.to)
        async with self._judged():
            await self._before(visit, done)
            await self._arrive(visit, before, wish)
            if Effect.ACCEPT_NEW in done and visit.new_hub_id is not None:
                await self.swap_day.registry.accept(visit.new_hub_id, proofs.events, self.actor.label)
                await self.session.flush()
        await self._say_step(visit, before, wish)
        if Effect.REMOVE_NEW in done and before in {*STANDS, VisitState.ACCEPTED} and wish.to not in ENDS:
            await self._ring_old(visit)
        return visit

    async def _ring_old(self, visit: Visit) -> None:
        """Ask the old hub for a test call, for it is relied on again; one that hears no commands has a human ring."""
        hub = await self.swap_day.registry.hubs.require(visit.old_hub_id)
        try:
            async with self.session.begin_nested():
                await CommandService(self.session).request(
                    hub, CommandName.TEST, None, requested_by=self.actor.label, expires_in=ANSWER_WITHIN
                )
        except RefusedError as refused:
            words = f"{visit.old_hub_id} was not asked for a test call: {refused}"
        else:
            words = f"{visit.old_hub_id} is asked for a test call"
        await self.visits.say(visit, "note", "system", words)

    async def _take(self, visit: Visit, wish: StepIn) -> None:
        """Write what came with a step onto the visit."""
        if wish.new_hub_id is not None and wish.new_hub_id != visit.new_hub_id:
            await self._check_new(visit, wish.new_hub_id)
            visit.new_hub_id = wish.new_hub_id
        if wish.engineer_id is not None:
            name = await self._engineer(visit, wish.engineer_id, "engineer_id")
            visit.engineer_id, visit.engineer = wish.engineer_id, name
        if "second_engineer_id" in wish.model_fields_set:
            second = wish.second_engineer_id
            visit.second_engineer_id, visit.second_engineer = second, None
            if second is not None:
                visit.second_engineer = await self._engineer(visit, second, "second_engineer_id")
        _check_pair(visit)
        if wish.starts_at is not None or wish.ends_at is not None:
            if wish.starts_at is None or wish.ends_at is None or not (
                timedelta(0) < wish.ends_at - wish.starts_at <= LONGEST_SLOT
            ):  # fmt: skip
                errors = [{"where": "body.ends_at", "what": "it ends after it starts, within 12 hours; give both"}]
                raise InvalidError("This is no time for a visit", errors=errors)
            visit.starts_at, visit.ends_at = wish.starts_at, wish.ends_at
        if wish.second_person is not None:
            visit.second_person = wish.second_person
        if wish.survey is not None:
            visit.survey = wish.survey.model_dump(exclude_none=True)
        if wish.retired is not None:
            visit.retired = dict(wish.retired)

    async def _check_free(self, visit: Visit, moving: Collection[str]) -> None:
        """Raise RefusedError when one of those who come is booked for another home at that time."""
        if visit.starts_at is None or visit.ends_at is None:
            return
        busy = await self.visits.busy(visit.crew, visit.starts_at, visit.ends_at, {*moving, visit.old_hub_id})
        if busy is not None:
            who = busy.engineer if busy.engineer_id in visit.crew else busy.second_engineer
            words = "choose another time or somebody else, or move that visit first"
            raise RefusedError(f"{who} is booked for {busy.old_hub_id} at that time: {words}")

    async def _check_new(self, visit: Visit, hub_id: str) -> None:
        """Raise RefusedError for a hub that cannot be the new one."""
        if visit.new_hub_id is not None and await self.visits.place(visit.new_hub_id, visit.person_id) is not None:
            raise RefusedError(f"{visit.new_hub_id} stands in the home: roll the visit back before another hub comes")
        hub = await self.swap_day.registry.hubs.row(hub_id)
        if hub.council_id != visit.council_id:
            raise RefusedError(f"{hub_id} is another council's")
        if hub.status != HubStatus.STOCK:
            raise RefusedError(f"{hub_id} is not in stock: choose one that is")
        model = await ModelRepository(self.session).get(hub.model_id)
        if model is not None and model.connection == Connection.ANALOGUE:
            raise RefusedError(f"{hub_id} is analogue itself: choose a digital one")
        own = why_not(await programme_of(self.session, visit), hub, model) if model is not None else ()
        if own:
            listed = "; ".join(each.words for each in own)
            raise RefusedError(f"This programme would have to replace {hub_id} too: {listed}. Choose another one")
        other = await self.visits.of_hub(hub_id)
        if other is not None and other.id != visit.id:
            raise RefusedError(f"{hub_id} is kept for another visit: choose another one")

    async def _engineer(self, visit: Visit, user_id: UUID, field: str) -> str:
        user = await UserRepository(self.session).get(user_id)
        fits = user is not None and user.active and user.role == UserRole.ENGINEER
        if user is None or not fits or (user.councils and visit.council_id not in user.councils):
            errors = [{"where": f"body.{field}", "what": "no active engineer of this council has this id"}]
            raise InvalidError("There is no such engineer", errors=errors)
        return user.display_name

    async def _facts(self, visit: Visit, proofs: Proofs) -> Facts:
        contacts = await self.visits.contacts_of(visit.id)
        now = await database_now(self.session)
        confirmed = visit.exception_confirmed_at is not None
        return Facts(
            state=VisitState(visit.state),
            now=now,
            today=now.astimezone(LONDON).date(),
            resumes=VisitState(visit.resumes) if visit.resumes else None,
            over=visit.over_at is not None,
            ways=frozenset(ContactChannel(each.channel) for each in contacts),
            reached=any(each.outcome == ContactOutcome.REACHED for each in contacts),
            engineer=visit.engineer_id is not None,
            starts_at=visit.starts_at,
            new_hub_id=visit.new_hub_id,
            old_here=await self.visits.place(visit.old_hub_id, visit.person_id) is not None,
            new_here=proofs.place is not None,
            silent_since=proofs.silent_since,
            missing=proofs.missing,
            asked=frozenset(visit.exception_items),
            excepted=frozenset(visit.exception_items if confirmed and _something(proofs) else ()),
            unpaired=await self._unpaired(visit),
        )

    async def _unpaired(self, visit: Visit) -> tuple[str, ...]:
        """Return in words what of the old hub was neither moved to the new one, nor retired."""
        if visit.new_hub_id is None:
            return ()
        old, new = await self.visits.kinds(visit.old_hub_id), await self.visits.kinds(visit.new_hub_id)
        became = pairing(old, new, visit.retired or {})
        return tuple(f"{each.words} ({each.device_id})" for each in became if each.left)

    async def _before(self, visit: Visit, done: tuple[Effect, ...]) -> None:
        """Do what a step does to hubs before the visit itself says so."""
        registry, new = self.swap_day.registry, visit.new_hub_id
        if Effect.INSTALL_NEW in done and new and await self.visits.place(new, visit.person_id) is None:
            await registry.install(new, visit.person_id, visit.premises_id)
        if Effect.REMOVE_NEW in done and new and await self.visits.place(new, visit.person_id) is not None:
            await registry.end_installation(new, None, await self.swap_day.leaving(new, self.actor.label))
        if Effect.REMOVE_OLD in done and await self.visits.place(visit.old_hub_id, visit.person_id) is not None:
            old = visit.old_hub_id
            await registry.end_installation(old, None, await self.swap_day.leaving(old, self.actor.label))
        if Effect.FREE_NEW in done:
            visit.new_hub_id, visit.soak_since, visit.accepted_at, visit.accepted_by = None, None, None, None
            _forget_exception(visit)

    async def _arrive(self, visit: Visit, before: VisitState, wish: StepIn) -> None:
        now, to = await database_now(self.session), wish.to
        visit.resumes = (visit.resumes if before in ASIDE else before) if to in ASIDE else None
        visit.next_contact_on = wish.next_contact_on if to in WAITS else None
        if to in ESCALATED or wish.owner is not None:
            visit.owner = wish.owner or visit.owner
        elif to not in WAITS:
            visit.owner = None
        visit.state, visit.since, visit.version = to, now, visit.version + 1
        if to is VisitState.SOAK and visit.soak_since is None:
            visit.soak_since = now
        if to is VisitState.ACCEPTED:
            visit.accepted_at, visit.accepted_by = now, self.actor.label
        if Effect.END in effects(before, to):
            visit.over_at, visit.over_why = now, wish.why or "The record is closed"
        await self.session.flush()
        if to is VisitState.OLD_UNIT_DECOMMISSIONED:
            (await ProgrammeRepository(self.session).unit(visit.unit_id)).done_at = now
            await self.session.flush()

    async def _say_step(self, visit: Visit, before: VisitState, wish: StepIn) -> None:
        go = "go" if visit.second_engineer else "goes"
        usual = _WORDS.get(wish.to, "").format(visit=visit, go=go, came=self._came(visit))
        words = wish.why or usual or "Goes on"
        if wish.to in WAITS:
            whose = f", {visit.owner} has it" if visit.owner else ""
            words = f"{words} (again on {visit.next_contact_on:%-d %B %Y}{whose})"
        await self.visits.say(visit, "state", self.actor.name, words, states=(before, wish.to))

    def _came(self, visit: Visit) -> str:
        """Return who is there: of two, the one who says so."""
        return self.actor.name if self.actor.id in visit.crew else str(visit.engineer)

    async def contact(
        self, visit_id: UUID, channel: ContactChannel, outcome: ContactOutcome, note: str | None
    ) -> Visit:
        """Note an attempt to reach somebody."""
        visit = await self.visits.require(visit_id, lock=True)
        await self.visits.add_contact(visit, self.actor.name, channel, outcome, note)
        said = f": {note}" if note else ""
        words = f"{str(channel).replace('_', ' ')}, {str(outcome).replace('_', ' ')}{said}"
        await self.visits.say(visit, "contact", self.actor.name, words)
        return visit

    async def note(self, visit_id: UUID, words: str) -> Visit:
        """Write something down; also of a visit that is over."""
        visit = await self.visits.require(visit_id, lock=True)
        await self.visits.say(visit, "note", self.actor.name, words)
        return visit

    async def voice(self, visit_id: UUID, event_id: UUID | None) -> Visit:
        """Confirm, as the operator who did it, that one and the home have heard each other in a test or an alarm."""
        if self.actor.kind != "user" or not self.actor.may(Permission.HANDLE_ALARMS):
            raise ForbiddenError("An operator confirms the voice, logged in under their own name")
        visit = await self.visits.require(visit_id, lock=True)
        place = await self.visits.place(visit.new_hub_id, visit.person_id)
        if place is None or place.since is None or visit.new_hub_id is None:
            raise RefusedError("The new hub is not installed yet: there is nothing to speak over")
        heard = [each for each in await self.evidence.heard(visit.new_hub_id, place.since) if each.proves]
        chosen = [each for each in heard if event_id in {None, each.id}]
        if not chosen:
            raise RefusedError("No test or alarm of the new hub has arrived in which one could have spoken")
        one = chosen[-1]
        words = f"{self.actor.name} and the home have heard each other"
        shown = Shown(EvidenceKind.VOICE, one.at, words, one.id, by=self.actor.name)
        if await self.visits.keep(visit, place.id, shown, self.actor.id):
            await self.visits.say(visit, "evidence", self.actor.name, f"voice: {words}")
        return visit

    async def ask_exception(self, visit_id: UUID, wish: ExceptionIn) -> Visit:
        """Say as the first of two what of the evidence is left out, why, and by when it is tested."""
        self._as_a_person()
        visit = await self._lock(visit_id, wish.as_of)
        if visit.accepted_at is not None or visit.over_at is not None:
            raise RefusedError("This visit is past its acceptance: there is nothing left to leave out")
        proofs = await self.evidence.collect(visit)
        known = {item.key for item in proofs.items}
        strange = sorted(set(wish.items) - known)
        if strange:
            what = f"the checklist has no {', '.join(strange)}; see /api/v1/switchover/visits/{visit_id}/evidence"
            raise InvalidError("There is no such evidence", errors=[{"where": "body.items", "what": what}])
        now = await database_now(self.session)
        if wish.retest_on <= now.astimezone(LONDON).date():
            errors = [{"where": "body.retest_on", "what": "the day is to come"}]
            raise InvalidError("What is left out is tested later", errors=errors)
        _forget_exception(visit)
        visit.exception_items, visit.exception_why = sorted(set(wish.items)), wish.why
        visit.exception_by, visit.exception_by_id = self.actor.label, self.actor.id
        visit.exception_at, visit.retest_on, visit.version = now, wish.retest_on, visit.version + 1
        async with self._judged():
            await self.session.flush()
        words = f"{wish.why}. Left out: {', '.join(visit.exception_items)}; to be tested by {wish.retest_on:%-d %B %Y}"
        await self.visits.say(visit, "exception", self.actor.name, words)
        return visit

    async def confirm_exception(self, visit_id: UUID, as_of: int) -> Visit:
        """Confirm an exception as the second of two, logged in under their own name."""
        self._as_a_person()
        visit = await self._lock(visit_id, as_of)
        if visit.exception_at is None:
            raise RefusedError("Nobody has asked for an exception")
        if visit.exception_by_id == self.actor.id:
            raise RefusedError("An exception has two names: somebody else confirms it")
        if visit.exception_confirmed_at is not None:
            return visit
        visit.exception_second, visit.exception_second_id = self.actor.label, self.actor.id
        visit.exception_confirmed_at = await database_now(self.session)
        visit.version += 1
        async with self._judged():
            await self.session.flush()
        await self.visits.say(visit, "exception", self.actor.name, "Confirmed as the second name")
        return visit

    async def cancel(self, visit_id: UUID, why: str, as_of: int) -> Visit:
        """End a visit while its new hub is not in the home; the unit is there to be done still."""
        visit = await self._lock(visit_id, as_of)
        if visit.over_at is not None:
            raise RefusedError("This visit is over")
        if visit.accepted_at is not None:
            raise RefusedError("The new hub is accepted: take the old one away and close the record")
        if await self.visits.place(visit.new_hub_id, visit.person_id) is not None:
            raise RefusedError("The new hub stands in the home: roll the visit back first")
        visit.over_at, visit.over_why, visit.version = await database_now(self.session), why, visit.version + 1
        async with self._judged():
            await self.session.flush()
        await self.visits.say(visit, "cancelled", self.actor.name, why)
        return visit

    def _as_a_person(self) -> None:
        if self.actor.kind != "user":
            raise ForbiddenError("An exception has two names: log in, a program has none")

    async def lock_hubs(self, visit: Visit, other: str | None) -> None:
        """Lock the hubs of a visit, and another one that is to be its new one; before any row of it is locked."""
        for hub_id in sorted({visit.old_hub_id, visit.new_hub_id, other} - {None}, key=str):
            await IntakeRepository(self.session).lock_hub(str(hub_id))

    async def _lock(self, visit_id: UUID, as_of: int) -> Visit:
        visit = await self.visits.require(visit_id, lock=True)
        if as_of != visit.version:
            raise StaleVisitError("The visit has changed since you saw it: look and try again", version=visit.version)
        return visit

    @asynccontextmanager
    async def _judged(self) -> AsyncIterator[None]:
        """Let the database judge what is written: its words are the refusal's."""
        try:
            async with self.session.begin_nested():
                yield
                await self.session.flush()
        except IntegrityError as error:
            raise RefusedError(words_of(error)) from error


def _crew(visit: Visit, wish: StepIn) -> set[UUID]:
    """Return who comes once a step is taken."""
    second = wish.second_engineer_id if "second_engineer_id" in wish.model_fields_set else visit.second_engineer_id
    return {each for each in (wish.engineer_id or visit.engineer_id, second) if each is not None}


def _promise(visit: Visit) -> tuple[object, ...]:
    """Return what a household is told: who comes, from when until when."""
    return visit.crew, visit.starts_at, visit.ends_at


def _check_pair(visit: Visit) -> None:
    """Raise InvalidError for a second engineer who leads the visit already, or without anybody who does."""
    second = visit.second_engineer_id
    if second is not None and (visit.engineer_id is None or second == visit.engineer_id):
        errors = [{"where": "body.second_engineer_id", "what": "choose somebody else than who leads it, or nobody"}]
        raise InvalidError("These are not two engineers", errors=errors)


def _something(proofs: Proofs) -> bool:
    """Say whether any trigger has reached us: an exception never lets a hub be relied on that was never heard."""
    return any(item.kind is EvidenceKind.TRIGGER and item.shown is not None for item in proofs.items)


def _forget_exception(visit: Visit) -> None:
    visit.exception_items = []
    values: dict[str, Any] = dict.fromkeys((
        "exception_why", "exception_by", "exception_by_id", "exception_at", "retest_on", "exception_second",
        "exception_second_id", "exception_confirmed_at",
    ))  # fmt: skip
    for name, value in values.items():
        setattr(visit, name, value)


_WORDS = {
    VisitState.DATA_VALIDATED: "The register was checked: person, keyholders, line, peripherals",
    VisitState.PRIORITISED: "It has its place in the order",
    VisitState.CONTACTED: "They know of it",
    VisitState.CONSENTED: "They agree",
    VisitState.SURVEYED: "The place was looked at",
    VisitState.STOCK_ALLOCATED: "{visit.new_hub_id} is kept for it",
    VisitState.BOOKED: "{visit.crew_names} {go} there on {visit.starts_at:%-d %B %Y}",
    VisitState.CONFIRMED: "The household has said that it suits them",
    VisitState.ON_SITE: "{came} is there",
    VisitState.INSTALLED: "{visit.new_hub_id} is installed beside {visit.old_hub_id}, which stays",
    VisitState.PERIPHERALS_PAIRED: "Every peripheral is moved or retired",
    VisitState.E2E_TESTED: "Everything but the soak is shown, or left out by an exception",
    VisitState.SOAK: "The soak begins; {visit.old_hub_id} stays",
    VisitState.ACCEPTED: "{visit.new_hub_id} is accepted by its evidence",
    VisitState.OLD_UNIT_DECOMMISSIONED: "{visit.old_hub_id} is taken away",
    VisitState.RECORD_CLOSED: "The record is closed",
}
