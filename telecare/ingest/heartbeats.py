"""The heartbeat lane: micro-batches, one transaction each, acked after the commit.

Never ahead of an alarm: it has its own connection and its own task, and takes nothing but what waits for it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from devices.presence.domain import HeartbeatRow
from devices.presence.repository import PresenceRepository
from telecare.ingest.lane import Delivery, Lane
from telecare.ingest.messages import FIRST_RETRY_S, LONGEST_RETRY_S, MessageLane
from telecare.ingest.metrics import FAILURES, LATENCY, MESSAGES
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.wire.payloads import MAX_PAYLOAD, read_heartbeat
from telecare.wire.topics import read_topic

log = get_logger("ingest")

BATCH = 500


class HeartbeatLane:
    """Takes heartbeats in batches; what is no heartbeat goes the way of the event lane and reaches a human."""

    def __init__(self, lane: Lane, database: Database, strange: MessageLane, *, retry_cap_s: float) -> None:
        self.lane = lane
        self.database = database
        self.strange = strange
        self.retry_cap_s = retry_cap_s

    async def run(self) -> None:
        """Take heartbeats until cancelled."""
        while True:
            batch = await self.lane.take(BATCH)
            await self._settle([delivery for delivery in batch if self.lane.is_current(delivery)])

    async def _settle(self, batch: list[Delivery]) -> None:
        rows, strange = read_batch(batch)
        doubles = await self._retried(rows, batch)
        if doubles is None:
            return
        for delivery, _ in rows:
            self.lane.ack(delivery)
        MESSAGES.labels("heartbeat", "accepted").inc(len(rows))
        if batch:
            LATENCY.labels("heartbeat").observe(time.monotonic() - batch[0].at)
        for delivery in strange:
            await self.strange.settle(delivery)
        for delivery, row in rows:
            if row.hub_id in doubles:
                doubles.discard(row.hub_id)
                await self.strange.report_double(delivery)

    async def _retried(self, rows: list[tuple[Delivery, HeartbeatRow]], batch: list[Delivery]) -> set[str] | None:
        """Record the rows until it commits; None when the connection that brought them is gone."""
        started, pause = time.monotonic(), FIRST_RETRY_S
        while not rows or self.lane.is_current(rows[0][0]):
            try:
                return await self._record(rows)
            except Exception as error:
                FAILURES.labels("heartbeat").inc()
                if not is_transient(error):
                    log.exception("heartbeats_not_recorded", count=len(rows))
                if time.monotonic() - started > self.retry_cap_s:
                    log.warning("retry_cap_reached", lane="heartbeat", waiting=len(batch), error=repr(error)[:200])
                    self.lane.bounce()
                    return None
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_S)
        return None

    async def _record(self, rows: list[tuple[Delivery, HeartbeatRow]]) -> set[str]:
        if not rows:
            return set()
        async with self.database.transaction() as session:
            now = await database_now(session)
            stamp = stamper(now, time.monotonic())
            fresh = [replace(row, received_at=stamp(delivery)) for delivery, row in rows]
            return set(await PresenceRepository(session).record(fresh))


def read_batch(batch: list[Delivery]) -> tuple[list[tuple[Delivery, HeartbeatRow]], list[Delivery]]:
    """Split a batch into rows to record and what cannot be read as a heartbeat of a possible hub."""
    rows: list[tuple[Delivery, HeartbeatRow]] = []
    strange: list[Delivery] = []
    for delivery in batch:
        address = read_topic(delivery.topic.decode("utf-8", "replace"))
        beat = read_heartbeat(delivery.payload)
        if beat is None or not address.well_formed or len(delivery.payload) > MAX_PAYLOAD:
            strange.append(delivery)
            continue
        rows.append(
            (
                delivery,
                HeartbeatRow(
                    hub_id=address.hub_id,
                    id=new_id(),
                    received_at=datetime.fromtimestamp(0, UTC),
                    payload=delivery.payload,
                    boot_id=beat.boot_id,
                    seq=beat.seq,
                    battery_pct=beat.battery_pct,
                    mains=beat.mains,
                    signal_dbm=beat.signal_dbm,
                    path=beat.path,
                    firmware=beat.firmware,
                    interval_s=beat.interval_s,
                    peripherals=dict(beat.peripherals) if beat.peripherals is not None else None,
                ),
            )
        )
    return rows, strange


def stamper(now: datetime, monotonic_now: float) -> Callable[[Delivery], datetime]:
    """Return what turns a delivery's monotonic time into the database's: seen when received, not when written."""
    return lambda delivery: now - timedelta(seconds=max(0.0, monotonic_now - delivery.at))
