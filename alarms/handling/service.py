"""The shell around the core: the row locked, the database's clock, state and log and outbox in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.ahead import comes_sooner
from alarms.escalation.codec import dump_input, dump_state, load_state, replay
from alarms.escalation.decide import WITHOUT_NEW_VERSION, decide
from alarms.escalation.domain import (
    CancelPending,
    Condition,
    Decision,
    Handling,
    Holder,
    Ladder,
    LogLine,
    Notify,
    Parties,
    RuleError,
    State,
    Target,
    Uncovered,
)
from alarms.escalation.inputs import (
    Cleared,
    Delivered,
    Fate,
    Input,
    Raised,
    Released,
    Repeated,
    Rerouted,
    RulesChanged,
    WorkMoved,
)
from alarms.escalation.ladders import BY_CLASS, WITH_ITS_INCIDENT
from alarms.handling.deadline_repository import DeadlineRepository
from alarms.handling.domain import CANARY_CHANNEL, CANARY_CLASS, SYSTEM_HUB, Opening, Subject, what_next
from alarms.handling.faults import hole, pause_s, undriven, unreadable_policy, unreadable_rota
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository, Due, Lines, Sees
from alarms.handling.silence import gravest, ladder_until
from alarms.handling.targets import Targets
from alarms.invitations.repository import InvitationRepository
from alarms.notify.messages import AlarmFacts, compose
from alarms.notify.notices import Notice
from alarms.policy.calendar import at_words, local_at
from alarms.policy.matching import Facts, Live, choose, rank_of
from alarms.policy.repository import Governing, PolicyRepository
from alarms.responders.repository import ResponderRepository
from alarms.work.domain import Window, quiet_until
from alarms.work.repository import WorkRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError, RefusedError, StaleError
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.outbox import OutboxMessage, OutboxRepository

log = get_logger("handling")

A_LITTLE = timedelta(seconds=5)
"""Less is no change of a deadline: ladders wait whole seconds."""
NOT_DRIVEN = "not_driven"
SET_ASIDE = "the service failed on this alarm: handle it by hand now; it is tried again"


@dataclass(frozen=True)
class Origin:
    """Which signal opened an alarm: the hub, the trigger, and the first receipt by any of our listeners."""

    hub_id: str
    device_id: str | None
    received_at: datetime


class AlarmService:
    """Opens alarms and applies what happens to them, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, public_url: str | None = None) -> None:
        self.session = session
        self.alarms = AlarmRepository(session)
        self.outbox = OutboxRepository(session)
        self.public_url = public_url

    async def open(
        self,
        opening: Opening,
        subject: Subject,
        origin: Origin,
        now: datetime,
        *,
        governing: Governing | None = None,
        last: bool = False,
    ) -> UUID:
        """Open an alarm and return its id; `now` is the database's clock.

        `governing`: what governs it, where that was asked for already. `last`: nothing in the transaction reads the
        alarm after it.
        """
        alarm_id = new_id()
        policy, work_until = await self._policy_and_work(opening, subject, origin, now, governing)
        raised = Raised(
            alarm_id=str(alarm_id),
            type=opening.type,
            class_=opening.class_,
            rank=rank_of(policy.document if policy else None, opening.rank),
            ladder=policy.ladder if policy else opening.ladder or BY_CLASS[opening.class_],
            words=opening.words,
            received_at=origin.received_at,
            quiet_until=work_until,
        )
        alarm = Alarm(
            id=alarm_id,
            council_id=subject.council_id,
            hub_id=origin.hub_id,
            device_id=origin.device_id,
            person_id=subject.person_id,
            premises_id=subject.premises_id,
            type=opening.type,
            family=opening.family,
            class_=opening.class_,
            person_name=subject.person_name,
            place=subject.place,
            room=subject.room,
            tier=subject.tier,
            words=opening.words,
            notes=list(opening.notes),
            raised_at=origin.received_at,
            last_event_at=now,
        )
        decision = decide(None, raised, now)
        for name, value in _projection(decision.state).items():
            setattr(alarm, name, value)
        await self.alarms.add(alarm, _lines(alarm, decision.log, now, raised), last=last)
        return alarm_id

    async def _policy_and_work(
        self, opening: Opening, subject: Subject, origin: Origin, now: datetime, governing: Governing | None = None
    ) -> tuple[Live | None, datetime | None]:
        """Return the policy that a new alarm goes by, and until when planned work goes on there.

        Neither concerns what the service says of itself. The canary asks as all do, so that a fault there is its fault
        too, and goes by none.
        """
        if origin.hub_id == SYSTEM_HUB:
            return None, None
        if governing is None:
            policies = PolicyRepository(self.session)
            governing = await policies.governing(subject.council_id, origin.hub_id, origin.received_at, now)
        await self._report_unreadable(governing, subject.council_id, now)
        if opening.class_ == CANARY_CLASS:
            return None, None
        return choose(governing.live, _facts(opening.class_, opening.type, subject, now)), governing.work_until

    async def _policy_for(self, class_: str, type_: str, subject: Subject, now: datetime) -> Live | None:
        """Return the policy that an open alarm would go by; None: the built-in ladder of its class."""
        found = await PolicyRepository(self.session).live(subject.council_id)
        await self._report_unreadable(found, subject.council_id, now)
        return None if class_ == CANARY_CLASS else choose(found.live, _facts(class_, type_, subject, now))

    async def _report_unreadable(self, found: Governing, council_id: str | None, now: datetime) -> None:
        for key in found.unreadable:  # the alarm goes by another ladder than somebody wrote for it
            await self.report(unreadable_policy(key), council_id, now)

    async def running_on(self, policy: str, council_id: str | None) -> Sequence[UUID]:
        """Return the open alarms that run on a policy of this key."""
        return await self.alarms.running_on(policy, council_id)

    async def reroute_as_of(self, alarm_id: UUID, by: Holder, *, councils: Sees, as_of: int) -> Alarm:
        """Do what `reroute` does as an operator's command; RefusedError when there is no other policy for it."""
        alarm = await self._lock_as_of(alarm_id, councils, as_of)
        if not await self.reroute(alarm_id, by):
            raise RefusedError("It runs on the policy that fits it now, or is closed", **_present(alarm))
        return alarm

    async def reroute(self, alarm_id: UUID, by: Holder) -> bool:
        """Let an open alarm begin anew with the policy that fits it now; False when that is the one it has (R24)."""
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None or alarm.handling == Handling.CLOSED:
            return False
        now = await database_now(self.session)
        state = await self._state_of(alarm)
        ladder = await self._ladder_for(alarm, state.ladder, now, alarm.tier)
        if ladder == state.ladder:
            return False
        event = Rerouted(ladder, f"{by.name} moved it to the policy as it is now", by)
        await self._write(alarm, event, decide(state, event, now), now)
        return True

    async def rules_changed(self, responder_ids: Sequence[UUID]) -> None:
        """Let open alarms work out anew when these responders are told next: their rules are read live."""
        responders = ResponderRepository(self.session)
        for alarm in await self.alarms.lock_with_round_of(responder_ids):
            now = await database_now(self.session)
            parties = await responders.parties(responder_ids, alarm.class_, now)
            await self._apply(alarm, RulesChanged({party.id: party for party in parties.values()}))

    async def work_moved(self, work: Window, by: Holder) -> None:
        """Let the alarms that are quiet because of planned work go on when the last of it is over: it has moved.

        Call it once the window is written. What is open and was told already has no part in it, nor has life-safety.
        """
        alarms = await self.alarms.lock_quiet(work.council_id, work.hub_id)
        if not alarms:
            return
        now = await database_now(self.session)
        windows = await WorkRepository(self.session).on_at(now)
        for alarm in alarms:
            until = quiet_until(windows, alarm.council_id, alarm.hub_id, alarm.raised_at, now)
            await self._apply(alarm, WorkMoved(until or now, by))

    async def newer_ladder(self, alarm: Alarm) -> Ladder | None:
        """Return what `reroute` would move an open alarm to; None when that is the ladder that it has."""
        if alarm.handling == Handling.CLOSED:
            return None
        present = (await self._state_of(alarm)).ladder
        ladder = await self._ladder_for(alarm, present, await database_now(self.session), alarm.tier)
        return None if ladder == present else ladder

    async def _ladder_for(self, alarm: Alarm, present: Ladder, now: datetime, tier: str | None) -> Ladder:
        built_in = BY_CLASS[alarm.class_] if present.policy else present
        if alarm.hub_id == SYSTEM_HUB:
            return built_in
        subject = Subject(council_id=alarm.council_id, person_id=alarm.person_id, tier=tier)
        live = await self._policy_for(alarm.class_, alarm.type, subject, now)
        return live.ladder if live else built_in

    async def feed(self, alarm_id: UUID, event: Input) -> None:
        """Apply what a hub or a sender reported."""
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None:
            raise NotFoundError("There is no such alarm")
        await self._apply(alarm, event)

    async def command(self, alarm_id: UUID, event: Input, *, councils: Sees, as_of: int | None = None) -> Alarm:
        """Apply an operator's command given on version `as_of`.

        NotFoundError, StaleError (the alarm has changed since) and RefusedError (a rule forbids it) carry what the
        console needs to show the present state.
        """
        alarm = await self._lock_as_of(alarm_id, councils, as_of)
        present = _present(alarm)
        try:
            await self._apply(alarm, event)
        except RuleError as error:
            raise RefusedError(str(error), **present) from error
        return alarm

    async def give_back_all(self, by: Holder, reason: str) -> None:
        """Give back every alarm that a user has: nobody's alarm stays with somebody who has left (C27)."""
        for alarm in await self.alarms.lock_held_by(UUID(by.id)):
            await self._apply(alarm, Released(by, reason))

    async def run_timer(self, due: Due, targets: Targets) -> None:
        """Apply a due timer to an alarm whose row the engine has locked."""
        alarm, now, standing = due
        state = await self._state_of(alarm)
        parties = await targets.with_contacts(self.session, standing, alarm.person_id)
        event, unreadable = await targets.timer_due(self.session, alarm.council_id, parties, state, now)
        for key in unreadable:
            await self.report(unreadable_rota(key), alarm.council_id, now)
        await self._write(alarm, event, decide(state, event, now), now, last=True)

    async def report(self, fault: Opening, council_id: str | None, now: datetime) -> None:
        """Open an alarm about the service itself, unless the same fault is on the board already."""
        if not await self.alarms.lock_fault(fault.family, council_id):
            await self.open(fault, Subject(council_id=council_id), Origin(SYSTEM_HUB, None, now), now)

    async def open_or_find(self, opening: Opening, council_id: str) -> tuple[UUID, bool]:
        """Open an alarm of a council as a whole, or return the one that is open; and whether it is new."""
        await self.alarms.lock_fault(opening.family, council_id)
        known = (await self.alarms.open_faults(opening.family)).get(council_id)
        if known is not None:
            return known[0], False
        now = await database_now(self.session)
        return (await self.open(opening, Subject(council_id=council_id), Origin(SYSTEM_HUB, None, now), now)), True

    async def hasten(self, alarm_id: UUID, tier: str, since: datetime) -> None:
        """Let the alarm of a hub that is silent since then have a graver tier's ladder where that is sooner (C17).

        Its own tier is that by which its deadline goes, so that less risk later moves nothing away. Where the graver
        tier's ladder would tell somebody later just now, it stays as it is: ask again.
        """
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None or alarm.handling == Handling.CLOSED or gravest(alarm.tier, tier) == alarm.tier:
            return
        if alarm.incident_id is not None:  # it is told with that, and has this deadline when it goes on by itself
            alarm.tier = tier
            return
        now, state = await database_now(self.session), await self._state_of(alarm)
        ladder = await self._ladder_for(alarm, await self._silent_ladder(alarm, tier, since, now), now, tier)
        if ladder == state.ladder:
            alarm.tier = tier
        elif comes_sooner(ladder, state, now):
            alarm.tier = tier
            event = Rerouted(ladder, f"The person is in risk tier {tier} now: it is due sooner")
            await self._write(alarm, event, decide(state, event, now), now)

    async def bring_forward(self, alarm_id: UUID, since: datetime) -> None:
        """Let the alarm of a hub that is silent since then go by what its council has set, where that is sooner.

        A policy has its own times; one that belongs to an incident has this deadline when it goes on by itself.
        """
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None or alarm.handling == Handling.CLOSED or alarm.incident_id is not None:
            return
        now, state = await database_now(self.session), await self._state_of(alarm)
        if state.ladder.policy:
            return
        begins = max(now, state.quiet_until or now)
        deadline = (await DeadlineRepository(self.session).of(alarm.council_id)).act_by(alarm.tier, since)
        ladder = ladder_until(alarm.tier, begins, deadline, alarm.raised_at)
        if comes_sooner(ladder, state, now + A_LITTLE):
            event = Rerouted(ladder, f"Its council wants a human on it by {at_words(deadline)} now: it is due sooner")
            await self._write(alarm, event, decide(state, event, now), now)

    async def _silent_ladder(self, alarm: Alarm, tier: str | None, since: datetime, now: datetime) -> Ladder:
        """Return the built-in ladder of an alarm whose hub is silent since then."""
        deadlines = await DeadlineRepository(self.session).of(alarm.council_id)
        return ladder_until(tier, now, deadlines.act_by(tier, since))

    async def describe(self, alarm_id: UUID, words: str, notes: Sequence[str]) -> bool:
        """Let an open alarm about many say what it is about now; False when it has been closed."""
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None or alarm.handling == Handling.CLOSED:
            return False
        alarm.words, alarm.notes = words, list(notes)
        await self.session.flush()  # whoever locks it next in this transaction reads it anew
        return True

    async def attach(self, alarm_id: UUID, incident_id: UUID, words: str) -> None:
        """Let a technical alarm be told with an incident: it tells nobody by itself for a day. Never life-safety."""
        alarm = await self.alarms.lock(alarm_id)
        closed = alarm is None or alarm.handling == Handling.CLOSED
        if alarm is None or closed or alarm.incident_id is not None or alarm.class_ == "L":
            return
        alarm.incident_id = incident_id
        await self._apply(alarm, Rerouted(WITH_ITS_INCIDENT, f"It belongs to an incident and is told with it: {words}"))

    async def detach(self, alarm_id: UUID, silent_since: datetime | None) -> None:
        """Let an alarm go on by itself, on the ladder that it would have had; `silent_since` of one of a silent hub."""
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None or alarm.handling == Handling.CLOSED or alarm.incident_id is None:
            return
        alarm.incident_id = None
        now = await database_now(self.session)
        own = BY_CLASS[alarm.class_]
        if silent_since is not None:
            own = await self._silent_ladder(alarm, alarm.tier, silent_since, now)
        ladder = await self._ladder_for(alarm, own, now, alarm.tier)
        await self._apply(alarm, Rerouted(ladder, "The incident is over, and this is not"))

    async def clear_if_open(self, alarm_id: UUID, event: Cleared) -> None:
        """Say that the cause of an alarm is over; one that has ended meanwhile stays as it is."""
        alarm = await self.alarms.lock(alarm_id)
        if alarm is not None and alarm.handling != Handling.CLOSED:
            await self._apply(alarm, event)

    async def feed_fault(self, alarm_id: UUID, was: Condition, event: Input) -> bool:
        """Apply what became of the cause of an alarm about the service itself; False when it is not so any more."""
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None or alarm.handling == Handling.CLOSED or alarm.condition != was:
            return False
        await self._apply(alarm, event)
        return True

    async def set_aside(self, alarm: Alarm, parties: Parties, why: str) -> None:
        """Give an alarm on which the service fails to its last resort by hand, and try again later (R17).

        The core has no part in it, for it may be what fails; state and replay stay as they are.
        """
        now = await database_now(self.session)
        pause = timedelta(seconds=pause_s(await self.alarms.count_lines(alarm.id, NOT_DRIVEN)))
        targets = dict.fromkeys((*BY_CLASS[alarm.class_].catch_all, Target.DUTY_MANAGER))
        reason = "The service fails on this alarm: handle it by hand"
        told = {
            (rule.to.channel, rule.to.address): (target, rule.to)
            for target in targets
            for party in parties.get(target, ())
            for rule in party.rules
        }
        names = ", ".join(to.label for _, to in told.values()) or "nobody, for nobody has an address there"
        text = f"The service fails on this alarm ({why}): handle it by hand. Told: {names}."
        columns = {"next_due_at": now + pause, "next_step": SET_ASIDE}
        await self.alarms.save(alarm, columns, _lines(alarm, [LogLine(NOT_DRIVEN, "system", text)], now))
        if alarm.hub_id != SYSTEM_HUB:
            what = ", ".join(part for part in (alarm.words, alarm.person_name, alarm.place) if part)
            await self.report(undriven(alarm.id, what, why), alarm.council_id, now)
        key = f"{alarm.id}:{NOT_DRIVEN}:{alarm.log_seq}"
        await self._send(
            alarm,
            [
                Notify(f"{key}:{to.channel}:{to.address}", target, to, alarm.rank, reason)
                for target, to in told.values()
            ],
        )

    async def _lock_as_of(self, alarm_id: UUID, councils: Sees, as_of: int | None) -> Alarm:
        """Return the alarm, locked, if a user of these councils may see it and it is as they saw it."""
        await self.alarms.require(alarm_id, councils)
        alarm = await self.alarms.lock(alarm_id)
        if alarm is None:
            raise NotFoundError("There is no such alarm")
        if as_of is not None and as_of != alarm.version:
            has_it = f"{alarm.assigned_name} has it" if alarm.assigned_name else f"it is {alarm.handling}"
            detail = f"The alarm has changed since you saw it: {has_it} now. Look and try again"
            raise StaleError(detail, **_present(alarm))
        return alarm

    async def _apply(self, alarm: Alarm, event: Input) -> None:
        now = await database_now(self.session)
        decision = decide(await self._state_of(alarm), event, now)
        await self._write(alarm, event, decision, now)

    async def _state_of(self, alarm: Alarm) -> State:
        """Return the core's state of an alarm; one that cannot be read is made anew from the log."""
        try:
            return load_state(alarm.state)
        except msgspec.ValidationError:
            log.exception("state_replayed", alarm_id=str(alarm.id))
            lines = await self.alarms.log_of(alarm.id)
            state = replay((line.at, line.input) for line in lines if line.input is not None)
            if state is None:
                raise
            return state

    async def _write(
        self, alarm: Alarm, event: Input, decision: Decision, now: datetime, *, last: bool = False
    ) -> None:
        if not decision.log:
            # A row whose moment is not that of its state would be claimed for ever.
            await self.alarms.save(alarm, _projection(decision.state), _lines(alarm, [], now))
            return
        columns = _projection(decision.state)
        if alarm.next_step == SET_ASIDE and isinstance(event, WITHOUT_NEW_VERSION):
            # That somebody has been told of it is no reason to try it again before its pause is over: they would be
            # told again, and so on without end.
            columns |= {"next_due_at": alarm.next_due_at, "next_step": SET_ASIDE}
        if isinstance(event, Repeated):
            columns["last_event_at"] = now
        await self.alarms.save(alarm, columns, _lines(alarm, decision.log, now, event), last=last)
        if alarm.hub_id != SYSTEM_HUB:  # a fault of ours that finds the same hole again has no news
            for fault in dict.fromkeys(effect for effect in decision.effects if isinstance(effect, Uncovered)):
                await self.report(hole(fault.targets), alarm.council_id, now)
        await self._send(alarm, [effect for effect in decision.effects if isinstance(effect, Notify)])
        if any(isinstance(effect, CancelPending) for effect in decision.effects):
            await self.outbox.cancel_pending(alarm.id)

    async def _send(self, alarm: Alarm, notifications: Sequence[Notify]) -> None:
        facts = facts_of(alarm)
        asking = [effect for effect in notifications if effect.to.channel != CANARY_CHANNEL]
        asked = await InvitationRepository(self.session).add(alarm.id, alarm.council_id, asking)
        self.outbox.add(
            [
                {
                    "effect_key": effect.effect_key,
                    "subject_id": alarm.id,
                    "council_id": alarm.council_id,
                    "rank": effect.rank,
                    "target": effect.target,
                    "channel": effect.to.channel,
                    "address": effect.to.address,
                    "message": {
                        "label": effect.to.label,
                        "correlation_id": _correlation_id(),
                        **compose(facts, effect, self.public_url, asked.get(effect.effect_key)),
                    },
                }
                for effect in notifications
            ]
        )


