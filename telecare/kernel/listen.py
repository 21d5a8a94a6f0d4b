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
AFTER_S = 0.004
"""So long after a notice those who wait for it are woken, once for all notices that come meanwhile.

Who made the change has the answer to its commit at the same moment, and in the same process: a hub's ack goes first.
"""


class Listener:
    """Keeps one connection listening and calls who asked for a channel after notices and after each reconnect."""

    def __init__(self, database_url: str) -> None:
        self._dsn = asyncpg_dsn(database_url)
        self._wakes: dict[str, list[Callable[[], None]]] = {}
        self._noticed: set[str] = set()

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
                await connection.add_listener(channel, lambda _connection, _pid, channel, _said: self._notice(channel))
            # What was said while nobody listened is found by whoever is woken now.
            for channel in self._wakes:
                self._wake(channel)
            while not stop.is_set() and not connection.is_closed():
                await first_of(stop, gone, timeout_s=CHECK_S)
                if not stop.is_set():
                    await connection.execute("SELECT 1", timeout=CHECK_S)
        finally:
            connection.terminate()

    def _notice(self, channel: str) -> None:
        if channel not in self._noticed:
            self._noticed.add(channel)
            asyncio.get_running_loop().call_later(AFTER_S, self._wake, channel)

    def _wake(self, channel: str) -> None:
        self._noticed.discard(channel)
        for wake in self._wakes[channel]:
            wake()
