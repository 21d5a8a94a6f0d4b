"""The product's own listener, which wakes engines by notices of the database, and the loss of its connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import make_url, select, text

from alarms.handling.models import Alarm
from alarms.handling.repository import BOARD_CHANNEL
from telecare.kernel.listen import Listener
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from alarms.policy.scenario import EventPart
    from tests.scenarios.database_run import DatabaseRun
    from tests.scenarios.own_rhythm import OwnRhythm

LIMIT_S = 20.0
ROLE = "scenario_listener"
"""It logs in by a role of its own, which can be kept out."""


class Listening(Stage):
    """Where a file says of it, nothing but a notice or their own poll brings an engine to its work."""

    def __init__(self, run: DatabaseRun, rhythm: OwnRhythm) -> None:
        super().__init__(run)
        self._rhythm = rhythm
        self._running: asyncio.Task[None] | None = None
        self._stop, self._listens = asyncio.Event(), asyncio.Event()

    async def build(self) -> None:
        if all(event.listener is None for event in self.run.scenario.events):
            return
        await self._sql(f"DROP ROLE IF EXISTS {ROLE}", f"CREATE ROLE {ROLE} LOGIN")
        url = make_url(self.run.database.url).set(username=ROLE)
        listener = Listener(url.render_as_string(hide_password=False))
        listener.on_notice(BOARD_CHANNEL, self._hear)
        listener.on_notice("another_channel", self._listens.set)  # called once each time that it begins to listen
        self._running = asyncio.create_task(listener.run(self._stop))
        await asyncio.wait_for(self._listens.wait(), LIMIT_S)
        self._rhythm.begin()

    def _hear(self) -> None:
        for engine in self._rhythm.engines:
            engine.woken.set()

    async def happen(self, event: EventPart) -> bool:
        if event.listener is None:
            return False
        if event.listener == "off":
            self._listens.clear()
            cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'"  # noqa: S608 - ours
            await self._sql(f"ALTER ROLE {ROLE} NOLOGIN", cut)
        else:
            await self._sql(f"ALTER ROLE {ROLE} LOGIN")
            await asyncio.wait_for(self._listens.wait(), LIMIT_S)
        return True

    async def drive(self) -> bool:
        """Wait for the notice of what has become due by an act: as long as somebody listens, there is one."""
        if self._running is None or not self._listens.is_set() or not self._rhythm.rest:
            return False
        due = select(Alarm.id).where(Alarm.handling != "closed", Alarm.next_due_at <= self.run.clock)
        async with self.run.database.transaction() as session:
            found = (await session.execute(due.limit(1))).first()
        if found is not None:
            await asyncio.wait_for(self._rhythm.engines[0].woken.wait(), LIMIT_S)
        return False

    async def close(self) -> None:
        if self._running is not None:
            self._stop.set()
            await asyncio.wait_for(self._running, LIMIT_S)
            await self._sql(f"DROP ROLE IF EXISTS {ROLE}")

    async def _sql(self, *statements: str) -> None:
        async with self.run.database.transaction() as session:
            for statement in statements:
                await session.execute(text(statement))
