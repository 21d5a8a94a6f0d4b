"""Looks after the control rooms that have a partner: whether one must be covered, and whether that is over."""

import asyncio
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.cover.service import CoverService
from telecare.kernel.audits import Audits
from telecare.kernel.db import Database
from telecare.kernel.looking import look_each

EVERY_S = 5.0


class CoverWatch:
    """Looks every five seconds; any number of copies may, as each agreement is locked while somebody looks at it."""

    def __init__(self, database: Database, audits: Callable[[AsyncSession], Audits]) -> None:
        self.database = database
        self._audits = audits

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; whatever fails, the next look finds the same."""
        await look_each(EVERY_S, stop, self.look, name="cover", database=self.database)

    async def look(self) -> int:
        """Begin and end what is due; return how many covers that were."""
        async with self.database.transaction() as session:
            return await CoverService(session, self._audits(session)).look()
