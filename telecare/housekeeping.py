"""Removes what is only kept for a while. docs/operations.md says what is kept for how long."""

import asyncio
import contextlib
from datetime import timedelta

from prometheus_client import Gauge

from alarms.handling.repository import AlarmRepository
from alarms.invitations.repository import InvitationRepository
from alarms.notify.notice_repository import NoticeRepository
from alarms.notify.report_repository import ReportRepository
from devices.commands.repository import CommandRepository
from devices.presence.models import HEARTBEATS, TELEMETRY
from telecare.access.repository import IdempotencyRepository, SessionRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.partitions import PartitionKeeper
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient
from telecare.watch.repository import CanaryRepository

log = get_logger("housekeeping")

EVERY_S = 600.0
KEEP_BOARD = timedelta(days=2)
KEEP_REPLIES = timedelta(days=1)
KEEP_CANARIES = timedelta(days=1)
KEEP_INVITATIONS = timedelta(days=90)

STRAYS = Gauge(
    "telecare_partition_strays", "Rows for which no partition had been made in time", ["table"], registry=REGISTRY
)


class Housekeeping:
    """Sweeps every ten minutes; any number of copies may."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.partitioned = (
            (HEARTBEATS, timedelta(days=settings.heartbeat_log_days)),
            (TELEMETRY, timedelta(days=settings.telemetry_days)),
        )
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
            self._make_partitions,
            self._drop_partitions,
            self._sweep_strays,
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

    async def _make_partitions(self) -> int:
        """Make one partition that is missing, a transaction each: its lock is gone before the next one's is taken."""
        for table, _ in self.partitioned:
            async with self.database.transaction() as session:
                made = await PartitionKeeper(session, table).make_next(await database_now(session))
            if made is not None:
                log.info("partition_made", partition=made.name)
                return 1
        return 0

    async def _drop_partitions(self) -> int:
        for table, keep in self.partitioned:
            async with self.database.transaction() as session:
                gone = await PartitionKeeper(session, table).drop_next(await database_now(session) - keep)
            if gone is not None:
                log.info("partition_dropped", partition=gone)
                return 1
        return 0

    async def _sweep_strays(self) -> int:
        """Remove what is old from where rows go for which there is no partition; say when there are any."""
        gone = 0
        for table, keep in self.partitioned:
            async with self.database.transaction() as session:
                keeper = PartitionKeeper(session, table)
                gone += await keeper.prune_default(await database_now(session) - keep)
                if strays := await keeper.strays():
                    log.warning("partitions_were_missing", table=table.name, rows=strays)
                STRAYS.labels(table.name).set(strays)
        return gone

    async def _sweep_invitations(self) -> int:
        async with self.database.transaction() as session:
            await InvitationRepository(session).forget(KEEP_INVITATIONS)
        return 0

    async def _sweep_canaries(self) -> int:
        async with self.database.transaction() as session:
            return await CanaryRepository(session).prune(await database_now(session) - KEEP_CANARIES)
