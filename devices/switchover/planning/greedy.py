"""A day driven one home after the other: for the nearest-neighbour plan, and for the search to begin with. Pure."""

from collections import Counter
from collections.abc import Callable

from devices.switchover.planning.days import may_visit, metres, minutes, openings
from devices.switchover.planning.problem import EngineerDay, Home, Problem
from devices.switchover.planning.routing import Visit


def drive(problem: Problem, day: EngineerDay, left: dict[str, Home], worth: Callable[[Home], float]) -> list[Visit]:
    """Drive a day: next is always the home with the least way for its worth. Who is visited is taken out of `left`."""
    here, clock, van = day.begins, day.start, Counter(day.van)
    visits: list[Visit] = []
    able = [home for home in left.values() if may_visit(day, home)]
    while True:
        best: tuple[float, int, str] | None = None
        for home in able:
            if home.id not in left or any(van[item] < count for item, count in home.needs.items()):
                continue
            way = metres(problem.travel, here, home.place) / worth(home)
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
