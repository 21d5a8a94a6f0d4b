"""Says every other second that we hear: what the broker has is written soon. Where it is silent the gap is ours.

What hubs said in such a gap nobody knows; presence holds it against none of them.
"""

import asyncio
import logging
import time
from datetime import timedelta

from devices.presence.verdict_repository import VerdictRepository
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.ingest.metrics import UNREAD
from telecare.ingest.share_proof import ShareProof
from telecare.ingest.slot import SlotLease
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.wire.topics import marker

log = get_logger("ingest")

MARKS_EVERY_S = 2.0
BEHIND_S = 10.0
"""A heartbeat that waits for longer than this, in the broker or here, is one that a verdict could miss."""
NOT_BACK = (
    "heartbeats wait in the broker for longer than they may, or it does not let us speak to ourselves: "
    f"the service's account must write and read {marker('+')} (telecare broker export)"
)


class Ear:
    """Writes down that this slot hears, for as long as it does."""

    def __init__(
        self, slot: SlotLease, heartbeats: HeartbeatLane, database: Database, proof: ShareProof | None = None
    ) -> None:
        self.proof = proof
        self.slot = slot
        self.heartbeats = heartbeats
        self.markers = heartbeats.markers
        self.database = database
        self._well_at = time.monotonic()
        self._told = False
        self._unread: list[str] = []

    async def run(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._mark())
            while True:
                await self.markers.next()
                if self.hears:
                    await self._say()

    @property
    def hears(self) -> bool:
        """Say whether heartbeats come in and are written soon."""
        if self.proof is not None and self.proof.problem is not None:
            return False
        return self.slot.held and self.heartbeats.lane.connected and self.markers.age_s() < BEHIND_S

    async def _mark(self) -> None:
        while True:
            self.markers.send()
            self._tell_if_behind()
            await asyncio.sleep(MARKS_EVERY_S)

    def _tell_if_behind(self) -> None:
        """Log it once when no marker comes back on a connection that stands, and once when one does again."""
        now = time.monotonic()
        if not self.heartbeats.lane.connected or self.markers.age_s() < BEHIND_S:
            self._well_at = now
        behind = now - self._well_at > BEHIND_S
        if behind and not self._told:
            log.error("heartbeats_behind", detail=NOT_BACK)
        elif self._told and not behind:
            log.info("heartbeats_in_time")
        self._told = behind

    async def _say(self) -> None:
        try:
            async with self.database.transaction() as session:
                hubs, share_of = VerdictRepository(session), self.slot.share_of
                age = timedelta(seconds=self.markers.age_s())
                deaf_since = await hubs.hear(self.slot.slot, share_of, age)
                unread = await hubs.unread(share_of) if share_of is not None else []
        except Exception as error:
            if not is_transient(error):
                log.exception("ear_failed")  # and the gap is ours
            return
        if deaf_since is not None:
            log.error("was_deaf", since=deaf_since.isoformat())
        if unread != self._unread:
            self._unread = unread
            UNREAD.set(len(unread))
            log.log(logging.ERROR if unread else logging.INFO, "places_unread", places=unread)
