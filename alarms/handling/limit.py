"""How many open alarms may be nobody's before a human must hear of it. Pure.

Nothing is ever refused or dropped for the limit: it is a mark on the wall, and no gate.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

NEAR_PCT = 80
"""From so much of the limit on it is near."""


class Level(StrEnum):
    """How soon something hurts: an alarm that comes now goes wrong, or one that comes later may."""

    ERROR = "error"
    WARNING = "warning"


def level_of(unclaimed: int, limit: int) -> Level | None:
    """Return what it means that so many open alarms are nobody's; None when they are few."""
    if unclaimed >= limit:
        return Level.ERROR
    return Level.WARNING if unclaimed * 100 >= limit * NEAR_PCT else None


class LimitWatch:
    """Remembers of which councils it has been told that the limit is reached: each time is told once.

    It is the next time only after they were few, so that a number that goes up and down at the limit is one time.
    """

    def __init__(self) -> None:
        self._told: frozenset[str | None] = frozenset()

    def fresh(self, unclaimed: Mapping[str | None, int], limit: int) -> list[str | None]:
        """Return the councils that have reached the limit since they were told of last."""
        self._told = frozenset(one for one in self._told if level_of(unclaimed.get(one, 0), limit) is not None)
        reached = (one for one, count in unclaimed.items() if level_of(count, limit) is Level.ERROR)
        return [one for one in reached if one not in self._told]

    def told(self, councils: Collection[str | None]) -> None:
        """Note that they were told of; who could not be is fresh again at the next look."""
        self._told |= frozenset(councils)
