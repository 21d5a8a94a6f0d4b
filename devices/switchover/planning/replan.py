"""Plans anew when something has changed (somebody is ill, a storm): as few promises as possible are broken, each said.

What is confirmed and still possible keeps its day and its half of the day, whatever happens. What is not possible any
more is put where it was promised with somebody else, and only if that cannot be, elsewhere.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from devices.switchover.planning.changes import Change, Move, Replanned, Since
from devices.switchover.planning.days import day_of, frozen, hours_of, may_visit, minutes, openings
from devices.switchover.planning.problem import (
    NOON,
    Appointment,
    EngineerDay,
    Home,
    Plan,
    Problem,
    Slot,
    Unplanned,
)
from devices.switchover.planning.routing import Choice, Limits, Stop, Visit, route
from devices.switchover.planning.solve import booked

DAYS = 6
"""So many working days from the first change on are arranged anew; later ones only take in what found no room."""
NOTICE = 60
"""Nobody is sent to a home sooner than so many minutes from now."""
KEPT, PROMISED, CONFIRMED, HELD = 900_000_000, 40_000_000, 20_000_000, 1_000_000
"""What it is worth, in metres: a promise that can be kept, one that another engineer keeps, one moved, all others."""


def replan(problem: Problem, plan: Plan, since: Since, limits: Limits = Limits(seconds=4.0)) -> Replanned:  # noqa: B008
    """Return the plan for a problem that has changed since it was made. What was before `since` stays as it was."""
    homes = {home.id: home for home in problem.homes}
    past = [each for each in plan.appointments if each.day < since.day]
    ahead = [each for each in plan.appointments if each.day >= since.day]
    why = {each.home_id: words for each in ahead if (words := impossible(problem, homes[each.home_id], each))}
    if not why:
        return Replanned(plan, ())
    first = min(each.day for each in ahead if each.home_id in why)
    window = set([day for day in problem.days if day >= first][:DAYS])
    inside = [each for each in ahead if each.day in window or each.home_id in why]
    outside = [each for each in ahead if each not in set(inside)]
    days = _days(problem, [each for each in inside if each.home_id not in why], sorted(window))
    now = _arranged(problem, homes, inside, why, days, since, limits)
    later = _taken_in(problem, homes, [e for e in inside if e.home_id not in now], outside, since)
    after = {**now, **later, **{each.home_id: each for each in outside if each.home_id not in later}}
    moves = [_move(problem, each, after.get(each.home_id), why) for each in ahead]
    dropped = [
        Unplanned(move.before.home_id, move.why) for move in moves if move is not None and move.change is Change.DROPPED
    ]
    told = sorted(
        (move for move in moves if move is not None),
        key=lambda move: (not move.before.confirmed, list(Change).index(move.change), move.before.day),
    )
    made = sorted([*past, *after.values()], key=lambda each: (each.day, each.crew, each.start))
    return Replanned(Plan(tuple(made), (*plan.unplanned, *dropped)), tuple(told))


def impossible(problem: Problem, home: Home, each: Appointment) -> str:
    """Say why an appointment cannot be any more; nothing when it still can."""
    engineers = {engineer.id: engineer for engineer in problem.engineers}
    for name in each.crew:
        if name not in engineers:
            return f"{name} is no engineer of these days"
        hours = hours_of(engineers[name], each.day)
        if hours is None or not hours[0] <= each.start or hours[1] < each.end + _back(problem, home, each):
            return f"{engineers[name].name} is away on {each.day:%d %B %Y}"
    if home.not_before is not None and each.day < home.not_before:
        return f"its visit waits until {home.not_before:%d %B %Y}"
    for freeze in problem.freezes:
        if frozen(freeze, home, each.day):
            return f"nothing is swapped on {each.day:%d %B %Y}: {freeze.why}"
    if not any(start <= each.start and each.end <= end for start, end in openings(home, each.day, ())):
        return "the household is not there at that time any more"
    return ""


def _back(problem: Problem, home: Home, each: Appointment) -> int:
    """Return how long it takes from a home to where the day ends; from an island the ferry has been counted."""
    lead = next(engineer for engineer in problem.engineers if engineer.id == each.crew[0])
    return 0 if home.place.island else max(problem.rules.undo, minutes(problem.travel, home.place, lead.base))


def _days(problem: Problem, staying: Sequence[Appointment], window: Sequence[date]) -> list[EngineerDay]:
    """Return who goes out in the window: pairs and trips to islands as they were, everybody else alone."""
    homes = {home.id: home for home in problem.homes}
    engineers = {engineer.id: engineer for engineer in problem.engineers}
    made: list[EngineerDay] = []
    for day in window:
        crews = {each.crew: homes[each.home_id].place.island for each in staying if each.day == day}
        busy = {name for crew in crews for name in crew}
        crews |= {(name,): "" for name in engineers if name not in busy}
        for crew, island in crews.items():
            found = day_of(problem, tuple(engineers[name] for name in crew), day, island)
            if found is not None:
                made.append(found)
    return made


def _arranged(
    problem: Problem, homes: Mapping[str, Home], inside: Sequence[Appointment], why: Mapping[str, str],
    days: Sequence[EngineerDay], since: Since, limits: Limits,
) -> dict[str, Appointment]:  # fmt: skip
    """Arrange the window anew, beginning with how it was; a route that stays the same keeps its times."""
    window = sorted({each.day for each in days})
    scarce = _scarce(problem, homes, inside, window)
    stops = [
        Stop(homes[each.home_id], tuple(_choices(problem, homes[each.home_id], each, why, days_of, since)))
        for each in inside
        if (days_of := _later(window, each) if scarce & homes[each.home_id].needs.keys() else window)
    ]
    routes = _as_they_were(days, [each for each in inside if each.home_id not in why])
    known = {index: [(each.home_id, each.start) for each in visits] for index, visits in routes.items()}
    found = route(stops, days, problem.travel, limits, known)
    made: dict[str, Appointment] = {}
    promised = {each.home_id: each for each in inside if each.confirmed}
    for index, (day, visits) in enumerate(zip(days, found, strict=True)):
        before = routes.get(index, [])
        if [visit.home.id for visit in visits] == [each.home_id for each in before]:
            made |= {each.home_id: each for each in before}
            continue
        for visit in visits:
            each = booked(day, visit)
            old = promised.get(visit.home.id)
            made[visit.home.id] = replace(each, confirmed=old is not None and _same(old, each))
    return made


def _scarce(
    problem: Problem, homes: Mapping[str, Home], inside: Sequence[Appointment], window: Sequence[date]
) -> set[str]:
    """Return the items that more is taken of in the window than lies in the store when it begins.

    What needs such a thing moves to later days only: then no more is taken by any day than the plan had taken.
    """
    used: Counter[str] = Counter()
    for each in inside:
        used.update(homes[each.home_id].needs)
    scarce = set()
    for item in {stock.item for stock in problem.stock}:
        there = sum(stock.quantity for stock in problem.stock if stock.item == item and stock.on <= window[0])
        if used[item] and there < sum(home.needs.get(item, 0) for home in homes.values()):
            scarce.add(item)
    return scarce


def _later(window: Sequence[date], each: Appointment) -> list[date]:
    return [day for day in window if day >= each.day]


def _as_they_were(days: Sequence[EngineerDay], staying: Iterable[Appointment]) -> dict[int, list[Appointment]]:
    index = {(day.day, day.crew): number for number, day in enumerate(days)}
    routes: defaultdict[int, list[Appointment]] = defaultdict(list)
    for each in sorted(staying, key=lambda each: each.start):
        if (each.day, each.crew) in index:
            routes[index[each.day, each.crew]].append(each)
    return routes


def _choices(
    problem: Problem, home: Home, each: Appointment, why: Mapping[str, str], window: Sequence[date], since: Since
) -> Iterable[Choice]:
    """Return when a home could be visited in the window, and what each time is worth."""
    fixed = each.day == since.day and each.start < since.minute + NOTICE
    for day in window:
        for start, end in openings(home, day, problem.freezes):
            earliest = since.minute + NOTICE if day == since.day else 0
            if fixed and home.id not in why:
                if day == each.day and start <= each.start and each.end <= end:
                    yield Choice(day, each.start, each.end, KEPT)
            elif each.confirmed:
                yield from _promises(home, each, day, (max(start, earliest), end), kept=home.id not in why)
            elif max(start, earliest) + home.minutes <= end:
                yield Choice(day, max(start, earliest), end, HELD)


def _promises(home: Home, each: Appointment, day: date, span: tuple[int, int], *, kept: bool) -> Iterable[Choice]:
    """Return the halves of a day as choices: what was promised, and for whom that cannot be, other times too."""
    for slot, start, last in ((Slot.AM, 0, NOON - 1), (Slot.PM, NOON, 24 * 60)):
        begins, ends = max(span[0], start), min(span[1], last + home.minutes)
        if begins + home.minutes > ends:
            continue
        as_promised = day == each.day and slot is each.slot
        if as_promised:
            yield Choice(day, begins, ends, KEPT if kept else PROMISED)
        elif not kept:
            yield Choice(day, begins, ends, CONFIRMED)


def _same(before: Appointment, after: Appointment) -> bool:
    """Say whether the household gets what it was promised."""
    return (before.day, before.slot) == (after.day, after.slot)


def _taken_in(
    problem: Problem, homes: Mapping[str, Home], orphans: Sequence[Appointment], outside: Sequence[Appointment],
    since: Since,
) -> dict[str, Appointment]:  # fmt: skip
    """Put what found no room into later days, where it fits between what is there; nothing there moves its slot."""
    engineers = {engineer.id: engineer for engineer in problem.engineers}
    routes: defaultdict[tuple[date, tuple[str, ...]], list[Appointment]] = defaultdict(list)
    for each in outside:
        if each.day > since.day:
            routes[each.day, each.crew].append(each)
    made: dict[str, Appointment] = {}
    for orphan in sorted(orphans, key=lambda each: (not each.confirmed, each.day)):
        home = homes[orphan.home_id]
        for (day, crew), there in sorted(routes.items(), key=lambda item: item[0][0]):
            island = homes[there[0].home_id].place.island
            out = day_of(problem, tuple(engineers[name] for name in crew), day, island)
            if out is None or day < orphan.day or not may_visit(out, home):
                continue
            fits = _fit_in(problem, homes, out, sorted(there, key=lambda e: e.start), home)
            if fits is not None:
                routes[day, crew] = fits
                made |= {appointment.home_id: appointment for appointment in fits}
                break
    return made


def _fit_in(
    problem: Problem, homes: Mapping[str, Home], day: EngineerDay, there: Sequence[Appointment], home: Home
) -> list[Appointment] | None:
    """Return a day with one more visit, or None; visits that are there keep their times."""
    van = {item: count - home.needs.get(item, 0) for item, count in day.van.items()}
    for each in there:
        for item, count in homes[each.home_id].needs.items():
            van[item] = van.get(item, 0) - count
    if any(count < 0 for count in van.values()):
        return None
    for at in range(len(there) + 1):
        before, after = (there[at - 1] if at else None), (there[at] if at < len(there) else None)
        free = before.end if before else day.start
        here = homes[before.home_id].place if before else day.begins
        arrives = free + minutes(problem.travel, here, home.place)
        for start, end in openings(home, day.day, problem.freezes):
            begins = max(arrives, start)
            ends = begins + home.minutes
            on = homes[after.home_id].place if after else day.ends
            by = after.start if after else day.end
            if ends <= min(end, day.work_ends) and ends + minutes(problem.travel, home.place, on) <= by:
                added = booked(day, Visit(home, begins))
                return [*there[:at], added, *there[at:]]
    return None


def _move(problem: Problem, before: Appointment, after: Appointment | None, why: Mapping[str, str]) -> Move | None:
    reason = why.get(before.home_id, "")
    if after is None:
        words = reason or "its time was needed for somebody else"
        return Move(Change.DROPPED, before, None, f"{words}; no time in the days that are planned fits: book it anew")
    if not _same(before, after):
        words = reason or "it was not promised yet, and its time was needed for somebody who was promised one"
        return Move(Change.MOVED, before, after, f"{words}; nobody else is free then" if reason else words)
    if before.crew != after.crew:
        names = {engineer.id: engineer.name for engineer in problem.engineers}
        who = " and ".join(names.get(name, name) for name in after.crew)
        return Move(Change.ENGINEER, before, after, f"{reason or 'the day was arranged anew'}; {who} comes instead")
    return None


def ill(problem: Problem, engineer_id: str, first: Since, last: date) -> Problem:
    """Return the problem with an engineer away from a moment until the end of a day."""
    away = {first.day + timedelta(days=n): 0 for n in range((last - first.day).days + 1)}
    away[first.day] = first.minute
    return replace(
        problem,
        engineers=tuple(
            replace(engineer, absent={**engineer.absent, **away}) if engineer.id == engineer_id else engineer
            for engineer in problem.engineers
        ),
    )
