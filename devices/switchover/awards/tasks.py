"""Counts the users of every council each day; days that nobody counted are filled in. Any number of copies."""

import asyncio
from zoneinfo import ZoneInfo

from devices.switchover.awards.repository import AwardRepository, since_last
from telecare.kernel.db import Database, database_now
from telecare.kernel.looking import look_each

EVERY_S = 900.0
LONDON = ZoneInfo("Europe/London")


class AwardCount:
    """One worker that counts."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Count until `stop` is set."""
        await look_each(EVERY_S, stop, self.count, name="awards", database=self.database)

    async def count(self) -> None:
        """Count today, and each day since the last that was counted, as it was at its end."""
        async with self.database.transaction() as session:
            awards = AwardRepository(session)
            if not await awards.lock_looks():
                return
            today = (await database_now(session)).astimezone(LONDON).date()
            for day in since_last(await awards.last_day(), today):
                await awards.count(day)
