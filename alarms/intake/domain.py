"""What a message of a hub does: the pure judgement, before anything is stored.

Repeats of one family within 120 s join the open alarm and raise it; another family gets its own line at its own
priority. What nobody can place (unreadable, unknown hub, unknown type) becomes an alarm, never a dropped message.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from alarms.escalation.inputs import Annotated, Arrived, Cleared, HubCancelled, Input, Repeated, VoiceLost
from alarms.escalation.ranks import TECHNICAL, UNKNOWN, VOICE_LOST
from alarms.handling.domain import OpenAlarm, Opening, Subject
from alarms.intake.trial import FUTURE_SLACK, Signal, tried
from alarms.intake.types import (
    CANARY_ALARM,
    TYPES,
    AlarmClass,
    EventType,
    Treatment,
    on_alarm_lane,
    on_event_lane,
)

JOIN_WITHIN = timedelta(seconds=120)
LATE_AFTER = timedelta(seconds=120)
OLDEST_PLAUSIBLE = timedelta(days=90)
"""No hub buffers longer: an older time on a message is a wrong clock, not a late message."""

LONDON = ZoneInfo("Europe/London")

STANDING_FAMILIES = frozenset({"unreadable", "unknown_hub", "duplicate_id"})
"""Families whose cause stands until somebody mends it: repeats join however late they come."""


@dataclass(frozen=True)
class Verdict:
    """What follows: `treatment` is kept on the event, `ack_status` goes to the hub.

    `opens` are new alarms, the first of which the event belongs to; `feeds` are inputs for open ones, in order.
    """

    treatment: str
    ack_status: str
    opens: tuple[Opening, ...] = ()
    feeds: tuple[tuple[UUID, Input], ...] = ()
    notes: tuple[str, ...] = ()
    proof: str | None = None  # "alarm" or "test": what this message proved of its trigger


def judge(
    signal: Signal,
    subject: Subject,
    open_alarms: tuple[OpenAlarm, ...],
    now: datetime,
    received_at: datetime | None = None,
) -> Verdict:
    """Say what a message does. `now` is the database's clock when it is taken in, a while after it was received."""
    if signal.canary:
        # Each on its own: one that joined another would not go the way that it is to prove.
        return Verdict(Treatment.ALARM, "accepted", opens=(opening(CANARY_ALARM, CANARY_ALARM.words, ()),))
    clock_wrong, clock_note = _clock(signal.device_at, now)
    notes = (*_oddities(signal, subject), *((clock_note,) if clock_note else ()))
    row, ack_status = _row(signal, subject)
    trial = tried(signal, row, subject, open_alarms, now, received_at or now)
    if trial.test:
        row, ack_status = replace(row, treatment=Treatment.TEST), "test"
    notes = (*trial.notes, *notes)
    if row.treatment is Treatment.ALARM:
        if any(alarm.type == row.urgent_while for alarm in open_alarms):
            row = row.urgent()
        verdict = _alarm(signal, row, subject, open_alarms, now, notes, ack_status)
        made_urgent = tuple(opening(other, other.words, notes) for other in _made_urgent(row, open_alarms))
        verdict = replace(verdict, opens=(*verdict.opens, *made_urgent))
    else:
        verdict = Verdict(row.treatment.value, ack_status, feeds=_feeds(signal, row, open_alarms), notes=notes)
    if row.treatment is Treatment.TEST:
        verdict = replace(verdict, proof="test")
    if clock_wrong and subject.known and not any(alarm.type == "clock_wrong" for alarm in open_alarms):
        job = TYPES["clock_wrong"]
        verdict = replace(verdict, opens=(*verdict.opens, opening(job, job.words, notes)))
    return verdict


def ack_status(signal: Signal, subject: Subject) -> str:
    """Return the status of the ack to a message that is not a repeat of another."""
    return _row(signal, subject)[1]


def _row(signal: Signal, subject: Subject) -> tuple[EventType, str]:
    """Return the row that governs this message and the status of its ack."""
    on_alarm = signal.lane == "alarm"
    look_up = on_alarm_lane if on_alarm else on_event_lane
    if signal.unreadable is not None:
        row, ack_status = TYPES["unreadable" if on_alarm else "unreadable_event"], "unreadable"
    else:
        row, ack_status = look_up(signal.type or ""), "accepted"
        if row.treatment is Treatment.TEST or (signal.test and row.treatment is Treatment.ALARM):
            row, ack_status = replace(row, treatment=Treatment.TEST), "test"
    if not subject.known:
        unknown = TYPES["unknown_hub"]
        if on_alarm:
            return replace(unknown, rank=min(UNKNOWN, row.rank)), ack_status
        quiet = replace(unknown, class_=AlarmClass.TECHNICAL, rank=TECHNICAL, family="unknown_hub_event")
        return quiet, ack_status
    if not subject.placed and row.treatment is Treatment.ALARM and row.class_ is AlarmClass.URGENT:
        # Nobody can say who is there: until a human knows, it is somebody in need (C14).
        row = replace(row, class_=AlarmClass.LIFE_SAFETY, rank=UNKNOWN)
    return row, ack_status


