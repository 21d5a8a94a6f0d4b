"""What is asked of a planner and what it answers: whoever asks needs no routing library for it. Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from devices.switchover.planning.problem import Appointment, Plan, Problem


class Change(StrEnum):
    """What became of an appointment."""

    ENGINEER = "engineer"
    MOVED = "moved"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Move:
    """An appointment that is not as it was, and why; `after` is None when it has to be booked anew."""

    change: Change
    before: Appointment
    after: Appointment | None
    why: str


@dataclass(frozen=True)
class Replanned:
    """The plan as it is now, and everything that differs; promises first."""

    plan: Plan
    moves: tuple[Move, ...]

    @property
    def broken(self) -> tuple[Move, ...]:
        """Return the promises that are not kept: these households must be told."""
        return tuple(move for move in self.moves if move.before.confirmed and move.change is not Change.ENGINEER)


@dataclass(frozen=True)
class Since:
    """From when on things may be arranged: a day, and the minute that it is now on that day."""

    day: date
    minute: int = 0


@dataclass(frozen=True)
class Order:
    """What a planner is to make: a plan, or one anew from `before` and `since`; so many seconds for each search."""

    problem: Problem
    seconds: float
    before: Plan | None = None
    since: Since | None = None


@dataclass(frozen=True)
class Answer:
    """What was made; `done` of a re-plan."""

    plan: Plan
    done: Replanned | None = None
