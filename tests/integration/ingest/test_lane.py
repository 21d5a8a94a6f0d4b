"""A lane against a broker that misbehaves on command: what it hears, keeps, drops, and when it looks well."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from telecare.ingest import lane as lanes
from telecare.ingest.lane import Delivery, Lane
from telecare.kernel.settings import Settings
from tests.integration.ingest.broker import CONNACK, CONNECT, DISCONNECT, PUBACK, PUBLISH, Connection, ScriptedBroker


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    async with ScriptedBroker() as broker:
        yield broker


@pytest.fixture
async def lane(broker: ScriptedBroker) -> AsyncIterator[Lane]:
    lane = Lane(Settings(mqtt_url=f"mqtt://127.0.0.1:{broker.port}"), "alarm", ("alarm",))
    lane.start()
    lane.allow()
    yield lane
    await lane.stop()


async def up(broker: ScriptedBroker) -> Connection:
    connection = await broker.connection()
    await connection.accept()
    return connection


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 - the other thread's doing
            await asyncio.sleep(0.005)


async def take(lane: Lane, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            taken += await lane.take(count - len(taken))
    return taken


async def test_a_refused_subscription_looks_broken_and_is_tried_again(broker: ScriptedBroker, lane: Lane) -> None:
    first = await broker.connection()
    await first.accept(granted=0x80)
    await first.expect(DISCONNECT)
    assert not lane.connected
    await up(broker)
    await until(lambda: lane.connected)


async def test_one_that_is_forbidden_while_it_connects_hears_nothing(broker: ScriptedBroker, lane: Lane) -> None:
    """Two processes with one slot: the second took it while the first one's connection was being made."""
    connection = await broker.connection()
    await connection.expect(CONNECT)
    lane._open.clear()
    await connection.send(CONNACK, b"\x00\x00")
    await connection.expect(DISCONNECT)
    assert [packet.kind for packet in connection.packets] == [CONNECT, DISCONNECT]
    assert not lane.connected


async def test_after_a_bounce_nothing_overtakes_what_comes_again(broker: ScriptedBroker, lane: Lane) -> None:
    connection = await up(broker)
    await connection.publish("telecare/v1/h/alarm", b"first")
    (first,) = await take(lane, 1)
    with lane._room:  # the network's thread waits here with what comes, as it would behind anything slow
        await connection.publish("telecare/v1/h/alarm", b"second")
        lane.bounce()
    assert not lane.is_current(first)
    lane.ack(first)
    again = await up(broker)
    assert PUBACK not in [packet.kind for packet in connection.packets]
    for payload in (b"first", b"second"):
        await again.publish("telecare/v1/h/alarm", payload)
    assert [delivery.payload for delivery in await take(lane, 2)] == [b"first", b"second"]


async def test_what_was_sent_at_qos_0_stays_in_hand_for_nobody_sends_it_again(
    broker: ScriptedBroker, lane: Lane
) -> None:
    connection = await up(broker)
    await connection.publish("telecare/v1/h/alarm", b"comes again", qos=1)
    await connection.publish("telecare/v1/h/alarm", b"once", qos=0)
    await until(lambda: lane.count_waiting() == 2)
    connection.writer.close()
    await up(broker)
    (kept,) = await take(lane, 1)
    assert kept.payload == b"once"
    assert lane.is_current(kept)
    assert lane.count_waiting() == 0


async def test_what_is_in_hand_is_bounded_until_it_is_settled(
    broker: ScriptedBroker, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_IN_HAND_BYTES", 20_000)
    connection = await up(broker)
    for _ in range(200):  # several times as much as is read at once
        await connection.publish("telecare/v1/h/alarm", b"x" * 1000)
    taken = await take(lane, 10)
    await until(lambda: lane._in_hand_bytes > 20_000)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            while len(taken) < 200:
                taken += await lane.take(200)
    assert len(taken) < 200
    lane.settled(*taken)
    rest = await take(lane, 5)
    lane.settled(*rest)


async def test_a_message_is_acked_on_its_own_connection_only(broker: ScriptedBroker, lane: Lane) -> None:
    connection = await up(broker)
    await connection.publish("telecare/v1/h/alarm", b"old")
    (old,) = await take(lane, 1)
    connection.writer.close()
    again = await up(broker)
    await again.publish("telecare/v1/h/alarm", b"new")
    (new,) = await take(lane, 1)
    assert old.mid == new.mid
    lane.ack(old)
    await again.publish("telecare/v1/h/alarm", b"newer")
    (newer,) = await take(lane, 1)
    lane.ack(newer)
    assert (await again.expect(PUBACK)).mid == newer.mid


async def test_only_the_lanes_own_thread_writes(
    broker: ScriptedBroker, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads that find the socket full in the same moment would mix the halves of their packets."""
    connection = await up(broker)
    await until(lambda: lane.connected)
    writers: set[int] = set()
    send = lane._client._sock_send

    def watched(data: bytes) -> int:
        writers.add(threading.get_ident())
        return send(data)

    monkeypatch.setattr(lane._client, "_sock_send", watched)
    for _ in range(20):
        await connection.publish("telecare/v1/h/alarm", b"press")
        (delivery,) = await take(lane, 1)
        lane.ack(delivery)
        lane.publish("telecare/v1/h/ack", b"accepted")
        await connection.expect(PUBACK)
        await connection.expect(PUBLISH)
    assert writers == {lane._thread.ident}


async def test_a_burst_comes_whole_and_in_order_however_it_is_cut(broker: ScriptedBroker, lane: Lane) -> None:
    """Most of it is read ahead of the library; what is cut in two goes through it, and keeps its place."""
    connection = await up(broker)
    payloads = [bytes([number % 251]) * (number % 300) for number in range(1500)]
    connection.writer.transport.set_write_buffer_limits(high=10_000_000)
    for number, payload in enumerate(payloads):
        await connection.publish(f"telecare/v1/h{number}/alarm", payload, qos=number % 7 != 0)
    taken = await take(lane, len(payloads))
    assert [each.payload for each in taken] == payloads
    assert [each.topic for each in taken] == [f"telecare/v1/h{n}/alarm".encode() for n in range(len(payloads))]
    assert [each.qos for each in taken] == [int(n % 7 != 0) for n in range(len(payloads))]


async def test_many_are_acked_at_once_and_each_by_its_number(broker: ScriptedBroker, lane: Lane) -> None:
    connection = await up(broker)
    for _ in range(300):
        await connection.publish("telecare/v1/h/alarm", b"x")
    await connection.publish("telecare/v1/h/alarm", b"x", qos=0)
    lane.ack_all(await take(lane, 301))
    assert [(await connection.expect(PUBACK)).mid for _ in range(300)] == list(range(1, 301))