def _made_urgent(row: EventType, open_alarms: tuple[OpenAlarm, ...]) -> list[EventType]:
    """Return what has been open quietly and is urgent now that this has come: a low battery when the mains fail."""
    quiet = {alarm.type for alarm in open_alarms if TYPES.get(alarm.type, row).urgent_while == row.name}
    families = {alarm.family for alarm in open_alarms}
    return [urgent for name in sorted(quiet) if (urgent := TYPES[name].urgent()).family not in families]


def _alarm(
    signal: Signal,
    row: EventType,
    subject: Subject,
    open_alarms: tuple[OpenAlarm, ...],
    now: datetime,
    notes: tuple[str, ...],
    ack_status: str,
) -> Verdict:
    words = _words(signal, row)
    proof = "alarm" if row.class_ in {AlarmClass.LIFE_SAFETY, AlarmClass.URGENT} and subject.known else None
    joined = next((alarm for alarm in open_alarms if _joins(signal, row, alarm, open_alarms, now)), None)
    if joined is not None:
        room = f" ({subject.room})" if subject.room else ""
        feeds: tuple[tuple[UUID, Input], ...] = ((joined.id, Repeated(words + room, row.rank, notes)),)
        return Verdict("joined", ack_status, feeds=feeds, notes=notes, proof=proof)
    return Verdict("alarm", ack_status, opens=(opening(row, words, notes),), notes=notes, proof=proof)


def _joins(signal: Signal, row: EventType, alarm: OpenAlarm, open_alarms: tuple[OpenAlarm, ...], now: datetime) -> bool:
    if alarm.family != row.family or (row.each_device and alarm.device_id != signal.device_id):
        return False
    if row.family in STANDING_FAMILIES or row.class_ is AlarmClass.TECHNICAL:
        return True
    # While two hubs use one id, the same signal may well be of somebody else (C21).
    doubled = any(other.type == "duplicate_id" for other in open_alarms)
    return not doubled and now - alarm.last_event_at <= JOIN_WITHIN


def opening(row: EventType, words: str, notes: tuple[str, ...]) -> Opening:
    """Return the alarm that a row of the table opens."""
    return Opening(row.name, row.class_, row.rank, row.family, words, notes)


def _feeds(signal: Signal, row: EventType, open_alarms: tuple[OpenAlarm, ...]) -> tuple[tuple[UUID, Input], ...]:
    match row.treatment:
        case Treatment.CLEAR:
            cleared = (alarm for alarm in open_alarms if alarm.type in row.clears)
            same = (one for one in cleared if not TYPES[one.type].each_device or one.device_id == signal.device_id)
            return tuple((alarm.id, Cleared(row.words)) for alarm in same)
        case Treatment.CANCEL:
            return tuple((alarm.id, HubCancelled()) for alarm in open_alarms if alarm.class_ != AlarmClass.TECHNICAL)
        case Treatment.VOICE:
            return tuple((alarm.id, VoiceLost(row.words, VOICE_LOST)) for alarm in open_alarms)
        case Treatment.ARRIVAL:
            return tuple((alarm.id, Arrived(row.words)) for alarm in open_alarms)
        case Treatment.NOTE:
            return tuple((alarm.id, Annotated(row.words)) for alarm in open_alarms)
        case _:
            return ()


def _words(signal: Signal, row: EventType) -> str:
    """Return the trigger in words, with what a message that could not be placed seems to say."""
    if row.name == "unknown_hub":
        said = TYPES[signal.type].words if signal.type in TYPES else signal.type
        return f"{row.words}: {said or 'unreadable'}"
    if signal.unreadable is not None:
        return f"{row.words}: {signal.unreadable}"
    return row.words


def _oddities(signal: Signal, subject: Subject) -> tuple[str, ...]:
    """Return what was odd about the message, each as a sentence for the operator."""
    notes = list(subject.notes)
    if signal.text:
        notes.append(f"The unit says: {signal.text}")
    if signal.oversize:
        notes.append("The message was too long; its first 64 KiB are kept")
    if signal.council is not None and subject.council_id is not None and signal.council != subject.council_id:
        notes.append(f"The unit names council {signal.council}; the register says {subject.council_id} and decides")
    if not signal.known_id:
        notes.append("The id on the topic is not one that a hub can have")
    if signal.problems:
        notes.append("Not understood: " + "; ".join(signal.problems[:5]))
    return tuple(notes)


def _clock(device_at: datetime | None, now: datetime) -> tuple[bool, str | None]:
    """Say whether the hub's clock is wrong, and what to tell about its time."""
    if device_at is None:
        return False, None
    late = now - device_at
    if late > OLDEST_PLAUSIBLE or late < -FUTURE_SLACK:
        return True, f"The unit's clock is wrong: it says {device_at.astimezone(UTC):%d %B %Y %H:%M}"
    if late > LATE_AFTER:
        minutes = int(late.total_seconds() // 60)
        spoken = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours
        return False, f"Late by {spoken}: it happened at {device_at.astimezone(LONDON):%H:%M on %d %B}"
    return False, None
