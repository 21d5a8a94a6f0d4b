"""Plans a whole programme: week by week, the best homes of each week as one routing problem. Pure but for the search.

A horizon of 45 days and 6 engineers is 270 vehicles, too many for one search. A week is 30, and what is worth most goes
into the first one: that is what a plan is for. Who goes out in pairs and who goes to an island is decided before each
week, since neither can be said to the routing library.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from statistics import median

from devices.switchover.planning.days import day_of, may_visit, metres, openings
from devices.switchover.planning.greedy import drive
from devices.switchover.planning.problem import Appointment, EngineerDay, Home, Plan, Problem, Unplanned
from devices.switchover.planning.routing import Choice, Limits, Stop, Visit, route

Progress = Callable[[int, int, str], None]
"""Told: so many blocks are done, of so many, and what is next."""

ANY = 4_000
"""What any visit is worth, in metres of driving: a detour below that is driven rather than a home left for later."""
LAST = 25_000
"""The same in the last week, after which nobody comes any more."""
URGENT = 3_000
"""What the median home's harm of one week is worth on top."""
MUST = 3_000_000
"""What a home is worth whose last chance this is."""
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Effort:
    """How long a block is searched for, and how many candidates there are for each visit that fits."""

    seconds: float = 8.0
    iterations: int = 1_000_000
    candidates: float = 2.5
    days: int = 5
    seed: int = 1


def blocks_of(days: Iterable[date], most: int = 5) -> list[list[date]]:
    """Return the days by calendar week, and those in parts of so many days at most."""
    weeks = [list(block) for _, block in groupby(sorted(days), key=lambda day: day.isocalendar()[:2])]
    return [week[at : at + most] for week in weeks for at in range(0, len(week), most)]


def make_plan(problem: Problem, effort: Effort = Effort(), tell: Progress = lambda *_: None) -> Plan:
    """Return a plan that holds every hard constraint; what does not fit is left out, with the reason."""
    left = {home.id: home for home in problem.homes}
    appointments: list[Appointment] = []
    taken: Counter[str] = Counter()
    usual = _usual(problem)
    blocks = blocks_of(problem.days, effort.days)
    for number, block in enumerate(blocks):
        tell(number, len(blocks), f"week of {block[0]:%d %B %Y}")
        following = blocks[number + 1] if number + 1 < len(blocks) else []
        days = vehicles(problem, block, list(left.values()))
        days = share_store(problem, days, block, taken)
        stops = _stops(problem, block, following, list(left.values()), days, usual, effort)
        limits = Limits(effort.seconds, effort.iterations, effort.seed)
        known = _begin_with(problem, stops, days)
        routes = sooner(problem, days, route(stops, days, problem.travel, limits, known))
        for day, visits in zip(days, routes, strict=True):
            for visit in visits:
                appointments.append(booked(day, visit))
                taken.update(visit.home.needs)
                del left[visit.home.id]
    tell(len(blocks), len(blocks), "done")
    appointments.sort(key=lambda each: (each.day, each.crew, each.start))
    return Plan(tuple(appointments), tuple(Unplanned(home.id, why_not(problem, home)) for home in left.values()))


def booked(day: EngineerDay, visit: Visit) -> Appointment:
    """Return a visit of a route as an appointment."""
    return Appointment(visit.home.id, day.day, visit.start, visit.start + visit.home.minutes, day.crew)


def _usual(problem: Problem) -> float:
    """Return the harm of a week of the median home, the unit in which urgency is told."""
    rates = [home.harm.avoided(problem.days[0], problem.days[0] + WEEK) for home in problem.homes]
    return (median(rates) if rates else 0.0) or 1.0


def worth(home: Home, day: date, usual: float, any_visit: int = ANY) -> int:
    """Return what a visit in the week of a day is worth, in metres: what waiting another week would cost."""
    return any_visit + round(URGENT * math.sqrt(_weekly(home, day) / usual))


