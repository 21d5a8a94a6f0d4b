"""The shipped Mosquitto configuration, on the real broker, with accounts as the database has them."""

import asyncio
import os
import queue
import secrets
import signal
import socket
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import text

from telecare.access import broker_export
from telecare.access.broker import BrokerRole, set_broker_account
from telecare.access.broker_export import export
from telecare.embedded.mosquitto import SEARCH, find_mosquitto
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.pure.mqtt_credentials import hash_password

SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto"
pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")

LIMIT_S = 20.0
PASSWORD = "a-password-of-tests"
NOT_AUTHORISED = 135
UP = ("alarm", "event", "heartbeat", "status", "result")
DOWN = ("ack", "command")


class Party:
    """Somebody on the broker; `reason` is what the broker said to the log-in."""

    def __init__(self, port: int, username: str | None, password: str = PASSWORD, client_id: str | None = None) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.connected: queue.Queue[int] = queue.Queue()
        self.gone: queue.Queue[int] = queue.Queue()
        self.answers: queue.Queue[tuple[int, int]] = queue.Queue()
        self.subscribed: queue.Queue[int] = queue.Queue()
        self.client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id or username or "nobody",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        if username is not None:
            client.username_pw_set(username, password)
        client.on_connect = lambda _client, _data, _flags, reason, _properties: self.connected.put(reason.value)
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: self.gone.put(reason.value)
        client.on_subscribe = lambda _client, _data, mid, _reasons, _properties: self.subscribed.put(mid)
        client.on_publish = lambda _client, _data, mid, reason, _properties: self.answers.put((mid, reason.value))
        client.on_message = lambda _client, _data, message: self.heard.put((message.topic, message.payload))
        client.max_queued_messages_set(0)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        client.loop_start()
        self.reason = self.connected.get(timeout=LIMIT_S)

    def subscribe(self, *filters: str) -> None:
        self.client.subscribe([(each, 1) for each in filters])
        self.subscribed.get(timeout=LIMIT_S)

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> int:
        """Publish and return the reason code of the broker's answer."""
        sent = self.client.publish(topic, payload, 1, retain)
        mid, reason = self.answers.get(timeout=LIMIT_S)
        assert mid == sent.mid
        return reason

    def hear_until(self, topic: str) -> list[str]:
        """Return the topics of everything heard up to a message on `topic`, the sentinel."""
        topics: list[str] = []
        while topic not in topics:
            topics.append(self.heard.get(timeout=LIMIT_S)[0])
        return topics

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Mosquitto:
    """The shipped configuration and start script: only the folders, the ports and, for root, the user are others."""

    def __init__(self, folder: Path) -> None:
        self.passwords, self.acl = folder / "accounts" / "passwords", folder / "accounts" / "acl"
        (folder / "accounts").mkdir()
        (folder / "data").mkdir()
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
            self.hub_port, self.service_port = one.getsockname()[1], other.getsockname()[1]
        shipped = (SHIPPED / "mosquitto.conf").read_text()
        for ours, here in {
            "listener 1883\n": f"listener {self.hub_port} 127.0.0.1\n",
            "listener 1884\n": f"listener {self.service_port} 127.0.0.1\n",
            "password_file /mosquitto/": f"password_file {folder}/",
            "acl_file /mosquitto/": f"acl_file {folder}/",
            "persistence_location /mosquitto/": f"persistence_location {folder}/",
        }.items():
            assert shipped.count(ours) == 1
            shipped = shipped.replace(ours, here)
        # As root Mosquitto would become its own user, who may not enter pytest's folders.
        (folder / "mosquitto.conf").write_text(shipped + ("user root\n" if os.getuid() == 0 else ""))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", SHIPPED / "entrypoint.sh", self.folder / "mosquitto.conf"],
                env={"PATH": SEARCH, "ACCOUNTS_DIR": str(self.folder / "accounts")},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, "mosquitto does not answer")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.service_port), 1.0).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop it as a container is stopped; the log must hold no complaint about the configuration."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(LIMIT_S) == 0
        os.killpg(self.process.pid, signal.SIGKILL)  # the start script's watcher would end within two seconds
        assert "Error" not in (self.folder / "log").read_text()


