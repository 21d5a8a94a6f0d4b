"""amqtt 0.12.1 with the faults mended that would lose an alarm or let one client harm another.

Seen on real sockets; the tests of the embedded broker fail without this module:

- It deletes or takes over the session of a client id *before* it checks the password: anybody could make the service
  deaf. Here nothing is touched before the password is proved, and a client id counts within its user name only.
- What was sent and not acknowledged is forgotten at a lost connection, and after five seconds without an answer. Here
  it stays until the PUBACK and is sent again, first and in order, to the next connection of the session.
- What a client has sent, and has the PUBACK for, is thrown away when it then leaves faster than amqtt hands it on.
- A take-over leaves the session marked as disconnected: it hears nothing. Here the old connection ends first.
- It never ends a connection whose keep-alive has run out, so the last will of a hub without power is never told.
- The size of a packet has no limit.

Read in its source, mended with the same code, and not brought about by a test:

- It has no window: all that waits is sent at once, one task a message, and what finds 65,535 unanswered is lost. Here
  at most `WINDOW` messages are on their way to a client, the others wait in its session.
- A message can be lost when somebody subscribes while it is handed out, as a dictionary changes under its iteration.
- Each log-in is sent the retained messages of everybody's subscriptions. Here they come with a SUBSCRIBE, as MQTT says.
- The wait for the first packet has no limit.

Measured with a fleet whose link came back: each SUBSCRIBE writes out the sessions of all subscriptions, for a line of
log that nobody reads. With two thousand hubs known the broker did little else, let nobody in and handed on no alarm
for minutes, until the hubs gave up. Here the table is written as its size.

What stays: queues live in memory and have no limit; nothing slows a publisher down; a persistent session never
expires; the delivery has the subscription's QoS, also for what was published with QoS 0; only MQTT 3.1.1 is spoken.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

from amqtt.adapters import ReaderAdapter, StreamReaderAdapter, StreamWriterAdapter, WriterAdapter
from amqtt.broker import Broker, Server
from amqtt.contexts import Action, ListenerConfig
from amqtt.errors import AMQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.constants import QOS_0, QOS_1
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.session import INCOMING, ApplicationMessage, IncomingApplicationMessage, OutgoingApplicationMessage, Session

WINDOW = 2000
"""Messages on their way to one client without its PUBACK; the service acknowledges in batches, which must fit in."""

MAX_READ_BYTES = 1 << 20
CONNECT_WITHIN_S = 10.0
CLOSE_WITHIN_S = 2.0
END_WITHIN_S = 5.0
KEEP_ALIVE_FACTOR = 1.5  # MQTT 3.1.1, 3.1.2.10
REFUSED = 0x80


class BoundedReader(StreamReaderAdapter):  # type: ignore[misc] # amqtt carries no types
    """Refuses what no hub sends before it takes memory; amqtt then ends the connection."""

    async def read(self, n: int = -1) -> bytes:
        """Read exactly `n` bytes."""
        if n > MAX_READ_BYTES:
            raise ValueError(f"A packet of {n} bytes: more than {MAX_READ_BYTES}")
        data: bytes = await super().read(n)
        return data


class ImpatientWriter(StreamWriterAdapter):  # type: ignore[misc] # amqtt carries no types
    """Closes in a short time, even when the other side has gone without a word."""

    async def close(self) -> None:
        """Close in order, or at once when that takes too long."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await super().close()
        except (TimeoutError, OSError):
            self._writer.transport.abort()


class Subscriptions(dict[str, list[tuple[Session, int]]]):
    """Who hears what, by filter."""

    def __repr__(self) -> str:
        """Return the size only: amqtt asks at each SUBSCRIBE, also when it logs nothing."""
        return f"<{len(self)} filters>"


