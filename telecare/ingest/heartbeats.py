"""The heartbeat lane: micro-batches, one transaction each, acked after the commit.

Never ahead of an alarm: it has its own connection and its own task, and takes nothing but what waits for it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from devices.presence.domain import HeartbeatRow
from devices.presence.repository import PresenceRepository
from telecare.ingest.lane import Delivery, Lane
from telecare.ingest.markers import Markers
from telecare.ingest.messages import FIRST_RETRY_S, LONGEST_RETRY_S, MessageLane
from telecare.ingest.metrics import FAILURES, LATENCY, MESSAGES
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_ids
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.wire.beats import Beat, read_beat
from telecare.wire.payloads import MAX_PAYLOAD
from telecare.wire.topics import hub_of_heartbeat

log = get_logger("ingest")

BATCH = 500
AT_ONCE = 2
"""So many batches are written at once when there is enough for them: the database is at one while another is read."""
MOST = 2_000
"""Of a batch, when many wait: of each hub only what its heartbeats come to together is written to its row."""
LATE = timedelta(seconds=60)
"""By so much those of one hub may change places where processes share them: as far as one of these is behind."""
MOST_REFUSED = 5
"""More heartbeats of one batch that the database refuses are a fault of ours and not of theirs."""

NOT_STAMPED = datetime.fromtimestamp(0, UTC)

Row = tuple[Delivery, HeartbeatRow]


class HeartbeatLane:
    """Takes heartbeats in batches; what is no heartbeat goes the way of the event lane and reaches a human."""

    def __init__(
        self, lane: Lane, database: Database, strange: MessageLane, *, retry_cap_s: float, shared: bool = False
    ) -> None:
        self.lane = lane
        self._late = LATE if shared else None
        self.database = database
        self.strange = strange
        self.retry_cap_s = retry_cap_s
        self.markers = Markers(lane)
        self.taken = 0
        """So many messages came, markers aside."""
        self._in_hand = False

    @property
    def idle(self) -> bool:
        """Say whether all that came is committed."""
        return not self._in_hand and not self.lane.count_waiting()

    async def run(self) -> None:
        """Take heartbeats until cancelled."""
        while True:
            self._in_hand = False
            taken = await self.lane.take(MOST * AT_ONCE)
            self._in_hand = True
            async with asyncio.TaskGroup() as group:
                writes = [group.create_task(self._write(batch)) for batch in batches_of(taken)]
            self.markers.settle(marker for write in writes for marker in write.result())

    async def _write(self, batch: list[Delivery]) -> list[Delivery]:
        """Commit a batch and ack it; what is no heartbeat goes its own way. Return the markers in it."""
        rows, others = read_batch([delivery for delivery in batch if self.lane.is_current(delivery)])
        own = self.lane.marker.encode()
        markers = [delivery for delivery in others if delivery.topic == own]
        strange = [delivery for delivery in others if delivery.topic != own]
        self.taken += len(rows) + len(strange)
        if await self._settle(rows, strange):
            for delivery in strange:
                await self.strange.settle(delivery)
        self.lane.settled(*(delivery for delivery in batch if delivery not in strange))
        return markers

    async def _settle(self, rows: list[Row], strange: list[Delivery]) -> bool:
        """Commit the rows, then ack them; false when the connection that brought them is gone."""
        doubles = await self._retried(rows, strange)
        if doubles is None:
            self.lane.settled(*strange)
            return False
        self.lane.ack_all([delivery for delivery, _ in rows])
        MESSAGES.labels("heartbeat", "accepted").inc(len(rows))
        if rows:
            LATENCY.labels("heartbeat").observe(time.monotonic() - rows[0][0].at)
        for delivery, row in rows:
            if row.hub_id in doubles:
                doubles.discard(row.hub_id)
                await self.strange.report_double(delivery)
        return True

    async def _retried(self, rows: list[Row], strange: list[Delivery]) -> set[str] | None:
        """Record the rows until it commits; None when the connection that brought them is gone.

        A few that the database refuses are moved to the strange ones: they must not keep the others from being seen.
        """
        started, pause, refusing, again = time.monotonic(), FIRST_RETRY_S, False, False
        while not rows or self.lane.is_current(rows[0][0]):
            try:
                if not refusing:
                    return await self._record(rows, again=again)
                refused = await self._sift(rows)
                if len(refused) <= MOST_REFUSED:
                    rows[:] = [row for row in rows if row not in refused]
                    strange += [delivery for delivery, _ in refused]
                    return set()
            except Exception as error:
                FAILURES.labels("heartbeat").inc()
                again = True
                refusing = not is_transient(error)
                if refusing:
                    log.exception("heartbeats_not_recorded", count=len(rows))
            if time.monotonic() - started > self.retry_cap_s:
                log.warning("retry_cap_reached", lane="heartbeat", waiting=len(rows))
                self.lane.bounce()
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_S)
        return None

    async def _sift(self, rows: list[Row]) -> list[Row]:
        """Record what can be recorded, in ever smaller parts; return what the database refuses."""
        try:
            await self._record(rows, again=True)
        except Exception as error:
            if is_transient(error):
                raise
            if len(rows) == 1:
                return rows
        else:
            return []
        middle = len(rows) // 2
        return [*await self._sift(rows[:middle]), *await self._sift(rows[middle:])]

    async def _record(self, rows: list[Row], *, again: bool) -> set[str]:
        if not rows:
            return set()
        async with self.database.transaction() as session:
            now = await database_now(session)
            stamp = stamper(now, time.monotonic())
            for delivery, row in rows:  # once: what is written again, after an answer that was lost, is the same row
                if row.received_at == NOT_STAMPED:
                    row.received_at = stamp(delivery)
            return await PresenceRepository(session).record([row for _, row in rows], self._late, again=again)


def batches_of(taken: list[Delivery]) -> list[list[Delivery]]:
    """Return what is written at once: as one batch, or as several when it is too much for one; a hub is in one only."""
    if len(taken) <= BATCH:
        return [taken]
    batches: list[list[Delivery]] = [[] for _ in range(AT_ONCE)]
    for delivery in taken:
        batches[hash(delivery.topic) % AT_ONCE].append(delivery)
    return [batch for batch in batches if batch]


def read_batch(batch: list[Delivery]) -> tuple[list[Row], list[Delivery]]:
    """Split a batch into rows to record and what cannot be read as a heartbeat of a possible hub."""
    rows: list[Row] = []
    strange: list[Delivery] = []
    for delivery, row_id in zip(batch, new_ids(len(batch)), strict=True):
        payload = delivery.payload
        hub_id = hub_of_heartbeat(delivery.topic)
        beat = _read(delivery) if hub_id is not None and len(payload) <= MAX_PAYLOAD else None
        if hub_id is None or beat is None:
            strange.append(delivery)
            continue
        row = HeartbeatRow(
            row_id,
            hub_id,
            NOT_STAMPED,
            payload,
            beat.boot_id,
            beat.seq if beat.boot_id is not None else None,  # of no known boot it orders nothing
            beat.battery_pct,
            beat.mains,
            beat.signal_dbm,
            beat.path,
            beat.firmware,
            beat.interval_s,
            beat.peripherals,
        )
        rows.append((delivery, row))
    return rows, strange


def _read(delivery: Delivery) -> Beat | None:
    try:
        return read_beat(delivery.payload)
    except Exception:
        log.exception("heartbeat_not_read", topic=delivery.topic.decode("utf-8", "replace"))
        return None


def stamper(now: datetime, monotonic_now: float) -> Callable[[Delivery], datetime]:
    """Return what turns a delivery's monotonic time into the database's: seen when received, not when written."""
    known: dict[float, datetime] = {}  # what was read from the socket together came at one moment

    def stamp(delivery: Delivery) -> datetime:
        at = known.get(delivery.at)
        if at is None:
            at = known[delivery.at] = now - timedelta(seconds=max(0.0, monotonic_now - delivery.at))
        return at

    return stamp
