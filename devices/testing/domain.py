"""How long a test window may last, and how it stands to a moment. Pure.

What a window does to a message is `alarms/intake/trial.py`.
"""

from datetime import datetime, timedelta

USUAL = timedelta(minutes=30)
LONGEST = timedelta(hours=2)
"""Whoever has not finished by then opens another one, and thinks of what it covers."""

UNIT = ""
"""Stands for the unit itself where the id of a trigger stands, as in the proofs of triggers."""


def is_on(starts_at: datetime, ends_at: datetime, ended_at: datetime | None, now: datetime) -> bool:
    """Say whether a window is on."""
    return ended_at is None and starts_at <= now < ends_at
