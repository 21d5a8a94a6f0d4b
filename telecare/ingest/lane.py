"""One lane: its own MQTT connection, in its own thread, with manual acknowledgement.

The network thread does nothing but hand messages over; what is waiting is bounded in bytes, and when the bound is
reached the thread stops reading, so that the broker keeps the rest. A message is acked only by who has committed it.
When the connection is dropped, what was not acked is forgotten here and comes again from the broker's session.
"""

import asyncio
import random
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings
from telecare.wire.topics import subscription

log = get_logger("ingest")

MAX_WAITING_BYTES = 32 * 1024 * 1024
MESSAGE_OVERHEAD = 500
KEEPALIVE_S = 30
MIN_BACKOFF_S = 0.2
MAX_BACKOFF_S = 30.0
MAX_INFLIGHT_OUT = 1000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it came: `generation` tells to which connection its `mid` belongs; `at` is monotonic."""

    generation: int
    mid: int
    qos: int
    topic: bytes
    payload: bytes
    retained: bool
    at: float

    @property
    def size(self) -> int:
        """Return what it costs to keep, in bytes."""
        return len(self.payload) + len(self.topic) + MESSAGE_OVERHEAD


class Lane:
    """A connection that receives some lanes of all hubs; `name` and the slot make its stable client id.

    `on_published` is called in the network's thread with the number of each message whose PUBACK has come.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        lanes: tuple[str, ...],
        on_published: Callable[[int], None] | None = None,
    ) -> None:
        self.name = name
        self.filters = [(subscription(lane), 1) for lane in lanes]
        self.connected = False
        self._url = urlsplit(settings.mqtt_url.get_secret_value())
        self._waiting: deque[Delivery] = deque()
        self._waiting_bytes = 0
        self._room = threading.Condition()
        self._generation = 0
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._open = threading.Event()
        self._stopped = threading.Event()
        self._client = self._make_client(settings)
        if on_published is not None:
            self._client.on_publish = lambda _client, _data, mid, *_: on_published(mid)
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{name}", daemon=True)

    def start(self) -> None:
        """Start the network thread; it connects once `allow` was called."""
        self._thread.start()

    def allow(self) -> None:
        """Let the lane be connected."""
        self._open.set()

    def forbid(self) -> None:
        """Disconnect without acking, and stay away until allowed again."""
        self._open.clear()
        self.bounce()

    def bounce(self) -> None:
        """Disconnect without acking: what is not acked comes again when the session reconnects."""
        self._client.disconnect()
        with self._room:
            self._room.notify_all()

    async def stop(self) -> None:
        """Disconnect and end the thread."""
        self._stopped.set()
        self._open.set()
        self.bounce()
        await asyncio.to_thread(self._thread.join, 5)

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for messages and return up to `limit` of them, in their order."""
        while True:
            with self._room:
                count = min(limit, len(self._waiting))
                taken = [self._waiting.popleft() for _ in range(count)]
                if taken:
                    self._waiting_bytes -= sum(delivery.size for delivery in taken)
                    self._room.notify_all()
                    return taken
                self._arrived.clear()
            await self._arrived.wait()

    def is_current(self, delivery: Delivery) -> bool:
        """Say whether the connection that brought this message still stands; if not, it will come again."""
        return delivery.generation == self._generation

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that the message is committed."""
        if delivery.qos and self.is_current(delivery):
            self._client.ack(delivery.mid, delivery.qos)

    def publish(self, topic: str, payload: bytes) -> int:
        """Send a message to a hub at QoS 1, after a reconnect again until its PUBACK; return its number."""
        return self._client.publish(topic, payload, qos=1).mid

    def count_waiting(self) -> int:
        """Return how many messages wait to be taken."""
        return len(self._waiting)

    def _make_client(self, settings: Settings) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"telecare-{self.name}-{settings.ingest_slot}",
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(MAX_INFLIGHT_OUT)
        if self._url.username:
            client.username_pw_set(unquote(self._url.username), unquote(self._url.password or ""))
        if self._url.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context(cafile=settings.mqtt_ca_file))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = _send_at_once
        return client

    def _run(self) -> None:
        backoff = MIN_BACKOFF_S
        port = self._url.port or (8883 if self._url.scheme == "mqtts" else 1883)
        while not self._stopped.is_set():
            if not self._open.wait(1.0):
                continue
            started = time.monotonic()
            try:
                self._client.connect(self._url.hostname or "localhost", port, keepalive=KEEPALIVE_S)
                self._client.loop_forever()
            except (OSError, ValueError) as error:
                log.warning("broker_not_reached", lane=self.name, error=repr(error))
            except Exception:
                # Whatever the client library raised: this thread is the lane's only life, it goes on.
                log.exception("lane_thread", lane=self.name)
            self._lost()
            backoff = MIN_BACKOFF_S if time.monotonic() - started > MAX_BACKOFF_S else min(backoff * 2, MAX_BACKOFF_S)
            self._stopped.wait(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("broker_refused", lane=self.name, reason=str(reason))
            return
        if self.filters:
            client.subscribe(self.filters)
        self.connected = True
        log.info("lane_connected", lane=self.name)

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self.connected:
            log.warning("lane_disconnected", lane=self.name, reason=str(reason))
        self._lost()

    def _lost(self) -> None:
        self.connected = False
        with self._room:
            self._generation += 1
            self._waiting.clear()
            self._waiting_bytes = 0

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        # `message.topic` decodes each time it is read and raises on bytes that are not text: take the bytes.
        delivery = Delivery(
            self._generation,
            message.mid,
            message.qos,
            message._topic,  # noqa: SLF001 - see above
            bytes(message.payload),
            message.retain,
            time.monotonic(),
        )
        with self._room:
            generation = self._generation
            while self._waiting_bytes > MAX_WAITING_BYTES and self._generation == generation and self._open.is_set():
                self._room.wait(1.0)
            if self._generation != generation:
                return
            self._waiting.append(delivery)
            self._waiting_bytes += delivery.size
            first = len(self._waiting) == 1
        if first:
            self._loop.call_soon_threadsafe(self._arrived.set)


def _send_at_once(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    """Switch Nagle's algorithm off: an ack to a hub would wait 40 ms behind the PUBACK that was sent just before."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
