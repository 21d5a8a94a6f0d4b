"""A clock that jumps, and one that only answers slowly."""

from datetime import UTC, datetime, timedelta

import pytest

from alarms.handling.clock import ClockWatch

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def looks(*each: tuple[float, float, float]) -> list[float | None]:
    """Each look: the steady clock before, what the database says (seconds after noon), the steady clock after."""
    watch = ClockWatch()
    return [watch.jump(before, NOON + timedelta(seconds=told), after) for before, told, after in each]


def test_the_first_look_and_a_steady_pace_are_no_jump():
    assert looks((0, 500, 0.1), (1, 501, 1.1), (7200, 7700, 7200.2)) == [None, None, None]


@pytest.mark.parametrize("hours", [1, -1])
def test_an_hour_is_a_jump_once(hours: int):
    by = hours * 3600
    assert looks((0, 0, 0), (1, 1 + by, 1), (2, 2 + by, 2)) == [None, by, None]


def test_a_slow_answer_is_no_jump():
    assert looks((0, 0, 0), (1, 58, 60), (61, 61, 61)) == [None, None, None]
