"""Takes a place out of those that share the heartbeats: what waits for it is written first, and nothing comes after."""

import asyncio
import time

from devices.presence.verdict_repository import VerdictRepository
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.ingest.lane import Lane, Place
from telecare.ingest.messages import MessageLane
from telecare.ingest.slot import SlotLease
from telecare.kernel.db import Database
from telecare.kernel.errors import ConflictError, UnavailableError
from telecare.kernel.settings import Settings

QUIET_S = 3.0
"""Nothing has come for so long: nothing waits any more."""
WITHIN_S = 15.0


async def retire(settings: Settings, database: Database, place: Place) -> None:
    """Empty and end the session of a place; ConflictError while a process has it."""
    lane = Lane(settings, "heartbeat", ("heartbeat",), place=place, leaving=True, marked=True)
    lease = SlotLease(settings, [lane], place)
    cap, url = settings.ingest_retry_cap_s, settings.public_url
    strange = MessageLane(lane, database, workers=1, retry_cap_s=cap, public_url=url)
    beats = HeartbeatLane(lane, database, strange, retry_cap_s=cap, shared=True)
    stop = asyncio.Event()
    lane.start()
    tasks = [asyncio.create_task(lease.run(stop)), asyncio.create_task(beats.run())]
    try:
        await _connected(lane, lease)
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET_S:
            await asyncio.sleep(0.1)
            if not (beats.idle and lane.connected):
                quiet_since = time.monotonic()
        await lane.stop()
        await asyncio.to_thread(lane.end_session)
        async with database.transaction() as session:
            await VerdictRepository(session).forget_slot(place.name)
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await lane.stop()


async def _connected(lane: Lane, lease: SlotLease) -> None:
    until = time.monotonic() + WITHIN_S
    while not lane.connected:
        if str(lease.problem).startswith("stand-by"):
            raise ConflictError(f"A process has the place {lease.slot}: stop it, or give it another, first")
        if time.monotonic() > until:
            raise UnavailableError(lease.problem or "the broker does not answer")
        await asyncio.sleep(0.05)
