"""Removes what is only kept for a while: single heartbeats, old board changes, replies kept for their keys."""

import asyncio
import contextlib
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from alarms.handling.repository import AlarmRepository
from devices.presence.repository import PresenceRepository
from telecare.access.repository import IdempotencyRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings

log = get_logger("housekeeping")

EVERY_S = 600.0
KEEP_BOARD = timedelta(days=2)
KEEP_REPLIES = timedelta(days=1)


class Housekeeping:
    """Sweeps every ten minutes; any number of copies may."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.keep_heartbeats = timedelta(days=settings.heartbeat_log_days)
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until `stop` is set; a failed sweep is repeated by the next."""
        while not stop.is_set():
            try:
                await self.sweep()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("sweep_failed", error=repr(error)[:200])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)

    async def sweep(self) -> None:
        """Remove what has been kept long enough, each kind in its own transactions."""
        async with self.database.transaction() as session:
            now = await database_now(session)
            await IdempotencyRepository(session).forget(KEEP_REPLIES)
        async with self.database.transaction() as session:
            await AlarmRepository(session).forget_changes(now - KEEP_BOARD)
        removed = 1
        while removed:
            async with self.database.transaction() as session:
                removed = await PresenceRepository(session).prune_heartbeats(now - self.keep_heartbeats)
