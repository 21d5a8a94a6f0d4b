"""What the time since the last heartbeat tells of a hub. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

GRACE = 0.25
"""A heartbeat counts as missed when it is late by a quarter of its interval."""

LOST_AFTER = timedelta(hours=24)
OFFLINE_MISSES = 3


class Presence(StrEnum):
    """Where a hub stands with its heartbeats; `dormant` is a planned absence."""

    NEVER_SEEN = "never_seen"
    ONLINE = "online"
    LATE = "late"
    SUSPECT = "suspect"
    OFFLINE = "offline"
    LOST = "lost"
    DORMANT = "dormant"


def presence_of(last_seen_at: datetime | None, interval_s: int, now: datetime) -> Presence:
    """Return the presence of a hub that beats each `interval_s` seconds: late, suspect, offline by the beats missed."""
    if last_seen_at is None:
        return Presence.NEVER_SEEN
    silent = now - last_seen_at
    missed = int(silent / timedelta(seconds=interval_s) - GRACE)
    if silent >= LOST_AFTER and missed >= OFFLINE_MISSES:
        return Presence.LOST
    if missed >= OFFLINE_MISSES:
        return Presence.OFFLINE
    return (Presence.ONLINE, Presence.LATE, Presence.SUSPECT)[max(missed, 0)]
