"""The burn-down: homes that remain on each day, in as many futures as there are draws. Pure: chance is passed in.

What a visit comes to is drawn by the number of the visit and not by the day on which it is made, and first visits go
before later ones. So in each single future more engineers, or one more Saturday, make no visit later than it was, and
never leave more homes. Shapes: `(draws, days)`, days counted from the first day of the forecast, Sundays too.
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.switchover.forecast.domain import SETBACKS, Outcome, Pool, Wait
from devices.switchover.forecast.rates import Floats, Rates
from devices.switchover.working_days import SATURDAY, WorkingDays

Ints = NDArray[np.int64]

EVERY_WEEKDAY = WorkingDays()
NEVER = 9999
"""Days until something that does not happen within any forecast."""


@dataclass(frozen=True, slots=True)
class Span:
    """From the first day of a forecast to the last, both counted."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a forecast from {self.first} cannot end on {self.last}")

    @property
    def days(self) -> int:
        """Return how many days these are."""
        return (self.last - self.first).days + 1

    def at(self, index: int) -> date:
        """Return a day by its number."""
        return self.first + timedelta(days=index)


@dataclass(frozen=True, slots=True)
class Future:
    """What chance holds, fixed before anybody asks what more engineers would do.

    `first` and `again` say of the nth visit after how many days the home can be visited again, 0 when it is done;
    `fit` is how many homes have become fit for a first visit by a day, `returned` how many return on it; `noise` and
    `rounding` are a day's own; `lost` says which days are.
    """

    first: Ints
    again: Ints
    fit: Ints
    returned: Ints
    accepted_at_once: Ints
    noise: Floats
    rounding: Floats
    lost: NDArray[np.bool_]

    def some(self, draws: int) -> "Future":
        """Return the first so many of the draws."""
        return Future(*(getattr(self, name.name)[:draws] for name in fields(self)))


def foresee(
    pool: Pool, rates: Rates, span: Span, rng: np.random.Generator, office: WorkingDays = EVERY_WEEKDAY
) -> Future:
    """Draw what chance holds for a programme, whose office works on certain days."""
    # A stream for each, drawn day by day where there are days: a longer forecast begins as the shorter one does.
    visits, later, fitness, returning, noise, rounding, spells = rng.spawn(7)
    homes = pool.preparing + pool.ready
    returned = np.zeros((rates.draws, span.days), dtype=np.int64)
    turned_down, fit = _fitness(pool, rates, span, fitness, office)
    returned += turned_down
    for wait, count in sorted(pool.waiting.items()):
        _arrive(returned, rates.back[wait], np.full(rates.draws, count), returning, starting_at=0)
    good = rates.first[:, 0] / (rates.first[:, 0] + rates.first[:, -1])
    accepted = returning.binomial(pool.soaking, good)
    _arrive(returned, rates.back[Wait.FAULT], pool.soaking - accepted, returning, starting_at=0)
    returned[:, 0] += pool.again
    return Future(
        first=_waits(rates.first, rates, homes, visits),
        again=_waits(rates.again, rates, max(64, pool.remaining), later),
        fit=fit,
        returned=returned,
        accepted_at_once=accepted,
        noise=noise.standard_normal((span.days, rates.draws)).T,
        rounding=rounding.random((span.days, rates.draws)).T,
        lost=_lost(rates, span, spells),
    )


@dataclass(frozen=True, slots=True)
class Capacity:
    """Who works, and when; `engineers` may be a part of one."""

    engineers: float
    working_days: WorkingDays


def capacity(work: Capacity, rates: Rates, future: Future, span: Span) -> Ints:
    """Return how many visits can be made on each day."""
    pace = np.maximum(0.0, rates.pace[:, None] + rates.pace_sd[:, None] * future.noise)
    pace = np.where(future.lost, pace * rates.lost_share, pace)
    worked = np.array([work.working_days.works(span.at(index)) for index in range(span.days)])
    visits: Ints = np.floor(work.engineers * pace * worked + future.rounding * worked).astype(np.int64)
    return visits


class Burnt(NamedTuple):
    """Homes that remain at the end of each day, `(draws, days)`; those that wait for a visit at last, `(draws,)`."""

    remaining: Ints
    queue: Ints


