"""Why a home is not in a plan, in words. Pure."""

from devices.switchover.planning.days import openings
from devices.switchover.planning.problem import Home, Problem


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
    if home.not_before is not None and home.deadline is not None and home.not_before > home.deadline.on:
        return f"it cannot be before {home.not_before:%d %B %Y}, and that is too late: {home.deadline.why}"
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
