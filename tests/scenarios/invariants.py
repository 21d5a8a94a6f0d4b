"""What holds after every scenario, whatever happened in it: one function, for any level."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from alarms.escalation.codec import dump_input, dump_state, load_state, replay
from alarms.escalation.domain import State
from alarms.escalation.inputs import Input
from alarms.handling.models import Alarm, AlarmLog
from telecare.kernel.db import Database
from telecare.kernel.outbox import BUNDLE, OutboxMessage, OutboxState

ENDED = {OutboxState.SENT, OutboxState.FAILED, OutboxState.CANCELLED, OutboxState.MERGED}
BACK = "E10: the log's times go back"
ENDS_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Line:
    """A line of an alarm's log; the first of a decision holds what led to it."""

    seq: int
    at: datetime
    kind: str
    input: dict[str, Any] | None


@dataclass(frozen=True)
class History:
    """An alarm as it is, what led to it, and its messages: (key, written at, its state, finished at)."""

    state: dict[str, Any]
    lines: Sequence[Line]
    messages: Sequence[tuple[str, datetime, str, datetime | None]] = ()


def broken(histories: Iterable[History], *, clock_went_back: bool = False) -> list[str]:
    """Return every invariant that does not hold, in words; the log's times go back with the clock they are of."""
    found: list[str] = []
    keys: list[str] = []
    for history in histories:
        state = load_state(history.state)
        faults = [*_of_log(history), *_of_state(state, history)]
        found += [f"alarm {state.alarm_id}: {fault}" for fault in faults if not (clock_went_back and fault == BACK)]
        keys += [key for key, *_ in history.messages]
    if len(keys) != len({*keys}):
        found.append("E2: an effect_key was used twice")
    return found


def _of_log(history: History) -> Iterable[str]:
    if [line.seq for line in history.lines] != [*range(1, len(history.lines) + 1)]:
        yield "E5: the log has a gap"
    if any(one.at > other.at for one, other in zip(history.lines, history.lines[1:], strict=False)):
        yield BACK
    replayed = replay((line.at, line.input) for line in history.lines if line.input is not None)
    if replayed is None or dump_state(replayed) != history.state:
        yield "E5: the log does not lead to the state"
    ends = [line for line in history.lines if line.kind == "closed"]
    if len(ends) > 1:
        yield "E7: it was closed twice"


def _of_state(state: State, history: History) -> Iterable[str]:
    if state.closed_at is None and state.next_due_at is None:
        yield "E1: it is open and nothing happens next"
    if state.closed_at is not None and state.class_ == "L" and state.outcome == "technical_auto":
        yield "E9: a life-safety alarm ended by itself"
    for key, written, ending, finished in history.messages:
        if ending not in ENDED or finished is None:
            yield f"E11: {key} is {ending}"
        elif finished - written > ENDS_WITHIN:
            yield f"E11: {key} took {finished - written}"
        if state.closed_at is not None and written > state.closed_at:
            yield f"E4: {key} was written after the end"


def of_run(states: dict[str, State], history: dict[str, list[tuple[datetime, Input]]]) -> list[History]:
    """Return the histories of a pure run: an input a line."""
    return [
        History(
            dump_state(state),
            [Line(n, at, "", dump_input(event)) for n, (at, event) in enumerate(history[name], start=1)],
        )
        for name, state in states.items()
    ]


async def of_database(database: Database) -> list[History]:
    """Return the histories of all alarms in a database, those about the service itself included."""
    async with database.transaction() as session:
        alarms = (await session.execute(select(Alarm))).scalars().all()
        lines = (await session.execute(select(AlarmLog).order_by(AlarmLog.seq))).scalars().all()
        rows = (await session.execute(select(OutboxMessage).where(OutboxMessage.target != BUNDLE))).scalars().all()
    return [
        History(
            alarm.state,
            [Line(line.seq, line.at, line.kind, line.input) for line in lines if line.alarm_id == alarm.id],
            [
                (row.effect_key, row.created_at, row.state, row.finished_at)
                for row in rows
                if row.subject_id == alarm.id
            ],
        )
        for alarm in alarms
    ]
