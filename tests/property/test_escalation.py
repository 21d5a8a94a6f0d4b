"""The escalation core against its invariants (scenarios, section E), whatever happens in whatever order."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alarms.escalation.codec import dump_input, dump_state, load_input, load_state, replay
from alarms.escalation.decide import WITHOUT_NEW_VERSION, decide
from alarms.escalation.domain import (
    IN_HOUSE,
    Acked,
    Addresses,
    Arrived,
    Attended,
    CancelPending,
    Cleared,
    Closed,
    Decision,
    Delivered,
    Escalated,
    Handling,
    Held,
    Holder,
    Input,
    Ladder,
    Notify,
    Raised,
    Released,
    Renewed,
    Repeated,
    RuleError,
    State,
    Target,
    TimerDue,
    Uncovered,
    VoiceLost,
)
from alarms.handling.domain import what_next
from tests.property.escalation_values import (
    T0,
    TICKS,
    address_maps,
    closings,
    happenings,
    holders,
    inputs,
    ladders,
    raises,
    timers,
)
from tests.unit.alarms.run import Run

MAY_GO_LATER = (Acked, Renewed, Attended, Held, Arrived)
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

    @rule()
    def the_cause_goes(self) -> None:
        self.apply(Cleared("Back to normal"))

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
            assert isinstance(event, TimerDue)
            assert decision == Decision(before, (), ())
        self.state = after
        self.check_version(before, event, decision)
        self.check_what_stays(before, event, after)
        self.check_messages(before, event, decision)
        self.check_steps(before, decision)
        self.check_closing(before, event, decision)
        self.check_deadline(before, event, decision)

    def check_version(self, before: State, event: Input, decision: Decision) -> None:
        quiet = isinstance(event, WITHOUT_NEW_VERSION) or not decision.log
        assert decision.state.version == before.version + (0 if quiet else 1)

    def check_what_stays(self, before: State, event: Input, after: State) -> None:
        """What an alarm is never changes, it only becomes graver, and its first answer counts for good (C29)."""
        for name in ("alarm_id", "type", "class_", "ladder", "raised_at"):
            assert getattr(after, name) == getattr(before, name)
        assert after.rank <= before.rank
        assert after.events == before.events + isinstance(event, Repeated)
        if before.first_acked_at is not None or not isinstance(event, Acked):
            assert after.first_acked_at == before.first_acked_at
        else:
            assert after.first_acked_at == self.now
        if before.claim is None:
            assert after.claim is None or (isinstance(event, Acked) and after.claim.holder == event.by)
        elif after.claim is None:
            assert isinstance(event, (Released, Escalated, VoiceLost, TimerDue, Closed))
        elif after.claim.holder != before.claim.holder:
            assert isinstance(event, Acked)
            assert event.take_over
        assert after.step >= before.step or (isinstance(event, VoiceLost) and before.claim is not None)

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
        if decision.state.claim is not None:
            assert {effect.target for effect in sent} <= superiors
        for target in (t for step in before.ladder.steps[before.step : decision.state.step] for t in step.targets):
            for to in event.addresses.get(target, ()):
                assert any((to.channel, to.address) == (effect.to.channel, effect.to.address) for effect in sent)
            if target not in IN_HOUSE and target is not Target.CONTACTS and not event.addresses.get(target):
                assert any(isinstance(effect, Uncovered) and target in effect.targets for effect in decision.effects)
        if {line.kind for line in decision.log} & {"uncovered", "hold_ended", "long_held", "arrival_missed", "lapsed"}:
            reachable = [to for target in superiors for to in event.addresses.get(target, ())]
            assert sent or not reachable

    def check_steps(self, before: State, decision: Decision) -> None:
        """E3: every step that was passed is in the log, in order, told or with the reason why not."""
        lines = [line.text for line in decision.log if line.kind in {"step", "uncovered"}]
        numbers = [int(text.removeprefix("Step ").partition(":")[0]) for text in lines]
        assert numbers == list(range(before.step + 1, decision.state.step + 1))

    def check_closing(self, before: State, event: Input, decision: Decision) -> None:
        """E4, E7, E9: closed is final and silent; life-safety ends by a human's word only."""
        after = decision.state
        if before.handling is Handling.CLOSED:
            assert isinstance(event, Delivered)
            assert (after, decision.effects) == (before, ())
            return
        closes = after.handling is Handling.CLOSED
        claims = isinstance(event, Acked) and before.claim is None
        assert (CancelPending() in decision.effects) == (closes or claims)
        if closes:
            assert decision.effects == (CancelPending(),)
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
            assert following <= max(due, self.now)

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
        waits = sum(step.wait_s for step in ladder.steps) + ladder.repeat_s
        claims = max(ladder.ack_s, ladder.hold_s, 3600 + ladder.arrival_grace_s)
        end = max(self.now, state.next_due_at or self.now) + timedelta(seconds=waits + claims)
        now, kinds = self.now, set()
        while "catch_all" not in kinds:
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
            later = replace(event, received_at=event.received_at + SHIFT) if isinstance(event, Raised) else event
            shifted = decide(state, later, at + SHIFT)
            assert (shifted.effects, shifted.log) == (decision.effects, decision.log)
            assert shifted.state == shift(decision.state)
            state = shifted.state


def shift(state: State) -> State:
    moved: dict[str, Any] = {name: value + SHIFT for name in STATE_TIMES if (value := getattr(state, name)) is not None}
    if (claim := state.claim) is not None:
        moved["claim"] = replace(claim, since=claim.since + SHIFT, expires_at=claim.expires_at + SHIFT)
    return replace(state, **moved)


TestEscalation = Escalation.TestCase
TestEscalation.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@given(inputs)
@settings(max_examples=150, deadline=None)
def test_every_input_survives_its_way_through_the_log(event: Input):
    assert load_input(json.loads(json.dumps(dump_input(event)))) == event


def expected(ladder: Ladder, addresses: Addresses, until_s: float) -> list[tuple[float, str]]:
    """Recompute, from the ladder alone, who is told when if nobody ever acts (E12)."""
    told: list[tuple[float, tuple[str, str]]] = []

    def tell(at: float, targets: tuple) -> None:
        told.extend((at, (to.channel, to.address)) for target in targets for to in addresses.get(target, ()))

    def covered(targets: tuple) -> bool:
        return any(target in IN_HOUSE or addresses.get(target) for target in targets)

    superior = ("duty_manager" if addresses.get(Target.DUTY_MANAGER) else "supervisor",)
    at = 0.0
    for step in ladder.steps:
        if at > until_s:
            break
        tell(at, step.targets if covered(step.targets) else superior)
        at += step.wait_s if covered(step.targets) else 0
    while at <= until_s:
        tell(at, ladder.catch_all if covered(ladder.catch_all) else superior)
        at += ladder.repeat_s
    return list(dict.fromkeys(told))


@given(ladders, address_maps)
@settings(max_examples=150, deadline=None)
def test_who_is_told_when_is_what_the_ladder_says(ladder: Ladder, addresses: Addresses):
    """E12: with the engine on time no step comes a second later than the ladder's waits add up to."""
    until_s = sum(step.wait_s for step in ladder.steps) + 3 * ladder.repeat_s
    run = Run(ladder=ladder, addresses=addresses).until(until_s)
    assert run.told_addresses == expected(ladder, addresses, until_s)
