"""The timeline of a hub: its messages by day, runs of heartbeats as one line, payloads safe to look at. Pure."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alarms.intake.domain import LATE_AFTER, OLDEST_PLAUSIBLE
from alarms.intake.types import TYPES
from devices.registry.schemas import EventOut
from telecare.api.endpoints.hubs import Lane
from telecare.console import view

KINDS: dict[str, tuple[str, tuple[Lane, ...]]] = {
    "all": ("Everything", ()),
    "signals": ("Alarms and events", ("alarm", "event")),
    "heartbeats": ("Heartbeats", ("heartbeat",)),
    "connection": ("Connection and answers", ("status", "result")),
}
"""What a timeline can be narrowed to: words, and the lanes of the wire."""

LANES = {
    "alarm": "Alarm",
    "event": "Event",
    "heartbeat": "Heartbeat",
    "status": "Connection",
    "result": "Answer",
}
TREATMENTS = {
    "alarm": "Opened an alarm",
    "joined": "Joined an open alarm",
    "duplicate": "Repeat of a message",
    "clear": "Cause over",
    "cancel": "Cancelled at the unit",
    "test": "Test",
    "note": "Noted",
    "hint": "A hint, not a verdict",
    "result": "Answer to a command",
    "heartbeat": "Heard from it",
}
TOGETHER = timedelta(seconds=60)
"""What was held back and comes within so long of each other came together."""

SHOWN_CHARS = 4000
"""A payload may be 64 KiB; a page shows its beginning."""

# Characters that move or hide others: what looks like one thing would be another.
_TRICKS = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class Run:
    """Heartbeats with nothing between them, the newest first."""

    messages: Sequence[EventOut]


@dataclass(frozen=True)
class Day:
    """The messages of one day in Europe/London, the newest first."""

    heading: str
    entries: Sequence[EventOut | Run]


def days(messages: Iterable[EventOut], now: datetime) -> list[Day]:
    """Put messages, the newest first, under their days; two heartbeats and more in a row become a run."""
    found: list[tuple[str, list[list[EventOut]]]] = []
    for message in in_order(messages):
        heading = view.day(message.received_at, now)
        if not found or found[-1][0] != heading:
            found.append((heading, []))
        runs = found[-1][1]
        beats = message.lane == "heartbeat" and runs and runs[-1][-1].lane == "heartbeat"
        if beats:
            runs[-1].append(message)
        else:
            runs.append([message])
    return [Day(heading, [run[0] if len(run) == 1 else Run(run) for run in runs]) for heading, runs in found]


def in_order(messages: Iterable[EventOut]) -> list[EventOut]:
    """Put what was held back and came together into the order in which it happened, by the unit's own clock (C19).

    All else stays as it was received: a clock is believed only for what it says of its own messages.
    """
    ordered: list[EventOut] = []
    burst: list[EventOut] = []
    for message in messages:
        if burst and not (_late(message) and burst[-1].received_at - message.received_at <= TOGETHER):
            ordered += _by_device(burst)
            burst = []
        if _late(message):
            burst.append(message)
        else:
            ordered.append(message)
    return ordered + _by_device(burst)


def _by_device(burst: list[EventOut]) -> list[EventOut]:
    return sorted(burst, key=lambda message: message.device_at or message.received_at, reverse=True)


def _late(message: EventOut) -> bool:
    """Say whether a message was held back, by a clock that can be believed."""
    return message.device_at is not None and LATE_AFTER < message.received_at - message.device_at <= OLDEST_PLAUSIBLE


def what(message: EventOut) -> str:
    """Return what a message says, in words."""
    if message.lane == "heartbeat":
        return "Heartbeat"
    if message.type is None:
        return "Unreadable" if message.lane in {"alarm", "event"} else LANES[message.lane]
    row = TYPES.get(message.type)
    return row.words if row else f"“{visible(message.type)}”"


def written(payload: dict[str, Any]) -> str:
    """Return a payload as a person can read it: nothing in it can act, hide or change the direction of text."""
    if set(payload) == {"text"} and isinstance(payload["text"], str):
        text = "As text, for it is no JSON object:\n" + payload["text"]
    elif set(payload) == {"base64"}:
        text = "In base64, for it is no text:\n" + str(payload["base64"])
    else:
        text = json.dumps(payload, ensure_ascii=False, indent=1)
    if len(text) > SHOWN_CHARS:
        text = f"{text[:SHOWN_CHARS]}\n… the first {SHOWN_CHARS:,} of {len(text):,} characters"
    return visible(text)


def visible(text: str) -> str:
    """Return a text in which control characters and tricks with direction stand as their numbers."""
    shown = _TRICKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\u{ord(char):04x}" for char in shown)
