"""The escalation core against its invariants (scenarios, section E), whatever happens in whatever order."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alarms.escalation.codec import dump_input, dump_state, load_input, load_state, replay
from alarms.escalation.decide import WITHOUT_NEW_VERSION, decide
from alarms.escalation.domain import (
    FOREVER,
    CancelPending,
    Decision,
    Handling,
    Holder,
    Ladder,
    Notify,
    Parties,
    Round,
    RuleError,
    State,
    Target,
    Uncovered,
)
from alarms.escalation.inputs import (
    Accepted,
    Acked,
    Arrived,
    Attended,
    AtTheHome,
    Cleared,
    Closed,
    Declined,
    Delivered,
    Escalated,
    Fate,
    Finished,
    Held,
    Input,
    OnTheWay,
    Raised,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    RulesChanged,
    Shelved,
    TimerDue,
    VoiceLost,
    WorkMoved,
)
from alarms.handling.domain import what_next
from tests.property.escalation_values import (
    T0,
    TICKS,
    closings,
    ends_of_work,
    happenings,
    holders,
    inputs,
    ladders,
    party_maps,
    raises,
    said_by_people,
    timers,
)
from tests.property.examples import examples
from tests.property.oracle import Oracle
from tests.unit.alarms.run import Run

CLAIMS = (Acked, Accepted, OnTheWay, AtTheHome)
MAY_GO_LATER = (
    *CLAIMS,
    Renewed,
    Attended,
    Held,
    Arrived,
    Rerouted,
    RulesChanged,
    Declined,
    Finished,
    Shelved,
    WorkMoved,
)
SHIFT = timedelta(days=217, hours=5, microseconds=7)
STATE_TIMES = (
    "raised_at",
    "step_due_at",
    "last_step_at",
    "first_acked_at",
    "hold_until",
    "arrival_due_at",
    "supervisor_at",
    "closed_at",
    "quiet_until",
    "everybody_at",
    "shelved_until",
)


class Escalation(RuleBasedStateMachine):
    """One alarm, its log, and a clock that only goes forward."""

    state: State

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.history: list[tuple[datetime, Input, Decision]] = []
        self.keys: set[str] = set()

    @initialize(raised=raises)
    def raise_it(self, raised: Raised) -> None:
        decision = decide(None, raised, self.now)
        self.state = decision.state
        self.history.append((self.now, raised, decision))

    @rule(tick=st.sampled_from(TICKS))
    def time_passes(self, tick: timedelta) -> None:
        self.now += tick

    @rule(timer=timers)
    def the_engine_looks(self, timer: TimerDue) -> None:
        self.apply(timer)

    @precondition(lambda self: self.state.next_due_at is not None)
    @rule(timer=timers)
    def the_engine_is_on_time(self, timer: TimerDue) -> None:
        due = self.state.next_due_at
        assert due is not None
        self.now = max(self.now, due)
        self.apply(timer)

    @rule(event=happenings)
    def it_happens(self, event: Input) -> None:
        self.apply(event)

    @rule(event=said_by_people)
    def somebody_who_was_asked_answers(self, event: Input) -> None:
        self.apply(event)

    @precondition(lambda self: self.state.rounds)
    @rule(data=st.data(), fate=st.sampled_from(Fate))
    def a_message_fares(self, data: st.DataObject, fate: Fate) -> None:
        """Chance alone seldom finds an address that was told."""
        ways = [way for turn in self.state.rounds for way in turn.sent]
        if ways:
            channel, _, address = data.draw(st.sampled_from(ways)).partition(":")
            self.apply(Delivered("P", channel, fate, "", address))

    @rule()
    def the_cause_goes(self) -> None:
        self.apply(Cleared("Back to normal"))

    @precondition(lambda self: self.state.is_quiet(self.now))
    @rule(by=holders, until=ends_of_work)
    def the_work_is_moved(self, by: Holder, until: datetime) -> None:
        self.apply(WorkMoved(until, by))

    @precondition(lambda self: self.state.handling is Handling.RAISED)
    @rule(by=holders)
    def somebody_claims(self, by: Holder) -> None:
        self.apply(Acked(by))

    @precondition(lambda self: self.state.claim is not None)
    @rule(act=st.sampled_from([Acked, Renewed, partial(Held, reason=""), partial(Attended, who="C"), Released]))
    def its_holder_acts(self, act: Callable[[Holder], Input]) -> None:
        """Chance alone seldom finds the holder."""
        assert self.state.claim is not None
        self.apply(act(self.state.claim.holder))

    @precondition(lambda self: self.state.claim is not None)
    @rule(by=holders, at=st.sampled_from(["nobody", "the voice", "the home"]))
    def somebody_else_acts_on_what_is_held(self, by: Holder, at: str) -> None:
        others = {"nobody": Acked(by, take_over=True), "the voice": VoiceLost("Gone", 5), "the home": Arrived("Here")}
        self.apply(others[at])

    @rule(event=closings, rarely=st.integers(0, 4))
    def somebody_closes(self, event: Closed, rarely: int) -> None:
        if rarely == 0:
            self.apply(event)

    def apply(self, event: Input) -> None:
        before = self.state
        try:
            decision = decide(before, event, self.now)
        except RuleError:
            return
        assert decision == decide(before, event, self.now)
        after = decision.state
        if decision.log:
            self.history.append((self.now, event, decision))
        else:
            assert isinstance(event, (TimerDue, WorkMoved))
            assert decision == Decision(before, (), ())
        self.state = after
        self.check_version(before, event, decision)
        self.check_what_stays(before, event, after)
        self.check_messages(before, event, decision)
        self.check_steps(before, event, decision)
        self.check_closing(before, event, decision)
        self.check_deadline(before, event, decision)
        self.check_quiet(before, event, decision)

    def check_version(self, before: State, event: Input, decision: Decision) -> None:
        quiet = isinstance(event, WITHOUT_NEW_VERSION) or not decision.log
        assert decision.state.version == before.version + (0 if quiet else 1)

    def check_what_stays(self, before: State, event: Input, after: State) -> None:
        """What an alarm is never changes, it only becomes graver, and its first answer counts for good (C29)."""
        for name in ("alarm_id", "type", "class_", "raised_at", "in_work"):
            assert getattr(after, name) == getattr(before, name)
        assert after.ladder == (event.ladder if isinstance(event, Rerouted) else before.ladder)
        assert after.rank <= before.rank
        assert after.events == before.events + isinstance(event, Repeated)
        if before.first_acked_at is not None or not isinstance(event, CLAIMS) or after.claim is None:
            assert after.first_acked_at == before.first_acked_at
        else:
            assert after.first_acked_at == self.now
        if before.claim is None:
            assert after.claim is None or (isinstance(event, CLAIMS) and after.claim.holder == event.by)
        elif after.claim is None:
            assert isinstance(event, (Released, Escalated, VoiceLost, TimerDue, Closed, Declined, Finished, Shelved))
        elif after.claim.holder != before.claim.holder and isinstance(event, Acked):
            assert event.take_over
        elif after.claim.holder != before.claim.holder:
            assert isinstance(event, (Declined, Finished))
            assert after.claim.holder in {acceptance.by for acceptance in after.acceptances}
        begins_anew = isinstance(event, (VoiceLost, Rerouted, Finished)) or after.loop > before.loop
        assert after.step >= before.step or begins_anew

    def check_messages(self, before: State, event: Input, decision: Decision) -> None:
        """E2: a key is used once. Only the engine, who knows the rota, tells anybody anything."""
        sent = [effect for effect in decision.effects if isinstance(effect, Notify)]
        keys = [effect.effect_key for effect in sent]
        assert len(keys) == len({*keys})
        assert not self.keys & {*keys}
        self.keys |= {*keys}
        assert not sent or isinstance(event, TimerDue)
        assert len({(effect.to.channel, effect.to.address) for effect in sent}) == len(sent)
        assert all(effect.rank == before.rank for effect in sent)
        self.check_whom_it_told(before, event, decision, sent)

    def check_whom_it_told(self, before: State, event: Input, decision: Decision, sent: list[Notify]) -> None:
        """E1: while somebody has it only a superior hears of it; what a step names is told; a hole is reported."""
        if not isinstance(event, TimerDue):
            return
        superiors = {Target.SUPERVISOR, Target.DUTY_MANAGER}
        after = decision.state
        if after.claim is not None and not any(line.kind == "silent_call" for line in decision.log):
            called = {turn.target for turn in (*before.rounds, *after.rounds)}
            assert {effect.target for effect in sent} <= {*superiors, *called, *(a.target for a in before.acceptances)}
        told = {(effect.to.channel, effect.to.address) for effect in sent}
        begun = {identity(turn) for turn in before.rounds}
        # Who waits for their turn has begun too: it may come sooner, when nobody before them can be expected.
        waits = {identity(turn)[:-1] for turn in before.rounds if turn.starts_at > self.now}
        for turn in after.rounds:
            if identity(turn) not in begun and identity(turn)[:-1] not in waits and turn.starts_at == self.now:
                assert {tuple(way.split(":")) for way in turn.sent} <= told
                assert sum(who.id == turn.party for who in event.parties[turn.target]) == 1
        for number, _ in self.numbers_of(decision, "uncovered"):
            step = before.ladder.steps[number - 1]
            holes = {t for effect in decision.effects if isinstance(effect, Uncovered) for t in effect.targets}
            assert holes >= {*step.targets} or holes >= {*step.otherwise}
        if {line.kind for line in decision.log} & {"uncovered", "hold_ended", "long_held", "arrival_missed", "lapsed"}:
            reachable = [rule for target in superiors for who in event.parties.get(target, ()) for rule in who.rules]
            assert sent or not reachable

    def numbers_of(self, decision: Decision, *kinds: str) -> list[tuple[int, str]]:
        lines = [(line.text, line.kind) for line in decision.log if line.kind in kinds]
        return [(int(match[1]), kind) for text, kind in lines if (match := re.match(r"Step (\d+)", text))]

    def check_steps(self, before: State, event: Input, decision: Decision) -> None:
        """E3: every step that was passed is in the log, in order, told or with the reason why not."""
        at, again, loop = before.step, before.again, before.loop
        if {line.kind for line in decision.log} & {"lapsed", "arrival_missed"}:
            again = 0  # whoever had it is gone, and the ladder goes on at the step after
        passed = self.numbers_of(decision, "step", "uncovered", "step_passed")
        if len(before.ladder.steps) == 1 and len(passed) == decision.state.loop - loop and not self.has_hope(before):
            again = 0  # where a step told nobody who can be expected the next comes: of a ladder of one, the same
        for number, kind in passed:
            if again and number == at:
                again -= 1
            else:
                if at == len(before.ladder.steps):
                    at, loop = 0, loop + 1
                assert number == at + 1
                at, again = number, before.ladder.steps[number - 1].retries
            if kind != "step":
                again = 0  # where nobody stands it is of no use to tell again
        if not isinstance(event, (VoiceLost, Rerouted, Finished)):
            assert (at, loop) == (decision.state.step, decision.state.loop)

    def has_hope(self, before: State) -> bool:
        """Say whether somebody whom the last step told can still be expected, whatever becomes of what is due now."""
        told = [turn for turn in before.rounds if (turn.step, turn.loop) == (before.step, before.loop)]
        hopeful = [turn for turn in told if not turn.hopeless]
        return any(turn.next_at is None or turn.starts_at <= self.now < turn.next_at for turn in hopeful)

    def check_closing(self, before: State, event: Input, decision: Decision) -> None:
        """E4, E7, E9: closed is final and silent; life-safety ends by a human's word only."""
        after = decision.state
        if before.handling is Handling.CLOSED:
            assert isinstance(event, Delivered)
            assert (after, decision.effects) == (before, ())
            return
        closes = after.handling is Handling.CLOSED
        claims = isinstance(event, Acked) and before.claim is None
        if closes or claims or isinstance(event, (Rerouted, Shelved)):
            assert decision.effects == (CancelPending(),)
            assert after.rounds == ()
        elif not isinstance(event, CLAIMS):
            assert CancelPending() not in decision.effects
        if closes:
            assert isinstance(event, Closed) or before.class_ != "L"

    def check_deadline(self, before: State, event: Input, decision: Decision) -> None:
        """E8: only somebody's word moves it later; a timer that was due is used up, one that was not does nothing."""
        due, following = before.next_due_at, decision.state.next_due_at
        if due is None or following is None:
            return
        if isinstance(event, TimerDue):
            assert bool(decision.log) == (due <= self.now)
            assert following > self.now
        elif not isinstance(event, MAY_GO_LATER):
            # What planned work keeps quiet waits for its end, also when somebody lets go of it.
            assert following <= max(due, self.now, before.quiet_until or due)

    def check_quiet(self, before: State, event: Input, decision: Decision) -> None:
        """Planned work: the ladder tells nobody before its end, and goes on at its end; only a quiet one is moved."""
        after = decision.state
        if isinstance(event, WorkMoved) and before.is_quiet(self.now):
            assert after.quiet_until == max(event.until, self.now)
            assert not decision.effects
        else:
            assert after.quiet_until == before.quiet_until
            assert not (isinstance(event, WorkMoved) and decision.log)
        if before.is_quiet(self.now):
            assert not {line.kind for line in decision.log} & {"step", "step_passed", "uncovered", "catch_all"}
            assert (after.step, after.loop, after.last_step_at) == (0, 0, None)
        if after.is_quiet(self.now) and after.handling is Handling.RAISED:
            assert after.step_due_at == max(after.quiet_until or self.now, after.shelved_until or self.now)
        if isinstance(event, WorkMoved) and decision.log and event.until <= self.now:
            assert after.handling is not Handling.RAISED or after.step_due_at == max(
                self.now, after.shelved_until or self.now
            )
        assert after.quiet_until is None or after.class_ != "L"

    @invariant()
    def every_open_alarm_has_a_next_moment_and_somebody(self) -> None:
        """E1."""
        if not hasattr(self, "state"):
            return
        state = self.state
        assert (state.next_due_at is None) == (state.handling is Handling.CLOSED)
        assert (what_next(state) is None) == (state.handling is Handling.CLOSED)
        assert (state.claim is not None) == (state.handling in {Handling.ACKED, Handling.ATTENDING})
        assert (state.step_due_at is not None) == (state.handling is Handling.RAISED)
        assert (state.outcome is not None) == (state.closed_at is not None) == (state.handling is Handling.CLOSED)
        assert (state.arrival_due_at is not None) == (state.handling is Handling.ATTENDING)
        assert state.claim is not None or (state.hold_until, state.supervisor_at) == (None, None)
        assert state.rank >= 0
        assert state.step <= len(state.ladder.steps)

    def teardown(self) -> None:
        if self.history:
            self.check_replay()
            self.check_shift()
            self.check_it_never_falls_silent()

    def check_it_never_falls_silent(self) -> None:
        """E1, E12: wherever it stands, if nobody acts any more the last resort is called in the time that adds up."""
        state, ladder = self.state, self.state.ladder
        if state.handling is Handling.CLOSED:
            return
        passes = max(ladder.loops, 0) + 1
        waits = sum(step.wait_s * (1 + step.retries) for step in ladder.steps) * passes + 60 * passes + ladder.repeat_s
        claims = max(ladder.ack_s, ladder.hold_s, 3600 + ladder.arrival_grace_s)
        words = {"catch_all"} if ladder.loops != FOREVER else {"catch_all", "step", "uncovered", "step_passed"}
        begins = (self.now, state.next_due_at, state.quiet_until, state.shelved_until)
        end = max(at for at in begins if at is not None) + timedelta(seconds=waits + claims)
        now, kinds = self.now, set()
        while not words & kinds:
            assert state.next_due_at is not None
            now = max(now, state.next_due_at)
            assert now <= end
            decision = decide(state, TimerDue(), now)
            assert decision.log
            state, kinds = decision.state, {line.kind for line in decision.log}

    def check_replay(self) -> None:
        """E5: the log, kept as JSON, gives the stored state byte for byte."""
        entries = json.loads(json.dumps([(at.isoformat(), dump_input(event)) for at, event, _ in self.history]))
        replayed = replay((datetime.fromisoformat(at), value) for at, value in entries)
        assert replayed == self.state
        stored = json.loads(json.dumps(dump_state(self.state)))
        assert load_state(stored) == self.state
        assert json.dumps(dump_state(load_state(stored))) == json.dumps(dump_state(self.state))

    def check_shift(self) -> None:
        """E6: the same a while later is the same."""
        state: State | None = None
        for at, event, decision in self.history:
            later = shift_input(event)
            shifted = decide(state, later, at + SHIFT)
            assert (shifted.effects, shifted.log) == (decision.effects, decision.log)
            assert shifted.state == shift(decision.state)
            state = shifted.state


