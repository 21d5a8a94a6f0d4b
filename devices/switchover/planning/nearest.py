"""The plan for comparison: each engineer goes to the nearest home that can be visited next, day after day. Pure."""

from collections import Counter

from devices.switchover.planning.crews import vehicles, weeks_of
from devices.switchover.planning.greedy import drive
from devices.switchover.planning.left_out import why_not
from devices.switchover.planning.problem import Appointment, Plan, Problem, Unplanned
from devices.switchover.planning.solve import booked
from devices.switchover.planning.store import share_store


def nearest_plan(problem: Problem) -> Plan:
    """Return a plan that holds every hard constraint and looks no further than the next home.

    Pairs and trips to islands are decided as in the real plan: what is compared is whom they visit and in which order.
    """
    left = {home.id: home for home in problem.homes}
    appointments: list[Appointment] = []
    taken: Counter[str] = Counter()
    for block in weeks_of(problem.days):
        days = share_store(problem, vehicles(problem, block, list(left.values())), block, taken)
        for day in sorted(days, key=lambda each: (each.day, each.crew)):
            for visit in drive(problem, day, left, lambda _: 1):
                appointments.append(booked(day, visit))
                taken.update(visit.home.needs)
    return Plan(tuple(appointments), tuple(Unplanned(home.id, why_not(problem, home)) for home in left.values()))
