"""The case as shown: who is told and when, what was tried, what this unit has called for before. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from alarms.escalation.codec import load_state
from alarms.escalation.domain import Handling, target_words
from alarms.handling.domain import TypeHistory
from alarms.handling.models import Alarm, AlarmLog

REPEATED = 2
"""So many alike calls of a unit in a day are pointed out."""

_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True)
class Step:
    """One step of the ladder: `state` is done, next or later."""

    words: str
    state: str


def ladder(alarm: Alarm) -> list[Step]:
    """Return whom the ladder tells, in order. It stands still while somebody has the alarm.

    Nobody, when the state cannot be read: such an alarm is told by hand, and its page must open all the more.
    """
    try:
        state = load_state(alarm.state)
    except msgspec.ValidationError:
        return []
    waiting = state.handling is Handling.RAISED
    steps = []
    for index, step in enumerate(state.ladder.steps):
        words = " and ".join(target_words(target).removeprefix("the ") for target in step.targets)
        if index < state.step:
            steps.append(Step(words, "done"))
        elif index == state.step and waiting:
            steps.append(Step(words, "next"))
        else:
            steps.append(Step(words, "later"))
    if state.step >= len(state.ladder.steps) and waiting:
        again = " and ".join(target_words(target).removeprefix("the ") for target in state.ladder.catch_all)
        steps.append(Step(f"all again: {again}", "next"))
    return steps


@dataclass(frozen=True)
class Tried:
    """What came of trying a contact on this alarm: the last time, and how often nobody was reached in a row."""

    at: datetime
    reached: bool
    times: int

    @property
    def words(self) -> str:
        """Return the result in words."""
        if self.reached:
            return "reached"
        return "not reached" + (f" {self.times} times" if self.times > 1 else "")


def tried(log: Iterable[AlarmLog]) -> Mapping[str, Tried]:
    """Return what the log says of each contact, by name."""
    found: dict[str, Tried] = {}
    for line in log:
        if line.kind != "contact_attempt" or line.input is None:
            continue
        name, reached = str(line.input["contact"]), bool(line.input["reached"])
        before = found.get(name)
        failures = before.times if before is not None and not before.reached else 0
        found[name] = Tried(line.at, reached, 1 if reached else failures + 1)
    return found


@dataclass(frozen=True)
class History:
    """How often this unit has called; `alike` points out that it calls for the same again."""

    day: int
    week: int
    quarter: int
    alike: str | None


def history(alarm: Alarm, counts: Sequence[TypeHistory]) -> History:
    """Return the history of an alarm's unit."""
    same = next((row.day for row in counts if row.type == alarm.type), 0)
    alike = f"{ordinal(same)} “{alarm.words}” of this unit in 24 hours" if same >= REPEATED else None
    return History(
        sum(row.day for row in counts), sum(row.week for row in counts), sum(row.quarter for row in counts), alike
    )


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 11th."""
    teens = 10 <= number % 100 <= 20  # noqa: PLR2004 - eleventh, twelfth, thirteenth
    return f"{number}{'th' if teens else _ORDINALS.get(number % 10, 'th')}"


def last_note(log: Sequence[AlarmLog]) -> str | None:
    """Return the last note of a log, as it may say what helped the last time."""
    return next((line.text for line in reversed(log) if line.kind == "note"), None)
