"""What a lane sends to itself, to know that it hears: a marker waits in the broker behind all that waits there.

When it has come through, and what came before it is committed, then all that the broker had when it was sent is
written. A marker says when it was sent, by this process's own clock: one from before is old, another's says nothing.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Iterable

from telecare.ingest.lane import Delivery, Lane


class Markers:
    """The markers of one lane that this process sends, and until when it has heard everything by them."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._sender = secrets.token_hex(8)
        self._heard_until = -math.inf
        self._came = asyncio.Event()

    def send(self) -> None:
        """Send one. At QoS 1, for at QoS 0 a broker may let it pass by what waits; and none while nobody takes it."""
        if self.lane.connected:
            self.lane.publish(self.lane.marker, f"{self._sender} {time.monotonic()}".encode())

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Take in markers; all that came before them must be committed, or gone with their connection."""
        for delivery in deliveries:
            if not self.lane.is_current(delivery):
                continue
            self.lane.ack(delivery)
            sender, _, sent_at = delivery.payload.decode("ascii", "replace").partition(" ")
            if sender == self._sender:
                self._heard_until = max(self._heard_until, float(sent_at))
                self._came.set()

    async def next(self) -> None:
        """Wait until one of ours comes through."""
        await self._came.wait()
        self._came.clear()

    def age_s(self) -> float:
        """Return for how long the broker may have had what is not written yet, in seconds; at first infinite."""
        return time.monotonic() - self._heard_until
