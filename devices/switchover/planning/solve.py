"""Plans a whole programme: week by week, the best homes of each week as one routing problem. Pure but for the search.

A horizon of 45 days and 6 engineers is 270 vehicles, too many for one search. A week is 30, and what is worth most goes
into the first one: that is what a plan is for. Who goes out in pairs and who goes to an island is decided before each
week, since neither can be said to the routing library.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

import numpy as np

from devices.switchover.planning.crews import WEEK, fits, usually_fits, vehicles, weekly, weeks_of
from devices.switchover.planning.days import may_visit, metres, openings
from devices.switchover.planning.greedy import drive
from devices.switchover.planning.left_out import why_not
from devices.switchover.planning.problem import Appointment, EngineerDay, Home, Plan, Problem, Unplanned
from devices.switchover.planning.rearrange import (
    TOGETHER,
    Prices,
    Round,
    booked_stop,
    by_places,
    by_weeks,
    rearrange,
    worst_first,
)
from devices.switchover.planning.routing import Choice, Limits, Stop, Visit, route
from devices.switchover.planning.store import share_store

Progress = Callable[[int, int, str], None]
"""Told: so many blocks are done, of so many, and what is next."""

ANY = 4_000
"""What any visit is worth, in metres of driving: a detour below that is driven rather than a home left for later."""
FAR_OUT = 0.5
"""How much of the usual way to a home's parts is added to that: they are gone to while neighbours wait there too."""
NEIGHBOURS = 3
SPARE = 25_000
"""What a visit is worth for whom no week had room, when weeks are looked at again."""
LAST = 25_000
"""The same in the last week, after which nobody comes any more."""
URGENT = 500
"""What the median home's harm of one week is worth on top."""
PLACES = 2
"""How often rounds that lie near each other are driven anew."""
MUST = 3_000_000
"""What a home is worth whose last chance this is."""


@dataclass(frozen=True)
class Effort:
    """How long a block is searched for, and how many candidates there are for each visit that fits."""

    seconds: float = 8.0
    iterations: int = 1_000_000
    candidates: float = 2.5
    days: int = 5
    seed: int = 1


def make_plan(problem: Problem, effort: Effort = Effort(), tell: Progress = lambda *_: None) -> Plan:
    """Return a plan that holds every hard constraint; what does not fit is left out, with the reason."""
    left = {home.id: home for home in problem.homes}
    usual = _usual(problem)
    weeks = weeks_of(problem.days, effort.days)
    rounds: list[Round] = []
    # Each week, each with the next one, and what lies near each other: about so many searches.
    steps = 2 * len(weeks) - 1 + PLACES * math.ceil(len(weeks) * len(problem.engineers) * effort.days / TOGETHER)
    for number, week in enumerate(weeks):
        tell(number, steps, f"week of {week[0]:%d %B %Y}")
        rounds += _week(problem, weeks, number, left, usual, effort)
    prices = Prices(URGENT, SPARE, usual)
    done = len(weeks)
    for find in (by_weeks, *(by_places for _ in range(PLACES))):
        for group in list(find(rounds)):
            first = min(each.day.day for each in group)
            tell(min(done, steps), steps, f"{len(group)} days from {first:%d %B %Y} on, driven anew")
            rearrange(problem, rounds, group, left, prices, _limits(effort))
            done += 1
    worst_first(problem, rounds)
    tell(steps, steps, "done")
    told = {each.home_id for each in problem.booked}
    appointments = [
        replace(booked(each.day, visit), confirmed=visit.home.id in told) for each in rounds for visit in each.visits
    ]
    appointments.sort(key=lambda each: (each.day, each.crew, each.start))
    return Plan(tuple(appointments), tuple(Unplanned(home.id, why_not(problem, home)) for home in left.values()))


def _week(
    problem: Problem, weeks: Sequence[Sequence[date]], number: int, left: dict[str, Home], usual: float, effort: Effort
) -> list[Round]:
    """Return the rounds of a week; who is visited is taken out of `left`."""
    week = weeks[number]
    following = weeks[number + 1] if number + 1 < len(weeks) else []
    taken = Counter[str]()
    for home in problem.homes:
        if home.id not in left:
            taken.update(home.needs)
    days = share_store(problem, vehicles(problem, week, list(left.values())), week, taken)
    kept = {each.home_id: each for each in problem.booked}
    free = [home for home in left.values() if home.id not in kept]
    stops = [
        *(booked_stop(left[each.home_id], each) for each in problem.booked if each.day in week),
        *_stops(problem, week, following, free, days, usual, effort),
    ]
    routes = route(stops, days, problem.travel, _limits(effort), _begin_with(problem, stops, days))
    for visits in routes:
        for visit in visits:
            del left[visit.home.id]
    return [Round(day, visits) for day, visits in zip(days, routes, strict=True)]


