"""A plan made better: some of its rounds are taken out and driven anew as one problem, so that their ways grow shorter.

A week by itself does not see that somebody comes near a home in another week. So each week is looked at again together
with the next one, and then rounds whose homes lie near each other, whatever their days. Nobody who has a visit loses
it; who has none may find one.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations, pairwise

import numpy as np

from devices.switchover.planning.crews import WEEK, weekly
from devices.switchover.planning.days import may_visit, openings
from devices.switchover.planning.problem import Appointment, EngineerDay, Home, Problem
from devices.switchover.planning.routing import Choice, Limits, Stop, Visit, route
from devices.switchover.planning.store import store_holds

KEPT = 1_000_000
"""What keeping a visit is worth, in metres: more than any way."""
MOST = 90
"""Of two weeks not more at once: with more the search sees too little of each."""
SPARES = 100
"""Of the homes that had found no room, so many are looked at: those that lie nearest to whom is visited."""
BOOKED = 30_000_000
"""What keeping one is worth of which a household was told."""
TOGETHER = 30
"""So many rounds that lie near each other are driven anew at once."""


@dataclass
class Round:
    """A day of an engineer, or of two in one van, and whom they visit in which order."""

    day: EngineerDay
    visits: list[Visit]

    @property
    def metres(self) -> tuple[float, float]:
        """Return the middle of its homes."""
        places = [visit.home.place for visit in self.visits]
        return sum(p.east for p in places) / len(places), sum(p.north for p in places) / len(places)


@dataclass(frozen=True)
class Prices:
    """What counts beside the way, in metres: a week sooner for the usual home, and whoever had found no room."""

    week: int
    spare: int
    usual: float


def by_weeks(rounds: Sequence[Round]) -> Iterator[list[Round]]:
    """Yield the rounds of each week with those of the next one; where they are many, by what lies near each other."""
    weeks: dict[date, list[Round]] = {}
    for each in rounds:
        weeks.setdefault(_monday(each.day.day), []).append(each)
    for one, two in pairwise(sorted(weeks)):
        both = [*weeks[one], *weeks[two]]
        yield from _near([each for each in both if each.visits], MOST) if len(both) > MOST else [both]


def by_places(rounds: Sequence[Round]) -> Iterator[list[Round]]:
    """Yield rounds that lie near each other, whatever their days."""
    return _near([each for each in rounds if each.visits], TOGETHER)


def _near(left: list[Round], size: int) -> Iterator[list[Round]]:
    """Yield groups on one shore: first around what is farthest out, then around what remains."""
    while left:
        middles = {id(each): each.metres for each in left}
        seed = max(left, key=lambda each: (math.hypot(*middles[id(each)]), each.day.day, each.day.crew))
        here = middles[id(seed)]
        shore = [each for each in left if each.day.island == seed.day.island]
        near = sorted(shore, key=lambda each: (math.dist(middles[id(each)], here), each.day.day, each.day.crew))
        group = near[:size]
        yield group
        gone = {id(each) for each in group}
        left = [each for each in left if id(each) not in gone]


def rearrange(
    problem: Problem, rounds: Sequence[Round], group: Sequence[Round], left: dict[str, Home], prices: Prices,
    limits: Limits,
) -> None:  # fmt: skip
    """Drive some of the rounds of a plan anew; what comes out is kept when it still takes no more than is in store."""
    homes = {visit.home.id: visit.home for each in group for visit in each.visits}
    if len(group) < 2 or not homes:  # noqa: PLR2004 - one round was searched by itself already
        return
    days = [each.day for each in group]
    kept = {each.home_id: each for each in problem.booked}
    stops = [
        stop
        for home in (*homes.values(), *_spare(homes.values(), [h for h in left.values() if h.id not in kept]))
        if (
            stop := booked_stop(home, kept[home.id])
            if home.id in kept
            else _stop(problem, home, days, KEPT if home.id in homes else prices.spare, prices)
        ).choices
    ]
    known = {index: [(visit.home.id, visit.start) for visit in each.visits] for index, each in enumerate(group)}
    found = route(stops, days, problem.travel, limits, known)
    if not homes.keys() <= {visit.home.id for visits in found for visit in visits}:
        return
    inside = {id(each) for each in group}
    others = [(each.day.day, visit.home) for each in rounds if id(each) not in inside for visit in each.visits]
    now = [(day.day, visit.home) for day, visits in zip(days, found, strict=True) for visit in visits]
    if not store_holds(problem, [*others, *now]):
        return
    for each, visits in zip(group, found, strict=True):
        each.visits = visits
        for visit in visits:
            left.pop(visit.home.id, None)


def _spare(visited: Iterable[Home], left: Sequence[Home]) -> list[Home]:
    """Return some of those who had found no room, the nearest to whom is visited."""
    if len(left) <= SPARES:
        return list(left)
    there = np.array([(home.place.east, home.place.north) for home in visited])
    way = [float(np.hypot(*(there - (home.place.east, home.place.north)).T).min()) for home in left]
    order = sorted(range(len(left)), key=lambda index: (way[index], left[index].id))
    return [left[index] for index in order[:SPARES]]


def booked_stop(home: Home, each: Appointment) -> Stop:
    """Return a visit that is booked: nobody else comes, and at no other time."""
    return Stop(home, (Choice(each.day, each.start, each.end, BOOKED),), crew=each.crew)


def _stop(problem: Problem, home: Home, days: Sequence[EngineerDay], any_visit: int, prices: Prices) -> Stop:
    """Return when a home could be visited, each week sooner worth what a week more of waiting would do."""
    able = sorted({day.day for day in days if may_visit(day, home)})
    first, last = min(day.day for day in days), _monday(max(day.day for day in days))
    rate = prices.week * math.sqrt(weekly(home, first) / prices.usual)
    return Stop(
        home,
        tuple(
            Choice(day, start, end, any_visit + round(rate * ((last - _monday(day)) / WEEK)))
            for day in able
            for start, end in openings(home, day, problem.freezes)
        ),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def worst_first(problem: Problem, rounds: Sequence[Round]) -> None:
    """Swap whole days of an engineer where that brings more harm to an end sooner and every time still fits.

    It costs no way at all: each day is driven as it is, by the same van.
    """
    before = [each.visits for each in rounds]
    by_crew: dict[tuple[str, ...], list[Round]] = {}
    kept = {each.home_id for each in problem.booked}
    for each in sorted(rounds, key=lambda each: each.day.day):
        if any(visit.home.id in kept for visit in each.visits):
            continue
        by_crew.setdefault(each.day.crew, []).append(each)
    for own in by_crew.values():
        changed = True
        while changed:
            changed = False
            for one, other in combinations(own, 2):
                if (
                    _gains(one, other)
                    and _could(problem, one.visits, other.day)
                    and _could(problem, other.visits, one.day)
                ):
                    one.visits, other.visits = other.visits, one.visits
                    changed = True
    if not store_holds(problem, [(each.day.day, visit.home) for each in rounds for visit in each.visits]):
        for each, visits in zip(rounds, before, strict=True):
            each.visits = visits


def _gains(one: Round, other: Round) -> bool:
    """Say whether the same crew, from the same place at the same hours, would end more harm the other way round."""
    if replace(one.day, day=other.day.day, van=other.day.van) != other.day or one.day.day == other.day.day:
        return False
    first, then = one.day.day, other.day.day
    spared = sum(visit.home.harm.avoided(first, then) for visit in other.visits)
    return spared > sum(visit.home.harm.avoided(first, then) for visit in one.visits) + 1e-9


def _could(problem: Problem, visits: Sequence[Visit], day: EngineerDay) -> bool:
    used: Counter[str] = Counter()
    for visit in visits:
        used.update(visit.home.needs)
        times = openings(visit.home, day.day, problem.freezes)
        if not any(start <= visit.start and visit.start + visit.home.minutes <= end for start, end in times):
            return False
    return all(day.van.get(item, 0) >= count for item, count in used.items())
