"""A plan made better: rounds that lie near each other are driven anew as one problem, whatever their days.

Nobody who has a visit loses it; who has none may find one. Who is on a digital line with an analogue unit stays among
the first.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from devices.switchover.planning.crews import usually_fits
from devices.switchover.planning.days import may_visit, openings
from devices.switchover.planning.problem import Appointment, EngineerDay, Home, Problem
from devices.switchover.planning.routing import Choice, Limits, Stop, Visit, route
from devices.switchover.planning.store import store_holds, supplied

KEPT = 1_000_000
"""What keeping a visit is worth, in metres: more than any way."""
BOOKED = 30_000_000
"""What keeping one is worth of which a household was told."""
NEAR, SPARE = 50_000, 150_000
"""What a visit is worth, in metres, while there are other rounds yet that may come nearer, and at last."""
MUST = 3
"""So many times that where a deadline would be missed, or an analogue unit hangs on a digital line."""
A_DAY = 10_000
"""What a day costs, in metres: where days are plenty, few full ones come sooner than many with a visit or two."""
SPARES = 400
"""Of the homes that had found no room, so many are looked at: those that lie nearest to whom is visited."""
TOGETHER = 40
"""So many rounds that lie near each other are driven anew at once."""
ROOM = 1.25
"""Who is exposed is seen to in the days that those visits fill, and so much more: they cannot fill each day."""


@dataclass
class Round:
    """A day of an engineer, or of two in one van, and whom they visit in which order."""

    day: EngineerDay
    visits: list[Visit]

    @property
    def metres(self) -> tuple[float, float]:
        """Return the middle of its homes; where there are none, the place where it begins."""
        places = [visit.home.place for visit in self.visits] or [self.day.begins]
        return sum(p.east for p in places) / len(places), sum(p.north for p in places) / len(places)


def by_places(rounds: Sequence[Round]) -> Iterator[list[Round]]:
    """Yield rounds on one shore that lie near each other: around what is farthest out, then around what remains."""
    left = list(rounds)
    while left:
        middles = {id(each): each.metres for each in left}
        seed = max(left, key=lambda each: (math.hypot(*middles[id(each)]), each.day.day, each.day.crew))
        here = middles[id(seed)]
        shore = [each for each in left if each.day.island == seed.day.island]
        near = sorted(shore, key=lambda each: (math.dist(middles[id(each)], here), each.day.day, each.day.crew))
        group = near[:TOGETHER]
        yield group
        gone = {id(each) for each in group}
        left = [each for each in left if id(each) not in gone]


def rearrange(
    problem: Problem, rounds: Sequence[Round], group: Sequence[Round], left: dict[str, Home], limits: Limits,
    *, dated: bool = True, worth: int = SPARE,
) -> None:  # fmt: skip
    """Drive some of the rounds of a plan anew; what comes out is kept when it still takes no more than is in store.

    Not `dated`: as if all were on one day, for rounds whose dates are given afterwards. `worth`: of somebody who has no
    visit yet, in metres.
    """
    at = {visit.home.id: each.day.day for each in group for visit in each.visits}
    homes = {visit.home.id: visit.home for each in group for visit in each.visits}
    if not homes and not left:
        return
    kept = {each.home_id: each for each in problem.booked}
    days = [each.day for each in group]
    times = _Times(problem, days, dated=dated)
    stops = [
        booked_stop(home, kept[home.id]) if home.id in kept else times.stop(home, KEPT, at[home.id])
        for home in homes.values()
    ]
    waiting = [home for home in left.values() if home.id not in kept]
    if dated:
        waiting = supplied(problem, (visit.home for each in rounds for visit in each.visits), waiting)
    stops += [
        times.stop(home, worth * (MUST if home.deadline is not None or home.exposed else 1), None)
        for home in _spare(homes.values(), waiting)
    ]
    known = {index: [(visit.home.id, visit.start) for visit in each.visits] for index, each in enumerate(group)}
    found = route([stop for stop in stops if stop.choices], times.days, problem.travel, limits, known, A_DAY)
    if not homes.keys() <= {visit.home.id for visits in found for visit in visits}:
        return
    inside = {id(each) for each in group}
    others = [(each.day.day, visit.home) for each in rounds if id(each) not in inside for visit in each.visits]
    now = [(day.day, visit.home) for day, visits in zip(days, found, strict=True) for visit in visits]
    if dated and not store_holds(problem, [*others, *now]):
        return
    for each, visits in zip(group, found, strict=True):
        each.visits = visits
        for visit in visits:
            left.pop(visit.home.id, None)


def soon_enough(problem: Problem) -> date:
    """Return the day by which everybody who is exposed can be seen to, about."""
    exposed = sum(home.people for home in problem.homes if home.exposed)
    a_day = max(1.0, usually_fits(problem) * len(problem.engineers))
    return problem.days[min(len(problem.days), max(1, math.ceil(ROOM * exposed / a_day))) - 1]


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


class _Times:
    """When homes could be visited on some days; not `dated`: on any of them, as on the first that has times at all."""

    def __init__(self, problem: Problem, days: Sequence[EngineerDay], *, dated: bool) -> None:
        self.problem, self.dated, self.real = problem, dated, days
        self.dates = sorted({day.day for day in days})
        self.days = days if dated else [replace(day, day=self.dates[0]) for day in days]
        self.soon = soon_enough(problem)

    def stop(self, home: Home, worth: int, now: date | None) -> Stop:
        """Return a home at all its times; who is exposed is visited no later than soon, or than `now`."""
        last = max(now, self.soon) if home.exposed and now is not None else date.max
        freezes = self.problem.freezes
        if self.dated:
            able = sorted({day.day for day in self.real if day.day <= last and may_visit(day, home)})
            times = [(day, each) for day in able for each in openings(home, day, freezes)]
        else:
            found = (openings(home, day, freezes) for day in self.dates)
            times = [(self.dates[0], each) for each in next((each for each in found if each), [])]
        return Stop(home, tuple(Choice(day, start, end, worth) for day, (start, end) in times))
