"""The case as shown: who is told and when, what was tried, what this unit has called for before. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from alarms.escalation.codec import load_state
from alarms.escalation.domain import Handling, Ladder, Party, Round, State, target_words
from alarms.handling.domain import TypeHistory
from alarms.handling.models import Alarm, AlarmLog
from telecare.console.policy_view import CHANNELS
from telecare.console.view import Badge
from telecare.kernel.outbox import OutboxMessage

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
    state = _state(alarm)
    if state is None:
        return []
    waits = state.handling is Handling.RAISED
    steps = []
    for index, step in enumerate(state.ladder.steps):
        words = " and ".join(target_words(target).removeprefix("the ") for target in step.targets)
        if index < state.step:
            steps.append(Step(words, "done"))
        elif index == state.step and waits:
            steps.append(Step(words, "next"))
        else:
            steps.append(Step(words, "later"))
    if state.step >= len(state.ladder.steps) and waits:
        again = " and ".join(target_words(target).removeprefix("the ") for target in state.ladder.catch_all)
        steps.append(Step(f"all again: {again}", "next"))
    return steps


@dataclass(frozen=True)
class Going:
    """Somebody who has said that they go there; `due_at` is when arrival is asked, None once they are there."""

    name: str
    said_at: datetime
    due_at: datetime | None


def going(alarm: Alarm) -> list[Going]:
    """Return who goes there, in the order in which they said so."""
    state = _state(alarm)
    if state is None:
        return []
    return [Going(one.by.name, one.at, None if one.arrived else state.arrival_due_at) for one in state.acceptances]


@dataclass(frozen=True)
class ToCome:
    """Somebody who is told next unless somebody has the alarm before; `by` is the channel, empty when not known."""

    name: str
    at: datetime
    by: str


def waiting(alarm: Alarm) -> list[Round]:
    """Return the rounds that are not over, the next first."""
    state = _state(alarm)
    rounds = [turn for turn in state.rounds if turn.next_at is not None and not turn.declined] if state else []
    return sorted(rounds, key=lambda turn: (turn.next_at or turn.starts_at, turn.name))


def to_come(alarm: Alarm, parties: Mapping[str, Party]) -> list[ToCome]:
    """Return who is told next and by what, as their rules are now."""
    found = []
    for turn in waiting(alarm):
        at = turn.next_at or turn.starts_at
        party = parties.get(turn.party)
        after_s = round((at - turn.starts_at).total_seconds())
        rules = party.rules if party else ()
        ways = dict.fromkeys(
            CHANNELS.get(rule.to.channel, rule.to.channel) for rule in rules if rule.after_s == after_s
        )
        found.append(ToCome(turn.name, at, " and ".join(ways)))
    return found


@dataclass(frozen=True)
class Told:
    """The last message to one address: whom, by what, when, how far it got, and why not further."""

    name: str
    by: str
    at: datetime
    badge: Badge
    why: str
    times: int


def told(messages: Iterable[OutboxMessage]) -> list[Told]:
    """Return the last message to each address; `messages` are the newest first."""
    found: dict[tuple[str, str, str], Told] = {}
    for message in messages:
        label, way = str(message.message.get("label", "")), (message.channel, message.address)
        key = (label, *way)
        if key in found:
            found[key] = replace(found[key], times=found[key].times + 1)
            continue
        why = message.last_error or "" if _failed(message) else ""
        by = CHANNELS.get(message.channel, message.channel)
        found[key] = Told(label, by, message.finished_at or message.created_at, _badge(message), why, 1)
    return list(found.values())


def _failed(message: OutboxMessage) -> bool:
    return message.state in {"failed", "pending"} or message.delivery in {"failed", "not_reached"}


def _badge(message: OutboxMessage) -> Badge:
    shapes = {
        "pending": ("◌", "Waiting", "quiet") if not message.attempts else ("◌", "Tried again", "warn"),
        "sending": ("◌", "Leaving", "quiet"),
        "sent": ("◐", "Sent", "good"),
        "failed": ("■", "Failed", "bad"),
        "cancelled": ("○", "Called off", "quiet"),
        "merged": ("◐", "Sent with others", "good"),
        "handed_over": ("◐", "Handed over", "good"),
        "not_reached": ("■", "Not reached", "bad"),
        "delivered": ("●", "Delivered", "good"),
    }
    return Badge(*shapes[message.delivery or message.state])


def pinned(alarm: Alarm) -> Ladder | None:
    """Return the ladder that an alarm runs on; None when its state cannot be read."""
    state = _state(alarm)
    return state.ladder if state else None


def _state(alarm: Alarm) -> State | None:
    try:
        return load_state(alarm.state)
    except msgspec.ValidationError:
        return None


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