def facts_of(alarm: Alarm) -> AlarmFacts:
    """Return what a message may say of an alarm."""
    return AlarmFacts(
        alarm_id=str(alarm.id),
        type=alarm.type,
        class_=alarm.class_,
        rank=alarm.rank,
        words=alarm.words,
        person_name=alarm.person_name,
        place=alarm.place,
        room=alarm.room,
        raised_at=alarm.raised_at,
        council_id=alarm.council_id,
        hub_id=alarm.hub_id,
        notes=tuple(alarm.notes),
    )


async def record_delivery(session: AsyncSession, message: OutboxMessage, ok: bool, detail: str) -> None:
    """Tell the alarm what became of a message: a failure is an event that moves the ladder on at once (R05)."""
    if message.target in set(Notice):
        return  # about no alarm; what became of it stands in the outbox
    fate = Fate.SENT if ok else Fate.FAILED
    event = Delivered(message.message["label"], message.channel, fate, detail, message.address)
    await AlarmService(session).feed(message.subject_id, event)


def _facts(class_: str, type_: str, subject: Subject, now: datetime) -> Facts:
    person_id = str(subject.person_id) if subject.person_id else None
    return Facts(subject.council_id, person_id, subject.tier, class_, type_, local_at(now))


def _present(alarm: Alarm) -> dict[str, Any]:
    """Return what whoever was refused must see of the alarm."""
    return {"version": alarm.version, "handling": alarm.handling, "assigned_to": alarm.assigned_name}


