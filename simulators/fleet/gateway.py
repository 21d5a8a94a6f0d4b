"""Heartbeats at a given total rate over a few connections, by an account that may publish on behalf of any hub.

For measuring the heartbeat lane: a socket for each hub would measure sockets.
"""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle

from simulators.broker import Broker, topic
from simulators.fleet.roster import Member
from simulators.hub.behaviour import new_hub, step
from simulators.hub.client import Counts
from simulators.hub.happenings import Connected, Publish, Tick
from simulators.hub.link import Link, Login
from simulators.hub.model import HubConfig

CONNECTIONS = 4
BEAT_S = 0.02
MAX_UNANSWERED = 20_000
LAST_ANSWERS_S = 5.0


class Gateway:
    """Publishes the heartbeats of many hubs. `counts.sent` is what the broker has answered (PUBACK)."""

    def __init__(self, broker: Broker, login: Login, members: Sequence[Member], base: HubConfig) -> None:
        self.counts = Counts()
        self._all_answered = asyncio.Event()
        self._configs = [
            replace(base, hub_id=m.hub_id, peripherals=m.peripherals, heartbeat_s=m.interval_s) for m in members
        ]
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="connect")
        self._links = [
            Link(
                broker,
                replace(login, client_id=f"{login.client_id}-{number}"),
                self,
                self._pool,
                chance=random.Random(number),
                max_inflight=MAX_UNANSWERED,
                on_published=self._answered,
            )
            for number in range(CONNECTIONS)
        ]

    async def run(self, rate_per_s: float, duration_s: float | None) -> None:
        """Publish `rate_per_s` heartbeats a second, hub after hub, for `duration_s` seconds or until cancelled.

        A broker that falls behind gets no more than `MAX_UNANSWERED`: the rate then shows in the counts.
        """
        tasks = [asyncio.create_task(link.run()) for link in self._links]
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._beat(rate_per_s, time.time), duration_s)
            self._all_answered.clear()
            if self.counts.sent < self.counts.heartbeats:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._all_answered.wait(), LAST_ANSWERS_S)
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(link.close() for link in self._links))
            self._pool.shutdown(wait=False)

    async def _beat(self, rate_per_s: float, now: Callable[[], float]) -> None:
        loop = asyncio.get_running_loop()
        states = [step(config, new_hub(config, now()), Connected(), now())[0] for config in self._configs]
        turns, links = cycle(range(len(states))), cycle(self._links)
        last, owed = loop.time(), 0.0
        while True:
            await asyncio.sleep(BEAT_S)
            elapsed, last = loop.time() - last, loop.time()
            owed = min(owed + rate_per_s * elapsed, rate_per_s)  # after a stall, at most a second's worth at once
            while owed >= 1.0 and self.counts.heartbeats - self.counts.sent < MAX_UNANSWERED:
                link = next(links)
                if not link.up:
                    break
                hub = next(turns)
                due = replace(states[hub], next_heartbeat_at=now())
                states[hub], outputs = step(self._configs[hub], due, Tick(), now())
                for output in outputs:
                    if isinstance(output, Publish):
                        address = topic(self._configs[hub].hub_id, output.lane)
                        self.counts.heartbeats += link.publish(address, json.dumps(output.body).encode())
                owed -= 1.0

    def on_up(self) -> None:
        """Count a connection."""
        self.counts.connected += 1
        self.counts.connections += 1

    def on_down(self, reason: str) -> None:
        """Count a lost connection."""
        del reason
        self.counts.connected -= 1

    def on_refused(self, reason: str, *, denied: bool) -> None:
        """Keep the reason: the link tries again."""
        del denied
        self.counts.refusal = reason

    def on_message(self, address: str, payload: bytes) -> None:
        """Nothing is subscribed to."""

    def _answered(self) -> None:
        self.counts.sent += 1
        if self.counts.sent >= self.counts.heartbeats:
            self._all_answered.set()
