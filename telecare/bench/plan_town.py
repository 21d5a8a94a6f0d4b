"""A fictional council for the planner: towns, a moor, two islands, six engineers. The same for the same seed. Pure."""

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

from devices.switchover.planning.prize import Factors, LineState, assess, until_of
from devices.switchover.planning.problem import (
    Deadline,
    Engineer,
    Ferry,
    Freeze,
    Home,
    Place,
    Problem,
    Stock,
    Window,
)
from devices.switchover.working_days import WorkingDays

FIRST = date(2026, 11, 23)
WEEKDAYS = frozenset(range(5))
HUB, LAN_HUB, SMOKE = "hub 4G", "hub LAN", "smoke detector"
TOWNS = (
    ("PX31", 0.0, 0.0, 2.2, 30), ("PX32", 5.0, 3.5, 1.8, 18), ("PX34", 17.0, 6.0, 2.0, 14),
    ("PX35", -14.0, 9.0, 1.7, 12), ("PX36", 8.0, -16.0, 2.0, 10), ("PX38", 27.0, -11.0, 2.5, 6),
    ("PX39", -22.0, -12.0, 9.0, 5),
)  # fmt: skip
"""Postcode districts: kilometres east and north, how far homes lie apart, how many of a hundred homes are there."""
ISLANDS = (("Stroma Mor", "PX45", -34.0, 22.0, 2.5, 3), ("Eilean Beag", "PX46", 40.0, 25.0, 1.5, 2))
FERRIES = (
    Ferry(
        "Stroma Mor", Place(-24_000, 15_000), Place(-31_000, 19_500, "Stroma Mor"), (555, 690, 840), (720, 930, 960), 25
    ),
    Ferry("Eilean Beag", Place(31_000, 17_000), Place(38_500, 23_500, "Eilean Beag"), (570, 780), (750, 930), 20),
)  # fmt: skip
BASES = ((0.0, 0.0), (0.0, 0.0), (4.0, 2.0), (17.0, 6.0), (-13.0, 8.0), (8.0, -15.0))
NAMES = ("Mairi Ross", "Ewan Kerr", "Iona Baird", "Calum Munro", "Kirsty Lamont", "Rory Nairn")
SKILLS = ({"group", "key safe"}, {"key safe"}, {"group"}, {"key safe", "group"}, set[str](), {"key safe"})


@dataclass(frozen=True)
class Town:
    """What is asked for: so many homes and engineers, on so many working days."""

    homes: int = 1200
    engineers: int = 6
    days: int = 45
    seed: int = 1


