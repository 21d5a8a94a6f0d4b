"""In each single future: more engineers, more Saturdays, a later deadline never leave more homes."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.switchover.forecast.burn_down import Span
from devices.switchover.forecast.domain import Flow, History, Outcome, Pool, Wait, Worked
from devices.switchover.forecast.forecast import Forecast, Team, WhatIf, forecast
from devices.switchover.working_days import WorkingDays

FIRST = date(2026, 11, 30)
COUNTS = st.integers(0, 60)
DRAWS = 40

pools = st.builds(
    Pool,
    preparing=COUNTS,
    ready=COUNTS,
    again=COUNTS,
    waiting=st.dictionaries(st.sampled_from(Wait), COUNTS),
    soaking=COUNTS,
    done=COUNTS,
)
flows = st.builds(Flow, COUNTS, st.floats(0, 500))
worked = st.builds(
    Worked, st.integers(1, 60).map(lambda day: FIRST - timedelta(days=day)), st.integers(0, 8), COUNTS, COUNTS
)
histories = st.builds(
    History,
    days=st.lists(worked, max_size=20).map(tuple),
    first=st.dictionaries(st.sampled_from(Outcome), COUNTS),
    again=st.dictionaries(st.sampled_from(Outcome), COUNTS),
    back=st.dictionaries(st.sampled_from(Wait), flows),
    prepared=flows,
    turned_down=COUNTS,
    left=flows,
)
engineers = st.floats(0, 12)
lengths = st.integers(0, 50)


def told(pool: Pool, past: History, days: int, seed: int, what_if: WhatIf, working: WorkingDays) -> Forecast:
    span = Span(FIRST, FIRST + timedelta(days=days))
    rng = np.random.default_rng(seed)
    return forecast(pool, past, Team(4, 4), span, working, rng, what_if=what_if, draws=DRAWS, need=False)


@settings(max_examples=60, deadline=None)
@given(pools, histories, lengths, engineers, engineers, st.integers(0, 99))
def test_more_engineers_never_leave_more_homes(
    pool: Pool, past: History, days: int, some: float, others: float, seed: int
) -> None:
    few, many = (
        told(pool, past, days, seed, WhatIf(engineers=number), WorkingDays()).remaining
        for number in sorted((some, others))
    )
    assert (many <= few).all()


@settings(max_examples=60, deadline=None)
@given(pools, histories, lengths, st.sets(st.integers(0, 8)), st.integers(0, 99))
def test_a_saturday_more_never_leaves_more_homes(
    pool: Pool, past: History, days: int, weeks: set[int], seed: int
) -> None:
    saturdays = frozenset(FIRST + timedelta(days=5 + 7 * week) for week in weeks)
    without, with_them = (
        told(pool, past, days, seed, WhatIf(), WorkingDays(saturdays=worked)).remaining
        for worked in (frozenset[date](), saturdays)
    )
    assert (with_them <= without).all()


@settings(max_examples=60, deadline=None)
@given(pools, histories, lengths, st.integers(0, 20), st.integers(0, 99))
def test_a_later_deadline_never_leaves_more_homes(pool: Pool, past: History, days: int, later: int, seed: int) -> None:
    first, second = (told(pool, past, length, seed, WhatIf(), WorkingDays()) for length in (days, days + later))
    assert (second.remaining[:, days] == first.remaining[:, -1]).all()  # it begins as the shorter one does
    assert (second.remaining[:, -1] <= first.remaining[:, -1]).all()


@settings(max_examples=60, deadline=None)
@given(pools, histories, lengths, engineers, st.integers(0, 99))
def test_homes_neither_appear_nor_vanish(pool: Pool, past: History, days: int, number: float, seed: int) -> None:
    remaining = told(pool, past, days, seed, WhatIf(engineers=number), WorkingDays()).remaining
    assert (remaining >= 0).all()
    assert (remaining <= pool.remaining).all()
    assert (np.diff(remaining, axis=1) <= 0).all()