def _stops(
    problem: Problem, block: Sequence[date], following: Sequence[date], left: Sequence[Home],
    days: Sequence[EngineerDay], usual: float, effort: Effort,
) -> list[Stop]:  # fmt: skip
    found: list[tuple[int, Stop]] = []
    last_days = problem.days[max(0, len(problem.days) - 6)]
    for home in left:
        able = {day.day for day in days if may_visit(day, home)}
        times = [(day, opening) for day in block if day in able for opening in openings(home, day, problem.freezes)]
        if not times:
            continue
        last = not any(openings(home, day, problem.freezes) for day in following)
        any_visit = LAST if block[0] > last_days else ANY
        must = MUST if last and home.deadline is not None else 0
        value = worth(home, block[0], usual, any_visit) + must
        choices = tuple(Choice(day, start, end, value) for day, (start, end) in times)
        found.append((value, Stop(home, choices)))
    found.sort(key=lambda each: (-each[0], each[1].home.id))
    most = math.ceil(effort.candidates * sum(_fits(problem, day) for day in days))
    special = [stop for _, stop in found[most:] if stop.home.place.island or stop.home.people > 1]
    return [*(stop for _, stop in found[:most]), *special]


def _begin_with(
    problem: Problem, stops: Sequence[Stop], days: Sequence[EngineerDay]
) -> dict[int, list[tuple[str, int]]]:
    """Return routes for the search to begin with: one home after the other, the least way for its worth."""
    left = {stop.home.id: stop.home for stop in stops}
    values = {stop.home.id: float(max(choice.worth for choice in stop.choices)) for stop in stops}
    order = sorted(
        range(len(days)), key=lambda index: (not days[index].island, -len(days[index].crew), days[index].day)
    )
    return {
        index: [(visit.home.id, visit.start) for visit in drive(problem, days[index], left, lambda h: values[h.id])]
        for index in order
    }


def _fits(problem: Problem, day: EngineerDay) -> float:
    """Return how many visits fit into a day, about."""
    usual = (median(home.minutes for home in problem.homes) if problem.homes else 60) + 2 * problem.travel.to_park + 8
    return (day.work_ends - day.start) / usual


def vehicles(problem: Problem, block: Sequence[date], left: Sequence[Home]) -> list[EngineerDay]:
    """Decide who works alone, who in pairs and who goes to an island on each day of a block."""
    crews: list[EngineerDay] = []
    gone: set[tuple[date, str]] = set()
    for island, people in sorted({(home.place.island, home.people) for home in left} - {("", 1)}):
        there = [home for home in left if home.place.island == island and home.people >= people]
        for trip in _trips(problem, block, there, (island, people), _marginal(problem, block, left), gone):
            crews.append(trip)
            gone |= {(trip.day, name) for name in trip.crew}
    alone = [
        day_of(problem, (engineer,), day)
        for day in block
        for engineer in problem.engineers
        if (day, engineer.id) not in gone
    ]
    return [*crews, *(day for day in alone if day is not None)]


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
    blocks_left = len([each for each in blocks_of(problem.days) if each[-1] >= block[0]])
    for day in block:
        fitting = [home for home in waiting if openings(home, day, problem.freezes)]
        best = max(
            _crews(problem, day, kind, gone, fitting), key=lambda trip: _gain(problem, trip, fitting), default=None
        )
        if best is None or not any(may_visit(best, home) for home in fitting):
            continue
        last = any(_last_day(home) <= block[-1] and may_visit(best, home) for home in fitting)
        needed = math.ceil(len(waiting) / max(1.0, _fits(problem, best)))
        pace = not trips and needed >= blocks_left
        room = max(0.0, _fits(problem, best) - len(fitting)) * (0 if kind[0] else marginal)
        cost = kind[1] * _usually_fits(problem) * marginal
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
    values = sorted((_weekly(home, trip.day) for home in homes if may_visit(trip, home)), reverse=True)
    return sum(values[: max(1, int(_fits(problem, trip)))]) - 1e-6 * trip.extra_metres


def _weekly(home: Home, day: date) -> float:
    return home.harm.avoided(day, day + WEEK)


def _marginal(problem: Problem, block: Sequence[date], left: Sequence[Home]) -> float:
    """Return the harm of a week of the home that just finds no room in a block."""
    usual = sorted((_weekly(h, block[0]) for h in left if h.people == 1 and not h.place.island), reverse=True)
    room = int(len(block) * len(problem.engineers) * _usually_fits(problem))
    return usual[min(room, len(usual) - 1)] if usual else 0.0


def _usually_fits(problem: Problem) -> float:
    whole = day_of(problem, problem.engineers[:1], problem.days[0]) if problem.engineers else None
    return _fits(problem, whole) if whole else 4.0


def _after(problem: Problem, homes: Sequence[Home], trip: EngineerDay) -> list[Home]:
    """Return the homes that are likely left after a trip: those with a last chance go first, then the most harmful."""
    order = sorted(homes, key=lambda home: (_last_day(home), -_weekly(home, trip.day)))
    done = [home for home in order if may_visit(trip, home)][: max(1, int(_fits(problem, trip)))]
    gone = {home.id for home in done}
    return [home for home in order if home.id not in gone]


