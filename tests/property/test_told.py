"""Several alarms, their people and an engine that is at times away: whom the core tells is what the book says."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from alarms.escalation.decide import decide
from alarms.escalation.domain import FOREVER, ContactRule, Holder, Ladder, Notify, Party, RuleError, State, Step
from alarms.escalation.inputs import (
    Accepted,
    Acked,
    Cleared,
    Closed,
    Declined,
    Delivered,
    Escalated,
    Fate,
    Input,
    Raised,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    RulesChanged,
    TimerDue,
)
from alarms.escalation.ladders import BY_CLASS
from tests.property.book import Book
from tests.property.escalation_values import PEOPLE, T0, TICKS, holders, names_of_targets, targets, told_by
from tests.property.examples import examples

MOST_LOOKS = 40
"""With the engine on time; a ladder of seconds would otherwise make an afternoon of 25 hours."""

steps = st.builds(
    Step,
    targets,
    st.sampled_from([0, 1, 30, 60, 300, 3600, 300 * 60]),
    retries=st.sampled_from([0, 0, 0, 1, 2]),
)
ladders = st.sampled_from([BY_CLASS["L"], BY_CLASS["T"]]) | st.builds(
    Ladder,
    name=st.just("made up"),
    version=st.just(1),
    steps=st.lists(steps, max_size=6).map(tuple),
    catch_all=targets,
    repeat_s=st.sampled_from([1, 60, 3600]),
    ack_s=st.sampled_from([1, 60, 300]),
    remind_s=st.sampled_from([0, 30, 600]),
    arrival_s=st.sampled_from([0, 45 * 60, 2 * 3600]),
    arrival_grace_s=st.sampled_from([1, 300]),
    closes_when_cleared=st.booleans(),
    loops=st.sampled_from([0, 1, 5, FOREVER]),
)
people = st.sampled_from(PEOPLE)
which = st.integers(0, 9)
"""One of the open alarms, modulo their number."""


class Told(RuleBasedStateMachine):
    """Each event goes to the core and into the book; both say after it who was told and when it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.states: list[State] = []
        self.books: list[Book] = []
        self.rules: dict[str, tuple[ContactRule, ...]] = {}
        self.behind: dict[str, list[Holder]] = {}

    @initialize(
        ways=st.tuples(*[told_by for _ in PEOPLE]),
        behind=st.dictionaries(names_of_targets, st.lists(people, max_size=4, unique=True)),
    )
    def there_are_people(self, ways: tuple[tuple[ContactRule, ...], ...], behind: dict[str, list[Holder]]) -> None:
        self.rules = {who.id: way for who, way in zip(PEOPLE, ways, strict=True)}
        self.behind = behind

    @precondition(lambda self: len(self.states) < 4)
    @rule(ladder=ladders, class_=st.sampled_from("LLUT"), looks=st.booleans())
    def an_alarm_is_raised(self, ladder: Ladder, class_: str, *, looks: bool) -> None:
        event = Raised(f"alarm-{len(self.states)}", "pendant", class_, 10, ladder, "Pressed", self.now)
        self.states.append(decide(None, event, self.now).state)
        self.books.append(Book(self.now, event))
        if looks:
            self.look()

    @rule(tick=st.sampled_from(TICKS), awake=st.booleans())
    def time_passes(self, tick: timedelta, *, awake: bool) -> None:
        """Without the engine it only looks at the end."""
        until = self.now + tick
        for _ in range(MOST_LOOKS if awake else 0):
            due = min((at for state in self.states if (at := state.next_due_at) is not None), default=until)
            if due > until:
                break
            self.now = max(self.now, due)
            self.look()
        self.now = until
        self.look()

    @rule(tick=st.sampled_from(TICKS))
    def time_passes_and_the_engine_stays_away(self, tick: timedelta) -> None:
        self.now += tick

    @precondition(lambda self: self.states)
    @rule(n=which, looks=st.booleans(), data=st.data())
    def something_happens(self, n: int, *, looks: bool, data: st.DataObject) -> None:
        n %= len(self.states)
        state = self.states[n]
        had = state.claim.holder if state.claim else None
        by = data.draw(holders | st.just(had) if had else holders)
        events: list[Input] = [
            Repeated("Again", 10),
            Cleared("Over"),
            Acked(by),
            Acked(by, take_over=True),
            Renewed(by),
            Released(by),
            Escalated(by),
            Closed(by, "reassured", supervisor=True),
            Rerouted(data.draw(ladders), "Elsewhere"),
            Accepted(who := data.draw(people), "link", data.draw(st.sampled_from([None, 0, 60, 5 * 3600]))),
            Declined(who, "link"),
        ]
        self.apply(n, data.draw(st.sampled_from(events)))
        if looks:
            self.look()

    @precondition(lambda self: any(turn.sent for state in self.states for turn in state.rounds))
    @rule(data=st.data(), fate=st.sampled_from(Fate), looks=st.booleans())
    def a_message_fares(self, data: st.DataObject, fate: Fate, *, looks: bool) -> None:
        told = [(n, way) for n, state in enumerate(self.states) for turn in state.rounds for way in turn.sent]
        n, way = data.draw(st.sampled_from(told))
        channel, _, address = way.partition(":")
        self.apply(n, Delivered("P", channel, fate, "", address))
        if looks:
            self.look()

    @rule(who=people, rules=told_by)
    def somebody_changes_their_rules(self, who: Holder, rules: tuple[ContactRule, ...]) -> None:
        self.rules[who.id] = rules
        for n, state in enumerate(self.states):
            if any(turn.party == who.id for turn in state.rounds):
                self.apply(n, RulesChanged(self.there()))

    @rule(who=people, where=names_of_targets, joins=st.booleans())
    def somebody_joins_or_is_removed(self, who: Holder, where: str, *, joins: bool) -> None:
        if joins and who not in self.behind.get(where, []):
            self.behind.setdefault(where, []).append(who)
        elif not joins:
            self.behind = {name: [one for one in listed if one != who] for name, listed in self.behind.items()}

    def look(self) -> None:
        """The engine takes every alarm whose moment has come."""
        parties = {
            target: tuple(Party(who.id, who.name, self.rules[who.id]) for who in listed)
            for target, listed in self.behind.items()
        }
        for n, state in enumerate(self.states):
            if (due := state.next_due_at) is not None and due <= self.now:
                self.apply(n, TimerDue(parties, self.there()))

    def there(self) -> dict[str, Party]:
        listed = {who.id: who for everybody in self.behind.values() for who in everybody}
        return {who.id: Party(who.id, who.name, self.rules[who.id]) for who in listed.values()}

    def apply(self, n: int, event: Input) -> None:
        before, book = self.states[n], self.books[n]
        try:
            decision = decide(before, event, self.now)
        except RuleError:
            assert not book.take(self.now, event)
            return
        assert book.take(self.now, event)
        after = self.states[n] = decision.state
        told = {(one.to.channel, one.to.address) for one in decision.effects if isinstance(one, Notify)}
        assert told == book.said
        for turn in after.rounds:
            ways = [tuple(way.split(":")) for way in turn.sent]
            assert {(turn.step, turn.loop, turn.party, way) for way in ways} <= book.rounds_of
        # A round of a late step that is over at once is not kept: that the step came is in the log.
        kinds = ("step", "uncovered", "catch_all")
        assert [line.kind for line in decision.log if line.kind in kinds] == book.came
        assert after.next_due_at == book.next_due_at()
        assert (after.step, after.loop, after.again) == (book.step, book.loop, book.again) or after.closed_at


TestTold = Told.TestCase
TestTold.settings = examples(120, steps=40)
