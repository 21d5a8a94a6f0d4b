"""Tells by the hour what hubs told by heartbeats, once an hour is over; taking heartbeats is no slower for it."""

import asyncio
from datetime import timedelta
from itertools import groupby

from devices.presence.telemetry import HOUR, Beat, Point, point_of, span_start
from devices.presence.telemetry_repository import TelemetryRepository, read_beat
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of

log = get_logger("telemetry")

EVERY_S = 60.0
SETTLED = timedelta(minutes=5)
"""So long after its end an hour is told: a heartbeat that was received in it may have been written a little later."""
HUBS = 25
"""In one transaction, which so stays short: a long one would keep vacuum from the rows that heartbeats leave behind."""
AT_ONCE = 50
"""Heartbeats that are read before whatever else waits has its turn: alarms share this process."""
MOST = 200_000


class HourlyTelemetry:
    """Goes on where any process stopped; `keep` is how long single heartbeats are kept."""

    def __init__(self, database: Database, keep: timedelta) -> None:
        self.database = database
        self.keep = keep

    async def run(self, stop: asyncio.Event) -> None:
        """Tell hours until `stop` is set; what failed is tried again."""
        while not stop.is_set():
            try:
                while not stop.is_set() and await self.tell():
                    pass
            except Exception as error:
                if is_transient(error):
                    log.warning("telemetry_failed", error=repr(error)[:200])
                else:
                    log.exception("telemetry_failed")
            await first_of(stop, timeout_s=EVERY_S)

    async def tell(self) -> bool:
        """Tell the next few hubs of the next hour; False when there is nothing to do, or another process is at it."""
        async with self.database.transaction() as session:
            telemetry = TelemetryRepository(session)
            so_far = await telemetry.progress()
            if so_far is None:
                return False
            last = span_start(so_far.now - SETTLED, HOUR) - HOUR
            since = max(so_far.through or so_far.now - self.keep, so_far.now - self.keep)
            hour = await telemetry.next_hour(span_start(since, HOUR), last)
            if hour is None:
                if so_far.through != last + HOUR:
                    await telemetry.go_on(last + HOUR, None)
                return False
            after = so_far.after_hub if hour == so_far.through and so_far.after_hub else ""
            hubs = await telemetry.hubs_heard(hour, after, HUBS)
            rows = await telemetry.raw(hubs, hour, hour + HOUR, MOST) if hubs else []
            points: dict[str, Point] = {}
            for hub_id, group in groupby(rows, key=lambda row: row.hub_id):
                beats: list[Beat] = []
                for row in group:
                    beats.append(read_beat(row.received_at, row.payload))
                    if len(beats) % AT_ONCE == 0:
                        await asyncio.sleep(0)
                points[hub_id] = point_of(beats, hour, hour + HOUR)
            if points:
                await telemetry.save(hour, points)
            done = len(hubs) < HUBS
            await telemetry.go_on(hour + HOUR if done else hour, None if done else hubs[-1])
            return True
