"""What is told to a communications provider, what it tells, and how a unit is checked when its line was moved. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from devices.commands.domain import CommandState
from devices.registry.domain import Connection


class ShareField(StrEnum):
    """What may be told of a home: these two, whatever an agreement says beside them."""

    TELEPHONE_NUMBER = "telephone_number"
    DEVICE_TYPE = "device_type"


class Purpose(StrEnum):
    """What a batch is for."""

    IDENTIFY = "identify"
    DO_NOT_MIGRATE = "do_not_migrate"
    SOLUTION_CONFIRMED = "solution_confirmed"


PURPOSES: Mapping[Purpose, str] = {
    Purpose.IDENTIFY: "These lines carry telecare: find them among yours",
    Purpose.DO_NOT_MIGRATE: "Do not migrate these lines",
    Purpose.SOLUTION_CONFIRMED: "A compatible and functioning telecare solution is confirmed for these lines",
}


class MatchResult(StrEnum):
    """What the provider found of a number."""

    MATCHED = "matched"
    UNMATCHED = "unmatched"
    AMBIGUOUS = "ambiguous"


class NoticeKind(StrEnum):
    """Whether the customer asked for the migration."""

    VOLUNTARY = "voluntary"
    NON_VOLUNTARY = "non_voluntary"


class NoticeStatus(StrEnum):
    """What the provider last said of a migration."""

    PLANNED = "planned"
    MIGRATED = "migrated"
    CANCELLED = "cancelled"


class CheckState(StrEnum):
    """How far the check of a unit is whose line was moved."""

    DUE = "due"
    ASKED = "asked"
    TO_RING = "to_ring"
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"


DEVICE_TYPES: Mapping[Connection, str] = {
    Connection.ANALOGUE: "telecare, analogue",
    Connection.DIGITAL_READY: "telecare, digital-ready on an analogue line",
    Connection.DIGITAL: "telecare, digital",
}


@dataclass(frozen=True)
class Agreement:
    """A data-share agreement, as far as its use is decided by it."""

    starts_on: date
    review_on: date
    fields: frozenset[str]
    ended: bool


def objection(agreement: Agreement, today: date) -> str | None:
    """Say why nothing may be shared under an agreement today, and what to do; None when it may."""
    if agreement.ended:
        return "This agreement has ended: make another one before anything is shared"
    if today < agreement.starts_on:
        return f"This agreement starts on {agreement.starts_on:%d %B %Y}: nothing is shared before"
    if today > agreement.review_on:
        return (
            f"The review of this agreement was due on {agreement.review_on:%d %B %Y}: review it, end it and make it "
            "anew, then share"
        )
    missing = [field for field in ShareField if field not in agreement.fields]
    if missing:
        return f"This agreement does not cover {missing[0].replace('_', ' ')}, which each batch has"
    return None


def as_file(numbers: Iterable[tuple[str, str]]) -> bytes:
    """Return a batch as its file: the number in E.164 and the device type, by number, and nothing more.

    The same numbers are the same bytes, so that the hash which was kept proves what was told.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(list(ShareField))
    writer.writerows(sorted(set(numbers)))
    return out.getvalue().encode()


def holds(until: date | None, *, lifted: bool, today: date) -> bool:
    """Say whether a hold keeps a line from being migrated; its last day is one of them."""
    return not lifted and (until is None or today <= until)


SETTLE = timedelta(minutes=15)
"""So long after the notified time the line has settled and the unit is asked."""
CHECK_WITHIN = timedelta(minutes=60)
"""By then after the notified time the unit has answered, or a human has its case."""
ANSWER_WITHIN = timedelta(minutes=10)
"""So long a unit has for its answer."""
LAST_ASKED = CHECK_WITHIN - ANSWER_WITHIN
"""Until then after the notified time it is asked again."""


class Act(StrEnum):
    """What is to be done about a check now."""

    WAIT = "wait"
    ASK = "ask"
    RING = "ring"
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True)
class Check:
    """A check of one unit after one notified time."""

    planned_at: datetime
    state: CheckState
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Seen:
    """What is known at a moment. `proven`: a message of the unit came in since the notified time and the line's rest.

    `rung`: what a human has written down after they rang; `command` is how far the last question to the unit is.
    """

    proven: bool = False
    rung: bool | None = None
    reachable: bool = False
    command: CommandState | None = None


def next_act(check: Check, seen: Seen, now: datetime) -> Act:
    """Return what is to be done about a check; it ends by the deadline, or at once when we come later than that."""
    if check.state in {CheckState.ANSWERED, CheckState.NO_ANSWER}:
        return Act.WAIT
    if seen.rung is not None:
        return Act.ANSWERED if seen.rung else Act.NO_ANSWER
    if seen.proven or (check.state is CheckState.ASKED and seen.command is CommandState.DONE):
        return Act.ANSWERED
    if check.state is CheckState.DUE:
        ask = Act.ASK if seen.reachable else Act.RING
        return ask if now >= check.planned_at + SETTLE else Act.WAIT
    if check.state is CheckState.ASKED and check.asked_at is not None:
        return _asked(check, check.asked_at, seen, now)
    return Act.NO_ANSWER if now >= check.planned_at + CHECK_WITHIN else Act.WAIT


def _asked(check: Check, asked_at: datetime, seen: Seen, now: datetime) -> Act:
    silent = seen.command not in {CommandState.QUEUED, CommandState.SENT} or now >= asked_at + ANSWER_WITHIN
    if not silent:
        return Act.WAIT
    if now <= check.planned_at + LAST_ASKED:
        return Act.ASK if seen.reachable else Act.RING
    return Act.NO_ANSWER


def looks_next(check: Check, now: datetime) -> datetime:
    """Return when a check that waits is looked at again, whatever happens meanwhile."""
    if check.state is CheckState.DUE:
        return max(now, check.planned_at + SETTLE)
    if check.state is CheckState.TO_RING:
        return max(now, check.planned_at + CHECK_WITHIN)
    return now
