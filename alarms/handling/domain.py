"""An alarm as it is opened and shown: whom it is about, what happens next in words, the board's order. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alarms.escalation.domain import FOREVER, Handling, Ladder, State, target_words

SYSTEM_HUB = "(telecare)"
"""Stands where the hub's id stands in an alarm about the service itself; no hub can have it."""


CANARY_CLASS = "C"
"""The class of the service's own test alarm: nobody's, so that only the engine and its watchers ever look at it."""

CANARY_CHANNEL = "canary"


@dataclass(frozen=True)
class UnderTest:
    """An engineer's test window over the hub of a message: which triggers are tried out, from when to when.

    `devices` are ids on the wire, the empty one is the unit itself; `kinds` is what the register has paired to the hub.
    """

    starts_at: datetime
    ends_at: datetime
    devices: frozenset[str]
    by: str
    kinds: Mapping[str, str]


@dataclass(frozen=True)
class Subject:
    """Who and where, as the register knew it when the message came. `notes` are words for the operator."""

    council_id: str | None = None
    person_id: UUID | None = None
    premises_id: UUID | None = None
    person_name: str | None = None
    place: str | None = None
    room: str | None = None
    notes: tuple[str, ...] = ()
    known: bool = False  # the hub is in the register
    placed: bool = False  # and installed somewhere now
    tier: str | None = None  # the person's risk tier: A, B, C or D
    under_test: UnderTest | None = None


@dataclass(frozen=True)
class Opening:
    """An alarm to open. Repeats of one `family` join it; `words` are the trigger in words, `notes` for the operator.

    `ladder` is its built-in one, where that of its class will not do; a policy that fits goes before either.
    """

    type: str
    class_: str
    rank: int
    family: str
    words: str
    notes: tuple[str, ...] = ()
    ladder: Ladder | None = None


@dataclass(frozen=True)
class OpenAlarm:
    """An open alarm of the same hub."""

    id: UUID
    type: str
    family: str
    class_: str
    last_event_at: datetime
    device_id: str | None = None


@dataclass(frozen=True)
class Next:
    """What happens next to an open alarm, and when."""

    at: datetime
    words: str


@dataclass(frozen=True)
class BoardTally:
    """The whole board in figures, of all open alarms and not only of those that fit on a page.

    `life` and `technical` are the two lanes. What waits is life-safety or urgent and nobody has it: `fires` of these
    are fire or gas, `grave` of class L. `technical_free` are the technical ones that nobody has.
    """

    life: int
    technical: int
    waiting: int
    oldest_at: datetime | None
    over_minute: int
    fires: int
    grave: int
    technical_free: int
    mine: int


@dataclass(frozen=True)
class TypeHistory:
    """How often one trigger has called from a hub, the alarm at hand included."""

    type: str
    words: str
    day: int
    week: int
    quarter: int


def what_next(state: State) -> Next | None:
    """Return what happens next if nobody does anything; None when the alarm is closed."""
    at = state.next_due_at
    if at is None:
        return None
    if (words := _aside(state, at)) is not None:
        return Next(at, words)
    if state.handling is Handling.ATTENDING:
        words = "it is open again" if state.arrival_asked else "arrival is asked"
    elif state.claim is not None:
        words = "the claim lapses" if state.claim.reminded else f"{state.claim.holder.name} is reminded to renew"
    else:
        words = " and ".join(target_words(target) for target in _next_targets(state)) + " told"
        if at == state.quiet_until:
            words = f"the planned work is over: {words}"
    return Next(at, words)


def _aside(state: State, at: datetime) -> str | None:
    """Return what happens at a moment that is no step of the ladder and no end of a claim."""
    moments = (
        (state.hold_until, "the hold is over: the supervisor is told"),
        (state.supervisor_at, "the supervisor is told that it takes long"),
        (state.shelved_until, "it is shelved until then, and open again"),
        (state.everybody_at, "contacts and responders are told, all at once"),
    )
    if (words := next((words for moment, words in moments if moment == at), None)) is not None:
        return words
    told = [turn.name for turn in state.rounds if turn.next_at == at]
    return f"{' and '.join(dict.fromkeys(told))} told" if told else None


def _next_targets(state: State) -> tuple[str, ...]:
    """Return whom the next step names; its hours are looked at when it comes."""
    steps = state.ladder.steps
    if state.again and state.step:
        return steps[state.step - 1].targets
    if state.step < len(steps):
        return steps[state.step].targets
    more = steps and (state.ladder.loops == FOREVER or state.loop < state.ladder.loops)
    return steps[0].targets if more else state.ladder.catch_all


def board_key(rank: int, raised_at: datetime, alarm_id: UUID) -> tuple[int, datetime, UUID]:
    """Return the sort key of the board: fire first, then class, then age. Rows do not jump when a deadline moves."""
    return (rank, raised_at, alarm_id)
