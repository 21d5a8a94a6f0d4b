"""The days of engineers: alone, two in one van, or on an island; how far it is; when a home can be visited. Pure."""

import math
from collections.abc import Iterable
from datetime import date

from devices.switchover.planning.problem import (
    Engineer,
    EngineerDay,
    Ferry,
    Freeze,
    Home,
    Place,
    Problem,
    Rules,
    Travel,
)


def metres(travel: Travel, here: Place, there: Place) -> int:
    """Return how far it is between two places on the same shore."""
    way = math.hypot(here.east - there.east, here.north - there.north) * travel.winding
    return math.ceil(way) if travel.round_up else math.floor(way)


def minutes(travel: Travel, here: Place, there: Place) -> int:
    """Return how long the way takes; nothing for no way at all."""
    way = metres(travel, here, there)
    if way == 0:
        return 0
    took = way / travel.metres_a_minute
    return travel.to_park + (math.ceil(took) if travel.round_up else math.floor(took))


def hours_of(engineer: Engineer, day: date) -> tuple[int, int] | None:
    """Return from when until when an engineer works on a day; None when they do not."""
    for window in engineer.hours:
        if day.weekday() in window.weekdays:
            end = min(window.end, engineer.absent.get(day, window.end))
            return (window.start, end) if end > window.start else None
    return None


def day_of(problem: Problem, crew: tuple[Engineer, ...], day: date, island: str = "") -> EngineerDay | None:
    """Return the day of an engineer, or of two in the first one's van; None when they cannot work (there) that day."""
    known = [hours_of(engineer, day) for engineer in crew]
    hours = [each for each in known if each is not None]
    if len(hours) < len(crew):
        return None
    start, end = max(each[0] for each in hours), min(each[1] for each in hours)
    lead, skills = crew[0], frozenset().union(*(engineer.skills for engineer in crew))
    names = tuple(engineer.id for engineer in crew)
    if island:
        return _on_island(problem, lead, names, day, (start, end), skills, island)
    work_ends = _work_ends(problem.rules, start, end, eve=day in problem.eves)
    if work_ends <= start:
        return None
    return EngineerDay(names, day, start, work_ends, end, lead.base, lead.base, skills, lead.van)


def _on_island(
    problem: Problem, lead: Engineer, crew: tuple[str, ...], day: date, hours: tuple[int, int], skills: frozenset[str],
    island: str,
) -> EngineerDay | None:  # fmt: skip
    ferry = next((ferry for ferry in problem.ferries if ferry.island == island), None)
    if ferry is None:
        return None
    drive, boarding = minutes(problem.travel, lead.base, ferry.port), problem.rules.boarding
    arrives = min((out + ferry.minutes for out in ferry.out if out - boarding - drive >= hours[0]), default=None)
    leaves = _last_back(ferry, hours[1] - drive)
    if arrives is None or leaves is None:
        return None
    end = leaves - boarding
    work_ends = min(end, _work_ends(problem.rules, hours[0], hours[1], eve=day in problem.eves))
    if work_ends <= arrives:
        return None
    drive_metres = metres(problem.travel, lead.base, ferry.port)
    return EngineerDay(
        crew, day, arrives, work_ends, end, ferry.landing, ferry.landing, skills, lead.van, island,
        2 * drive_metres, 2 * (drive + ferry.minutes),
    )  # fmt: skip


def _last_back(ferry: Ferry, home_by: int) -> int | None:
    return max((back for back in ferry.back if back + ferry.minutes <= home_by), default=None)


def _work_ends(rules: Rules, start: int, end: int, *, eve: bool) -> int:
    return max(start, end - max(rules.undo, rules.before_holiday if eve else 0))


def may_visit(day: EngineerDay, home: Home) -> bool:
    """Say whether this crew could visit a home at all: skills, hands, shore, and what one van holds."""
    return (
        home.skills <= day.skills
        and home.people <= len(day.crew)
        and home.place.island == day.island
        and all(day.van.get(item, 0) >= count for item, count in home.needs.items())
    )


def openings(home: Home, day: date, freezes: Iterable[Freeze]) -> list[tuple[int, int]]:
    """Return from when until when, in minutes of a day, a visit of this home could lie; each is long enough for it."""
    if home.deadline is not None and day > home.deadline.on:
        return []
    if home.not_before is not None and day < home.not_before:
        return []
    if any(frozen(freeze, home, day) for freeze in freezes):
        return []
    found = [(window.start, window.end) for window in home.open if day.weekday() in window.weekdays]
    if not home.open:
        found = [(0, 24 * 60)]
    for busy in home.busy:
        if day.weekday() in busy.weekdays:
            found = [part for whole in found for part in _without(whole, busy.start, busy.end)]
    return [(start, end) for start, end in found if end - start >= home.minutes]


def frozen(freeze: Freeze, home: Home, day: date) -> bool:
    """Say whether a freeze keeps this home from being swapped on a day."""
    return (
        freeze.start <= day <= freeze.end
        and freeze.area in {"", home.area}
        and freeze.island in {"", home.place.island}
        and (not freeze.item or home.needs.get(freeze.item, 0) > 0)
    )


def _without(whole: tuple[int, int], start: int, end: int) -> list[tuple[int, int]]:
    return [part for part in ((whole[0], min(whole[1], start)), (max(whole[0], end), whole[1])) if part[0] < part[1]]