def _projection(state: State) -> dict[str, Any]:
    """Return the state, and of it what the board, the constraints and the queries look at, as columns of the alarm."""
    following = what_next(state)
    claim = state.claim
    return {
        "state": dump_state(state),
        "version": state.version,
        "rank": state.rank,
        "condition": state.condition,
        "handling": state.handling,
        "events": state.events,
        "next_due_at": following.at if following else None,
        "next_step": following.words if following else None,
        "quiet_until": state.quiet_until,
        "assigned_to": UUID(claim.holder.id) if claim else None,
        "assigned_name": claim.holder.name if claim else None,
        "assigned_at": claim.since if claim else None,
        "ack_expires_at": claim.expires_at if claim and state.handling is Handling.ACKED else None,
        "first_acked_at": state.first_acked_at,
        "closed_at": state.closed_at,
        "outcome": state.outcome,
    }


def _lines(alarm: Alarm, said: Sequence[LogLine], now: datetime, event: Input | None = None) -> Lines:
    """Return lines for an alarm's log, and let whoever reads the process's own log know that they were said."""
    for line in said:
        log.info(line.kind, alarm_id=str(alarm.id), correlation_id=_correlation_id(), text_length=len(line.text))
    kinds, actors, texts = ([getattr(line, name) for line in said] for name in ("kind", "actor", "text"))
    return Lines(now, kinds, actors, texts, None if event is None else dump_input(event))


def _correlation_id() -> str | None:
    value: str | None = structlog.contextvars.get_contextvars().get("correlation_id")
    return value
