"""Says every other second that we hear: connected, not behind, and able to write. Where it is silent the gap is ours.

What hubs said in such a gap nobody knows; presence holds it against none of them.
"""

import asyncio
import logging

from devices.presence.verdict_repository import VerdictRepository
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.ingest.metrics import UNREAD
from telecare.ingest.share_proof import ShareProof
from telecare.ingest.slot import SlotLease
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient

log = get_logger("ingest")

SAYS_EVERY_S = 2.0
BEHIND_S = 10.0
"""A heartbeat that waits for longer than this is one that a verdict could miss."""


class Ear:
    """Writes down that this slot hears, for as long as it does."""

    def __init__(
        self, slot: SlotLease, heartbeats: HeartbeatLane, database: Database, proof: ShareProof | None = None
    ) -> None:
        self.proof = proof
        self.slot = slot
        self.heartbeats = heartbeats
        self.database = database
        self._unread: list[str] = []

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            if self.hears:
                await self._say()
            await asyncio.sleep(SAYS_EVERY_S)

    @property
    def hears(self) -> bool:
        """Say whether heartbeats come in and are written soon."""
        if self.proof is not None and self.proof.problem is not None:
            return False
        return self.slot.held and self.heartbeats.lane.connected and self.heartbeats.behind_s() < BEHIND_S

    async def _say(self) -> None:
        try:
            async with self.database.transaction() as session:
                hubs, share_of = VerdictRepository(session), self.slot.share_of
                deaf_since = await hubs.hear(self.slot.slot, share_of)
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
