"""A press in an engineer's test window (C15): a test only when nothing speaks against it, else as real as any. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alarms.handling.domain import OpenAlarm, Subject, UnderTest
from alarms.intake.types import FIRE_FAMILIES, TRIGGERS, TYPES, AlarmClass, EventType, Treatment

FUTURE_SLACK = timedelta(minutes=5)
LONDON = ZoneInfo("Europe/London")
GRAVE = frozenset({AlarmClass.LIFE_SAFETY, AlarmClass.URGENT})


@dataclass(frozen=True)
class Signal:
    """What was read of the message, as far as the judgement needs it. `unreadable` says why when it was not."""

    lane: str
    type: str | None
    test: bool
    device_at: datetime | None
    problems: tuple[str, ...]
    unreadable: str | None
    text: str | None = None
    council: str | None = None
    oversize: bool = False
    known_id: bool = True  # the topic's hub id has the form that a hub id can have
    device_id: str | None = None
    attempt: int | None = None
    canary: bool = False  # the service's own test alarm, from its own account


@dataclass(frozen=True)
class Trial:
    """Whether a message is a test of a trigger, and what the operator or the engineer reads with it."""

    test: bool
    notes: tuple[str, ...] = ()


NO_TRIAL = Trial(test=False)


def tried(
    signal: Signal,
    row: EventType,
    subject: Subject,
    open_alarms: tuple[OpenAlarm, ...],
    now: datetime,
    received_at: datetime,
) -> Trial:
    """Say whether a message is a test by the window over its hub.

    It must have been received and be judged inside the window, by the server's clock. What the hub says can only make
    it real: its own time never makes a test of a press that came too early or too late.
    """
    window = subject.under_test
    if window is None or row.treatment is not Treatment.ALARM or row.class_ not in GRAVE:
        return NO_TRIAL
    if not (window.starts_at <= received_at and now < window.ends_at):
        return NO_TRIAL
    doubt = _doubt(signal, row, subject, window, open_alarms, now)
    if doubt is not None:
        return Trial(test=False, notes=(f"In a test window of {window.by}, but real: {doubt}",))
    ends = f"{window.ends_at.astimezone(LONDON):%H:%M}"
    return Trial(test=True, notes=(f"A test: {window.by} tries this trigger out, until {ends} at the latest",))


def _doubt(
    signal: Signal,
    row: EventType,
    subject: Subject,
    window: UnderTest,
    open_alarms: tuple[OpenAlarm, ...],
    now: datetime,
) -> str | None:
    """Return what speaks against a test, None when nothing does."""
    happened = signal.device_at
    nobody_knows = not subject.known or any(alarm.type == "duplicate_id" for alarm in open_alarms)
    outside = happened is not None and not window.starts_at <= happened <= now + FUTURE_SLACK
    doubts = {
        "nobody can say which unit sent it": nobody_knows,
        "the message was not understood as a whole": signal.unreadable is not None or bool(signal.problems),
        "nobody sets this off at a trigger": row.name not in TRIGGERS,
        "it is not from a trigger under test": not _is_under_test(signal.device_id or "", row, window),
        "by the unit's own clock it did not happen in the window": outside,
        "the unit repeats it and does not say when it happened": happened is None and (signal.attempt or 1) > 1,
    }
    return next((words for words, holds in doubts.items() if holds), None)


def _is_under_test(device_id: str, row: EventType, window: UnderTest) -> bool:
    """Say whether what came is what the trigger, or each that may have sent it, was put under test for."""
    if device_id:
        kind = window.kinds.get(device_id)
        return device_id in window.devices and kind is not None and _may_send(kind, row)
    if row.name == "unit_button":
        return "" in window.devices
    if row.family in FIRE_FAMILIES:
        return False  # only that very detector, by its name
    senders = {device for device, kind in window.kinds.items() if _may_send(kind, row)}
    return bool(senders) and senders <= window.devices


def _may_send(kind: str, row: EventType) -> bool:
    """Say whether a trigger of this kind sends such a thing; of a kind that nobody knows anything may come."""
    if kind not in TRIGGERS:
        return True
    family = TYPES[kind].family
    return family == row.family or (family in FIRE_FAMILIES and row.family in FIRE_FAMILIES)


def is_named_only(kind: str) -> bool:
    """Say whether a trigger is under test only when it is named: detectors of fire and gas, and what nobody knows."""
    return kind not in TRIGGERS or TYPES[kind].family in FIRE_FAMILIES
