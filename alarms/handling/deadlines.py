"""By when a human must see to a hub that has fallen silent, by the person's risk tier. Pure.

Tier A 15 minutes, B one hour, C four hours, D the next working morning (domain 1.7), unless a council has set others;
a morning that comes sooner than the time of C is not yet the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alarms.policy.calendar import next_morning


@dataclass(frozen=True, slots=True)
class Minutes:
    """So many minutes for each tier; `d` empty: the next working morning. Never less for whoever is at less risk."""

    a: int = 15
    b: int = 60
    c: int = 4 * 60
    d: int | None = None

    def act_by(self, tier: str | None, since: datetime) -> datetime:
        """Return by when a human must see to a hub that is offline since then; a tier that nobody knows is D."""
        minutes = {"A": self.a, "B": self.b, "C": self.c}.get(tier or "", self.d)
        if minutes is None:
            return next_morning(since + timedelta(minutes=self.c))
        return since + timedelta(minutes=minutes)


USUAL = Minutes()


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What a council has set, each from its moment on, the oldest first; before all of them the usual ones held."""

    history: Sequence[tuple[datetime, Minutes]] = field(default=())

    def act_by(self, tier: str | None, since: datetime) -> datetime:
        """Return the soonest of what was in force since then: what is set later moves no deadline away."""
        before = [minutes for at, minutes in self.history if at <= since]
        after = [minutes for at, minutes in self.history if at > since]
        return min(minutes.act_by(tier, since) for minutes in (*(before[-1:] or [USUAL]), *after))
