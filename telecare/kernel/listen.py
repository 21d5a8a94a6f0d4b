"""One LISTEN connection a process: NOTIFY wakes whoever waits. A hint only: every listener polls beside it (R21)."""

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg

from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.logging import get_logger
from telecare.kernel.waiting import first_of

log = get_logger("listen")

RECONNECT_S = 1.0
CHECK_S = 5.0


class Listener:
    """Keeps one connection listening and calls who asked for a channel at each notice and after each reconnect."""

    def __init__(self, database_url: str) -> None:
        self._dsn = asyncpg_dsn(database_url)
        self._wakes: dict[str, list[Callable[[], None]]] = {}

    def on_notice(self, channel: str, wake: Callable[[], None]) -> None:
        """Add somebody to wake, before `run`; called in the event loop, must not block."""
        self._wakes.setdefault(channel, []).append(wake)

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set, reconnecting for as long as it takes."""
        while not stop.is_set():
            try:
                await self._listen(stop)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("listen_lost", error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RECONNECT_S)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=5)
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _connection: gone.set())
        try:
            for channel in self._wakes:
                await connection.add_listener(channel, lambda _connection, _pid, channel, _said: self._wake(channel))
            # What was said while nobody listened is found by whoever is woken now.
            for channel in self._wakes:
                self._wake(channel)
            while not stop.is_set() and not connection.is_closed():
                await first_of(stop, gone, timeout_s=CHECK_S)
                if not stop.is_set():
                    await connection.execute("SELECT 1", timeout=CHECK_S)
        finally:
            connection.terminate()

    def _wake(self, channel: str) -> None:
        for wake in self._wakes[channel]:
            wake()
