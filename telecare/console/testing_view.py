"""Test windows in words: what can be tried out, what has arrived, the line on the board. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alarms.intake.trial import is_named_only
from devices.registry.models import Peripheral
from devices.testing.domain import UNIT
from devices.testing.schemas import TriedTriggerOut, WindowOut
from telecare.console import view


@dataclass(frozen=True)
class Choice:
    """A trigger that can be put under test. `named`: only when it is ticked by hand."""

    device_id: str
    words: str
    named: bool


@dataclass(frozen=True)
class Line:
    """What the board says of a window: where, by whom until when, and what has arrived."""

    hub_id: str
    where: str
    by: str
    what: str


def choices(paired: Iterable[Peripheral]) -> list[Choice]:
    """Return what can be tried out at a hub."""
    unit = Choice(UNIT, "the button of the unit", named=False)
    return [unit, *(Choice(row.device_id, _words(row.kind, row.room), is_named_only(row.kind)) for row in paired)]


def words(trigger: TriedTriggerOut) -> str:
    """Return a trigger in words."""
    return "the button of the unit" if trigger.device_id == UNIT else _words(trigger.kind, trigger.room)


def line(window: WindowOut, hub: Any, now: datetime) -> Line:
    """Return the line of the board about a window."""
    seen = [f"{words(one)} {view.time(one.tested_at)}" for one in window.triggers if one.tested_at is not None]
    waits = len(window.triggers) - len(seen)
    parts = [f"test arrived: {', '.join(seen)}"] if seen else []
    parts += [f"{waits} to come"] if waits else []
    where = f"{hub['person_name']}, {hub['place']}" if hub["person_id"] else "not installed anywhere"
    return Line(window.hub_id, where, f"{window.opened_name} until {view.clock(window.ends_at, now)}", "; ".join(parts))


def _words(kind: str | None, room: str | None) -> str:
    spoken = (kind or "a trigger that is no longer paired").replace("_", " ")
    return f"{spoken}, {room}" if room else spoken
