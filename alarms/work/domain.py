"""Windows of planned work: where they hold, how long they may last, and until when they quiet an alarm. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST = timedelta(days=14)
"""Who plans longer than this has forgotten it, and a whole place is quiet for no reason."""

EARLIEST = timedelta(minutes=5)
"""A start that lies no further back than this is a form that was typed slowly: it counts as now."""

FURTHEST = timedelta(days=400)
"""How far in advance work may be planned."""


class WorkError(Exception):
    """A window cannot be so; `field` is which part of it, the text says what to write instead."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


class WorkState(StrEnum):
    """How a window stands to a moment."""

    COMING = "coming"
    ON = "on"
    OVER = "over"


@dataclass(frozen=True)
class Window:
    """When and where work goes on: no council means all of them, no hub all hubs."""

    starts_at: datetime
    ends_at: datetime
    council_id: str | None = None
    hub_id: str | None = None
    ended_at: datetime | None = None


def state_of(window: Window, now: datetime) -> WorkState:
    """Say how a window stands to a moment; one that was ended before it began is over."""
    if window.ended_at is not None or window.ends_at <= now:
        return WorkState.OVER
    return WorkState.ON if window.starts_at <= now else WorkState.COMING


def quiet_until(
    windows: Iterable[Window], council_id: str | None, hub_id: str | None, raised_at: datetime, now: datetime
) -> datetime | None:
    """Return until when an alarm is quiet: the last end of the windows that it was raised in and that are on now.

    `repository.COVERING` is the same in SQL. None: it is not quiet.
    """
    ends = [
        window.ends_at
        for window in windows
        if state_of(window, now) is WorkState.ON
        and window.starts_at <= raised_at
        and window.council_id in {None, council_id}
        and window.hub_id in {None, hub_id}
    ]
    return max(ends, default=None)


def begin(starts_at: datetime | None, now: datetime) -> datetime:
    """Return when a window begins: it cannot have begun before it was made, as alarms since then were told."""
    if starts_at is None or now - EARLIEST <= starts_at <= now:
        return now
    if starts_at < now:
        raise WorkError("starts_at", "Work cannot begin in the past: leave the start empty for now")
    if starts_at > now + FURTHEST:
        raise WorkError("starts_at", f"Work is planned {FURTHEST.days} days ahead at most")
    return starts_at


def check_end(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Raise WorkError when a window that begins then cannot end then."""
    if ends_at <= max(starts_at, now):
        raise WorkError("ends_at", "The end must lie after the start, and ahead: to end work at once, end it")
    if ends_at - starts_at > LONGEST:
        raise WorkError("ends_at", f"Work lasts {LONGEST.days} days at most; plan another window after it")
