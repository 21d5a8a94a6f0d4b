"""Looks for hand-overs, and has those told who come on."""

import asyncio
from datetime import timedelta

from alarms.rota.handover import queue_handovers
from telecare.kernel.db import Database, database_now
from telecare.kernel.looking import look_each

EVERY_S = 20.0
LOOK_BACK = timedelta(minutes=15)
"""A hand-over is told late rather than not at all, when nobody looked for this long; older ones are no news."""


class HandoverNotices:
    """Looks every twenty seconds; any number of copies may."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; whatever fails, the next look finds the same hand-overs."""
        await look_each(EVERY_S, stop, self.look, name="handovers", database=self.database)

    async def look(self) -> int:
        """Queue what is due; return how many messages were made, those that had been before included."""
        async with self.database.transaction() as session:
            now = await database_now(session)
            return await queue_handovers(session, now - LOOK_BACK, now)