def _last_day(home: Home) -> date:
    return home.deadline.on if home.deadline is not None else date.max


def share_store(
    problem: Problem, days: Sequence[EngineerDay], block: Sequence[date], taken: Mapping[str, int]
) -> list[EngineerDay]:
    """Return the days with no more in the vans than the store will have: what is scarce is shared out by turns."""
    shares = [dict(day.van) for day in days]
    for item in {stock.item for stock in problem.stock}:
        supply = {
            day: sum(stock.quantity for stock in problem.stock if stock.item == item and stock.on <= day) - taken[item]
            for day in block
        }
        # What comes in on a day may not be taken before, and what is taken is gone later on.
        order = sorted(range(len(days)), key=lambda index: days[index].day)
        given = [0] * len(days)
        while True:
            gave = False
            for index in order:
                if given[index] < days[index].van.get(item, 0):
                    later = [day for day in block if day >= days[index].day]
                    used = {day: sum(given[i] for i in order if days[i].day <= day) for day in later}
                    if all(used[day] < supply[day] for day in later):
                        given[index] += 1
                        gave = True
            if not gave:
                break
        for index, count in enumerate(given):
            shares[index][item] = count
    return [replace(day, van=share) for day, share in zip(days, shares, strict=True)]


def sooner(problem: Problem, days: Sequence[EngineerDay], routes: list[list[Visit]]) -> list[list[Visit]]:
    """Swap whole days of an engineer where that brings more harm to an end sooner and every time still fits."""
    rate = [sum(v.home.harm.avoided(days[0].day, days[0].day + WEEK) for v in visits) for visits in routes]
    changed = True
    while changed:
        changed = False
        for first, one in enumerate(days):
            for second, other in enumerate(days):
                same = replace(one, day=other.day, van=other.van) == other
                if not (same and one.day < other.day and rate[first] < rate[second] - 1e-9):
                    continue
                if _could(problem, routes[first], other) and _could(problem, routes[second], one):
                    routes[first], routes[second] = routes[second], routes[first]
                    rate[first], rate[second] = rate[second], rate[first]
                    changed = True
    return routes


def _could(problem: Problem, visits: Sequence[Visit], day: EngineerDay) -> bool:
    used: Counter[str] = Counter()
    for visit in visits:
        used.update(visit.home.needs)
        times = openings(visit.home, day.day, problem.freezes)
        if not any(start <= visit.start and visit.start + visit.home.minutes <= end for start, end in times):
            return False
    return all(day.van.get(item, 0) >= count for item, count in used.items())


def why_not(problem: Problem, home: Home) -> str:
    """Say why a home is not in a plan: what keeps it out for good, or that there was no room."""
    never = _never(problem, home) or _no_time(problem, home) or _no_stock(problem, home)
    if never:
        return never
    if home.deadline is not None:
        return f"there was no room before {home.deadline.on:%d %B %Y}: {home.deadline.why}"
    return "there was no room: others are worth more in these days"


def _never(problem: Problem, home: Home) -> str:
    if home.people > len(problem.engineers):
        return f"{home.people} people must be there, and there are not so many engineers"
    able = (e.skills for e in problem.engineers)
    everything = frozenset[str]().union(*able) if home.people > 1 else None
    if not any(home.skills <= (everything or e.skills) for e in problem.engineers):
        return f"no engineer can do {', '.join(sorted(home.skills))}"
    if home.place.island and not any(ferry.island == home.place.island for ferry in problem.ferries):
        return f"no ferry to {home.place.island} is known"
    return ""


def _no_time(problem: Problem, home: Home) -> str:
    if any(openings(home, day, problem.freezes) for day in problem.days):
        return ""
    if home.deadline is not None and (not problem.days or home.deadline.on < problem.days[0]):
        return f"its deadline has passed: {home.deadline.why}"
    return "no time of the household lies within these days"


def _no_stock(problem: Problem, home: Home) -> str:
    for item, count in sorted(home.needs.items()):
        if not any(e.van.get(item, 0) >= count for e in problem.engineers):
            return f"no van holds {count} of {item}"
        known = [stock for stock in problem.stock if stock.item == item]
        if known and sum(stock.quantity for stock in known) < count:
            return f"there is no {item} in the store"
    return ""
