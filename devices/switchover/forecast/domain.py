"""What the forecast is made from: counts of what has happened so far, and where the homes are now. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Outcome(StrEnum):
    """What a visit comes to."""

    DONE = "done"
    NO_ACCESS = "no_access"
    REFUSED = "refused"
    NO_SIGNAL = "no_signal"
    FAULT = "fault"


class Wait(StrEnum):
    """Why a home is not to be visited now; the first four are what visits come to."""

    NO_ACCESS = "no_access"
    REFUSED = "refused"
    NO_SIGNAL = "no_signal"
    FAULT = "fault"
    PAUSED = "paused"


OUTCOMES = tuple(Outcome)
SETBACKS = OUTCOMES[1:]
MOST_OF_THEM = 0.3
"""Who visits so many of the homes that there are would have visited more: the others are booked for the next days."""


@dataclass(frozen=True, slots=True)
class Worked:
    """One day of work: how many engineers were out, what they visited, how many homes could have been visited."""

    day: date
    engineers: int
    visits: int
    ready: int

    @property
    def pace(self) -> float:
        """Return visits by engineer."""
        return self.visits / self.engineers

    @property
    def for_want_of_homes(self) -> bool:
        """Say whether there was not more to visit, so that the day tells nothing of the pace."""
        return self.visits >= MOST_OF_THEM * self.ready


@dataclass(frozen=True, slots=True)
class Flow:
    """How often something happened, over so many days: those that homes waited for it, all homes added up."""

    count: int = 0
    days: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a programme so far.

    `first` counts what first visits came to, `again` those to homes where one came to nothing before; `back` how fast
    homes that waited could be visited again; `prepared` how many homes the office made fit for a first visit, over so
    many working days, `turned_down` how many said no or were not reached before it; `left` who died or moved away.
    """

    days: tuple[Worked, ...] = ()
    first: Mapping[Outcome, int] = field(default_factory=dict)
    again: Mapping[Outcome, int] = field(default_factory=dict)
    back: Mapping[Wait, Flow] = field(default_factory=dict)
    prepared: Flow = Flow()
    turned_down: int = 0
    left: Flow = Flow()

    @property
    def visits(self) -> int:
        """Return how many visits have come to something."""
        return sum(self.first.values()) + sum(self.again.values())


@dataclass(frozen=True, slots=True)
class Pool:
    """Where the homes of a programme are at the beginning of a forecast. All but `done` remain."""

    preparing: int = 0
    ready: int = 0
    again: int = 0
    waiting: Mapping[Wait, int] = field(default_factory=dict)
    soaking: int = 0
    done: int = 0

    @property
    def remaining(self) -> int:
        """Return how many homes have no accepted new hub."""
        return self.preparing + self.ready + self.again + sum(self.waiting.values()) + self.soaking
