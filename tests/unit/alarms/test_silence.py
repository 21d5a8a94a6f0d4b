"""By when a human must see to a silent hub, and the ladder that has one on it by then."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.escalation.decide import decide
from alarms.escalation.domain import Address, ContactRule, Notify, Party, Target
from alarms.escalation.inputs import Raised, TimerDue
from alarms.handling.deadlines import USUAL, Deadlines, Minutes
from alarms.handling.silence import are_many, ladder_until
from alarms.policy.calendar import next_morning

FRIDAY = datetime(2027, 1, 1, 3, 12, tzinfo=UTC)  # New Year's Day; the 4th is a holiday in Scotland for the 2nd
BOSS = Party("b", "Boss", (ContactRule(0, Address("email", "boss@x", "Boss")),))


@pytest.mark.parametrize(
    ("tier", "in_time"), [("A", timedelta(minutes=15)), ("B", timedelta(hours=1)), ("C", timedelta(hours=4))]
)
def test_the_graver_the_tier_the_sooner(tier: str, in_time: timedelta) -> None:
    assert USUAL.act_by(tier, FRIDAY) == FRIDAY + in_time


def test_the_least_grave_wait_for_the_next_working_morning_in_scotland() -> None:
    assert USUAL.act_by("D", FRIDAY) == datetime(2027, 1, 5, 10, tzinfo=UTC)
    tuesday = datetime(2027, 1, 5, 9, 59, tzinfo=UTC)
    assert next_morning(tuesday) == datetime(2027, 1, 5, 10, tzinfo=UTC)
    summer = datetime(2027, 7, 6, 9, 0, tzinfo=UTC)  # 10:00 there: the morning has begun
    assert next_morning(summer) == datetime(2027, 7, 7, 9, tzinfo=UTC)


@given(hours=st.floats(0, 8760))
def test_whoever_is_at_less_risk_is_never_to_be_seen_to_sooner(hours: float) -> None:
    deadlines = [USUAL.act_by(tier, FRIDAY + timedelta(hours=hours)) for tier in "ABCD"]
    assert deadlines == sorted(deadlines)


TIERS = st.sampled_from(["A", "B", "C", "D", None])


@st.composite
def minutes(draw: st.DrawFn) -> Minutes:
    a, b, c = sorted(draw(st.lists(st.integers(5, 1440), min_size=3, max_size=3)))
    return Minutes(a, b, c, draw(st.none() | st.integers(c, 10_080)))


@st.composite
def settings(draw: st.DrawFn) -> list[tuple[datetime, Minutes]]:
    hours = sorted(draw(st.sets(st.integers(-100, 100), max_size=4)))
    return [(FRIDAY + timedelta(hours=each), draw(minutes())) for each in hours]


@given(tier=TIERS, history=settings(), later=minutes())
def test_what_a_council_sets_later_moves_a_deadline_nearer_and_never_away(
    tier: str | None, history: list[tuple[datetime, Minutes]], later: Minutes
) -> None:
    was = Deadlines(history).act_by(tier, FRIDAY)
    is_now = Deadlines([*history, (FRIDAY + timedelta(hours=101), later)]).act_by(tier, FRIDAY)
    assert is_now == min(was, later.act_by(tier, FRIDAY))


@given(history=settings())
def test_a_silence_goes_by_what_held_when_it_began_and_whoever_is_at_less_risk_comes_later(
    history: list[tuple[datetime, Minutes]],
) -> None:
    held = [each for at, each in history if at <= FRIDAY]
    assert Deadlines(history).act_by("A", FRIDAY) <= (held[-1] if held else USUAL).act_by("A", FRIDAY)
    deadlines = [Deadlines(history).act_by(each, FRIDAY) for each in ("A", "B", "C", "D")]
    assert deadlines == sorted(deadlines)


@given(tier=TIERS, minutes=minutes(), waited_s=st.integers(0, 100_000))
def test_a_nearer_deadline_tells_nobody_later_than_the_ladder_before(
    tier: str | None, minutes: Minutes, waited_s: int
) -> None:
    now = FRIDAY + timedelta(seconds=waited_s)
    before, sooner = USUAL.act_by(tier, FRIDAY), min(USUAL.act_by(tier, FRIDAY), minutes.act_by(tier, FRIDAY))
    old, new = ladder_until(tier, FRIDAY, before), ladder_until(tier, now, sooner, FRIDAY)
    at_once = now + timedelta(minutes=1)
    assert now + timedelta(seconds=new.steps[0].wait_s) <= max(FRIDAY + timedelta(seconds=old.steps[0].wait_s), at_once)
    assert sum(step.wait_s for step in new.steps[:2]) <= max((sooner - now).total_seconds(), 60)


@given(tier=TIERS, late_s=st.integers(0, 100_000))
def test_a_supervisor_hears_of_it_before_the_deadline_however_late_it_is_opened(tier: str | None, late_s: int) -> None:
    now = FRIDAY + timedelta(seconds=late_s)
    deadline = USUAL.act_by(tier, FRIDAY)
    state = decide(None, Raised("a", "hub_offline", "U", 30, ladder_until(tier, now, deadline), "", now), now).state
    while True:
        due = state.next_due_at
        assert due is not None
        assert due <= max(deadline, now + timedelta(minutes=1))
        decision = decide(state, TimerDue({Target.SUPERVISOR: (BOSS,)}), due)
        state = decision.state
        if any(isinstance(effect, Notify) for effect in decision.effects):
            return


@pytest.mark.parametrize(
    ("silent", "of_all", "many"), [(4, 10, False), (5, 10, True), (19, 1000, False), (20, 1000, True)]
)
def test_many_are_five_or_two_in_a_hundred_of_many(silent: int, of_all: int, many: bool) -> None:
    assert are_many(silent, of_all) is many