def burn(pool: Pool, future: Future, visits: Ints, left: Ints | None = None) -> Burnt:
    """Return what remains when so many visits can be made on each.

    `left` is how many have died or moved away by each day; a hub counts a day after its visit, when it has soaked.
    """
    draws, days = visits.shape
    gone = np.zeros((draws, days), dtype=np.int64) if left is None else left
    fit, returned = future.fit - gone, future.returned.copy()
    firsts, laters = np.zeros(draws, dtype=np.int64), np.zeros(draws, dtype=np.int64)
    came = np.zeros(draws, dtype=np.int64)
    done = future.accepted_at_once.copy()
    remaining = np.empty((draws, days), dtype=np.int64)
    for day in range(days):
        remaining[:, day] = pool.remaining - gone[:, day] - done
        came += returned[:, day]
        first = np.clip(np.minimum(visits[:, day], fit[:, day] - firsts), 0, None)
        later = np.clip(np.minimum(visits[:, day] - first, came - laters), 0, None)
        done += _visit(future.first, firsts, first, returned, day)
        done += _visit(future.again, laters, later, returned, day)
        firsts += first
        laters += later
    queue = np.clip(fit[:, -1] - firsts, 0, None) + came - laters
    return Burnt(np.clip(remaining, 0, None), queue)


def who_leaves(remaining: Ints, rates: Rates) -> Ints:
    """Return how many have died or moved away by each day, where so many remained on each."""
    return np.floor(np.cumsum(remaining, axis=1) * rates.left[:, None]).astype(np.int64)


def _visit(waits: Ints, made: Ints, number: Ints, returned: Ints, day: int) -> Ints:
    """Make the next visits of each draw; note who returns when, and return how many were done."""
    draws, days = returned.shape
    total = int(number.sum())
    if not total:
        return np.zeros(draws, dtype=np.int64)
    draw = np.repeat(np.arange(draws), number)
    nth = np.arange(total) - np.repeat(np.cumsum(number) - number, number) + made[draw]
    wait = waits[draw, nth % waits.shape[1]]
    back = (wait > 0) & (wait < days - day)
    spot = draw[back] * days + day + wait[back]
    returned += np.bincount(spot, minlength=draws * days).reshape(draws, days)
    return np.bincount(draw[wait == 0], minlength=draws)


def _waits(shares: Floats, rates: Rates, number: int, rng: np.random.Generator) -> Ints:
    """Draw for a number of visits what they come to: 0 for done, else the days until the home can be visited again."""
    number = max(1, number)
    chance = rng.random((rates.draws, number))
    patience = rng.exponential(1.0, (rates.draws, number))
    waits = np.zeros((rates.draws, number), dtype=np.int64)
    bound = shares[:, 0]
    for index, outcome in enumerate(SETBACKS, start=1):
        met = (chance >= bound[:, None]) & (chance < (bound + shares[:, index])[:, None])
        days = np.ceil(np.minimum(NEVER, patience / rates.back[_wait_of(outcome)][:, None]))
        waits = np.where(met, days.astype(np.int64), waits)
        bound = bound + shares[:, index]
    return waits


def _fitness(pool: Pool, rates: Rates, span: Span, rng: np.random.Generator, office: WorkingDays) -> tuple[Ints, Ints]:
    """Draw who becomes fit for a first visit when, and when those return who say no before it."""
    returned = np.zeros((rates.draws, span.days), dtype=np.int64)
    fit = np.empty((rates.draws, span.days), dtype=np.int64)
    preparing, sofar = np.full(rates.draws, pool.preparing), np.full(rates.draws, pool.ready)
    for day in range(span.days):
        fit[:, day] = sofar
        if not office.works(span.at(day)):
            continue
        # The last ones are those who are hard to reach: not more than half of them in a day.
        asked = np.minimum(rng.poisson(rates.prepared), -(-preparing // 2))
        ready = rng.binomial(asked, 1.0 - rates.turned_down)
        _arrive(returned, rates.back[Wait.REFUSED], asked - ready, rng, starting_at=day)
        preparing, sofar = preparing - asked, sofar + ready
    return returned, fit


def _arrive(returned: Ints, rate: Floats, number: Ints, rng: np.random.Generator, *, starting_at: int) -> None:
    """Note when so many homes of each draw that wait from a day on can be visited again."""
    draws, days = returned.shape
    draw = np.repeat(np.arange(draws), number)
    wait = np.ceil(np.minimum(NEVER, rng.exponential(1.0, len(draw)) / rate[draw])).astype(np.int64)
    at = starting_at + np.maximum(1, wait)
    within = at < days
    returned += np.bincount(draw[within] * days + at[within], minlength=draws * days).reshape(draws, days)


def _lost(rates: Rates, span: Span, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw the days that are lost, in spells, from Monday to Friday; a Saturday is as its Friday was."""
    lost = np.zeros((rates.draws, span.days), dtype=np.bool_)
    now = np.zeros(rates.draws, dtype=np.bool_)
    for day in range(span.days):
        chance = rng.random(rates.draws)
        if span.at(day).weekday() < SATURDAY:
            now = np.where(now, chance >= rates.spell_ends, chance < rates.spell_begins)
        lost[:, day] = now
    return lost


def _wait_of(outcome: Outcome) -> Wait:
    return Wait(outcome.value)