def identity(turn: Round) -> tuple[object, ...]:
    return (turn.step, turn.loop, turn.target, turn.party, turn.starts_at)


def shift_input(event: Input) -> Input:
    if isinstance(event, WorkMoved):
        return replace(event, until=event.until + SHIFT)
    if not isinstance(event, Raised):
        return event
    quiet_until = event.quiet_until and event.quiet_until + SHIFT
    return replace(event, received_at=event.received_at + SHIFT, quiet_until=quiet_until)


def shift(state: State) -> State:
    moved: dict[str, Any] = {name: value + SHIFT for name in STATE_TIMES if (value := getattr(state, name)) is not None}
    if (claim := state.claim) is not None:
        moved["claim"] = replace(claim, since=claim.since + SHIFT, expires_at=claim.expires_at + SHIFT)
    moved["rounds"] = tuple(
        replace(turn, starts_at=turn.starts_at + SHIFT, next_at=turn.next_at and turn.next_at + SHIFT)
        for turn in state.rounds
    )
    moved["acceptances"] = tuple(replace(one, at=one.at + SHIFT) for one in state.acceptances)
    return replace(state, **moved)


TestEscalation = Escalation.TestCase
TestEscalation.settings = examples(150)


@given(inputs)
@examples(150)
def test_every_input_survives_its_way_through_the_log(event: Input):
    assert load_input(json.loads(json.dumps(dump_input(event)))) == event


@given(ladders, party_maps)
@examples(150)
def test_who_is_told_when_is_what_the_ladder_says(ladder: Ladder, parties: Parties):
    """E12: with the engine on time no step comes a second later than the ladder's waits add up to."""
    ladder = replace(ladder, loops=max(ladder.loops, 0))
    until_s = min(4 * 3600, sum(step.wait_s for step in ladder.steps) + 3 * ladder.repeat_s)
    run = Run(ladder=ladder, parties=parties).until(until_s)
    assert sorted({*run.told_addresses}) == Oracle(ladder, parties).told(until_s)
