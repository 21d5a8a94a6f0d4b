"""Which alarms somebody may see: those of some councils, and of others those that they have themselves."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Sight:
    """No councils means all of this control room. What somebody has in hand they see whoever's it is."""

    councils: frozenset[str] = frozenset()
    holder: UUID | None = None

    def sees(self, council_id: str | None, held_by: UUID | None = None) -> bool:
        """Say whether an alarm shows. That of an unknown hub is everybody's."""
        if council_id is None or not self.councils or council_id in self.councils:
            return True
        return held_by is not None and held_by == self.holder
