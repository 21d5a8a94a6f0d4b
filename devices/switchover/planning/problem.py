"""What is planned: homes, engineers and their days, what binds them, and the plan. Plain values, no behaviour. Pure.

Times of day are whole minutes since local midnight, places are metres east and north of anywhere, weekdays count from
Monday, 0. Everything can be pickled: the planner runs in a process of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from devices.switchover.planning.prize import Factor, Harm

ALL_WEEK = frozenset(range(7))
NOON = 12 * 60


@dataclass(frozen=True)
class Place:
    """A point in metres; `island` is empty on the mainland. `guessed` says how it was found when nobody measured it."""

    east: float
    north: float
    island: str = ""
    guessed: str = ""


@dataclass(frozen=True)
class Window:
    """Hours on some days of the week, from `start` until `end`."""

    start: int
    end: int
    weekdays: frozenset[int] = ALL_WEEK
    why: str = ""


@dataclass(frozen=True)
class Deadline:
    """The last day on which a visit may be, and why."""

    on: date
    why: str


@dataclass(frozen=True)
class Home:
    """A home to be visited.

    The whole visit lies in one of the `open` windows (none: whenever engineers work) and touches none of the `busy`
    ones (carers, dialysis, day centre). `needs` is what is taken out of the van. `people` who must be there: 1 or 2.
    `exposed`: its analogue unit is on a line that is digital already, and it is visited before others are.
    """

    id: str
    place: Place
    minutes: int
    harm: Harm
    area: str = ""
    skills: frozenset[str] = frozenset()
    needs: Mapping[str, int] = field(default_factory=dict)
    people: int = 1
    open: tuple[Window, ...] = ()
    busy: tuple[Window, ...] = ()
    deadline: Deadline | None = None
    not_before: date | None = None
    exposed: bool = False
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True)
class Engineer:
    """Somebody who visits: where they start and end, when they work, what they can do, what their van holds.

    `absent` has the days off, each with the minute from which on they are away: 0 is the whole day.
    """

    id: str
    name: str
    base: Place
    hours: tuple[Window, ...]
    skills: frozenset[str] = frozenset()
    van: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[date, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ferry:
    """The way to an island: sailings by their minutes, out from `port` and back from `landing`."""

    island: str
    port: Place
    landing: Place
    out: tuple[int, ...]
    back: tuple[int, ...]
    minutes: int


@dataclass(frozen=True)
class Stock:
    """So many of an item come into the store on a day."""

    item: str
    on: date
    quantity: int


@dataclass(frozen=True)
class Freeze:
    """From one day to another nothing is swapped: everywhere, in an area, on an island, or where an item is needed."""

    start: date
    end: date
    why: str
    area: str = ""
    island: str = ""
    item: str = ""


@dataclass(frozen=True)
class Travel:
    """How far and how long: the straight line times `winding`, at a pace, and some minutes to park at each new door."""

    winding: float = 1.3
    metres_a_minute: float = 800.0
    to_park: int = 3
    round_up: bool = True


@dataclass(frozen=True)
class Rules:
    """Margins in minutes: swaps end before the shift does, and earlier on the last working day before a holiday."""

    undo: int = 45
    before_holiday: int = 240
    boarding: int = 10


class Slot(StrEnum):
    """What a household is promised: a half of the day."""

    AM = "am"
    PM = "pm"


@dataclass(frozen=True)
class Appointment:
    """A visit: who comes to whom, when. A confirmed one is promised to the household: that day, that half of it."""

    home_id: str
    day: date
    start: int
    end: int
    crew: tuple[str, ...]
    confirmed: bool = False

    @property
    def slot(self) -> Slot:
        """Return what the household is told: whether somebody comes before or after noon."""
        return Slot.AM if self.start < NOON else Slot.PM


@dataclass(frozen=True)
class Problem:
    """All that a plan is made of; `days` are the working days, `eves` those whose next working day is after a holiday.

    Harm is counted until `until`. What is `booked` stays: who comes, on which day, at which minute.
    """

    homes: tuple[Home, ...]
    engineers: tuple[Engineer, ...]
    days: tuple[date, ...]
    until: date
    eves: frozenset[date] = frozenset()
    ferries: tuple[Ferry, ...] = ()
    stock: tuple[Stock, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    travel: Travel = Travel()
    rules: Rules = Rules()
    booked: tuple[Appointment, ...] = ()


@dataclass(frozen=True)
class EngineerDay:
    """One vehicle: who is in it on a day, between which minutes and places, and what it may do.

    Work ends by `work_ends`, the way back by `end`. `extra_metres` and `extra_minutes` are driven in any case: to the
    ferry and back.
    """

    crew: tuple[str, ...]
    day: date
    start: int
    work_ends: int
    end: int
    begins: Place
    ends: Place
    skills: frozenset[str]
    van: Mapping[str, int]
    island: str = ""
    extra_metres: int = 0
    extra_minutes: int = 0


@dataclass(frozen=True)
class Unplanned:
    """A home that nobody visits within the days of the plan, and why."""

    home_id: str
    why: str


@dataclass(frozen=True)
class Plan:
    """Appointments by day, crew and time, and what could not be planned."""

    appointments: tuple[Appointment, ...]
    unplanned: tuple[Unplanned, ...] = ()
