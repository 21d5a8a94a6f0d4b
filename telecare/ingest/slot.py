"""The lease of an ingest slot: two processes with one MQTT client id would throw each other out for ever.

The slot is an advisory lock of the database, held by a connection of its own. Who has it connects the lanes; a second
process with the same slot stands by and takes over within a second when the first is gone. The database is also what
every message needs: when it stays away longer than the cap, the lanes disconnect un-acked; the broker keeps the rest.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import asyncpg

from telecare.ingest.lane import Lane
from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings

log = get_logger("ingest")

CHECK_S = 0.5
FREED_AFTER_S = 5
"""When its holder has said nothing for so long, the server frees the slot: a machine that is gone says no farewell."""
NAMESPACE = 7002


class SlotLease:
    """Holds the slot and lets the lanes be connected while it does."""

    def __init__(self, settings: Settings, lanes: Sequence[Lane]) -> None:
        self.slot = settings.ingest_slot
        self.held = False
        self.problem: str | None = "the ingest slot is not taken yet"
        self._dsn = asyncpg_dsn(settings.database_url.get_secret_value())
        self._cap_s = settings.ingest_retry_cap_s
        self._lanes = lanes
        self._lost_at = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Take the slot, keep it, and take it again after each loss, until `stop` is set."""
        while not stop.is_set():
            try:
                await self._hold(stop)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                self._lose(f"the database does not answer: {type(error).__name__}")
            await _pause(stop, CHECK_S)
        self._forbid()

    async def _hold(self, stop: asyncio.Event) -> None:
        told = {"application_name": "telecare-slot", "idle_session_timeout": f"{FREED_AFTER_S}s"}
        connection = await asyncpg.connect(self._dsn, timeout=3, server_settings=told)
        try:
            if not await self._try_lock(connection):
                self._forbid()
                self.problem = f"stand-by: another process has the ingest slot {self.slot}"
                return
            self.held, self.problem = True, None
            log.info("slot_taken", slot=self.slot)
            for lane in self._lanes:
                lane.allow()
            while not stop.is_set():
                await connection.execute("SELECT 1", timeout=3)
                await _pause(stop, CHECK_S)
        finally:
            connection.terminate()

    async def _try_lock(self, connection: asyncpg.Connection) -> bool:
        sql = "SELECT pg_try_advisory_lock($1, hashtext($2))"
        return bool(await connection.fetchval(sql, NAMESPACE, self.slot, timeout=3))

    def _lose(self, problem: str) -> None:
        if self.held:
            self.held, self._lost_at = False, time.monotonic()
            log.warning("slot_lost", slot=self.slot, problem=problem)
        self.problem = problem
        if time.monotonic() - self._lost_at > self._cap_s:
            self._forbid()

    def _forbid(self) -> None:
        self.held = False
        for lane in self._lanes:
            lane.forbid()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
