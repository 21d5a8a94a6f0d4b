"""One place that takes heartbeats: its connection, the lane that writes them, the right to be there, and its ear."""

import asyncio

from telecare.ingest.ear import Ear
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.ingest.lane import Lane, Place
from telecare.ingest.messages import MessageLane
from telecare.ingest.share_proof import ShareProof
from telecare.ingest.slot import SlotLease
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings


class HeartbeatTaker:
    """Takes all heartbeats under a lease of somebody else's, or those of a `place` under a lease of its own."""

    def __init__(
        self, settings: Settings, database: Database, place: Place | None = None, *, guest: bool = False
    ) -> None:
        self.connection = Lane(settings, "heartbeat", ("heartbeat",), place=place, marked=True)
        self.guest = guest
        self._settings = settings
        self._database = database
        self._own_lease = None if place is None else SlotLease(settings, [self.connection], place, guest=guest)
        cap, url = settings.ingest_retry_cap_s, settings.public_url
        strange = MessageLane(self.connection, database, workers=1, retry_cap_s=cap, public_url=url)
        shared = place is not None
        self.lane = HeartbeatLane(self.connection, database, strange, retry_cap_s=cap, shared=shared)
        self._proof = ShareProof(settings, database, self.lane) if shared else None

    def problem(self) -> str | None:
        """Return why heartbeats cannot be received at a place of our own, None when they can."""
        if self._own_lease is None or self.guest:
            return None
        if self._own_lease.problem is not None:
            return None if self._own_lease.problem.startswith("stand-by") else self._own_lease.problem
        if not self.connection.connected:
            return self.connection.refused or "not connected to the broker: heartbeat"
        return None if self._proof is None else self._proof.problem

    async def run(self, lease: SlotLease, stop: asyncio.Event) -> None:
        """Take heartbeats until cancelled, under this lease where there is none of our own."""
        own = self._own_lease
        self.connection.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.lane.run())
                group.create_task(Ear(own or lease, self.lane, self._database, self._proof).run())
                if self._proof is not None:
                    group.create_task(self._proof.run())
                if own is not None:
                    group.create_task(own.run(stop))
        finally:
            await self.connection.stop()


def takers(settings: Settings, database: Database) -> list[HeartbeatTaker]:
    """Return who takes heartbeats in this process: all of them, or its place, and as a guest at the others'."""
    if settings.ingest_place is None:
        return [HeartbeatTaker(settings, database)]
    own, of = settings.ingest_place
    places = [Place(settings.ingest_slot, number) for number in range(1, of + 1)]
    return [HeartbeatTaker(settings, database, place, guest=place.number != own) for place in places]
