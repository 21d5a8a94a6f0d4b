"""What is booked already, in a plan: kept as it is where a plan can hold it, left alone and said where it cannot."""

from collections.abc import Iterable
from dataclasses import replace

from devices.switchover.planning.problem import Appointment, Home, Plan, Problem, Unplanned
from devices.switchover.planning.validate import validate

BEFORE = 30
"""Whoever has a visit that no plan can hold is given nothing from so many minutes before it on."""


def as_booked(home: Home, booked: Appointment) -> Home:
    """Return a home as its booked visit has it: that long, by so many, with a unit that is out of the store already."""
    return replace(home, minutes=booked.end - booked.start, people=len(booked.crew), needs={})


def keep_booked(problem: Problem, booked: Iterable[Appointment]) -> tuple[Problem, list[Unplanned]]:
    """Return a problem that keeps what is booked, and the bookings that break a rule of every plan, with which one.

    People book what a planner would not: late in a shift, two homes too far apart. Those stay as they are, and nobody
    is sent anywhere else instead; they are said, for somebody to look at.
    """
    left, said = sorted(booked, key=lambda each: (each.day, each.start, each.home_id)), list[Unplanned]()
    while left:
        homes = {each.home_id for each in left}
        only = replace(problem, homes=tuple(home for home in problem.homes if home.id in homes), booked=tuple(left))
        fault = next(iter(validate(only, Plan(tuple(left)))), None)
        if fault is None:
            break
        wrong = next(each for each in left if each.home_id == fault.home_id)
        left.remove(wrong)
        at = f"{wrong.day:%d %B %Y}, {wrong.start // 60:02d}:{wrong.start % 60:02d}"
        said.append(Unplanned(wrong.home_id, f"it stays booked for {at}, against a rule of every plan: {fault.words}"))
        problem = _away(problem, wrong)
    return replace(problem, booked=tuple(left)), said


def _away(problem: Problem, wrong: Appointment) -> Problem:
    """Return the problem without a home, and with whoever goes there away from then on."""
    until = max(0, wrong.start - BEFORE)
    return replace(
        problem,
        homes=tuple(home for home in problem.homes if home.id != wrong.home_id),
        engineers=tuple(
            replace(each, absent={**each.absent, wrong.day: min(until, each.absent.get(wrong.day, 24 * 60))})
            if each.id in wrong.crew
            else each
            for each in problem.engineers
        ),
    )
