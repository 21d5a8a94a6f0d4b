"""The watchdog: a program of its own that looks at the service from outside and tells people when it does not work.

It shares nothing with what it watches but the database and the broker: its own process, connection and notifier. What
it remembers dies with it; a restart says again what is still wrong.
"""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg

from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings
from telecare.kernel.waiting import first_of
from telecare.watch.domain import (
    CANARY_MISSES,
    ENGINE_LAG_LIMIT_S,
    OUTBOX_LAG_LIMIT_S,
    WATCHER_LIMIT_S,
    WATCHER_ROUNDS,
    Check,
    Page,
    Watch,
    look,
    missed_canaries,
    settle,
)
from telecare.watch.pager import Pager, ping
from telecare.watch.queries import LAG, SILENCE, WATCHERS, Lag

log = get_logger("watchdog")

EVERY_S = 3.0
ANSWER_S = 3.0
DEAF = "nobody hears the watchdog: set TELECARE_WATCHDOG_SMTP_URL and _MAIL_TO, or TELECARE_WATCHDOG_WEBHOOK_URL"


class Watchdog:
    """Looks every few seconds until it is told to stop; `steady` is a clock in seconds that nobody sets."""

    def __init__(self, settings: Settings, steady: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._pager = Pager(settings)
        self._connection: asyncpg.Connection | None = None
        self._steady = steady
        self._started = steady()
        self.watch = Watch(self._started)

    async def run(self, stop: asyncio.Event, every_s: float = EVERY_S) -> int:
        """Watch until `stop` is set; return the exit code."""
        log.info("watching", ways=self._pager.ways, dead_man=self._settings.deadman_url is not None)
        if not self._pager.ways:
            log.error("watchdog_is_deaf", detail=DEAF)
        try:
            while not stop.is_set():
                await self.step()
                await first_of(stop, timeout_s=every_s)
        finally:
            self._hang_up()
        return 0

    async def step(self) -> None:
        """Look once and do what follows."""
        problems = await self.problems()
        self.watch, actions = look(self.watch, problems, self._steady())
        if problems:
            log.warning("not_well", **problems)
        await asyncio.gather(*(self._page(act) if isinstance(act, Page) else self._ping(act.well) for act in actions))

    async def problems(self) -> dict[Check, str]:
        """Return what is wrong at this moment, in words."""
        database, broker = await asyncio.gather(self._ask_database(), self._broker())
        return database | ({Check.BROKER: broker} if broker else {})

    async def _page(self, page: Page) -> None:
        arrived = await self._pager.send(page)
        checks = [check for check, _ in page.problems]
        log.warning("paged" if arrived else "nobody_paged", kind=page.kind, checks=checks)
        self.watch = settle(self.watch, page, arrived=arrived, at=self._steady())

    async def _ping(self, well: bool) -> None:
        if self._settings.deadman_url is not None:
            url = self._settings.deadman_url.get_secret_value()
            await ping(url, well=well, within_s=self._settings.provider_timeout_s)

    async def _ask_database(self) -> dict[Check, str]:
        try:
            async with asyncio.timeout(2 * ANSWER_S):
                return await self._lag()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is known of the service then
            self._hang_up()
            return {Check.DATABASE: f"it does not answer ({type(error).__name__})"}

    async def _lag(self) -> dict[Check, str]:
        connection = await self._connected()
        lag = Lag(*await connection.fetchrow(LAG))
        problems = {}
        if lag.every > ENGINE_LAG_LIMIT_S:
            graver = f" (of a life-safety alarm {lag.life:.0f} s)" if lag.life else ""
            words = f"a step of an open alarm is {lag.every:.0f} s overdue{graver}"
            problems[Check.ENGINE] = f"{words}: no engine is at work"
        if lag.outbox > OUTBOX_LAG_LIMIT_S:
            problems[Check.SENDER] = f"a message should have left {lag.outbox:.0f} s ago: no sender is at work"
        if self._settings.canary_mqtt_url is not None:
            every_s, within_s = self._settings.canary_every_s, self._settings.canary_within_s
            up_s = self._steady() - self._started
            silent_s = await connection.fetchval(SILENCE, within_s)
            missed = missed_canaries(up_s if silent_s is None else min(silent_s, up_s), every_s, within_s)
            if missed >= CANARY_MISSES:
                words = f"{missed} test alarms in a row did not come through within {within_s:g} s"
                problems[Check.CANARY] = f"{words}: alarms of people may not either"
        if still := await self._still(connection):
            problems[Check.WATCHERS] = f"{still}: what they look for nobody is told"
        return problems

    async def _still(self, connection: asyncpg.Connection) -> str:
        """Return which tasks have not got through a round for minutes, in words."""
        try:
            rows = await connection.fetch(WATCHERS)
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError) as error:
            log.warning("watchers_not_read", error=str(error))  # an older schema, or a role that may not: no alarm
            return ""
        return ", ".join(
            f"{name} has not got through for {lag / 60:.0f} min"
            for name, lag, every_s in rows
            if lag > max(WATCHER_LIMIT_S, WATCHER_ROUNDS * every_s)
        )

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                asyncpg_dsn(self._settings.database_url.get_secret_value()),
                timeout=ANSWER_S,
                command_timeout=ANSWER_S,
                server_settings={"application_name": "telecare-watchdog", "statement_timeout": f"{ANSWER_S:g}s"},
            )
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _broker(self) -> str | None:
        url = urlsplit(self._settings.mqtt_url.get_secret_value())
        port = url.port or (8883 if url.scheme == "mqtts" else 1883)
        try:
            async with asyncio.timeout(ANSWER_S):
                _, writer = await asyncio.open_connection(url.hostname, port)
        except (OSError, TimeoutError) as error:
            return f"{url.hostname}:{port} does not answer ({type(error).__name__})"
        writer.close()
        return None
