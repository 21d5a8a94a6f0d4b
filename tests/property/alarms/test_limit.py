"""The limit of alarms that nobody has, at every number and every limit."""

from hypothesis import given
from hypothesis import strategies as st

from alarms.handling.limit import Level, LimitWatch, level_of

LIMITS = st.integers(1, 10**6)
ORDER = {None: 0, Level.WARNING: 1, Level.ERROR: 2}


@given(LIMITS, st.integers(0, 2 * 10**6))
def test_an_error_is_reached_exactly_and_a_warning_from_four_fifths_on(limit: int, unclaimed: int) -> None:
    level = level_of(unclaimed, limit)
    assert (level is Level.ERROR) == (unclaimed >= limit)
    assert (level is None) == (5 * unclaimed < 4 * limit)


@given(LIMITS)
def test_the_boundaries(limit: int) -> None:
    near = -(-limit * 4 // 5)
    assert level_of(near - 1, limit) is None
    assert level_of(near, limit) is (Level.ERROR if near == limit else Level.WARNING)
    assert level_of(limit - 1, limit) is not Level.ERROR
    assert level_of(limit, limit) is Level.ERROR


@given(LIMITS, st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_is_never_less_grave(limit: int, few: int, more: int) -> None:
    assert ORDER[level_of(few, limit)] <= ORDER[level_of(few + more, limit)]


@given(st.integers(1, 50), st.lists(st.integers(0, 60), max_size=60))
def test_each_time_that_it_is_reached_is_told_once(limit: int, counts: list[int]) -> None:
    watch, told, armed = LimitWatch(), 0, True
    expected = 0
    for count in counts:
        fresh = watch.fresh({"F": count}, limit)
        watch.told(fresh)
        told += len(fresh)
        if armed and count >= limit:
            expected, armed = expected + 1, False
        elif level_of(count, limit) is None:
            armed = True
    assert told == expected
