"""The lease of an ingest slot: two processes with one MQTT client id would throw each other out for ever.

The slot is an advisory lock of the database, held by a connection of its own. Who has it connects the lanes; a second
process with the same slot stands by and takes over within a second when the first is gone. The database is also what
every message needs: when it stays away longer than the cap, the lanes disconnect un-acked; the broker keeps the rest.

Where processes share the heartbeats, the broker gives each place its part whether somebody is there or not. So a place
whose owner is gone has a guest within seconds, any other process of the service, until the owner is back: that one says
so by a second lock, at which the guest leaves.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import asyncpg

from telecare.ingest.lane import Lane, Place
from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings

log = get_logger("ingest")

CHECK_S = 0.5
FREED_AFTER_S = 5
"""When its holder has said nothing for so long, the server frees the slot: a machine that is gone says no farewell."""
NAMESPACE = 7002
OWNERS = 7011
GUEST_LOOKS_S = 2.0


class SlotLease:
    """Holds the slot and lets the lanes be connected while it does.

    `place`: a place among several in place of the settings' slot, as its owner or as a `guest`.
    """

    def __init__(
        self, settings: Settings, lanes: Sequence[Lane], place: Place | None = None, *, guest: bool = False
    ) -> None:
        self.slot = settings.ingest_slot if place is None else place.name
        self.share_of = None if place is None else place.slot
        self.held = False
        self.problem: str | None = "the ingest slot is not taken yet"
        self._guest = guest
        self._owner = place is not None and not guest
        self._look_s = GUEST_LOOKS_S if guest else CHECK_S
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
            await _pause(stop, self._look_s)
        self._forbid()

    async def _hold(self, stop: asyncio.Event) -> None:
        told = {"application_name": "telecare-slot", "idle_session_timeout": f"{FREED_AFTER_S}s"}
        connection = await asyncpg.connect(self._dsn, timeout=3, server_settings=told)
        try:
            if not await self._take(connection, stop):
                self._forbid()
                self.problem = f"stand-by: another process has the ingest slot {self.slot}"
                return
            self.held, self.problem = True, None
            log.info("slot_taken", slot=self.slot, guest=self._guest)
            for lane in self._lanes:
                lane.allow()
            while not stop.is_set():
                await connection.execute("SELECT 1", timeout=3)
                if self._guest and await self._has_owner(connection):
                    log.info("slot_given_back", slot=self.slot)
                    self._forbid()
                    return
                await _pause(stop, CHECK_S)
        finally:
            connection.terminate()

    async def _take(self, connection: asyncpg.Connection, stop: asyncio.Event) -> bool:
        """Take the lock, a guest only where no owner is; an owner waits for the guest to leave."""
        if self._guest and await self._has_owner(connection):
            return False
        if self._owner and not await self._try_lock(connection, OWNERS):
            return False
        while not await self._try_lock(connection, NAMESPACE):
            if not self._owner or stop.is_set():
                return False
            await _pause(stop, CHECK_S)
        return True

    async def _try_lock(self, connection: asyncpg.Connection, namespace: int) -> bool:
        sql = "SELECT pg_try_advisory_lock($1, hashtext($2))"
        return bool(await connection.fetchval(sql, namespace, self.slot, timeout=3))

    async def _has_owner(self, connection: asyncpg.Connection) -> bool:
        sql = "SELECT NOT pg_try_advisory_xact_lock_shared($1, hashtext($2))"
        return bool(await connection.fetchval(sql, OWNERS, self.slot, timeout=3))

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