class Connection(BrokerProtocolHandler):  # type: ignore[misc] # amqtt carries no types
    """One client's connection: what it has not acknowledged stays in its session."""

    def __init__(self, plugins_manager: Any) -> None:
        super().__init__(plugins_manager)
        self._sending: asyncio.Task[None] | None = None
        self._taken: ApplicationMessage | None = None

    async def mqtt_deliver_next_message(self) -> ApplicationMessage | None:
        """Return the next message that the client has sent; amqtt drops it when the client leaves now."""
        self._taken = await super().mqtt_deliver_next_message()
        return self._taken

    def handed_on(self) -> None:
        """Forget the message that `mqtt_deliver_next_message` returned."""
        self._taken = None

    def left_over(self) -> Iterator[ApplicationMessage]:
        """Yield what the client has sent and nobody has handed on."""
        if self._taken is not None:
            yield self._taken
        while not self.session.delivered_message_queue.empty():
            yield self.session.delivered_message_queue.get_nowait()

    def send_waiting(self) -> None:
        """Send what waits in the session, as far as the window lets it."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_waiting())

    async def handle_puback(self, puback: PubackPacket) -> None:
        """Forget what has arrived; the next may go."""
        self.session.inflight_out.pop(puback.variable_header.packet_id, None)
        self.send_waiting()

    def handle_read_timeout(self) -> None:
        """End a connection that was silent for longer than it promised."""
        if self._disconnect_waiter is not None and not self._disconnect_waiter.done():
            self._disconnect_waiter.set_result(None)

    async def stop(self) -> None:
        """Stop sending, then as amqtt does."""
        if self._sending is not None:
            self._sending.cancel()
        await super().stop()

    async def _send_waiting(self) -> None:
        session = self.session
        while len(session.inflight_out) < WINDOW and not session.retained_messages.empty():
            message = session.retained_messages.get_nowait()
            await self.mqtt_publish(message.topic, message.data, message.qos, message.retain)

    async def _handle_qos1_message_flow(
        self, app_message: OutgoingApplicationMessage | IncomingApplicationMessage
    ) -> None:
        if app_message.direction == INCOMING:
            await super()._handle_qos1_message_flow(app_message)
            return
        self.session.inflight_out[app_message.packet_id] = app_message
        packet = app_message.build_publish_packet(dup=app_message.publish_packet is not None)
        app_message.publish_packet = packet
        await self._send_packet(packet)

    async def _retry_deliveries(self) -> None:
        for message in list(self.session.inflight_out.values()):
            await self._handle_message_flow(message)


class MendedBroker(Broker):  # type: ignore[misc] # amqtt carries no types
    """amqtt's broker for topics `telecare/v1/{hub_id}/{lane}`."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._subscriptions = Subscriptions()
        self._served_by: dict[str, asyncio.Task[Any]] = {}

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Serve one connection until it ends, and close it, whatever happened in it."""
        closing = ImpatientWriter(writer)
        try:
            await self._client_connected(listener_name, BoundedReader(reader), closing)
        finally:
            await closing.close()

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Grant QoS 1 at most: the contract has no QoS 2, and amqtt's is not mended here."""
        topic_filter, qos = subscription
        granted: int = await super().add_subscription((topic_filter, min(qos, QOS_1)), session)
        return granted

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[Connection, Session]:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                _, asked = await BrokerProtocolHandler.init_from_connect(reader, writer, self.plugins_manager)
        except Exception as error:  # whatever a stranger sends must end its own connection only
            raise AMQTTError(f"No CONNECT from {remote_address}:{remote_port}: {error!r}") from error
        if not await super()._authenticate(asked, None):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            raise AMQTTError(f"Refused {asked.username!r} from {remote_address}:{remote_port}")
        asked.client_id = f"{asked.username}/{asked.client_id}"
        asked.keep_alive = round(asked.keep_alive * KEEP_ALIVE_FACTOR)
        await self._take_over(asked.client_id)
        return Connection(self.plugins_manager), await self._session_for(asked)

    async def _authenticate(self, _session: Session, _listener: ListenerConfig) -> bool:
        return True  # only a session that `_initialize_client_session` has checked gets here

    async def _take_over(self, client_id: str) -> None:
        """End the connection that has this client id, and be the one that has it."""
        here = asyncio.current_task()
        if here is None:
            raise RuntimeError("A connection is served by a task")
        while (other := self._served_by.get(client_id)) is not None:
            _, connection = self._sessions.get(client_id, (None, None))
            if connection is not None:
                await connection.handle_connection_closed()
            _, late = await asyncio.wait([other], timeout=END_WITHIN_S)
            for task in late:
                task.cancel()
            if self._served_by.get(client_id) is other:
                del self._served_by[client_id]
        self._served_by[client_id] = here

    async def _session_for(self, asked: Session) -> Session:
        kept, _ = self._sessions.get(asked.client_id, (None, None))
        if kept is None or asked.clean_session or kept.clean_session:
            await self._delete_session(asked.client_id)
            asked.parent = 0
            return asked
        for name in ("will_flag", "will_message", "will_topic", "will_qos", "will_retain", "keep_alive"):
            setattr(kept, name, getattr(asked, name))
        kept.parent = 1
        return kept

    async def _handle_client_session(
        self,
        reader: ReaderAdapter,
        writer: WriterAdapter,
        client_session: Session,
        handler: Connection,
        server: Server,
        listener_name: str,
    ) -> None:
        try:
            await super()._handle_client_session(reader, writer, client_session, handler, server, listener_name)
        finally:  # amqtt leaves some ends of its loop without this
            await self._stop_handler(handler)
            client_session.transitions.disconnect()
            if client_session.clean_session:
                await self._delete_session(client_session.client_id)
            if self._served_by.get(client_session.client_id) is asyncio.current_task():
                del self._served_by[client_session.client_id]

    async def _client_message_loop(self, client_session: Session, handler: Connection) -> None:
        try:
            await super()._client_message_loop(client_session, handler)
        finally:
            for message in handler.left_over():
                arrived = asyncio.get_running_loop().create_future()
                arrived.set_result(message)
                await self._handle_message_delivery(client_session, handler, arrived)

    async def _handle_message_delivery(
        self, client_session: Session, handler: Connection, wait_deliver: "asyncio.Future[Any]"
    ) -> bool:
        valid: bool = await super()._handle_message_delivery(client_session, handler, wait_deliver)
        handler.handed_on()
        return valid

    async def _handle_subscription(
        self, client_session: Session, handler: Connection, subscribe_waiter: "asyncio.Future[Any]"
    ) -> None:
        await super()._handle_subscription(client_session, handler, subscribe_waiter)
        for topic_filter, qos in subscribe_waiter.result().topics:
            if any(session is client_session for session, _ in self._subscriptions.get(topic_filter, ())):
                # A hub has no wildcard, and there are many hubs: theirs is one look, not one at each message.
                for topic in self._retained_messages if "+" in topic_filter else (topic_filter,):
                    kept = self._retained_messages.get(topic)
                    if kept is not None and self._matches(topic, topic_filter):
                        message = ApplicationMessage(None, topic, min(qos, kept.qos or QOS_0), kept.data, retain=True)
                        self._hand_over(message, client_session)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """Do nothing: amqtt calls it at each log-in, for each subscription of anybody."""

    async def _publish_session_retained_messages(self, session: Session) -> None:
        _, connection = self._sessions[session.client_id]
        connection.send_waiting()

    async def _run_broadcast(self, running_tasks: "deque[asyncio.Task[Any]]") -> None:  # noqa: ARG002 - amqtt's
        while True:
            message = await self._broadcast_queue.get()
            topic = message["topic"]
            _, _, _, lane = topic.split("/")
            # The topic plugin grants no other filters than these two that could match.
            for topic_filter in (topic, f"telecare/v1/+/{lane}"):
                for session, granted in tuple(self._subscriptions.get(topic_filter, ())):
                    if await self._topic_filtering(session, topic, Action.RECEIVE):
                        qos = min(message.get("qos", granted), granted)
                        self._hand_over(ApplicationMessage(None, topic, qos, message["data"], retain=False), session)

    def _hand_over(self, message: ApplicationMessage, session: Session) -> None:
        """Put a message into a session; what nobody hears now waits if the session and its QoS ask for it."""
        connected = session.transitions.state == "connected"
        if not connected and (session.clean_session or message.qos == QOS_0):
            return
        session.retained_messages.put_nowait(message)
        _, connection = self._sessions.get(session.client_id, (None, None))
        if connected and connection is not None:
            connection.send_waiting()