def town(wanted: Town) -> Problem:
    """Make the problem."""
    chance = random.Random(wanted.seed)  # noqa: S311 - a made-up council
    worked = WorkingDays()
    days = tuple(worked.between(FIRST, FIRST + timedelta(days=2 * wanted.days + 20)))[: wanted.days]
    homes = tuple(_home(chance, number, days) for number in range(1, wanted.homes + 1))
    needed = wanted.homes
    stock = (
        Stock(HUB, days[0], max(40, needed * 2 // 3)),
        Stock(HUB, days[len(days) // 3], needed),
        Stock(LAN_HUB, days[0], needed),
        Stock(SMOKE, days[0], 2 * needed),
    )
    third, half = days[len(days) // 3], days[len(days) // 2]
    return Problem(
        homes,
        tuple(_engineer(n) for n in range(wanted.engineers)),
        days,
        until_of(days[-1]),
        frozenset(day for day in days if worked.eve(day)),
        FERRIES,
        stock,
        (
            Freeze(third, third, "red warning: wind", area="PX39"),
            Freeze(third, third + timedelta(days=1), "gales: no ferry", island="Stroma Mor"),
            Freeze(half, half, "firmware of the LAN hub is being changed", item=LAN_HUB),
        ),
    )


def _engineer(number: int) -> Engineer:
    at = number % len(NAMES)
    east, north = BASES[at]
    short = 4 if number == 4 else 9  # one of them has Fridays off
    weekdays = WEEKDAYS - {short}
    absent = {FIRST + timedelta(days=14 + number): 0} if number < 3 else {}
    return Engineer(
        f"e{number + 1}",
        NAMES[at] if number < len(NAMES) else f"{NAMES[at]} {number // len(NAMES) + 1}",
        Place(east * 1000, north * 1000),
        (Window(8 * 60 + 30, 16 * 60 + 30, weekdays),),
        frozenset(SKILLS[at]),
        {HUB: 7, LAN_HUB: 3, SMOKE: 6},
        absent,
    )


def _home(chance: random.Random, number: int, days: tuple[date, ...]) -> Home:
    area, place = _place(chance)
    known = _factors(chance, days)
    assessed = assess(known, days[0])
    detectors = chance.choice((0, 0, 1, 1, 2)) if known.life_safety_detectors else 0
    skills = set[str]()
    if chance.random() < 0.15:
        skills.add("key safe")
    if chance.random() < 0.08:
        skills.add("group")
    needs = {LAN_HUB if chance.random() < 0.2 else HUB: 1}
    if detectors:
        needs[SMOKE] = detectors
    two = chance.random() < 0.04
    home = Home(
        f"h{number:05d}", place, chance.choice((50, 60, 60, 70)) + 10 * detectors, assessed.harm, area,
        frozenset() if place.island else frozenset(skills), needs, 2 if two and not place.island else 1,
        exposed=known.line is LineState.ANALOGUE_ON_DIGITAL, factors=assessed.factors,
    )  # fmt: skip
    return _times(chance, home, known, days)


def _place(chance: random.Random) -> tuple[str, Place]:
    shares = [row[4] for row in TOWNS] + [row[5] for row in ISLANDS]
    at = chance.choices(range(len(shares)), shares)[0]
    if at < len(TOWNS):
        area, east, north, spread, _ = TOWNS[at]
        island = ""
    else:
        island, area, east, north, spread, _ = ISLANDS[at - len(TOWNS)]
    return area, Place(1000 * chance.gauss(east, spread), 1000 * chance.gauss(north, spread), island)


def _factors(chance: random.Random, days: tuple[date, ...]) -> Factors:
    line = chance.choices(
        (LineState.ANALOGUE, LineState.ANALOGUE_ON_DIGITAL, LineState.READY_ON_ANALOGUE, LineState.UNKNOWN),
        (50, 20, 20, 10),
    )[0]
    telco = None
    if line is not LineState.ANALOGUE_ON_DIGITAL and chance.random() < 0.25:
        telco = days[0] + timedelta(days=chance.randrange(12, 100))
    return Factors(
        line,
        telco,
        chance.choices((0, 1, 3, 29), (85, 9, 5, 1))[0],
        chance.choice((0.018, 0.02, 0.05, 0.2)),
        chance.random() < 0.15,
        chance.uniform(0, 9),
        chance.choices("ABCD", (15, 30, 40, 15))[0],
        chance.random() < 0.6,
        chance.random() < 0.5,
        chance.random() < 0.4,
        None if chance.random() < 0.05 else chance.randrange(1, 200),
    )


def _times(chance: random.Random, home: Home, known: Factors, days: tuple[date, ...]) -> Home:
    margin = timedelta(days=7)
    if known.telco_on is not None:
        why = f"the line goes digital on {known.telco_on:%d %B %Y}, less 7 days"
        last = known.telco_on - margin
        home = replace(home, deadline=Deadline(max(last, days[1]), why))
    wish = chance.random()
    if wish < 0.2:
        home = replace(home, open=(Window(8 * 60, 12 * 60 + 30, why="only in the morning"),))
    elif wish < 0.4:
        home = replace(home, open=(Window(12 * 60, 18 * 60, why="only in the afternoon"),))
    carer = chance.random()
    if carer < 0.25:
        busy = Window(chance.choice((480, 540, 720)), chance.choice((760, 780)), why="the carer is there")
        home = replace(home, busy=(Window(busy.end - 45, busy.end, why=busy.why),))
    elif carer < 0.3:
        home = replace(home, busy=(Window(0, 24 * 60, frozenset({0, 2, 4}), "dialysis"),))
    return home
