"""Everything between a hub and a provider: broker, ingest, a provider that answers; and each of them may go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from alarms.notify.delivery import Provider
from simulators.provider.simulator import ProviderSimulator
from telecare.embedded import EmbeddedBroker
from telecare.embedded.lab import GATEWAY_ACCOUNT
from telecare.ingest.service import Ingest
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.conftest import SEAL_KEY
from tests.scenarios.dying_ingest import READY
from tests.wire import WireHub

LIMIT_S = 30.0
ACKS = "telecare/v1/+/ack"


@dataclass
class Line:
    """`hubs` are those that may raise alarms; `password` is the gateway's, through which they all talk."""

    database: Database
    settings: Settings
    broker: EmbeddedBroker
    password: str
    provider: ProviderSimulator
    ways: Mapping[str, Provider]
    hubs: list[str]
    canary_url: str
    mortal: asyncio.subprocess.Process | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        await self.start_ingest()
        await self._open_gateway()
        await self.until_received()

    async def close(self) -> None:
        await self.gateway.__aexit__()
        await self.stop_ingest()

    async def _open_gateway(self) -> None:
        self.gateway = await WireHub(self.broker.port, GATEWAY_ACCOUNT, self.password).__aenter__()
        await self.gateway.subscribe(ACKS)

    async def until_received(self) -> None:
        await self._until(heard=True)

    async def until_deaf(self) -> None:
        await self._until(heard=False)

    async def _until(self, *, heard: bool) -> None:
        async with asyncio.timeout(LIMIT_S):
            while bool(await self.ingest.problem() or self.ingest.slot.problem) == heard:  # noqa: ASYNC110 - theirs
                await asyncio.sleep(0.02)

    async def start_ingest(self) -> None:
        self._stop = asyncio.Event()
        self.ingest = Ingest(self.settings, self.database)
        self._running = asyncio.create_task(self.ingest.run(self._stop))

    async def stop_ingest(self) -> None:
        self._stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(self._running, LIMIT_S)

    async def be_mortal(self, point: str) -> None:
        """Let an ingest receive that is killed at its next alarm."""
        await self.stop_ingest()
        env = {
            **os.environ,
            "TELECARE_DATABASE_URL": self.database.url,
            "TELECARE_MQTT_URL": self.settings.mqtt_url.get_secret_value(),
            "TELECARE_SEAL_KEY": SEAL_KEY,
        }
        self.mortal = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.scenarios.dying_ingest", point, env=env, stdout=asyncio.subprocess.PIPE
        )
        assert self.mortal.stdout is not None
        said = await asyncio.wait_for(self.mortal.stdout.readline(), LIMIT_S)
        assert said.decode().strip() == READY, said

    async def spare(self) -> None:
        """Take the place of one that nothing has killed."""
        if self.mortal is not None:
            self.mortal.kill()
            await self.be_killed()

    async def be_killed(self) -> None:
        """Wait until it is dead; another one receives."""
        if self.mortal is not None:
            code = await asyncio.wait_for(self.mortal.wait(), LIMIT_S)
            assert code < 0, f"it ended by itself, with {code}"
            self.mortal = None
            await self.start_ingest()
            await self.until_received()

    async def stop_broker(self) -> None:
        await self.gateway.__aexit__()
        await self.broker.stop()

    async def start_broker(self) -> None:
        """Start it anew: it has kept nothing."""
        await self.broker.start()
        await self._open_gateway()
        await self.until_received()
