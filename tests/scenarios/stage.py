"""What a run on a real database has beside engine and sender: each stage knows some acts, and has work of its own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from alarms.policy.scenario import EventPart
    from alarms.policy.scenario_checks import CheckPart
    from tests.scenarios.database_run import DatabaseRun


class Stage:
    """One of them; what it does not say, it has not. `apart`: it goes on while the engine stands still."""

    apart = False

    def __init__(self, run: DatabaseRun) -> None:
        self.run = run

    async def build(self) -> None:
        """Put in what must be there before the first event; people and policies are."""

    async def happen(self, event: EventPart) -> bool:  # noqa: ARG002 - for those that know some
        """Let an event happen; return whether it was one for this stage."""
        return False

    async def drive(self) -> bool:
        """Do what is due at this moment; return whether there was anything."""
        return False

    async def race(self) -> None:
        """Do what is due at the instant of a race, while others do theirs."""

    async def next(self) -> datetime | None:
        """Return when there is something to do next."""
        return None

    async def check(self, wanted: CheckPart) -> list[str]:  # noqa: ARG002 - for those that can look
        """Return in words what is not as it is wanted."""
        return []

    async def names(self, session: AsyncSession) -> dict[UUID, str]:  # noqa: ARG002 - for those that have some
        """Return what messages may be about beside alarms, as a file calls it."""
        return {}

    async def close(self) -> None:
        """Let go of what it has opened."""