def _limits(effort: Effort) -> Limits:
    return Limits(effort.seconds, effort.iterations, effort.seed)


def booked(day: EngineerDay, visit: Visit) -> Appointment:
    """Return a visit of a route as an appointment."""
    return Appointment(visit.home.id, day.day, visit.start, visit.start + visit.home.minutes, day.crew)


def _usual(problem: Problem) -> float:
    """Return the harm of a week of the median home, the unit in which urgency is told."""
    rates = [home.harm.avoided(problem.days[0], problem.days[0] + WEEK) for home in problem.homes]
    return (median(rates) if rates else 0.0) or 1.0


def worth(home: Home, day: date, usual: float, any_visit: int = ANY) -> int:
    """Return what a visit in the week of a day is worth, in metres: what waiting another week would cost."""
    return any_visit + round(URGENT * math.sqrt(weekly(home, day) / usual))


def _stops(
    problem: Problem, block: Sequence[date], following: Sequence[date], left: Sequence[Home],
    days: Sequence[EngineerDay], usual: float, effort: Effort,
) -> list[Stop]:  # fmt: skip
    found: list[tuple[int, Stop]] = []
    apart = _apart(problem, left)
    for home in left:
        able = {day.day for day in days if may_visit(day, home)}
        times = [(day, opening) for day in block if day in able for opening in openings(home, day, problem.freezes)]
        if not times:
            continue
        last = not any(openings(home, day, problem.freezes) for day in following)
        any_visit = LAST if not following else ANY + round(FAR_OUT * apart[home.id])
        must = MUST if last and home.deadline is not None else 0
        value = worth(home, block[0], usual, any_visit) + must
        choices = tuple(Choice(day, start, end, value) for day, (start, end) in times)
        found.append((value, Stop(home, choices)))
    found.sort(key=lambda each: (-each[0], each[1].home.id))
    most = math.ceil(effort.candidates * sum(fits(problem, day) for day in days))
    special = [stop for _, stop in found[most:] if stop.home.place.island or stop.home.people > 1]
    return [*(stop for _, stop in found[:most]), *special]


def _apart(problem: Problem, left: Sequence[Home]) -> dict[str, float]:
    """Return about how far one drives for a visit of each home when somebody goes into its parts for a day.

    Its share of the way there and back, and the way between neighbours. Who is paid for that by each week goes into far
    parts as soon as a day is full there, and not at the end for one home at a time.
    """
    a_day = max(1.0, usually_fits(problem))
    east = np.array([home.place.east for home in left])
    north = np.array([home.place.north for home in left])
    shores = np.array([home.place.island for home in left])
    found: dict[str, float] = {}
    for home in left:
        way = np.hypot(east - home.place.east, north - home.place.north)[shores == home.place.island]
        near = np.sort(way)[1 : NEIGHBOURS + 1]
        base = 0 if home.place.island else min(metres(problem.travel, home.place, e.base) for e in problem.engineers)
        between = float(near.mean()) * problem.travel.winding if len(near) else 0.0
        found[home.id] = 2 * base / a_day + between
    return found


def _begin_with(
    problem: Problem, stops: Sequence[Stop], days: Sequence[EngineerDay]
) -> dict[int, list[tuple[str, int]]]:
    """Return routes for the search to begin with: one home after the other, the least way for its worth."""
    left = {stop.home.id: stop.home for stop in stops if not stop.crew}
    promised: dict[tuple[date, tuple[str, ...]], list[tuple[str, int]]] = {}
    for stop in stops:
        if stop.crew:
            at = stop.choices[0]
            promised.setdefault((at.day, stop.crew), []).append((stop.home.id, at.start))
    values = {stop.home.id: float(max(choice.worth for choice in stop.choices)) for stop in stops}
    order = sorted(
        range(len(days)), key=lambda index: (not days[index].island, -len(days[index].crew), days[index].day)
    )
    known: dict[int, list[tuple[str, int]]] = {}
    for index in order:
        there = promised.get((days[index].day, days[index].crew))
        # A day on which somebody is booked begins with that, and the search puts others around it.
        known[index] = (
            sorted(there, key=lambda each: each[1])
            if there
            else [(visit.home.id, visit.start) for visit in drive(problem, days[index], left, lambda h: values[h.id])]
        )
    return known
