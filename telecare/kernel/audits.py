"""What a room needs of the audit, which is another house: whoever starts the room lends it."""

from typing import Any, Protocol
from uuid import UUID


class Audits(Protocol):
    """Where it is written down who did what, when and why."""

    async def add(
        self,
        actor: str,
        action: str,
        subject_kind: str,
        subject_id: str | UUID,
        council_id: str | None = None,
        reason: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        """Write one entry."""