def eventually(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


@pytest.fixture
async def accounts(database: Database) -> Database:
    """A database with two hubs and our own accounts, all with the same password."""
    async with database.transaction() as session:
        model = new_id()
        await session.execute(
            text("INSERT INTO device_model (id, make, name, connection) VALUES (:id, 'Test', 'Test', 'digital')"),
            {"id": model},
        )
        await session.execute(
            text(
                "INSERT INTO hub (hub_id, council_id, model_id, connection, mqtt_credential) "
                "VALUES (:hub, 'S12000036', :model, 'digital', :credential)"
            ),
            [{"hub": hub, "model": model, "credential": credential(PASSWORD)} for hub in ("hub-a", "hub-b")],
        )
        await set_broker_account(session, "telecare", PASSWORD, BrokerRole.SERVICE)
        await set_broker_account(session, "relay", PASSWORD, BrokerRole.GATEWAY)
        await set_broker_account(session, "telecare-canary", PASSWORD, BrokerRole.CANARY)
    return database


@pytest.fixture
async def mosquitto(accounts: Database, tmp_path: Path) -> AsyncIterator[Mosquitto]:
    running = Mosquitto(tmp_path)
    await export(accounts, running.passwords, running.acl)
    running.start()
    yield running
    running.stop()


@contextmanager
def party(port: int, username: str | None, password: str = PASSWORD, client_id: str | None = None) -> Iterator[Party]:
    here = Party(port, username, password, client_id)
    try:
        yield here
    finally:
        here.leave()


@contextmanager
def control_room(mosquitto: Mosquitto) -> Iterator[Party]:
    """Our service: it hears every lane of every hub."""
    with party(mosquitto.service_port, "telecare", client_id="telecare-alarm-1") as service:
        assert service.reason == 0
        service.subscribe(*(f"telecare/v1/+/{lane}" for lane in UP))
        yield service


def credential(password: str) -> str:
    return hash_password(password, secrets.token_bytes(12))


def test_only_accounts_with_their_own_password_come_in(mosquitto: Mosquitto):
    for username, password, expected in [
        ("hub-a", PASSWORD, 0),
        ("hub-a", "wrong", NOT_AUTHORISED),
        ("hub-a", "", NOT_AUTHORISED),
        ("hub-z", PASSWORD, NOT_AUTHORISED),
        (None, "", NOT_AUTHORISED),
    ]:
        for port in (mosquitto.hub_port, mosquitto.service_port):
            with party(port, username, password) as somebody:
                assert somebody.reason == expected, (username, password)


def test_a_hub_is_heard_only_under_its_own_id(mosquitto: Mosquitto):
    with control_room(mosquitto) as service, party(mosquitto.hub_port, "hub-a") as hub:
        service.subscribe("#")
        for forbidden in [*(f"telecare/v1/hub-b/{lane}" for lane in (*UP, *DOWN)), "telecare/v1/hub-a/ack", "other"]:
            assert hub.publish(forbidden) == NOT_AUTHORISED
        for lane in UP:
            assert hub.publish(f"telecare/v1/hub-a/{lane}") in {0, 16}  # 16: nobody subscribes
        assert set(service.hear_until("telecare/v1/hub-a/result")) == {f"telecare/v1/hub-a/{lane}" for lane in UP}


def test_the_canary_is_heard_as_a_hub_and_no_gateway_in_its_place(mosquitto: Mosquitto):
    ours = "telecare/v1/telecare-canary/alarm"
    with (
        control_room(mosquitto) as service,
        party(mosquitto.hub_port, "telecare-canary") as canary,
        party(mosquitto.service_port, "relay") as relay,
    ):
        assert relay.publish(ours) == NOT_AUTHORISED
        assert canary.publish("telecare/v1/hub-a/alarm") == NOT_AUTHORISED
        assert canary.publish(ours) == 0
        assert service.hear_until(ours) == [ours]


def test_a_hub_hears_only_what_is_for_it(mosquitto: Mosquitto):
    with (
        control_room(mosquitto) as service,
        party(mosquitto.hub_port, "hub-a") as hub,
        party(mosquitto.hub_port, "hub-b") as other,
    ):
        other.publish("telecare/v1/hub-b/status", b'"online"', retain=True)
        hub.subscribe("#", "telecare/v1/+/ack", "telecare/v1/hub-b/command")
        for lane in DOWN:
            service.publish(f"telecare/v1/hub-b/{lane}")
            service.publish(f"telecare/v1/hub-a/{lane}")
        other.publish("telecare/v1/hub-b/alarm")
        service.publish("telecare/v1/hub-a/ack")
        heard = hub.hear_until("telecare/v1/hub-a/command")
        assert {topic.split("/")[2] for topic in heard} == {"hub-a"}


def test_the_service_does_not_speak_as_a_hub_and_a_gateway_does(mosquitto: Mosquitto):
    with control_room(mosquitto) as service, party(mosquitto.service_port, "relay") as gateway:
        gateway.subscribe("telecare/v1/+/ack")
        assert service.publish("telecare/v1/hub-a/alarm") == NOT_AUTHORISED
        assert gateway.publish("telecare/v1/hub-a/ack") == NOT_AUTHORISED
        assert gateway.publish("telecare/v1/hub-b/alarm") == 0
        assert service.hear_until("telecare/v1/hub-b/alarm") == ["telecare/v1/hub-b/alarm"]
        service.publish("telecare/v1/hub-b/ack")
        assert gateway.hear_until("telecare/v1/hub-b/ack") == ["telecare/v1/hub-b/ack"]


def test_the_service_alone_speaks_to_itself_and_hears_it(mosquitto: Mosquitto):
    own = "telecare/v1/telecare-heartbeat-1/marker"
    with (
        control_room(mosquitto) as service,
        party(mosquitto.service_port, "relay") as gateway,
        party(mosquitto.hub_port, "hub-a") as hub,
    ):
        service.subscribe(own)
        for stranger in (gateway, hub):
            stranger.subscribe(own, "telecare/v1/hub-a/ack")
            assert stranger.publish(own) == NOT_AUTHORISED
        assert service.publish(own) == 0
        assert service.hear_until(own) == [own]
        service.publish("telecare/v1/hub-a/ack")
        for stranger in (gateway, hub):
            assert stranger.hear_until("telecare/v1/hub-a/ack") == ["telecare/v1/hub-a/ack"]


def test_a_hub_cannot_take_the_session_of_the_service_or_of_another_hub(mosquitto: Mosquitto):
    with control_room(mosquitto) as service, party(mosquitto.hub_port, "hub-b") as other:
        for stolen in ("telecare-alarm-1", "hub-b"):
            with party(mosquitto.hub_port, "hub-a", client_id=stolen) as thief:
                assert thief.reason == 0
                thief.publish("telecare/v1/hub-a/event")
        other.publish("telecare/v1/hub-b/alarm")
        service.hear_until("telecare/v1/hub-b/alarm")
        assert service.gone.empty()
        assert other.gone.empty()


async def test_a_new_credential_counts_after_the_next_export_and_the_old_one_is_thrown_out(
    mosquitto: Mosquitto, database: Database
):
    def new_password_works() -> bool:
        with party(mosquitto.hub_port, "hub-a", "fresh") as hub:
            return hub.reason == 0

    with party(mosquitto.hub_port, "hub-a") as old, party(mosquitto.hub_port, "hub-b") as other:
        assert not new_password_works()
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE hub SET mqtt_credential = :credential WHERE hub_id = 'hub-a'"),
                {"credential": credential("fresh")},
            )
        await export(database, mosquitto.passwords, mosquitto.acl)
        old.gone.get(timeout=LIMIT_S)
        eventually(new_password_works, "the new password is not let in")
        assert other.gone.empty()
    with party(mosquitto.hub_port, "hub-a") as old:
        assert old.reason == NOT_AUTHORISED
    assert stat.S_IMODE(mosquitto.passwords.stat().st_mode) == 0o600


