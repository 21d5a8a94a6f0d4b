"""An engine that takes an alarm and hangs in its transaction, as the product's own limits let it."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from alarms.handling.repository import AlarmRepository
from telecare.kernel.db import ALARM_PATH, Database
from telecare.kernel.settings import Settings
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from alarms.handling.engine import Engine
    from alarms.policy.scenario import EventPart
    from tests.scenarios.database_run import DatabaseRun


class Hanging(Stage):
    """It holds what it has taken until the server ends its transaction, and all the others pass by meanwhile."""

    def __init__(self, run: DatabaseRun) -> None:
        super().__init__(run)
        self._database = Database(Settings(database_url=run.database.url), ALARM_PATH)
        self._wanted = False
        self._held: asyncio.Future[UUID] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._others: list[Engine] = []
        self._freed_at: datetime | None = None

    async def happen(self, event: EventPart) -> bool:
        if event.hang is None:
            return False
        self._wanted = True
        return True

    async def next(self) -> datetime | None:
        return self._freed_at

    async def drive(self) -> bool:
        if self._wanted:
            await self._take()
        elif self._freed_at is not None and self.run.now >= self._freed_at:
            await self._be_freed()
        return False

    async def _take(self) -> None:
        """Take the next alarm that is due, if there is one, as an engine would; then none of the others finds it."""
        self._held = asyncio.get_running_loop().create_future()
        self._worker = asyncio.create_task(self._hang(self._held))
        await asyncio.wait([self._held, self._worker], return_when=asyncio.FIRST_COMPLETED)
        if not self._held.done():
            return
        self._wanted = False
        driven = [await engine.drive() for engine in self.run.engines]
        if any(driven):
            self.run.timeline.surprises.append("another engine has driven what one holds")
        self._others, self.run.engines = self.run.engines, []
        self._freed_at = self.run.now + timedelta(seconds=ALARM_PATH.idle_s)

    async def _hang(self, held: asyncio.Future[UUID]) -> None:
        async with self._database.transaction() as session:
            due = await AlarmRepository(session).claim_due([])
            if due is not None:
                held.set_result(due.alarm.id)
                await asyncio.Event().wait()

    async def _be_freed(self) -> None:
        """Wait for the alarm as anybody would: the server says no after five seconds."""
        assert self._held is not None
        async with self.run.database.transaction() as session:
            await AlarmRepository(session).lock(self._held.result())
        self.run.engines, self._others = self._others, []
        self._freed_at = None

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError, DBAPIError):
                await self._worker
        await self._database.dispose()
