"""Who works alone, who in pairs and who goes to an island on each day: decided before each search. Pure."""

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from statistics import median

from devices.switchover.planning.days import day_of, may_visit, metres, openings
from devices.switchover.planning.problem import EngineerDay, Home, Problem

WEEK = timedelta(days=7)


def weeks_of(days: Iterable[date], most: int = 5) -> list[list[date]]:
    """Return the days by calendar week, and those in parts of so many days at most."""
    weeks = [list(block) for _, block in groupby(sorted(days), key=lambda day: day.isocalendar()[:2])]
    return [week[at : at + most] for week in weeks for at in range(0, len(week), most)]


def fits(problem: Problem, day: EngineerDay) -> float:
    """Return how many visits fit into a day, about."""
    usual = (median(home.minutes for home in problem.homes) if problem.homes else 60) + 2 * problem.travel.to_park + 8
    return (day.work_ends - day.start) / usual


def crews_of(problem: Problem, days: Sequence[date], left: Iterable[Home]) -> list[EngineerDay]:
    """Decide for each week of these days who works alone, who in pairs and who goes to an island."""
    waiting = list(left)
    found: list[EngineerDay] = []
    for week in weeks_of(days):
        made = vehicles(problem, week, waiting)
        found += made
        for trip in made:
            if trip.island or len(trip.crew) > 1:
                there = [h for h in waiting if h.place.island == trip.island and (trip.island or h.people > 1)]
                rest = {home.id for home in _after(problem, there, trip)}
                gone = {home.id for home in there} - rest
                waiting = [home for home in waiting if home.id not in gone]
    return found


def vehicles(problem: Problem, block: Sequence[date], left: Sequence[Home]) -> list[EngineerDay]:
    """Decide who works alone, who in pairs and who goes to an island on each day of a block.

    Who is booked goes where they are booked, and nowhere else that day.
    """
    crews, gone, here = _booked(problem, block)
    for island, people in sorted({(home.place.island, home.people) for home in left} - {("", 1)}):
        there = [home for home in left if home.place.island == island and home.people >= people]
        for trip in _trips(problem, block, there, (island, people), _marginal(problem, block, left), gone | here):
            crews.append(trip)
            gone |= {(trip.day, name) for name in trip.crew}
    alone = [
        day_of(problem, (engineer,), day)
        for day in block
        for engineer in problem.engineers
        if (day, engineer.id) not in gone
    ]
    return [*crews, *(day for day in alone if day is not None)]


def _booked(
    problem: Problem, block: Sequence[date]
) -> tuple[list[EngineerDay], set[tuple[date, str]], set[tuple[date, str]]]:
    """Return the pairs and trips that are booked, who is in them, and who is booked alone on the mainland."""
    homes = {home.id: home for home in problem.homes}
    engineers = {engineer.id: engineer for engineer in problem.engineers}
    crews: list[EngineerDay] = []
    gone: set[tuple[date, str]] = set()
    here: set[tuple[date, str]] = set()
    for each in problem.booked:
        island = homes[each.home_id].place.island
        names = {(each.day, name) for name in each.crew}
        if each.day not in block or names & (gone | here):
            continue
        day = day_of(problem, tuple(engineers[name] for name in each.crew), each.day, island)
        if island or len(each.crew) > 1:
            crews += [day] if day is not None else []
            gone |= names
        else:
            here |= names
    return crews, gone, here


def _trips(
    problem: Problem, block: Sequence[date], there: Sequence[Home], kind: tuple[str, int], marginal: float,
    gone: set[tuple[date, str]],
) -> list[EngineerDay]:  # fmt: skip
    """Return the days on which crews go out for these homes.

    They go when that is worth more than whom they leave out, when it is the last chance of somebody, and as often as
    it takes to be through by the end.
    """
    trips: list[EngineerDay] = []
    waiting = list(there)
    blocks_left = len([each for each in weeks_of(problem.days) if each[-1] >= block[0]])
    for day in block:
        fitting = [home for home in waiting if openings(home, day, problem.freezes)]
        best = max(
            _crews(problem, day, kind, gone, fitting), key=lambda trip: _gain(problem, trip, fitting), default=None
        )
        if best is None or not any(may_visit(best, home) for home in fitting):
            continue
        last = any(_must_go(home, block[-1]) and may_visit(best, home) for home in fitting)
        needed = math.ceil(len(waiting) / max(1.0, fits(problem, best)))
        pace = not trips and needed >= blocks_left
        room = max(0.0, fits(problem, best) - len(fitting)) * (0 if kind[0] else marginal)
        cost = kind[1] * usually_fits(problem) * marginal
        if last or pace or _gain(problem, best, fitting) + room >= cost:
            trips.append(best)
            waiting = _after(problem, waiting, best)
    return trips


def _crews(
    problem: Problem, day: date, kind: tuple[str, int], gone: set[tuple[date, str]], fitting: Sequence[Home]
) -> Iterable[EngineerDay]:
    island, people = kind
    free = [engineer for engineer in problem.engineers if (day, engineer.id) not in gone]
    wanted = frozenset[str]().union(*(home.skills for home in fitting))
    for lead in free:
        # The second pair of hands is whoever adds most of what is wanted, then whoever is nearest.
        others = sorted(
            (other for other in free if other is not lead),
            key=lambda other: (
                -len((other.skills & wanted) - lead.skills),
                metres(problem.travel, lead.base, other.base),
            ),
        )
        crew = (lead, *others[: people - 1])
        trip = day_of(problem, crew, day, island) if len(crew) == people else None
        if trip is not None:
            yield trip


def _gain(problem: Problem, trip: EngineerDay, homes: Sequence[Home]) -> float:
    """Return the harm of a week that a trip brings to an end, less a hair for the way."""
    values = sorted((weekly(home, trip.day) for home in homes if may_visit(trip, home)), reverse=True)
    return sum(values[: max(1, int(fits(problem, trip)))]) - 1e-6 * trip.extra_metres


def weekly(home: Home, day: date) -> float:
    """Return the harm of a home in the week from a day on."""
    return home.harm.avoided(day, day + WEEK)


def _marginal(problem: Problem, block: Sequence[date], left: Sequence[Home]) -> float:
    """Return the harm of a week of the home that just finds no room in a block."""
    usual = sorted((weekly(h, block[0]) for h in left if h.people == 1 and not h.place.island), reverse=True)
    room = int(len(block) * len(problem.engineers) * usually_fits(problem))
    return usual[min(room, len(usual) - 1)] if usual else 0.0


def usually_fits(problem: Problem) -> float:
    """Return how many visits fit into a day of an engineer, about."""
    whole = day_of(problem, problem.engineers[:1], problem.days[0]) if problem.engineers else None
    return fits(problem, whole) if whole else 4.0


def _after(problem: Problem, homes: Sequence[Home], trip: EngineerDay) -> list[Home]:
    """Return the homes that are likely left after a trip: exposed ones go first, then those with a last chance."""
    order = sorted(homes, key=lambda home: (not home.exposed, _last_day(home), -weekly(home, trip.day)))
    done = [home for home in order if may_visit(trip, home)][: max(1, int(fits(problem, trip)))]
    gone = {home.id for home in done}
    return [home for home in order if home.id not in gone]


def _must_go(home: Home, last: date) -> bool:
    """Say whether a trip is made for one home alone: it is its last chance, or it is exposed and on an island.

    Two people do not go for everybody who is exposed: that is two days of engineers for a day's visits.
    """
    return _last_day(home) <= last or (home.exposed and bool(home.place.island))


def _last_day(home: Home) -> date:
    return home.deadline.on if home.deadline is not None else date.max
