"""Checks a plan against every hard constraint, from the problem alone. Shares no code with what made the plan. Pure.

It measures ways and adds up hours by itself and believes nothing that a plan says beyond who is where when.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from devices.switchover.planning.problem import Appointment, Engineer, Ferry, Home, Place, Plan, Problem


@dataclass(frozen=True)
class Fault:
    """A hard constraint that a plan breaks: which one, where, in words."""

    rule: str
    home_id: str
    day: date | None
    words: str


def validate(problem: Problem, plan: Plan) -> list[Fault]:
    """Return what a plan breaks; an empty list is a plan that can be driven."""
    homes = {home.id: home for home in problem.homes}
    faults = list(_books(plan, homes))
    known = [each for each in plan.appointments if each.home_id in homes]
    engineers = {engineer.id: engineer for engineer in problem.engineers}
    for each in known:
        faults += _home_faults(problem, homes[each.home_id], each, engineers)
    days: dict[tuple[date, str], list[Appointment]] = defaultdict(list)
    for each in known:
        for name in each.crew:
            days[each.day, name].append(each)
    for (day, name), visits in days.items():
        if name in engineers:
            faults += _day_faults(problem, homes, engineers, day, name, sorted(visits, key=lambda each: each.start))
    faults += _store(problem, homes, known)
    faults += _booked(problem, plan)
    return faults


def _books(plan: Plan, homes: Mapping[str, Home]) -> Iterator[Fault]:
    counts = Counter([each.home_id for each in plan.appointments] + [each.home_id for each in plan.unplanned])
    for home_id, count in counts.items():
        if home_id not in homes:
            yield Fault("unknown", home_id, None, "The plan has a home that the problem does not have")
        if count > 1:
            yield Fault("twice", home_id, None, f"The home is in the plan {count} times")
    for home_id in homes.keys() - counts.keys():
        yield Fault("forgotten", home_id, None, "The home is neither planned nor said to be left out")


def _booked(problem: Problem, plan: Plan) -> Iterator[Fault]:
    """Whoever was told of a visit gets it at that time, from those who were said to come."""
    planned = {each.home_id: each for each in plan.appointments}
    for each in problem.booked:
        now = planned.get(each.home_id)
        if now is None or (now.day, now.start, set(now.crew)) != (each.day, each.start, set(each.crew)):
            yield Fault("booked", each.home_id, each.day, "The visit is booked already, and the plan has another")


def _home_faults(problem: Problem, home: Home, each: Appointment, engineers: Mapping[str, Engineer]) -> Iterator[Fault]:
    """Say what is wrong with a visit whoever drives there: its day, its time, who and what must be there."""
    for rule, words in (
        *_day_of_visit(problem, home, each),
        *_time_of_visit(home, each),
        *_who_visits(home, each, engineers),
    ):
        yield Fault(rule, home.id, each.day, words)


def _day_of_visit(problem: Problem, home: Home, each: Appointment) -> Iterator[tuple[str, str]]:
    if each.day not in problem.days:
        yield "working_day", f"{each.day} is not a working day of the plan"
    if home.deadline is not None and each.day > home.deadline.on:
        yield "deadline", f"It must be by {home.deadline.on}: {home.deadline.why}"
    if home.not_before is not None and each.day < home.not_before:
        yield "not_before", f"It cannot be before {home.not_before}"
    for freeze in problem.freezes:
        here = freeze.area in {"", home.area} and freeze.island in {"", home.place.island}
        concerned = here and (not freeze.item or home.needs.get(freeze.item, 0) > 0)
        if concerned and freeze.start <= each.day <= freeze.end:
            yield "freeze", f"Nothing is swapped then: {freeze.why}"


def _time_of_visit(home: Home, each: Appointment) -> Iterator[tuple[str, str]]:
    weekday = each.day.weekday()
    if each.end - each.start != home.minutes:
        yield "minutes", f"The visit takes {home.minutes} minutes, not {each.end - each.start}"
    if home.open and not any(
        weekday in window.weekdays and window.start <= each.start and each.end <= window.end for window in home.open
    ):
        yield "open", "The visit does not lie within the hours of the household"
    for busy in home.busy:
        if weekday in busy.weekdays and each.start < busy.end and busy.start < each.end:
            yield "busy", f"Somebody else is there then: {busy.why or 'busy'}"


def _who_visits(home: Home, each: Appointment, engineers: Mapping[str, Engineer]) -> Iterator[tuple[str, str]]:
    people = len(set(each.crew))
    if people < max(1, home.people):
        yield "people", f"{home.people} people must be there, and {people} are"
    for name in set(each.crew) - engineers.keys():
        yield "engineer", f"Nobody is called {name}"
    able = {skill for name in each.crew if name in engineers for skill in engineers[name].skills}
    if missing := home.skills - able:
        yield "skills", f"Nobody there can do {', '.join(sorted(missing))}"


@dataclass(frozen=True)
class _Round:
    """A day of one engineer as it would be driven: from when until when, from and back to where."""

    name: str
    start: int
    work_ends: int
    end: int
    base: Place


def _day_faults(
    problem: Problem, homes: Mapping[str, Home], engineers: Mapping[str, Engineer], day: date, name: str,
    visits: Sequence[Appointment],
) -> Iterator[Fault]:  # fmt: skip
    """Follow an engineer through a day: hours, ways, ferries, the van."""
    first = visits[0]
    driven = _round(problem, homes, engineers, day, name, visits)
    if isinstance(driven, Fault):
        yield driven
        return
    at, clock = driven.base, driven.start
    for each in visits:
        home = homes[each.home_id]
        if each.start < clock + _took(problem, at, home.place):
            yield Fault("way", home.id, day, f"{name} cannot be there at {_clock(each.start)}: the way takes longer")
        if each.end > driven.work_ends:
            words = f"Nobody could undo it: work ends at {_clock(driven.work_ends)} that day"
            yield Fault("work_ends", home.id, day, words)
        at, clock = home.place, each.end
    if clock + _took(problem, at, driven.base) > driven.end:
        yield Fault("hours", visits[-1].home_id, day, f"{name} is not back by {_clock(driven.end)}")
    if name == first.crew[0]:
        yield from _van(engineers[name], homes, day, visits)


def _round(
    problem: Problem, homes: Mapping[str, Home], engineers: Mapping[str, Engineer], day: date, name: str,
    visits: Sequence[Appointment],
) -> _Round | Fault:  # fmt: skip
    first = visits[0].home_id
    hours, lead = _hours(engineers[name], day), engineers.get(visits[0].crew[0])
    shores = {homes[each.home_id].place.island for each in visits}
    if hours is None:
        return Fault("hours", first, day, f"{engineers[name].name} does not work on {day}")
    if len({each.crew for each in visits}) > 1 or lead is None:
        return Fault("crew", first, day, f"{name} is in more than one van on {day}, or in nobody's")
    if len(shores) > 1:
        return Fault("island", first, day, f"{name} is on more than one shore on {day}")
    margin = problem.rules.before_holiday if day in problem.eves else 0
    work_ends, island = hours[1] - max(problem.rules.undo, margin), shores.pop()
    if not island:
        return _Round(name, hours[0], work_ends, hours[1], lead.base)
    ferry = next((ferry for ferry in problem.ferries if ferry.island == island), None)
    there = _ashore(problem, ferry, lead, hours) if ferry else None
    if ferry is None or there is None:
        return Fault("ferry", first, day, f"No ferry gets {name} to {island} and back on {day}")
    return _Round(name, there[0], work_ends, there[1], ferry.landing)


def _van(lead: Engineer, homes: Mapping[str, Home], day: date, visits: Sequence[Appointment]) -> Iterator[Fault]:
    used: Counter[str] = Counter()
    for each in visits:
        used.update(homes[each.home_id].needs)
    for item, count in used.items():
        if count > lead.van.get(item, 0):
            words = f"The van of {lead.name} holds {lead.van.get(item, 0)} of {item}, and {count} are needed"
            yield Fault("van", visits[0].home_id, day, words)


def _store(problem: Problem, homes: Mapping[str, Home], visits: Sequence[Appointment]) -> Iterator[Fault]:
    """What is taken by any day is no more than what had come in by then; an item without deliveries has no end."""
    for item in {stock.item for stock in problem.stock}:
        taken: Counter[date] = Counter()
        for each in visits:
            taken[each.day] += homes[each.home_id].needs.get(item, 0)
        total = 0
        for day in sorted(taken):
            total += taken[day]
            there = sum(stock.quantity for stock in problem.stock if stock.item == item and stock.on <= day)
            if total > there:
                yield Fault("store", "", day, f"By {day} {total} of {item} are taken, and {there} have come in")
                break


def _hours(engineer: Engineer, day: date) -> tuple[int, int] | None:
    for window in engineer.hours:
        if day.weekday() in window.weekdays:
            gone = engineer.absent.get(day)
            end = window.end if gone is None else min(gone, window.end)
            return None if end <= window.start else (window.start, end)
    return None


def _ashore(problem: Problem, ferry: Ferry, lead: Engineer, hours: tuple[int, int]) -> tuple[int, int] | None:
    """Return from when until when somebody is on an island who has to be back at their base when the day ends."""
    drive = _took(problem, lead.base, ferry.port)
    out = sorted(sailing for sailing in ferry.out if sailing >= hours[0] + drive + problem.rules.boarding)
    back = sorted(sailing for sailing in ferry.back if sailing + ferry.minutes + drive <= hours[1])
    if not out or not back:
        return None
    return out[0] + ferry.minutes, back[-1] - problem.rules.boarding


def _took(problem: Problem, here: Place, there: Place) -> int:
    travel = problem.travel
    way = travel.winding * math.sqrt((here.east - there.east) ** 2 + (here.north - there.north) ** 2)
    whole = math.ceil if travel.round_up else math.floor
    # Two ways to the same root may differ in the last digit: what is within a millimetre is no way.
    driven = whole(round(way, 6))
    return 0 if driven == 0 else travel.to_park + whole(driven / travel.metres_a_minute)


def _clock(at: int) -> str:
    return str(timedelta(minutes=at))[:-3].zfill(5)
