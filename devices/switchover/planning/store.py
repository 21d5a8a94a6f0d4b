"""What is in the store, shared out over the vans, and whether a plan takes more than had come in. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from devices.switchover.planning.problem import EngineerDay, Home, Problem


def share_store(
    problem: Problem, days: Sequence[EngineerDay], block: Sequence[date], taken: Mapping[str, int]
) -> list[EngineerDay]:
    """Return the days with no more in the vans than the store will have: what is scarce is shared out by turns."""
    shares = [dict(day.van) for day in days]
    for item in _kept(problem):
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


def store_holds(problem: Problem, taken: Iterable[tuple[date, Home]]) -> bool:
    """Say whether by each day no more is taken than has come in."""
    by_day: dict[date, Counter[str]] = {}
    for day, home in taken:
        by_day.setdefault(day, Counter()).update(home.needs)
    for item in _kept(problem):
        total = 0
        for day in sorted(by_day):
            total += by_day[day][item]
            if total > sum(stock.quantity for stock in problem.stock if stock.item == item and stock.on <= day):
                return False
    return True


def too_soon(problem: Problem, taken: Iterable[tuple[date, Home]]) -> list[Home]:
    """Return for whom nothing would be in store on their day; who is exposed, or in more harm, is served first."""
    coming = {item: [stock for stock in problem.stock if stock.item == item] for item in _kept(problem)}

    def turn(each: tuple[date, Home]) -> tuple[date, bool, float, str]:
        day, home = each
        return day, not home.exposed, -home.harm.avoided(day, problem.until), home.id

    used: Counter[str] = Counter()
    without = []
    for day, home in sorted(taken, key=turn):
        there = {item: sum(each.quantity for each in rows if each.on <= day) for item, rows in coming.items()}
        if all(used[item] + count <= there.get(item, math.inf) for item, count in home.needs.items()):
            used.update(home.needs)
        else:
            without.append(home)
    return without


def supplied(problem: Problem, visited: Iterable[Home], waiting: Iterable[Home]) -> list[Home]:
    """Return those of the waiting for whom something is left in store, once all others have theirs."""
    left = Counter({item: sum(each.quantity for each in problem.stock if each.item == item) for item in _kept(problem)})
    for home in visited:
        left.subtract({item: count for item, count in home.needs.items() if item in left})
    found = []
    for home in waiting:
        needs = {item: count for item, count in home.needs.items() if item in left}
        if all(left[item] >= count for item, count in needs.items()):
            left.subtract(needs)
            found.append(home)
    return found


def _kept(problem: Problem) -> set[str]:
    return {stock.item for stock in problem.stock}
