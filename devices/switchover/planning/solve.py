"""Plans a whole programme: first whose line is digital already, then all others; where, and only then on which day.

A horizon of 45 days and 6 engineers is 270 vehicles, too many for one search, so a search has some hundred homes that
lie near each other. Rounds are made without their dates, for most homes could be visited on any day. Then the days of
each engineer are put in the order that ends most harm soonest, which costs no way at all, and what lies near each other
is driven anew with every date told, so that whoever had lost their day finds another. Who goes out in pairs and who
goes to an island is decided before, since neither can be said to the routing library.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from devices.switchover.planning.crews import crews_of
from devices.switchover.planning.left_out import why_not
from devices.switchover.planning.ordering import give_dates, worst_first
from devices.switchover.planning.problem import Appointment, EngineerDay, Home, Place, Plan, Problem, Unplanned
from devices.switchover.planning.rearrange import NEAR, SPARE, TOGETHER, Round, by_places, rearrange, soon_enough
from devices.switchover.planning.routing import Limits, Visit

Progress = Callable[[int, int, str], None]
"""Told: so many searches are done, of so many, and what is next."""

PIECE = 300
"""So many homes are searched at once at first."""


@dataclass(frozen=True)
class Effort:
    """When each search ends."""

    seconds: float = 8.0
    iterations: int = 1_000_000
    seed: int = 1


def make_plan(problem: Problem, effort: Effort = Effort(), tell: Progress = lambda *_: None) -> Plan:
    """Return a plan that holds every hard constraint; what does not fit is left out, with the reason."""
    left = {home.id: home for home in problem.homes}
    rounds: list[Round] = []
    work = _Searches(problem, effort, tell)
    for days in stages(problem):
        rounds += _stage(problem, days, left, work)
    for home in give_dates(problem, rounds):
        left[home.id] = home
    rounds = _more_trips(problem, rounds, left)
    for worth in (NEAR, SPARE):
        for group in by_places(rounds):
            work.rearrange(rounds, group, left, worth, dated=True)
    worst_first(problem, rounds)
    work.done()
    told = {each.home_id for each in problem.booked}
    appointments = [
        replace(booked(each.day, visit), confirmed=visit.home.id in told) for each in rounds for visit in each.visits
    ]
    appointments.sort(key=lambda each: (each.day, each.crew, each.start))
    return Plan(tuple(appointments), tuple(Unplanned(home.id, why_not(problem, home)) for home in left.values()))


class _Searches:
    """Does one search after the other, and tells how far it is of about how many."""

    def __init__(self, problem: Problem, effort: Effort, tell: Progress) -> None:
        self.problem, self.tell, self.made = problem, tell, 0
        self.limits = Limits(effort.seconds, effort.iterations, effort.seed)
        groups = math.ceil(len(problem.days) * len(problem.engineers) / TOGETHER) + len(problem.ferries)
        self.expected = math.ceil(len(problem.homes) / PIECE) + 3 * groups + 2

    def rearrange(
        self, rounds: Sequence[Round], group: Sequence[Round], left: dict[str, Home], worth: int = NEAR, *, dated: bool
    ) -> None:
        """Drive a group anew; see `rearrange`."""
        words = f"{len(group)} days" if dated else f"{len(group)} days, without their dates yet"
        self.tell(min(self.made, self.expected - 1), self.expected, words)
        rearrange(self.problem, rounds, group, left, self.limits, dated=dated, worth=worth)
        self.made += 1

    def done(self) -> None:
        """Tell that all is done."""
        self.tell(self.expected, self.expected, "done")


def booked(day: EngineerDay, visit: Visit) -> Appointment:
    """Return a visit of a route as an appointment."""
    return Appointment(visit.home.id, day.day, visit.start, visit.start + visit.home.minutes, day.crew)


def stages(problem: Problem) -> list[list[date]]:
    """Return the days in which those come first who are exposed, and all others."""
    soon = soon_enough(problem)
    first = [day for day in problem.days if day <= soon and any(home.exposed for home in problem.homes)]
    return [days for days in (first, [day for day in problem.days if day not in first]) if days]


def _stage(problem: Problem, days: Sequence[date], left: dict[str, Home], work: _Searches) -> list[Round]:
    """Return the rounds of some days; who is visited is taken out of `left`.

    They are searched without their dates: which round is driven when, is decided afterwards.
    """
    rounds = [Round(day, _promised(problem, day, left)) for day in crews_of(problem, days, left.values())]
    # A day on which somebody is booked begins with that, and others are put around it once all have their dates.
    held, rounds = [each for each in rounds if each.visits], [each for each in rounds if not each.visits]
    kept = {each.home_id for each in problem.booked}
    last = days[-1] == problem.days[-1]
    now = {
        home.id: home
        for home in left.values()
        if home.id not in kept
        and (last or home.exposed or (home.deadline is not None and home.deadline.on <= days[-1]))
    }
    for home_id in now:
        del left[home_id]
    for group, homes in pieces(rounds, list(now.values())):
        waiting = {home.id: home for home in homes}
        work.rearrange(rounds, group, waiting, dated=False)
        for home in homes:
            if home.id not in waiting:
                del now[home.id]
    for group in by_places(rounds):
        work.rearrange(rounds, group, now, dated=False)
    left.update(now)
    return [*held, *rounds]


def _promised(problem: Problem, day: EngineerDay, left: dict[str, Home]) -> list[Visit]:
    """Return what is booked for a day of an engineer, and take it out of `left`."""
    there = [each for each in problem.booked if (each.day, each.crew) == (day.day, day.crew)]
    return [Visit(left.pop(each.home_id), each.start) for each in sorted(there, key=lambda each: each.start)]


def _more_trips(problem: Problem, rounds: Sequence[Round], left: Mapping[str, Home]) -> list[Round]:
    """Return the rounds with more by two and to islands, of whoever is free that day, for homes that were left over."""
    special = [home for home in left.values() if home.place.island or home.people > 1]
    busy = {(name, each.day.day) for each in rounds if each.visits for name in each.day.crew}
    engineers = tuple(
        replace(each, absent={**each.absent, **{day: 0 for day in problem.days if (each.id, day) in busy}})
        for each in problem.engineers
    )
    free = crews_of(replace(problem, engineers=engineers, booked=()), problem.days, special)
    trips = [day for day in free if day.island or len(day.crew) > 1]
    taken = {(name, day.day) for day in trips for name in day.crew}
    stay = [each for each in rounds if not any((name, each.day.day) in taken for name in each.day.crew)]
    return [*stay, *(Round(day, []) for day in trips)]


def pieces(rounds: Sequence[Round], homes: Sequence[Home]) -> list[tuple[list[Round], list[Home]]]:
    """Return homes with the rounds for them: each shore, and in halves along its longer side until they are few."""
    shores = {each.day.island for each in rounds}
    return [
        piece
        for shore in sorted(shores)
        for piece in _halves(
            [each for each in rounds if each.day.island == shore],
            [home for home in homes if home.place.island == shore],
        )
    ]


def _halves(rounds: list[Round], homes: list[Home]) -> list[tuple[list[Round], list[Home]]]:
    if len(homes) <= PIECE:
        return [(rounds, homes)]
    east, north = [home.place.east for home in homes], [home.place.north for home in homes]
    wide = max(east) - min(east) > max(north) - min(north)

    def along(place: Place) -> float:
        return place.east if wide else place.north

    rounds = sorted(rounds, key=lambda each: (along(each.day.begins), each.day.crew, each.day.day))
    homes = sorted(homes, key=lambda home: (along(home.place), home.id))
    at, middle = len(rounds) // 2, len(homes) // 2
    return [*_halves(rounds[:at], homes[:middle]), *_halves(rounds[at:], homes[middle:])]