def test_more_than_the_default_thousand_messages_wait_for_the_service_over_a_restart(mosquitto: Mosquitto):
    with control_room(mosquitto):
        pass
    count = 1500
    with party(mosquitto.hub_port, "hub-a") as hub:
        for number in range(count):
            hub.client.publish("telecare/v1/hub-a/alarm", str(number), 1)
        for _ in range(count):
            assert hub.answers.get(timeout=LIMIT_S)[1] == 0
    mosquitto.stop()
    mosquitto.start()
    with control_room(mosquitto) as service:
        waited: list[Any] = [service.heard.get(timeout=LIMIT_S)[1] for _ in range(count)]
        assert sorted(map(int, waited)) == list(range(count))


def test_an_alarm_that_is_far_too_long_still_reaches_the_service(mosquitto: Mosquitto):
    payload = b"x" * 200_000
    with control_room(mosquitto) as service, party(mosquitto.hub_port, "hub-a") as hub:
        assert hub.publish("telecare/v1/hub-a/alarm", payload) == 0
        assert service.heard.get(timeout=LIMIT_S) == ("telecare/v1/hub-a/alarm", payload)


async def test_watching_writes_again_when_an_account_has_changed(
    accounts: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(broker_export, "WATCH_S", 0.02)
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"

    watching = asyncio.create_task(broker_export.watch(accounts, passwords, acl))
    await asyncio.to_thread(eventually, passwords.exists, "nothing was written")
    first = passwords.stat().st_ino
    async with accounts.transaction() as session:
        await set_broker_account(session, "another", PASSWORD, BrokerRole.GATEWAY)
    await asyncio.to_thread(eventually, lambda: passwords.stat().st_ino != first, "the change was not written")
    assert "another:$7$101$" in passwords.read_text()
    assert "user another" in acl.read_text()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
