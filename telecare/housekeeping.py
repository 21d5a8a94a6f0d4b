"""Removes what is only kept for a while. docs/operations.md says what is kept for how long."""

import asyncio
import contextlib
from datetime import timedelta

from alarms.handling.repository import AlarmRepository
from alarms.invitations.repository import InvitationRepository
from alarms.notify.notice_repository import NoticeRepository
from alarms.notify.report_repository import ReportRepository
from devices.commands.repository import CommandRepository
from devices.presence.repository import PresenceRepository
from telecare.access.repository import IdempotencyRepository, SessionRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient
from telecare.watch.repository import CanaryRepository

log = get_logger("housekeeping")

EVERY_S = 600.0
KEEP_BOARD = timedelta(days=2)
KEEP_REPLIES = timedelta(days=1)
KEEP_CANARIES = timedelta(days=1)
KEEP_INVITATIONS = timedelta(days=90)


class Housekeeping:
    """Sweeps every ten minutes; any number of copies may."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.keep_heartbeats = timedelta(days=settings.heartbeat_log_days)
        self.keep_reports = timedelta(days=settings.delivery_report_days)
        self.keep_commands = timedelta(days=settings.hub_command_days)
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until `stop` is set; what failed is swept the next time."""
        while not stop.is_set():
            await self.sweep()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)

    async def sweep(self) -> None:
        """Remove what has been kept long enough, each kind by itself and in batches that end soon."""
        for part in (
            self._sweep_replies,
            self._sweep_sessions,
            self._sweep_board,
            self._sweep_heartbeats,
            self._sweep_canaries,
            self._sweep_invitations,
            self._sweep_codes,
            self._sweep_reports,
            self._sweep_commands,
        ):
            try:
                while await part():
                    pass
            except Exception as error:
                if is_transient(error):
                    log.warning("sweep_failed", part=part.__name__, error=repr(error)[:200])
                else:
                    log.exception("sweep_failed", part=part.__name__)

    async def _sweep_replies(self) -> int:
        async with self.database.transaction() as session:
            await IdempotencyRepository(session).forget(KEEP_REPLIES)
        return 0

    async def _sweep_sessions(self) -> int:
        async with self.database.transaction() as session:
            await SessionRepository(session).forget_run_out()
        return 0

    async def _sweep_codes(self) -> int:
        async with self.database.transaction() as session:
            await NoticeRepository(session).forget_codes()
        return 0

    async def _sweep_reports(self) -> int:
        async with self.database.transaction() as session:
            return await ReportRepository(session).prune(await database_now(session) - self.keep_reports)

    async def _sweep_commands(self) -> int:
        async with self.database.transaction() as session:
            return await CommandRepository(session).prune(await database_now(session) - self.keep_commands)

    async def _sweep_board(self) -> int:
        async with self.database.transaction() as session:
            return await AlarmRepository(session).forget_changes(await database_now(session) - KEEP_BOARD)

    async def _sweep_heartbeats(self) -> int:
        async with self.database.transaction() as session:
            now = await database_now(session)
            return await PresenceRepository(session).prune_heartbeats(now - self.keep_heartbeats)

    async def _sweep_invitations(self) -> int:
        async with self.database.transaction() as session:
            await InvitationRepository(session).forget(KEEP_INVITATIONS)
        return 0

    async def _sweep_canaries(self) -> int:
        async with self.database.transaction() as session:
            return await CanaryRepository(session).prune(await database_now(session) - KEEP_CANARIES)
