"""One lane: its own MQTT connection, in its own thread, with manual acknowledgement.

The network thread hands messages over and is the only one that writes to the socket. What we have in hand is bounded in
bytes; when the bound is reached the thread stops reading, so that the broker keeps the rest. A message is acked only by
who has committed it. When the connection is dropped, what was not acked is forgotten here and comes again from the
broker's session; only what was sent at QoS 0 stays in hand, for nobody would send that again.
"""

import asyncio
import random
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from telecare.ingest.read_ahead import Client, Published
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings
from telecare.wire.topics import marker, shared, subscription

log = get_logger("ingest")

MAX_IN_HAND_BYTES = 32 * 1024 * 1024
MESSAGE_OVERHEAD = 500
KEEPALIVE_S = 30
MIN_BACKOFF_S = 0.2
MAX_BACKOFF_S = 5.0
"""Short: we are a handful of connections, and people's alarms wait on the other side."""
STEADY_S = 2.0
"""A connection that stood for so long was a good one: the next begins without a wait for what went before."""
MAX_INFLIGHT_OUT = 1000


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One message as it came: `generation` tells to which connection its `mid` belongs; `at` is monotonic.

    The network thread makes one for each message: a struct, because a dataclass takes five times as long.
    """

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


class Place(NamedTuple):
    """One of those that share the heartbeats between them; `slot` is that of the whole."""

    slot: str
    number: int

    @property
    def name(self) -> str:
        """Return its own name; no slot can be called so."""
        return f"{self.slot}.{self.number}"


class Lane:
    """A connection that receives some lanes of all hubs; `name` and the slot make its stable client id.

    `place` instead of the settings' slot: one of those that share the messages between them. One that is `leaving`
    gives its subscriptions back, and only hears what waits for it. One that is `marked` hears its own `marker` too,
    directly: its session has that behind what was there before, also where the messages are shared.

    `on_published` is called in the network's thread with the number of each message whose PUBACK has come.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        lanes: tuple[str, ...],
        on_published: Callable[[int], None] | None = None,
        *,
        place: Place | None = None,
        leaving: bool = False,
        marked: bool = False,
    ) -> None:
        self.name = name
        self.filters = [
            (subscription(lane) if place is None else shared(subscription(lane), f"telecare-{place.slot}"), 1)
            for lane in lanes
        ]
        self.client_id = f"telecare-{name}-{settings.ingest_slot if place is None else place.name}"
        self.marker = marker(self.client_id)
        if marked:
            self.filters.append((self.marker, 1))
        self.connected = False
        self.refused: str | None = None
        self._shares = place is not None
        self._gives_back = leaving
        self._url = urlsplit(settings.mqtt_url.get_secret_value())
        self._waiting: deque[Delivery] = deque()
        self._in_hand_bytes = 0
        self._room = threading.Condition()
        self._generation = 0
        self._leaving = False
        self._connected_at: float | None = None
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._open = threading.Event()
        self._stopped = threading.Event()
        self._settings = settings
        self._client = self._make_client()
        if on_published is not None:
            self._client.on_publish = lambda _client, _data, mid, *_: on_published(mid)
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{name}", daemon=True)

    @property
    def generation(self) -> int:
        """Return the number of the connection, another one after each that has gone."""
        return self._generation

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
        """Disconnect without acking: what is not acked comes again when the session reconnects, all in its order."""
        self._drop()
        self._client.disconnect()

    async def stop(self) -> None:
        """Disconnect and end the thread."""
        self._stopped.set()
        self._open.set()
        self.bounce()
        await asyncio.to_thread(self._thread.join, 5)

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for messages and return up to `limit` of them, in their order; each must be `settled` in the end."""
        while True:
            with self._room:
                count = min(limit, len(self._waiting))
                taken = [self._waiting.popleft() for _ in range(count)]
                if taken:
                    return taken
                self._arrived.clear()
            await self._arrived.wait()

    def is_current(self, delivery: Delivery) -> bool:
        """Say whether it is ours to take in; if not, its connection has gone and it will come again."""
        return delivery.qos == 0 or delivery.generation == self._generation

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that the message is committed."""
        with self._room:  # the number means this message on its own connection only
            if delivery.qos and delivery.generation == self._generation:
                self._client.ack(delivery.mid, delivery.qos)

    def ack_all(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these messages of one connection are committed: one write for all of them."""
        with self._room:
            mids = [each.mid for each in deliveries if each.qos and each.generation == self._generation]
            if mids:
                self._client.ack_all(mids)

    def settled(self, *deliveries: Delivery) -> None:
        """Say that these messages are out of our hands, whatever became of them: there is room for others."""
        with self._room:
            self._in_hand_bytes -= sum(delivery.size for delivery in deliveries)
            self._room.notify_all()

    def publish(self, topic: str, payload: bytes) -> int:
        """Send a message to a hub at QoS 1, after a reconnect again until its PUBACK; return its number."""
        return self._client.publish(topic, payload, qos=1).mid

    def count_waiting(self) -> int:
        """Return how many messages wait to be taken."""
        return len(self._waiting)

    def end_session(self) -> None:
        """Connect once more, with a clean session, which ends the kept one; blocks. For one that was stopped."""
        client = self._make_client(clean=True)
        client.on_connect = lambda client, *_: client.disconnect()
        self._connect(client)
        while client.loop() == mqtt.MQTT_ERR_SUCCESS:
            pass

    def _make_client(self, *, clean: bool = False) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            clean_session=clean,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(MAX_INFLIGHT_OUT)
        if self._url.username:
            client.username_pw_set(unquote(self._url.username), unquote(self._url.password or ""))
        if self._url.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context(cafile=self._settings.mqtt_ca_file))
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = lambda *_: self._welcome()
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = _send_at_once
        # With this callback set the library lets only its loop write: two threads that write at once mix their packets.
        client.on_socket_register_write = _leave_writing_to_the_loop
        return client

    def _connect(self, client: Client) -> None:
        port = self._url.port or (8883 if self._url.scheme == "mqtts" else 1883)
        client.connect(self._url.hostname or "localhost", port, keepalive=KEEPALIVE_S)

    def _run(self) -> None:
        backoff = MIN_BACKOFF_S
        while not self._stopped.is_set():
            if not self._open.wait(1.0):
                continue
            self._connected_at = None
            try:
                self._connect(self._client)
                while self._client.loop() == mqtt.MQTT_ERR_SUCCESS:
                    self._client.read_ahead(self._on_messages)
            except (OSError, ValueError) as error:
                log.warning("broker_not_reached", lane=self.name, error=repr(error))
            except Exception:
                # Whatever the client library raised: this thread is the lane's only life, it goes on.
                log.exception("lane_thread", lane=self.name)
            self._lost()
            steady = self._connected_at is not None and time.monotonic() - self._connected_at > STEADY_S
            backoff = MIN_BACKOFF_S if steady else min(backoff * 2, MAX_BACKOFF_S)
            self._stopped.wait(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("broker_refused", lane=self.name, reason=str(reason))
            return
        if not self._open.is_set() or self._stopped.is_set():  # forbidden while the connection was being made
            client.disconnect()
            return
        self._leaving = False
        if self._gives_back:
            client.unsubscribe([name for name, _ in self.filters])
        elif self.filters:
            client.subscribe(self.filters)
        else:
            self._welcome()

    def _on_subscribe(self, client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        answers = zip(self.filters, reasons, strict=False)
        if refused := [f"{reason} ({name})" for (name, _), reason in answers if reason.is_failure]:
            # Connected and deaf would look well: it must look broken, and be tried again.
            self.refused = self._refusal(refused)
            log.error("subscription_refused", lane=self.name, reasons=refused, detail=self.refused)
            client.disconnect()
            return
        self._welcome()

    def _refusal(self, reasons: Sequence[str]) -> str:
        words = f"the broker refuses the subscription of {self.name}: {', '.join(sorted(set(reasons)))}"
        return f"{words}. It must know shared subscriptions ($share)" if self._shares else words

    def _welcome(self) -> None:
        self.refused = None
        self.connected, self._connected_at = True, time.monotonic()
        log.info("lane_connected", lane=self.name)

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self.connected:
            log.warning("lane_disconnected", lane=self.name, reason=str(reason))
        self._lost()

    def _lost(self) -> None:
        self.connected = False
        self._drop()

    def _drop(self) -> None:
        """Forget what will come again, and hear nothing more on this connection: it would overtake that."""
        with self._room:
            self._leaving = True
            self._generation += 1
            kept = [delivery for delivery in self._waiting if delivery.qos == 0]
            self._in_hand_bytes -= sum(delivery.size for delivery in self._waiting if delivery.qos)
            self._waiting = deque(kept)
            self._room.notify_all()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        # `message.topic` decodes each time it is read and raises on bytes that are not text: take the bytes.
        topic = message._topic  # noqa: SLF001 - see above
        self._on_messages([Published(message.qos, message.retain, message.mid, topic, bytes(message.payload))])

    def _on_messages(self, messages: list[Published]) -> None:
        now, generation = time.monotonic(), self._generation
        deliveries = [
            Delivery(generation, mid, qos, topic, payload, retained, now)
            for qos, retained, mid, topic, payload in messages
        ]
        with self._room:
            while self._in_hand_bytes > MAX_IN_HAND_BYTES and not self._leaving:
                self._room.wait()
            if self._leaving:
                deliveries = [delivery for delivery in deliveries if not delivery.qos]
            first = bool(deliveries) and not self._waiting
            self._waiting.extend(deliveries)
            self._in_hand_bytes += sum(delivery.size for delivery in deliveries)
        if first:
            self._loop.call_soon_threadsafe(self._arrived.set)


def _send_at_once(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    """Switch Nagle's algorithm off: an ack to a hub would wait 40 ms behind the PUBACK that was sent just before."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _leave_writing_to_the_loop(_client: mqtt.Client, _data: Any, _sock: Any) -> None:
    """Do nothing: the loop looks by itself whether there is something to write."""
