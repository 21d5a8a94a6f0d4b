"""Notices a broker that takes a shared subscription for an ordinary topic: it says yes, and delivers nothing for ever.

After each connect of a place, until something has come through its share, a second connection listens to the same
heartbeats without a share. What is heard there and written by nobody proves that the share delivers nothing. A broker
that refuses the subscription needs no such proof: that lane never looks connected.
"""

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from devices.presence.repository import PresenceRepository
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient
from telecare.wire.beats import read_beat
from telecare.wire.topics import hub_of_heartbeat, subscription

log = get_logger("ingest")

LOOK_S = 0.5
WITHIN_S = 15.0
"""What was heard without a share must be written by one of those that share by then."""
FEWEST, MOST = 3, 50
"""So many heartbeats are needed for a judgement, and looked at for it."""
DEAF = (
    "the broker does not know shared subscriptions ($share): heartbeats come in, and none through the share. "
    "Take a broker that does (Mosquitto 2, EMQX, VerneMQ), or take TELECARE_INGEST_SHARE away"
)


class PlainEar:
    """Listens to heartbeats without a share, at QoS 0 and without a session: whose came, and since when."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        url = urlsplit(settings.mqtt_url.get_secret_value())
        self.hubs: set[str] = set()
        self.heard = 0
        self.heard_at: float | None = None
        self._address = (url.hostname or "localhost", url.port or (8883 if url.scheme == "mqtts" else 1883))
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311)
        if url.username:
            client.username_pw_set(unquote(url.username), unquote(url.password or ""))
        if url.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context(cafile=settings.mqtt_ca_file))
        client.on_connect = lambda client, *_: client.subscribe(subscription("heartbeat"), 0)
        client.on_message = self._on_message

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the block lasts, in a thread of its own that connects by itself; leaving waits for nobody."""
        self._client.connect_async(*self._address)
        self._client.loop_start()
        try:
            yield
        finally:
            self._client.disconnect()

    def has_heard_for(self, seconds: float) -> bool:
        """Say whether the first of several heartbeats came so long ago: one may have gone to a place that is away."""
        return self.heard >= FEWEST and self.heard_at is not None and time.monotonic() - self.heard_at > seconds

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        hub_id = hub_of_heartbeat(message._topic)  # noqa: SLF001 - its text raises on bytes that are none
        if hub_id is None or message.retain or self.heard >= MOST or read_beat(bytes(message.payload)) is None:
            return
        self.hubs.add(hub_id)
        self.heard += 1
        if self.heard_at is None:
            self.heard_at = time.monotonic()


class ShareProof:
    """Proves for one place, at each of its connections, that the broker knows what it said yes to."""

    def __init__(self, settings: Settings, database: Database, heartbeats: HeartbeatLane) -> None:
        self.problem: str | None = None
        self._settings = settings
        self._database = database
        self._heartbeats = heartbeats
        self._lane = heartbeats.lane

    async def run(self) -> None:
        """Prove it until cancelled."""
        while True:
            while not self._lane.connected:  # noqa: ASYNC110 - the network thread's doing
                await asyncio.sleep(LOOK_S)
            generation, taken = self._lane.generation, self._heartbeats.taken
            await self._prove(generation, taken)
            while self._lane.generation == generation:  # noqa: ASYNC110 - the same
                await asyncio.sleep(LOOK_S)

    async def _prove(self, generation: int, taken: int) -> None:
        """Return once something came through the share, or the connection has gone."""
        since: datetime | None = None
        while since is None and self._lane.generation == generation:  # what came before it proves nothing
            since = await self._now()
            await asyncio.sleep(0 if since else LOOK_S)
        ear = PlainEar(self._settings, f"{self._lane.client_id}-plain")
        with ear.listening():
            while self._lane.generation == generation:
                if self._heartbeats.taken > taken or (since and await self._written(ear, since)):
                    if self.problem is not None:
                        log.info("share_delivers_again")
                    self.problem = None
                    return
                if self.problem is None and ear.has_heard_for(WITHIN_S):
                    self.problem = DEAF
                    log.error("share_delivers_nothing", hubs=len(ear.hubs), detail=DEAF)
                await asyncio.sleep(LOOK_S)

    async def _now(self) -> datetime | None:
        """Return the database's time, None while it is away: then nothing is proven."""
        try:
            async with self._database.transaction() as session:
                return await database_now(session)
        except Exception as error:
            if not is_transient(error):
                raise
            return None

    async def _written(self, ear: PlainEar, since: datetime) -> bool:
        """Say whether one of those that share has written what was heard without."""
        if not ear.hubs:
            return False
        try:
            async with self._database.transaction() as session:
                return await PresenceRepository(session).any_heard(sorted(ear.hubs), since)
        except Exception as error:
            if not is_transient(error):
                raise
            return False
