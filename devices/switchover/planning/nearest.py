"""The plan for comparison: each engineer goes to the nearest home that can be visited next, day after day. Pure."""

from collections import Counter
from dataclasses import replace

from devices.switchover.planning.days import may_visit, metres, minutes, openings
from devices.switchover.planning.problem import Appointment, EngineerDay, Home, Plan, Problem, Unplanned
from devices.switchover.planning.routing import Visit
from devices.switchover.planning.solve import blocks_of, booked, share_store, vehicles, why_not


def nearest_plan(problem: Problem) -> Plan:
    """Return a plan that holds every hard constraint and looks no further than the next home.

    Pairs and trips to islands are decided as in the real plan: what is compared is whom they visit and in which order.
    """
    left = {home.id: home for home in problem.homes}
    appointments: list[Appointment] = []
    taken: Counter[str] = Counter()
    for block in blocks_of(problem.days):
        days = share_store(problem, vehicles(problem, block, list(left.values())), block, taken)
        for day in sorted(days, key=lambda each: (each.day, each.crew)):
            for visit in _drive(problem, day, left):
                appointments.append(booked(day, visit))
                taken.update(visit.home.needs)
    return Plan(tuple(appointments), tuple(Unplanned(home.id, why_not(problem, home)) for home in left.values()))


def _drive(problem: Problem, day: EngineerDay, left: dict[str, Home]) -> list[Visit]:
    """Drive a day, taking the homes that are visited out of those that are left."""
    here, clock, van = day.begins, day.start, Counter(day.van)
    visits: list[Visit] = []
    while True:
        best: tuple[int, int, str] | None = None
        able = replace(day, van=van)
        for home in left.values():
            if not may_visit(able, home):
                continue
            way = metres(problem.travel, here, home.place)
            if best is not None and way >= best[0]:
                continue
            at = _when(problem, day, home, clock + minutes(problem.travel, here, home.place))
            if at is not None:
                best = (way, at, home.id)
        if best is None:
            return visits
        home = left.pop(best[2])
        visits.append(Visit(home, best[1]))
        van.subtract(home.needs)
        here, clock = home.place, best[1] + home.minutes


def _when(problem: Problem, day: EngineerDay, home: Home, arrives: int) -> int | None:
    """Return when a visit could begin at the earliest, waiting half an hour at most; None when it does not fit."""
    back = minutes(problem.travel, home.place, day.ends)
    for start, end in openings(home, day.day, problem.freezes):
        at = max(arrives, start)
        ends = at + home.minutes
        if at - arrives <= 30 and ends <= min(end, day.work_ends) and ends + back <= day.end:  # noqa: PLR2004
            return at
    return None
