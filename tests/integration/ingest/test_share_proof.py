"""A broker that says yes to a shared subscription and delivers nothing is noticed, and told in words."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from telecare.ingest import share_proof
from telecare.ingest.ear import Ear
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.ingest.lane import Lane, Place
from telecare.ingest.messages import MessageLane
from telecare.ingest.share_proof import ShareProof
from telecare.ingest.slot import SlotLease
from telecare.ingest.taker import HeartbeatTaker
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.ingest.broker import (
    CONNACK,
    CONNECT,
    DISCONNECT,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    Connection,
    ScriptedBroker,
)

BEAT = b'{"boot_id": "b1", "seq": 1}'


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    async with ScriptedBroker() as broker:
        yield broker


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_proof, "WITHIN_S", 0.1)
    monkeypatch.setattr(share_proof, "LOOK_S", 0.02)


async def taken(broker: ScriptedBroker) -> tuple[list[str], Connection]:
    """Take a connection as a broker would that does not know what `$share` means; return its subscriptions."""
    connection = await broker.connection()
    await connection.expect(CONNECT)
    await connection.send(CONNACK, b"\x00\x00")
    subscribe = await connection.expect(SUBSCRIBE)
    rest, filters = subscribe.body[2:], []
    while rest:
        ends = 2 + int.from_bytes(rest[:2], "big")
        filters.append(rest[2:ends].decode())
        rest = rest[ends + 1 :]
    await connection.send(SUBACK, subscribe.body[:2] + b"\x01" * len(filters))
    return filters, connection


async def echo(beats: HeartbeatLane, connection: Connection) -> None:
    """Let a marker go through the broker, and through the lane."""
    beats.markers.send()
    packet = await connection.expect(PUBLISH)
    ends = 2 + int.from_bytes(packet.body[:2], "big")
    await connection.publish(packet.body[2:ends].decode(), packet.body[ends + 2 :])
    async with asyncio.timeout(20):
        await beats.markers.next()


async def until(proof: ShareProof, *, well: bool) -> None:
    async with asyncio.timeout(20):
        while (proof.problem is None) != well:  # noqa: ASYNC110 - the other side's doing
            await asyncio.sleep(0.01)


async def test_a_share_that_delivers_nothing_is_told_until_it_delivers(
    broker: ScriptedBroker, database: Database, settings: Settings
) -> None:
    settings = settings.model_copy(update={"mqtt_url": type(settings.mqtt_url)(f"mqtt://127.0.0.1:{broker.port}")})
    lane = Lane(settings, "heartbeat", ("heartbeat",), place=Place("1", 1), marked=True)
    strange = MessageLane(lane, database, workers=1, retry_cap_s=5, public_url=None)
    beats = HeartbeatLane(lane, database, strange, retry_cap_s=5, shared=True)
    proof = ShareProof(settings, database, beats)
    lease = SlotLease(settings, [lane], Place("1", 1))
    lease.held = True
    ear = Ear(lease, beats, database, proof)
    lane.start()
    lane.allow()
    writing, proving = asyncio.create_task(beats.run()), asyncio.create_task(proof.run())
    try:
        shared, share = await taken(broker)
        plain, besides = await taken(broker)
        own = "telecare/v1/telecare-heartbeat-1.1/marker"
        assert (shared, plain) == (["$share/telecare-1/telecare/v1/+/heartbeat", own], ["telecare/v1/+/heartbeat"])
        assert not ear.hears, "nothing has come through yet"
        await echo(beats, share)
        assert ear.hears
        for number in range(share_proof.FEWEST):
            await besides.publish(f"telecare/v1/hub-{number}/heartbeat", BEAT, qos=0)
        await until(proof, well=False)
        assert "$share" in (proof.problem or "")
        await echo(beats, share)
        assert not ear.hears, "or every hub would be taken for silent"
        await share.publish("telecare/v1/hub-1/heartbeat", BEAT)
        await until(proof, well=True)
        assert ear.hears
    finally:
        for task in (writing, proving):
            task.cancel()
        await asyncio.gather(writing, proving, return_exceptions=True)
        await lane.stop()


async def test_a_share_that_is_refused_is_told_as_what_it_is(
    broker: ScriptedBroker, database: Database, settings: Settings
) -> None:
    settings = settings.model_copy(update={"mqtt_url": type(settings.mqtt_url)(f"mqtt://127.0.0.1:{broker.port}")})
    taker, stop = HeartbeatTaker(settings, database, Place("1", 1)), asyncio.Event()
    running = asyncio.create_task(taker.run(SlotLease(settings, []), stop))
    try:
        connection = await broker.connection()
        await connection.accept(granted=0x80)
        await connection.expect(DISCONNECT)
        assert (taker.problem() or "").startswith("the broker refuses the subscription of heartbeat")
        assert "$share" in (taker.problem() or "")
        await (await broker.connection()).accept()
        async with asyncio.timeout(20):
            while taker.problem() is not None:  # noqa: ASYNC110 - the other side's doing
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
