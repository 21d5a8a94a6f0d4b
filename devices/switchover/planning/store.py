"""What is in the store, shared out over the vans, and whether a plan takes more than had come in. Pure."""

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


def store_holds(problem: Problem, taken: Iterable[tuple[date, Home]]) -> bool:
    """Say whether by each day no more is taken than has come in."""
    by_day: dict[date, Counter[str]] = {}
    for day, home in taken:
        by_day.setdefault(day, Counter()).update(home.needs)
    for item in {stock.item for stock in problem.stock}:
        total = 0
        for day in sorted(by_day):
            total += by_day[day][item]
            if total > sum(stock.quantity for stock in problem.stock if stock.item == item and stock.on <= day):
                return False
    return True
