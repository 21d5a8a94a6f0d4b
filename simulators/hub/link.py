"""A connection to the broker that lives in the running event loop: paho does the protocol, asyncio the waiting.

paho's own threads would be one for each hub. Here only the blocking part, the TCP (and TLS) connect, leaves the loop,
for a pool of threads that the whole fleet shares; paho reads and writes when asyncio says that a socket is ready.
"""

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import Broker

KEEPALIVE_S = 60
MISC_EVERY_S = 10.0
CONNACK_WAIT_S = 15.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 30.0


@dataclass(frozen=True)
class Login:
    """Who connects. The same client id must come back for the broker to keep what arrived in between."""

    client_id: str
    username: str | None
    password: str | None


@dataclass(frozen=True)
class Will:
    """What the broker says, retained, in the name of a client that went without a word."""

    topic: str
    payload: bytes


class Listener(Protocol):
    """Who is told of what happens on a link; all calls come in the event loop."""

    def on_up(self) -> None:
        """Tell that the broker took the connection and answered each subscription."""

    def on_down(self, reason: str) -> None:
        """Tell that a connection which was up has ended."""

    def on_refused(self, reason: str, *, denied: bool) -> None:
        """Tell that a connection did not come about; it will be tried again. `denied`: the broker said no."""

    def on_message(self, address: str, payload: bytes) -> None:
        """Tell of a message on a subscription."""


class Link:
    """One persistent MQTT 3.1.1 session that reconnects for ever, with back-off and jitter, until `close`.

    `pool` runs blocking connects. `chance` spreads reconnects, so that a fleet does not come back as one wave.
    """

    def __init__(
        self,
        broker: Broker,
        login: Login,
        listener: Listener,
        pool: Executor,
        *,
        subscriptions: Sequence[str] = (),
        will: Will | None = None,
        chance: random.Random,
        max_inflight: int = 100,
        on_published: Callable[[], None] | None = None,
    ) -> None:
        self.up = False
        self._was_up = False
        self._listener = listener
        self._pool = pool
        self._subscriptions = subscriptions
        self._chance = chance
        self._unanswered: set[int] = set()
        self._loop = asyncio.get_running_loop()
        self._down = asyncio.Event()
        self._allowed = asyncio.Event()
        self._allowed.set()
        self._reasons: set[str] = set()
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=login.client_id,
            clean_session=False,
            protocol=MQTTv311,
            reconnect_on_failure=False,
        )
        client.username_pw_set(login.username, login.password)
        if broker.tls:
            client.tls_set(ca_certs=broker.ca_file)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.max_inflight_messages_set(max_inflight)
        client.connect_timeout = CONNACK_WAIT_S
        client.on_socket_open = lambda _client, _data, sock: self._in_loop(self._watch, sock)
        client.on_socket_close = lambda _client, _data, sock: self._in_loop(self._unwatch, sock)
        client.on_socket_register_write = lambda _client, _data, sock: self._in_loop(self._watch_write, sock)
        client.on_socket_unregister_write = lambda _client, _data, sock: self._in_loop(self._unwatch_write, sock)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if on_published is not None:
            client.on_publish = lambda *_ignored: on_published()
        client.connect_async(broker.host, broker.port, keepalive=KEEPALIVE_S)

    async def run(self) -> None:
        """Connect, stay, reconnect. Ends only by cancellation; call `close` after it."""
        failures = 0
        while True:
            await self._allowed.wait()
            self._down.clear()
            self._was_up = False
            try:
                await self._loop.run_in_executor(self._pool, self._client.reconnect)
            except OSError as error:
                self._listener.on_refused(f"cannot connect: {error}", denied=False)
            else:
                await self._stay()
                failures = 0 if self._was_up else failures
            failures += 1
            longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**failures)
            await asyncio.sleep(longest * (0.5 + 0.5 * self._chance.random()))

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Hand a message to the connection; False, and nothing is kept, while there is none."""
        if not self.up:
            return False
        self._client.publish(topic, payload, qos=qos, retain=retain)
        return True

    def cut(self) -> None:
        """Break the connection without a word, as a pulled cable does: the broker then publishes the last will."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):  # the other side was quicker: reading will tell
                sock.shutdown(socket.SHUT_RDWR)

    def forbid(self, reason: str) -> None:
        """Break the connection and stay away until each reason for it has been taken back by `allow`."""
        self._reasons.add(reason)
        self._allowed.clear()
        self.cut()

    def allow(self, reason: str) -> None:
        """Take a reason back; without any left the link connects again."""
        self._reasons.discard(reason)
        if not self._reasons:
            self._allowed.set()

    async def close(self, timeout_s: float = 2.0) -> None:
        """Say goodbye properly (no last will then), or give up after `timeout_s`."""
        if self._client.socket() is None:
            return
        self._down.clear()
        self._client.disconnect()
        try:
            await asyncio.wait_for(self._down.wait(), timeout_s)
        except TimeoutError:
            self.cut()

    async def _stay(self) -> None:
        """Serve the connection until it ends."""
        wait_s = CONNACK_WAIT_S
        while True:
            try:
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes as the event is set.
                async with asyncio.timeout(wait_s):
                    await self._down.wait()
            except TimeoutError:
                if not self.up:  # neither yes nor no from the broker: it hangs
                    self.cut()
                wait_s = MISC_EVERY_S
                self._client.loop_misc()
            else:
                return

    def _in_loop(self, call: Callable[[Any], None], sock: Any) -> None:
        """Call now when this is the event loop's thread (a closing socket cannot wait), else pass it there."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            self._loop.call_soon_threadsafe(call, sock)
            return
        if here is self._loop:
            call(sock)

    def _watch(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            # What is sent leaves at once, or an alarm could wait 40 ms behind a PUBACK (Nagle's algorithm).
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.add_reader(sock, self._read, sock)

    def _unwatch(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)

    def _watch_write(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.add_writer(sock, self._client.loop_write)

    def _unwatch_write(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock)

    def _read(self, sock: Any) -> None:
        self._client.loop_read()
        # A TLS socket may hold decrypted bytes that no readiness event will ever announce.
        while self._client.socket() is sock and getattr(sock, "pending", int)():
            self._client.loop_read()

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._listener.on_refused(f"refused: {reason}", denied=True)
            return
        if not self._subscriptions:
            self._now_up()
            return
        _, mid = client.subscribe([(name, 1) for name in self._subscriptions])
        self._unanswered = {mid} if mid is not None else set()

    def _on_subscribe(self, _client: Client, _data: Any, mid: int, _reasons: Any, _properties: Any) -> None:
        # Only now may an alarm go out: its ack must find a subscription.
        if mid in self._unanswered:
            self._unanswered.clear()
            self._now_up()

    def _now_up(self) -> None:
        if not self._allowed.is_set():  # forbidden while it was connecting
            self.cut()
            return
        self.up = self._was_up = True
        self._listener.on_up()

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        was_up, self.up = self.up, False
        self._down.set()
        if was_up:
            self._listener.on_down(f"disconnected: {reason}")

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._listener.on_message(message.topic, bytes(message.payload))
