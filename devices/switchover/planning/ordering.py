"""Puts rounds from one place in the order that ends most harm soonest. It costs no way at all. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from devices.switchover.planning.days import may_visit, minutes, openings
from devices.switchover.planning.matching import cheapest
from devices.switchover.planning.problem import EngineerDay, Home, Problem
from devices.switchover.planning.rearrange import Round
from devices.switchover.planning.routing import Visit
from devices.switchover.planning.store import too_soon

TRIES = 4
"""How often dates are given anew because units would not have come into the store by then."""
NEVER = 1e12
"""What it costs that a visit cannot be made on a day, in harm."""
EXPOSED = 1e4
"""What a day costs on which an analogue unit hangs on a digital line: these come first."""


def worst_first(problem: Problem, rounds: Sequence[Round]) -> None:
    """Drive rounds on other days where that ends more harm sooner and nobody loses a visit; see `give_dates`."""
    before = [each.visits for each in rounds]
    if give_dates(problem, rounds):
        for each, visits in zip(rounds, before, strict=True):
            each.visits = visits


def give_dates(problem: Problem, rounds: Sequence[Round]) -> list[Home]:
    """Say when, and by whom of those who begin at the same place, rounds are driven: who is exposed first, then harm.

    Returns the homes that cannot be visited on any such day at their time, or whose unit would not be in store yet:
    they are taken out of their rounds. Days on which somebody is booked stay.
    """
    kept = {each.home_id for each in problem.booked}
    alike: dict[object, list[Round]] = {}
    for each in sorted(rounds, key=lambda each: each.day.day):
        if not any(visit.home.id in kept for visit in each.visits):
            alike.setdefault((len(each.day.crew), each.day.begins, each.day.ends, each.day.island), []).append(each)
    later: dict[int, date] = {}
    for _ in range(TRIES):
        for own in alike.values():
            visits = [each.visits for each in own]
            costs = np.array([[_cost(problem, there, each.day, later) for each in own] for there in visits])
            for there, at in zip(visits, cheapest(costs), strict=True):
                own[at].visits = there
        if not _wait(problem, rounds, later):
            break
    lost: list[Home] = []
    for each in rounds:
        fitting = _fitting(problem, each.visits, each.day)
        lost += [visit.home for visit in each.visits if visit not in fitting]
        each.visits = fitting
    short = _short(problem, rounds) - kept
    for each in rounds:
        lost += [visit.home for visit in each.visits if visit.home.id in short]
        each.visits = [visit for visit in each.visits if visit.home.id not in short]
    return lost


def _wait(problem: Problem, rounds: Sequence[Round], later: dict[int, date]) -> bool:
    """Note for rounds whose units would not be in store yet from when on more are; say whether there are any."""
    short = _short(problem, rounds)
    found = False
    for each in rounds:
        items = {item for visit in each.visits if visit.home.id in short for item in visit.home.needs}
        coming = [stock.on for stock in problem.stock if stock.item in items and stock.on > each.day.day]
        if coming:
            later[id(each.visits)], found = min(coming), True
    return found


def _short(problem: Problem, rounds: Sequence[Round]) -> set[str]:
    """Return whose unit would not be in store yet."""
    taken = ((each.day.day, visit.home) for each in rounds for visit in each.visits)
    return {home.id for home in too_soon(problem, taken)}


def _cost(problem: Problem, visits: Sequence[Visit], day: EngineerDay, later: Mapping[int, date]) -> float:
    """Return the harm until visits are made if they are made on a day; who is exposed counts before all else."""
    if day.day < later.get(id(visits), day.day):
        return NEVER * len(visits)
    first = problem.days[0]
    fitting = _fitting(problem, visits, day)
    harm = sum(visit.home.harm.avoided(first, day.day) for visit in fitting)
    exposed = EXPOSED * (day.day - first).days * sum(visit.home.exposed for visit in fitting)
    return harm + exposed + NEVER * (len(visits) - len(fitting))


def _fitting(problem: Problem, visits: Sequence[Visit], day: EngineerDay) -> list[Visit]:
    """Return the visits of a round that can be made on a day at the times that they have."""
    van = Counter(day.van)
    fitting = []
    for visit in visits:
        home, ends = visit.home, visit.start + visit.home.minutes
        there = day.start + minutes(problem.travel, day.begins, home.place) <= visit.start
        back = ends <= day.work_ends and ends + minutes(problem.travel, home.place, day.ends) <= day.end
        times = openings(home, day.day, problem.freezes)
        opens = any(start <= visit.start and ends <= end for start, end in times)
        if (
            may_visit(day, home)
            and there
            and back
            and opens
            and all(van[item] >= count for item, count in home.needs.items())
        ):
            fitting.append(visit)
            van.subtract(home.needs)
    return fitting
