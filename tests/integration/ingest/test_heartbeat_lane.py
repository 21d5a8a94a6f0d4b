"""Heartbeats that the database refuses: they do not keep the others from being seen."""

import asyncio

import pytest
from sqlalchemy import func, select

from devices.presence.models import Heartbeat, HubLive
from telecare.ingest.heartbeats import AT_ONCE, BATCH, MOST_REFUSED, HeartbeatLane, Row, batches_of
from telecare.ingest.lane import Delivery
from telecare.ingest.messages import MessageLane
from tests.integration.ingest.desk import Desk, Said


async def beat(said: Said, desk: Desk, count: int) -> list[Delivery]:
    """Let a heartbeat lane take the heartbeats of so many hubs; return them."""
    beats = [desk.delivery(f"h{n}", b"{}", lane="heartbeat") for n in range(count)]
    strange = MessageLane(said, desk.database, workers=1, retry_cap_s=1, public_url=None)
    lane = HeartbeatLane(said, desk.database, strange, retry_cap_s=0.5)
    with said._room:
        said._waiting.extend(beats)
    running = asyncio.create_task(lane.run())
    async with asyncio.timeout(20):
        while len(said.acked) < count and said.is_current(beats[0]):  # noqa: ASYNC110 - the lane works
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return beats


async def seen(desk: Desk) -> set[str]:
    async with desk.database.transaction() as session:
        return set((await session.execute(select(HubLive.hub_id))).scalars())


async def test_one_that_is_refused_reaches_a_human_and_all_others_are_seen(said: Said, desk: Desk) -> None:
    await desk.refuse("heartbeat", "NEW.hub_id = 'h7'")
    await beat(said, desk, 40)
    assert await seen(desk) == {f"h{n}" for n in range(40)} - {"h7"}
    (job,) = await desk.alarms()
    assert (job.hub_id, job.class_) == ("h7", "T")


async def test_when_all_are_refused_it_is_our_fault_and_no_hundred_jobs(said: Said, desk: Desk) -> None:
    await desk.refuse("heartbeat", "true")
    beats = await beat(said, desk, MOST_REFUSED + 3)
    assert said.acked == []
    assert not said.is_current(beats[0]), "the broker keeps them"
    assert await desk.alarms() == []


async def test_heartbeats_whose_commit_was_never_answered_are_logged_once(
    said: Said, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, lost = HeartbeatLane._record, []

    async def answer_lost(lane: HeartbeatLane, rows: list[Row], *, again: bool) -> set[str]:
        done = await record(lane, rows, again=again)
        if not lost:
            lost.append(rows)
            raise ConnectionResetError
        return done

    monkeypatch.setattr(HeartbeatLane, "_record", answer_lost)
    await beat(said, desk, 3)
    assert lost
    async with desk.database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(Heartbeat))).scalar_one() == 3


def test_many_are_written_in_batches_at_once_and_a_hub_is_in_one_of_them(desk: Desk) -> None:
    few = [desk.delivery(f"h{n}", b"{}", lane="heartbeat") for n in range(BATCH)]
    assert batches_of(few) == [few]
    many = [desk.delivery(f"h{n % 90}", b"{}", lane="heartbeat") for n in range(2 * BATCH)]
    batches = batches_of(many)
    assert len(batches) == AT_ONCE
    assert sorted(each.mid for batch in batches for each in batch) == [each.mid for each in many]
    for batch in batches:
        assert [each.mid for each in batch] == sorted(each.mid for each in batch)
    hubs = [{each.topic for each in batch} for batch in batches]
    assert not hubs[0] & hubs[1]
