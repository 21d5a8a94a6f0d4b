"""Whether another ladder would have a human on an alarm sooner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.escalation.ahead import comes_sooner
from alarms.escalation.decide import decide
from alarms.escalation.domain import Ladder, State, Step, Target
from alarms.escalation.inputs import Raised
from alarms.handling.deadlines import USUAL
from alarms.handling.silence import AT_LEAST, ladder_until

NOW = datetime(2027, 1, 11, 9, tzinfo=UTC)


def ladder(*minutes: float, last: tuple[str, ...] = (Target.DUTY_MANAGER,)) -> Ladder:
    """Queue at once, supervisor and the last ones after so many minutes each."""
    waits = [int(60 * each) for each in minutes]
    targets = ((Target.QUEUE,), (Target.QUEUE, Target.SUPERVISOR), last)
    steps = tuple(Step(target, wait) for target, wait in zip(targets, [*waits, 3600], strict=False))
    return Ladder("some", 1, steps, (Target.QUEUE, Target.SUPERVISOR), repeat_s=3600, ack_s=900, remind_s=60)


def waiting(own: Ladder, step: int = 1, due_in: float = 60) -> State:
    """An alarm whose next step is due in so many minutes."""
    state = decide(None, Raised("a", "hub_offline", "T", 5, own, "silent", NOW, None), NOW).state
    return replace(state, step=step, step_due_at=NOW + timedelta(minutes=due_in))


def test_a_ladder_that_tells_everybody_sooner_comes_sooner() -> None:
    assert comes_sooner(ladder(5, 5), waiting(ladder(60, 60)), NOW)
    assert not comes_sooner(ladder(60, 60), waiting(ladder(5, 5), due_in=5), NOW)


def test_one_that_tells_a_single_one_of_them_later_does_not_until_that_one_was_told() -> None:
    own = ladder(60, 180)
    assert not comes_sooner(ladder(15, 15), waiting(own, due_in=10), NOW)
    assert comes_sooner(ladder(15, 15), waiting(own, step=2, due_in=180), NOW)


def test_whom_it_does_not_name_counts_as_told_at_its_end() -> None:
    own = waiting(ladder(60, 60, last=(Target.CONTACTS,)))
    assert comes_sooner(ladder(5, 50), own, NOW)
    assert not comes_sooner(ladder(5, 150), own, NOW)


def test_of_one_that_has_told_all_its_last_resort_counts() -> None:
    assert comes_sooner(ladder(5, 5), waiting(ladder(60, 60), step=3, due_in=30), NOW)
    assert not comes_sooner(ladder(5, 5), waiting(ladder(60, 60), step=3, due_in=3), NOW)


def test_while_a_human_has_it_both_count_from_their_first_step() -> None:
    held = replace(waiting(ladder(60, 60)), step_due_at=None)
    assert comes_sooner(ladder(5, 5), held, NOW)
    assert not comes_sooner(ladder(90, 90), held, NOW)


@given(before=st.sampled_from("BCD"), up=st.integers(1, 3), after_s=st.integers(0, 4 * 3600), step=st.integers(1, 2))
def test_a_graver_tiers_deadline_always_comes_sooner(before: str, up: int, after_s: int, step: int) -> None:
    tier = chr(max(ord(before) - up, ord("A")))
    since, now = NOW, NOW + timedelta(seconds=after_s)
    own = ladder_until(before, since, USUAL.act_by(before, since))
    due = since + timedelta(seconds=sum(each.wait_s for each in own.steps[:step]))
    if due <= now + AT_LEAST:  # it was told by then, or is within the minute that another one takes at least
        return
    state = replace(waiting(own), step=step, step_due_at=due)
    assert comes_sooner(ladder_until(tier, now, USUAL.act_by(tier, since)), state, now)


@pytest.mark.parametrize("quiet_min", [None, 45])
def test_planned_work_holds_the_other_one_back_too(quiet_min: int | None) -> None:
    until = None if quiet_min is None else NOW + timedelta(minutes=quiet_min)
    state = replace(waiting(ladder(60, 60), step=1, due_in=50), quiet_until=until)
    assert comes_sooner(ladder(15, 15), state, NOW) is (quiet_min is None)
