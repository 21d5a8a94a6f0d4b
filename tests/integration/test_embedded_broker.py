"""The embedded broker over real sockets: who gets in, what each may say, what survives a lost connection or a kill."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import asyncpg
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from telecare.embedded import EmbeddedBroker, EmbeddedPostgres
from telecare.embedded.broker_amqtt import MendedBroker
from telecare.embedded.ports import PortInUseError, free_port
from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.pure.mqtt_credentials import hash_password
from tests.conftest import in_database, run_sql

LIMIT_S = 20.0
PASSWORD = "correct horse"
REFUSED = 0x80

TABLES = (
    "CREATE TABLE hub (hub_id text PRIMARY KEY, mqtt_credential text)",
    "CREATE TABLE broker_account (username text PRIMARY KEY, credential text NOT NULL, role text NOT NULL)",
)


async def make_accounts(url: str) -> None:
    """The two tables that the broker reads, by hand: hub-a, hub-b, a hub without credential, service and gateway."""
    connection = await asyncpg.connect(asyncpg_dsn(url))
    for table in TABLES:
        await connection.execute(table)
    for hub_id in ("hub-a", "hub-b"):
        await connection.execute("INSERT INTO hub VALUES ($1, $2)", hub_id, hash_password(PASSWORD, os.urandom(12)))
    await connection.execute("INSERT INTO hub VALUES ('hub-bare', NULL)")
    for name in ("service", "gateway"):
        credential = hash_password(PASSWORD, os.urandom(12))
        await connection.execute("INSERT INTO broker_account VALUES ($1, $2, $1)", name, credential)
    await connection.close()


class Client:
    """A paho client that acknowledges by hand; `cut` loses its connection as a dead process would."""

    def __init__(
        self,
        port: int,
        username: str | None,
        password: str = PASSWORD,
        *,
        client_id: str | None = None,
        clean: bool = True,
        will: str | None = None,
        keepalive: int = 60,
        ack: bool = True,
    ) -> None:
        self.port = port
        self.heard: asyncio.Queue[mqtt.MQTTMessage] = asyncio.Queue()
        self.keepalive = keepalive
        self._ack = ack
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[bool] = self._loop.create_future()
        self._granted: dict[int, asyncio.Future[int]] = {}
        self.gone = asyncio.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or f"{username}-{uuid4().hex[:8]}",
            clean_session=clean,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        if username is not None:
            self._client.username_pw_set(username, password)
        if will is not None:
            self._client.will_set(will, b"offline", 1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._call(self.gone.set)
        self._client.on_message = lambda _client, _data, message: self._call(self._on_message, message)
        self._client.on_subscribe = lambda _client, _data, mid, codes, _properties: self._call(
            self._on_subscribe, mid, codes[0].value
        )

    async def connect(self) -> bool:
        """Say whether the broker lets us in."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self.port, self.keepalive)
        self._client.loop_start()
        return await asyncio.wait_for(self._answer, LIMIT_S)

    async def __aenter__(self) -> Self:
        assert await self.connect(), "refused"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def cut(self, *, close: bool = True) -> None:
        """Fall silent without a word; without `close` the broker cannot even see it."""
        line = self._client.socket()
        await asyncio.to_thread(self._stop_network_loop)
        if close and line is not None:
            line.close()

    async def subscribe(self, topic: str) -> int:
        _, mid = self._client.subscribe(topic, 1)
        assert mid is not None
        granted = self._granted.setdefault(mid, self._loop.create_future())
        return await asyncio.wait_for(granted, LIMIT_S)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        info = self._client.publish(topic, payload, qos, retain)
        await asyncio.to_thread(info.wait_for_publish, LIMIT_S)
        assert info.is_published(), "the broker did not take it"

    def publish_and_forget(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, 1)

    async def next(self) -> mqtt.MQTTMessage:
        return await asyncio.wait_for(self.heard.get(), LIMIT_S)

    async def payloads(self, count: int) -> list[bytes]:
        return [bytes((await self.next()).payload) for _ in range(count)]

    def acknowledge(self, message: mqtt.MQTTMessage) -> None:
        self._client.ack(message.mid, message.qos)

    def _stop_network_loop(self) -> None:
        """End paho's thread without the DISCONNECT that its own ways of ending send."""
        self._client._thread_terminate = True
        thread = self._client._thread
        if thread is not None:
            thread.join(LIMIT_S)

    def _call(self, what: Callable[..., Any], *values: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have ended first
            self._loop.call_soon_threadsafe(what, *values)

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self._call(lambda: None if self._answer.done() else self._answer.set_result(not code.is_failure))

    def _on_subscribe(self, mid: int, code: int) -> None:
        self._granted.setdefault(mid, self._loop.create_future()).set_result(code)

    def _on_message(self, message: mqtt.MQTTMessage) -> None:
        if self._ack:
            self.acknowledge(message)
        self.heard.put_nowait(message)


@pytest.fixture(scope="module")
async def accounts(postgres_url: str) -> AsyncIterator[str]:
    name = f"broker_{uuid4().hex}"
    await run_sql(postgres_url, f"CREATE DATABASE {name}")
    url = in_database(postgres_url, name)
    await make_accounts(url)
    yield url
    await run_sql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
async def broker(accounts: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedBroker]:
    log = tmp_path_factory.mktemp("broker") / "broker.log"
    async with EmbeddedBroker(accounts, port=free_port(), log_file=log) as broker:
        yield broker


@pytest.fixture
def port(broker: EmbeddedBroker) -> int:
    return broker.port


@pytest.mark.parametrize(
    ("username", "password", "let_in"),
    [
        ("hub-a", PASSWORD, True),
        ("hub-a", "wrong", False),
        ("hub-a", "", False),
        ("hub-bare", PASSWORD, False),
        ("hub-bare", "", False),
        ("nobody", PASSWORD, False),
        (None, "", False),
    ],
)
async def test_only_an_account_with_its_password_gets_in(
    port: int, username: str | None, password: str, let_in: bool
) -> None:
    client = Client(port, username, password)
    assert await client.connect() is let_in
    await client.cut()


@pytest.mark.parametrize(
    ("username", "topic", "granted"),
    [
        ("hub-a", "telecare/v1/hub-a/ack", True),
        ("hub-a", "telecare/v1/hub-a/command", True),
        ("hub-a", "telecare/v1/hub-a/alarm", False),
        ("hub-a", "telecare/v1/hub-b/ack", False),
        ("hub-a", "telecare/v1/+/ack", False),
        ("hub-a", "telecare/v1/hub-a/#", False),
        ("hub-a", "telecare/v1/hub-a/+", False),
        ("hub-a", "telecare/#", False),
        ("hub-a", "#", False),
        ("hub-a", "+/+/+/+", False),
        ("hub-a", "$SYS/#", False),
        ("service", "telecare/v1/+/alarm", True),
        ("service", "telecare/v1/hub-a/status", True),
        ("service", "telecare/v1/telecare-heartbeat-1/marker", True),
        ("gateway", "telecare/v1/telecare-heartbeat-1/marker", False),
        ("hub-a", "telecare/v1/hub-a/marker", False),
        ("service", "telecare/v1/+/ack", False),
        ("service", "#", False),
        ("gateway", "telecare/v1/+/ack", True),
        ("gateway", "telecare/v1/+/alarm", False),
    ],
)
async def test_each_hears_its_own_topics_only(port: int, username: str, topic: str, granted: bool) -> None:
    async with Client(port, username) as client:
        assert await client.subscribe(topic) == (1 if granted else REFUSED)


@pytest.mark.parametrize(
    ("username", "topic", "heard_on"),
    [
        ("hub-a", "telecare/v1/hub-b/alarm", "telecare/v1/+/alarm"),
        ("hub-a", "telecare/v1/hub-b/status", "telecare/v1/+/status"),
        ("service", "telecare/v1/hub-a/alarm", "telecare/v1/+/alarm"),
    ],
)
async def test_what_one_may_not_say_nobody_hears(port: int, username: str, topic: str, heard_on: str) -> None:
    async with Client(port, "service") as service, Client(port, username) as client, Client(port, "gateway") as gateway:
        assert await service.subscribe(heard_on) == 1
        await client.publish(topic, b"forged")
        await gateway.publish(topic, b"true")  # allowed, and later: it would come second
        assert await service.payloads(1) == [b"true"]


async def test_a_hub_cannot_ack_in_the_name_of_the_service(port: int) -> None:
    async with Client(port, "hub-a") as hub, Client(port, "service") as service:
        await hub.subscribe("telecare/v1/hub-a/ack")
        async with Client(port, "hub-b") as other:
            await other.publish("telecare/v1/hub-a/ack", b"forged")
            await hub.publish("telecare/v1/hub-a/ack", b"forged")
        await service.publish("telecare/v1/hub-a/ack", b"true")
        assert await hub.payloads(1) == [b"true"]


async def test_the_last_will_of_a_lost_hub_is_told_and_kept(port: int) -> None:
    will = "telecare/v1/hub-a/status"
    async with Client(port, "service") as service:
        await service.subscribe("telecare/v1/+/status")
        hub = Client(port, "hub-a", will=will)
        assert await hub.connect()
        await hub.cut()
        assert await service.payloads(1) == [b"offline"]
    async with Client(port, "service") as later:
        await later.subscribe("telecare/v1/+/status")
        kept = await later.next()
        assert (kept.topic, kept.payload, kept.retain) == (will, b"offline", True)


@pytest.mark.parametrize("will", ["telecare/v1/hub-b/status", "telecare/v1/hub-a/ack", "elsewhere"])
async def test_a_last_will_in_anothers_name_keeps_its_owner_out(port: int, will: str) -> None:
    hub = Client(port, "hub-a", will=will)
    assert not await hub.connect()
    await hub.cut()


async def test_a_hub_that_falls_silent_is_given_up(port: int) -> None:
    async with Client(port, "service") as service:
        await service.subscribe("telecare/v1/hub-b/status")
        hub = Client(port, "hub-b", will="telecare/v1/hub-b/status", keepalive=1)
        assert await hub.connect()
        await hub.cut(close=False)
        assert await service.payloads(1) == [b"offline"]


async def test_what_a_killed_consumer_had_not_acknowledged_comes_again(port: int) -> None:
    sent = [b"%d" % number for number in range(50)]
    consumer = Client(port, "service", client_id="lane", clean=False, ack=False)
    assert await consumer.connect()
    await consumer.subscribe("telecare/v1/+/alarm")
    async with Client(port, "hub-a") as hub:
        for payload in sent[:40]:
            await hub.publish("telecare/v1/hub-a/alarm", payload)
        held = [await consumer.next() for _ in range(40)]
        for message in held[:10]:
            consumer.acknowledge(message)
        await consumer.cut()
        for payload in sent[40:]:
            await hub.publish("telecare/v1/hub-a/alarm", payload)
    owed = set(sent[10:])
    async with Client(port, "service", client_id="lane", clean=False) as again:
        while owed:  # of the ten some may come again: whether their acks arrived is not known here
            owed.discard(bytes((await again.next()).payload))


async def test_a_consumer_may_think_for_longer_than_amqtt_waits(port: int) -> None:
    consumer = Client(port, "service", client_id="slow", clean=False, ack=False)
    assert await consumer.connect()
    await consumer.subscribe("telecare/v1/+/event")
    async with Client(port, "hub-a") as hub:
        await hub.publish("telecare/v1/hub-a/event", b"x")
    await consumer.next()
    await asyncio.sleep(6)  # amqtt alone gives a message up after five seconds: time itself is the subject
    await consumer.cut()
    async with Client(port, "service", client_id="slow", clean=False) as again:
        message = await again.next()
        assert (message.payload, message.dup, message.retain) == (b"x", True, False)


async def test_more_than_the_window_arrives_in_order(port: int) -> None:
    count = 3000
    consumer = Client(port, "service", client_id="window", clean=False, ack=False)
    assert await consumer.connect()
    await consumer.subscribe("telecare/v1/+/event")
    async with Client(port, "gateway") as gateway:
        await asyncio.gather(*(gateway.publish("telecare/v1/hub-a/event", b"%d" % n) for n in range(count)))
        for expected in range(count):
            message = await consumer.next()
            assert int(message.payload) == expected
            consumer.acknowledge(message)
    await consumer.cut()


async def test_a_new_connection_takes_over_from_one_that_hangs(port: int) -> None:
    topic = "telecare/v1/hub-a/ack"
    hanging = Client(port, "hub-a", client_id="unit", clean=False)
    assert await hanging.connect()
    await hanging.subscribe(topic)
    await hanging.cut(close=False)
    async with Client(port, "hub-a", client_id="unit", clean=False) as hub, Client(port, "service") as service:
        await service.publish(topic, b"for you")
        assert await hub.payloads(1) == [b"for you"]


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize(("username", "password"), [("service", "wrong"), ("hub-b", PASSWORD)])
async def test_a_stolen_client_id_harms_nobody(port: int, username: str, password: str, clean: bool) -> None:
    topic = "telecare/v1/+/alarm"
    async with (
        Client(port, "service", client_id="telecare-alarm-0", clean=False) as service,
        Client(port, "hub-a") as hub,
    ):
        await service.subscribe(topic)
        thief = Client(port, username, password, client_id="telecare-alarm-0", clean=clean)
        await thief.connect()
        await hub.publish("telecare/v1/hub-a/alarm", b"pendant")
        assert await service.payloads(1) == [b"pendant"]
        assert not service.gone.is_set()
        assert thief.heard.empty()
        await thief.cut()


async def test_a_hub_may_be_connected_twice_under_two_client_ids(port: int) -> None:
    async with Client(port, "hub-a") as one, Client(port, "hub-a") as two, Client(port, "service") as service:
        for client in (one, two):
            await client.subscribe("telecare/v1/hub-a/ack")
        await service.publish("telecare/v1/hub-a/ack", b"both")
        assert [await one.payloads(1), await two.payloads(1)] == [[b"both"], [b"both"]]


HOSTILE = {
    "silence": b"",
    "http": b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n",
    "noise": bytes(range(256)) * 40,
    "endless length": b"\x10\xff\xff\xff\xff\xff\xff",
    "publish first": b"\x32\x0a\x00\x01a\x00\x01hello",
    "cut connect": b"\x10\x20\x00\x04MQTT\x04\xc2",
    "reserved": b"\x00\x00\xf0\x00",
    "mqtt 5": b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc",
}


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_stranger_who_talks_nonsense_harms_nobody(broker: EmbeddedBroker, words: bytes) -> None:
    pid = broker.pid
    async with Client(broker.port, "hub-a") as hub, Client(broker.port, "service") as service:
        await service.subscribe("telecare/v1/+/alarm")
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", broker.port)
            writer.write(words)
            await writer.drain()
            writer.close()
        await hub.publish("telecare/v1/hub-a/alarm", b"pendant")
        assert await service.payloads(1) == [b"pendant"]
    assert broker.pid == pid


async def test_a_large_payload_arrives_and_a_monstrous_one_costs_only_its_sender(broker: EmbeddedBroker) -> None:
    async with Client(broker.port, "service") as service, Client(broker.port, "hub-b") as other:
        await service.subscribe("telecare/v1/+/alarm")
        async with Client(broker.port, "hub-a") as hub:
            await hub.publish("telecare/v1/hub-a/alarm", b"x" * 300_000)
            assert len((await service.next()).payload) == 300_000
        monster = Client(broker.port, "hub-a")
        assert await monster.connect()
        monster.publish_and_forget("telecare/v1/hub-a/alarm", b"x" * 8_000_000)
        await asyncio.wait_for(monster.gone.wait(), LIMIT_S)
        await other.publish("telecare/v1/hub-b/alarm", b"pendant")
        assert await service.payloads(1) == [b"pendant"]


async def test_messages_are_handed_out_while_others_come_and_go(port: int) -> None:
    """Subscriptions change all the time while alarms flow: none may get lost between them."""
    count = 150
    async with Client(port, "service") as service, Client(port, "hub-a") as hub:
        await service.subscribe("telecare/v1/+/alarm")

        async def come_and_go() -> None:
            async with Client(port, "hub-b") as other:
                await other.subscribe("telecare/v1/hub-b/ack")

        async def press() -> None:
            for number in range(count):
                await hub.publish("telecare/v1/hub-a/alarm", b"%d" % number)

        await asyncio.gather(press(), *(come_and_go() for _ in range(40)))
        assert await service.payloads(count) == [b"%d" % number for number in range(count)]


async def test_a_killed_broker_comes_back_on_its_port(accounts: str, tmp_path: Path) -> None:
    async with EmbeddedBroker(accounts, port=free_port(), log_file=tmp_path / "log") as broker:
        before = broker.pid
        assert before is not None
        broker.kill()
        await asyncio.wait_for(broker.wait_up(), LIMIT_S)
        assert broker.pid not in {None, before}
        async with Client(broker.port, "hub-a") as hub:
            await hub.publish("telecare/v1/hub-a/heartbeat", b"{}")


async def test_a_port_in_use_is_said(accounts: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        broker = EmbeddedBroker(accounts, port=other.getsockname()[1])
        with pytest.raises(PortInUseError, match=str(other.getsockname()[1])):
            await broker.start(port_within_s=0.1)


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from telecare.embedded import EmbeddedBroker

async def main():
    broker = EmbeddedBroker(sys.argv[1], port=int(sys.argv[2]), log_file=Path(sys.argv[3]))
    await broker.start()
    print(broker.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_broker_ends_with_a_killed_supervisor_and_the_next_gets_its_port(accounts: str, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    for _ in range(2):
        supervisor = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SUPERVISOR, accounts, str(port), str(log), stdout=asyncio.subprocess.PIPE
        )
        assert supervisor.stdout is not None
        assert int(await asyncio.wait_for(supervisor.stdout.readline(), LIMIT_S)) > 0
        async with Client(port, "hub-a") as hub:  # what is connected must not hold it
            await hub.subscribe("telecare/v1/hub-a/ack")
            supervisor.kill()
            await supervisor.wait()
    async with EmbeddedBroker(accounts, port=port, log_file=log) as broker:
        assert broker.pid is not None


async def test_who_is_known_gets_in_while_the_database_is_away(tmp_path: Path, postgres_folder: Path) -> None:
    postgres = EmbeddedPostgres(postgres_folder / "short-lived")
    await postgres.start()
    await make_accounts(postgres.url)
    async with EmbeddedBroker(postgres.url, port=free_port(), log_file=tmp_path / "log") as broker:
        async with Client(broker.port, "hub-a"):
            pass
        await postgres.stop()
        async with Client(broker.port, "hub-a"):
            pass
        for username, password in (("hub-a", "wrong"), ("hub-b", PASSWORD)):
            client = Client(broker.port, username, password)
            assert not await client.connect()
            await client.cut()
        await postgres.start()

        async def gets_in() -> bool:
            client = Client(broker.port, "hub-b")
            let_in = await client.connect()
            await client.cut()
            return let_in

        async with asyncio.timeout(LIMIT_S):
            while not await gets_in():  # noqa: ASYNC110 - another process: there is no event to wait for
                await asyncio.sleep(0.1)
    await postgres.stop()


async def connect_raw(port: int, client_id: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Let hub-a in by raw packets: paho's threads would measure themselves, and send when they like."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = b"".join(len(part).to_bytes(2, "big") + part for part in (client_id, b"hub-a", PASSWORD.encode()))
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + fields
    writer.write(bytes([0x10, len(body)]) + body)
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    return reader, writer


@pytest.mark.parametrize("in_order", [True, False])
async def test_what_the_broker_has_acknowledged_is_handed_on_though_the_hub_leaves_at_once(
    port: int, in_order: bool
) -> None:
    count, topic = 200, b"telecare/v1/hub-a/alarm"
    async with Client(port, "service") as service:
        await service.subscribe("telecare/v1/+/alarm")
        reader, writer = await connect_raw(port, b"hasty")
        for number in range(count):
            body = len(topic).to_bytes(2, "big") + topic + (number + 1).to_bytes(2, "big") + b"%d" % number
            writer.write(bytes([0x32, len(body)]) + body)
        await reader.readexactly(4 * count)  # a PUBACK for each
        if in_order:
            writer.write(b"\xe0\x00")
        writer.close()
        assert await service.payloads(count) == [b"%d" % number for number in range(count)]


async def test_a_thousand_hubs_are_let_in_quickly(broker: EmbeddedBroker) -> None:
    """The limit is loose, a hang is what it finds."""
    async with asyncio.timeout(LIMIT_S):
        crowd = await asyncio.gather(*(connect_raw(broker.port, b"crowd-%d" % number) for number in range(1000)))
    for _, writer in crowd:
        writer.close()


async def test_a_subscribe_does_not_write_out_the_sessions_of_everybody() -> None:
    """With thousands of hubs known, amqtt's line of debug at each SUBSCRIBE kept the broker from all other work."""

    class Hub:
        def __repr__(self) -> str:
            raise AssertionError("a session was written out")

    broker = MendedBroker({"listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:0"}}, "plugins": {}})
    broker.subscriptions["telecare/v1/hub-a/ack"] = [(Hub(), 1)]
    assert repr(broker.subscriptions) == "<1 filters>"
