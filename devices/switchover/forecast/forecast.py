"""The forecast itself: the range of homes that remain on each day, and what it would take to get them all. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from devices.switchover.forecast.burn_down import (
    Burnt,
    Capacity,
    Future,
    Ints,
    Span,
    burn,
    capacity,
    foresee,
    who_leaves,
)
from devices.switchover.forecast.domain import History, Pool
from devices.switchover.forecast.rates import Rates, draw_rates
from devices.switchover.working_days import WorkingDays

DRAWS = 1000
BUSY = 2_000_000
"""So many visits in all draws are enough: a large programme needs fewer draws for the same smoothness."""
FEWEST_DRAWS = 200
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
FEW = 0.02
"""Nobody waits for an engineer when no more than this share of homes could be visited on the last day and is not."""
STEP = 0.1
MOST_ENGINEERS = 100.0
NEED_DRAWS = 250
"""What is needed is told by the middle of the futures, which fewer of them give as well."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who does the work as it is now: engineers a day, and visits that each of them makes or is planned to make."""

    engineers: float
    pace: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What is asked for instead of what is; None for as it is. `no_access` is a share of first visits."""

    engineers: float | None = None
    pace: float | None = None
    no_access: float | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """Homes that remain at the end of a day: a tenth of futures has fewer than `low`, a tenth more than `high`."""

    day: date
    low: int
    middle: int
    high: int


@dataclass(frozen=True, slots=True)
class Need:
    """What it takes that at the deadline no home waits for an engineer.

    `engineers` are more than now, None when no number is enough; `saturdays` are days to work as well, `enough` says
    whether they do by themselves; `beyond` homes remain even so: they refuse, are out, have no signal.
    """

    engineers: float | None
    saturdays: tuple[date, ...]
    enough: bool
    beyond: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The answer for one deadline. `finished` is the share of futures in which nobody remains."""

    bands: tuple[Band, ...]
    at_deadline: Band
    finished: float
    need: Need | None
    rates: Rates
    remaining: Ints

    def bounds(self, level: float, day: int = -1) -> tuple[float, float]:
        """Return the central range that holds a share of futures on a day, by its number; the last without one."""
        low, high = np.quantile(self.remaining[:, day], [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def forecast(
    pool: Pool,
    history: History,
    team: Team,
    span: Span,
    working_days: WorkingDays,
    rng: np.random.Generator,
    *,
    what_if: WhatIf = WhatIf(),
    draws: int | None = None,
    rates: Rates | None = None,
    need: bool = True,
) -> Forecast:
    """Say how many homes remain on each day of a span, of which the last is the deadline.

    The same `rng` state gives the same chances to every question, so that answers differ by what was asked alone.
    """
    number = draws or max(FEWEST_DRAWS, min(DRAWS, BUSY // max(1, pool.remaining)))
    known = draw_rates(history, team.pace, number, rng, engineers=team.engineers) if rates is None else rates
    supposed = known if what_if.no_access is None else known.with_no_access(what_if.no_access)
    supposed = supposed if what_if.pace is None else supposed.with_pace(what_if.pace)
    usually = WorkingDays(working_days.council, local=working_days.local)
    future = foresee(pool, supposed, span, rng, usually)
    # Who leaves is told by the work as it is, for all questions alike: more work must not seem to keep people alive.
    usual = capacity(Capacity(team.engineers, usually), supposed, future, span)
    left = who_leaves(burn(pool, future, usual).remaining, supposed)

    engineers = team.engineers if what_if.engineers is None else what_if.engineers
    visits = capacity(Capacity(engineers, working_days), supposed, future, span)
    remaining = burn(pool, future, visits, left).remaining
    low, middle, high = np.quantile(remaining, [LOW, MIDDLE, HIGH], axis=0).round().astype(int).tolist()
    bands = tuple(Band(span.at(day), low[day], middle[day], high[day]) for day in range(span.days))
    return Forecast(
        bands=bands,
        at_deadline=bands[-1],
        finished=float((remaining[:, -1] == 0).mean()),
        need=_need(pool, supposed, future, left, Capacity(engineers, working_days), span) if need else None,
        rates=supposed,
        remaining=remaining,
    )


def _need(pool: Pool, rates: Rates, future: Future, left: Ints, work: Capacity, span: Span) -> Need:
    rates, future, left = rates.some(NEED_DRAWS), future.some(NEED_DRAWS), left[:NEED_DRAWS]
    engineers, days = work.engineers, work.working_days

    def burnt(number: float, working: WorkingDays) -> Burnt:
        return burn(pool, future, capacity(Capacity(number, working), rates, future, span), left)

    def nobody_waits(number: float, working: WorkingDays) -> bool:
        return float(np.median(burnt(number, working).queue)) <= max(1.0, FEW * pool.remaining)

    idle = days.idle_saturdays(span.first, span.last)

    def with_saturdays(count: int) -> WorkingDays:
        return replace(days, saturdays=days.saturdays | frozenset(idle[:count]))

    steps = round(MOST_ENGINEERS / STEP)
    more = _fewest(steps, lambda count: nobody_waits(engineers + count * STEP, days))
    count = _fewest(len(idle), lambda number: nobody_waits(engineers, with_saturdays(number)))
    beyond = burnt(engineers + (steps if more is None else more) * STEP, days)
    return Need(
        engineers=None if more is None else round(more * STEP, 1),
        saturdays=tuple(idle if count is None else idle[:count]),
        enough=count is not None,
        beyond=round(float(np.median(beyond.remaining[:, -1]))),
    )


def _fewest(most: int, enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number up to `most` that is enough, when more is never less; None when none is."""
    if not enough(most):
        return None
    low, high = 0, most
    while low < high:
        half = (low + high) // 2
        low, high = (low, half) if enough(half) else (half + 1, high)
    return low
