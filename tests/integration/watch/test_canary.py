"""The canary from its intake to its end on a real database: it goes the whole way, and nobody ever sees it."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from alarms.notify.domain import ContactTarget
from alarms.notify.sender import Sender
from telecare.api.feed import BoardFeed
from telecare.housekeeping import Housekeeping
from telecare.ingest.messages import MessageLane
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.settings import Settings
from telecare.watch.canary import CanarySink, record_result
from telecare.watch.repository import CanaryRepository, VitalsRepository
from telecare.wire.topics import CANARY_HUB
from tests.integration.alarms.world import World
from tests.integration.api.conftest import ClientFor, administrator, app, client_for  # noqa: F401 - fixtures
from tests.integration.ingest.conftest import desk, messages, said  # noqa: F401 - fixtures
from tests.integration.ingest.desk import Desk, Said

EVERY = timedelta(seconds=60)
LIMIT_S = 30.0


async def begin(database: Database) -> UUID:
    canary_id = new_id()
    async with database.transaction() as session:
        assert await CanaryRepository(session).begin(canary_id, timedelta(0))
    return canary_id


async def arrive_at_intake(desk: Desk, messages: MessageLane, canary_id: UUID) -> UUID:  # noqa: F811
    body = {"event_id": str(canary_id), "type": "canary"}
    await messages.settle(desk.delivery(CANARY_HUB, json.dumps(body).encode()))
    return (await desk.alarms())[-1].id


async def send_all(database: Database) -> None:
    """Let a sender run until nothing waits any more."""
    stop = asyncio.Event()
    sender = Sender(database, {"canary": CanarySink(database)}, record_result)
    running = asyncio.create_task(sender.run(stop, asyncio.Event()))
    left = text("SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending')")
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with database.transaction() as session:
                if not (await session.execute(left)).scalar_one():
                    break
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.wait_for(running, LIMIT_S)


async def test_it_goes_the_whole_way_and_ends_by_itself(
    database: Database, world: World, desk: Desk, messages: MessageLane, said: Said  # noqa: F811
) -> None:  # fmt: skip
    canary_id = await begin(database)
    alarm_id = await arrive_at_intake(desk, messages, canary_id)
    assert [answer["status"] for answer in said.answers] == ["accepted"]
    alarm = await world.get(alarm_id)
    assert (alarm.class_, alarm.type, alarm.handling, alarm.council_id) == ("C", "canary", "raised", None)
    await world.drive()
    await send_all(database)
    alarm = await world.get(alarm_id)
    assert (alarm.handling, alarm.outcome) == ("closed", "technical_auto")
    async with database.transaction() as session:
        arrived = await session.execute(
            text("SELECT arrived_at - sent_at FROM canary WHERE id = :id"), {"id": canary_id}
        )
        assert timedelta(0) < arrived.scalar_one() < timedelta(minutes=1)
        assert (await session.execute(text("SELECT state FROM outbox"))).scalars().all() == ["sent"]
        assert await VitalsRepository(session).last_canary_s() is not None


async def test_a_sink_that_is_told_twice_counts_the_first_and_changes_nothing(
    database: Database, world: World, desk: Desk, messages: MessageLane  # noqa: F811
) -> None:  # fmt: skip
    alarm_id = await arrive_at_intake(desk, messages, await begin(database))
    await world.drive()
    await send_all(database)
    first = (await world.sql("SELECT arrived_at FROM canary")).scalar_one()
    await world.sql("UPDATE outbox SET state = 'pending', due_at = now()")
    await send_all(database)
    assert (await world.sql("SELECT arrived_at FROM canary")).scalar_one() == first
    assert (await world.get(alarm_id)).outcome == "technical_auto"
    assert (await world.sql("SELECT state FROM outbox")).scalars().all() == ["sent"]


async def test_nobody_sees_it_while_it_is_open(
    database: Database,
    world: World,
    desk: Desk,  # noqa: F811
    messages: MessageLane,  # noqa: F811
    administrator: httpx.AsyncClient,  # noqa: F811
) -> None:
    await world.put_behind(ContactTarget.SUPERVISOR, "supervisor")
    await world.put_behind(ContactTarget.DUTY_MANAGER, "manager")
    seq = (await world.sql("SELECT seq FROM board_head")).scalar_one()
    alarm_id = await arrive_at_intake(desk, messages, await begin(database))
    await world.drive()
    assert await world.sent_to(alarm_id) == ["canary"]
    await world.sql("UPDATE alarm SET next_due_at = now() - interval '1 h' WHERE id = :id", id=alarm_id)
    assert (await world.sql("SELECT seq FROM board_head")).scalar_one() == seq
    assert (await world.sql("SELECT count(*) FROM board_change")).scalar_one() == 0
    assert await world.about_us() == []
    for query in ({}, {"handling": "open"}, {"handling": "raised"}, {"hub_id": CANARY_HUB}):
        reply = await administrator.get("/api/v1/alarms", params=query)
        assert (reply.status_code, reply.json()["items"]) == (200, [])
    assert (await administrator.get(f"/api/v1/alarms/{alarm_id}")).status_code == 404
    claim = await administrator.post(f"/api/v1/alarms/{alarm_id}/ack", json={"as_of": 1})
    assert claim.status_code == 404
    assert (await administrator.get("/readyz")).status_code == 200, "no engine is late for a canary's sake"
    families = text_string_to_metric_families((await administrator.get("/metrics")).text)
    samples = {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
    assert not [name for name in samples if name[0] == "telecare_alarms_open"]
    assert samples["telecare_outbox_waiting",] == 0
    assert samples["telecare_engine_overdue_seconds",] == 0


async def test_the_board_and_its_tally_and_the_live_feed_know_nothing_of_it(
    database: Database, world: World, desk: Desk, messages: MessageLane, app: FastAPI  # noqa: F811
) -> None:  # fmt: skip
    feed: BoardFeed = app.state.feed
    await feed._start()
    with feed.follow(None) as following:
        await arrive_at_intake(desk, messages, await begin(database))
        await world.drive()
        await send_all(database)
        pendant = await world.raise_alarm("pendant")
        await feed._read()
        change = await following.next(5)
        assert change is not None
        assert change.alarm_id == str(pendant)
        assert await following.next(0.05) is None


async def test_the_type_from_any_other_hub_reaches_a_human(
    desk: Desk, messages: MessageLane, administrator: httpx.AsyncClient  # noqa: F811
) -> None:  # fmt: skip
    for lane in ("alarm", "event"):
        body = json.dumps({"event_id": f"e-{lane}", "type": "canary"}).encode()
        await messages.settle(desk.delivery("HUB-0001", body, lane=lane))
    shown = (await administrator.get("/api/v1/alarms", params={"handling": "open"})).json()["items"]
    assert [(alarm["hub_id"], alarm["class"]) for alarm in shown] == [("HUB-0001", "L"), ("HUB-0001", "T")]
    assert "canary" in shown[0]["words"]


@pytest.mark.parametrize(
    ("lane", "payload"),
    [
        ("alarm", {"event_id": "1", "type": "pendant"}),
        ("alarm", {"event_id": "2", "type": "smoke", "text": "canary"}),
        ("alarm", {"event_id": "3"}),
        ("event", {"event_id": "4", "type": "canary"}),
    ],
)
async def test_anything_else_from_the_canarys_account_reaches_a_human(
    desk: Desk, messages: MessageLane, administrator: httpx.AsyncClient, database: Database,  # noqa: F811
    lane: str, payload: dict[str, str],
) -> None:  # fmt: skip
    """Also while a canary is open, which nothing joins or feeds."""
    await arrive_at_intake(desk, messages, await begin(database))
    await messages.settle(desk.delivery(CANARY_HUB, json.dumps(payload).encode(), lane=lane))
    (shown,) = (await administrator.get("/api/v1/alarms", params={"handling": "open"})).json()["items"]
    assert shown["hub_id"] == CANARY_HUB
    assert shown["class"] == ("L" if lane == "alarm" else "T")


async def test_each_canary_is_an_alarm_of_its_own_also_while_another_is_open(
    database: Database, desk: Desk, messages: MessageLane  # noqa: F811
) -> None:  # fmt: skip
    for _ in range(3):
        await arrive_at_intake(desk, messages, await begin(database))
    assert [alarm.events for alarm in await desk.alarms()] == [1, 1, 1]


async def test_several_copies_send_one_a_minute(database: Database) -> None:
    async with database.transaction() as one, database.transaction() as other:
        assert await CanaryRepository(one).begin(uuid4(), EVERY)
        assert not await CanaryRepository(other).begin(uuid4(), EVERY), "the first has not committed yet"
    async with database.transaction() as session:
        assert not await CanaryRepository(session).begin(uuid4(), EVERY)
        await session.execute(text("UPDATE canary SET sent_at = sent_at - interval '60 s'"))
        assert await CanaryRepository(session).begin(uuid4(), EVERY)


async def test_after_a_day_nothing_is_left_of_it_and_of_everything_else_all(
    database: Database, settings: Settings, world: World, desk: Desk, messages: MessageLane  # noqa: F811
) -> None:  # fmt: skip
    old = await arrive_at_intake(desk, messages, await begin(database))
    await world.drive()
    await send_all(database)
    real = await world.raise_alarm("pendant", CANARY_HUB)
    await world.sql("UPDATE alarm SET raised_at = raised_at - interval '25 h'")
    await world.sql("UPDATE canary SET sent_at = sent_at - interval '25 h'")
    fresh = await arrive_at_intake(desk, messages, await begin(database))
    await Housekeeping(settings, database).sweep()
    assert {alarm.id for alarm in await desk.alarms()} == {real, fresh}
    assert await world.log(old) == []
    assert len(await world.log(real)) == 1
    assert {event.alarm_id for event in await desk.events()} == {fresh}
    assert (await world.sql("SELECT count(*) FROM canary")).scalar_one() == 1
    assert (await world.sql("SELECT count(*) FROM outbox")).scalar_one() == 0


async def test_no_alarm_of_a_person_can_be_a_canary_and_no_other_log_can_be_cut(world: World) -> None:
    alarm_id = await world.raise_alarm("pendant", "HUB-0001")
    with pytest.raises(Exception, match="canary_is_nobodys"):
        await world.sql("UPDATE alarm SET class = 'C' WHERE id = :id", id=alarm_id)
    with pytest.raises(Exception, match="append-only"):
        await world.sql("DELETE FROM alarm_log WHERE alarm_id = :id", id=alarm_id)
    with pytest.raises(Exception, match="append-only"):
        await world.sql("UPDATE alarm_log SET text = '' WHERE alarm_id = :id", id=alarm_id)


async def test_a_canary_waits_behind_life_safety_and_before_all_else(
    database: Database, world: World, desk: Desk, messages: MessageLane  # noqa: F811
) -> None:  # fmt: skip
    canary = await arrive_at_intake(desk, messages, await begin(database))
    ids = [await world.raise_alarm(kind, hub) for kind, hub in (("flood", "a"), ("duplicate_id", "b"), ("smoke", "c"))]
    async with database.transaction() as session:
        rows = await session.execute(text("SELECT id FROM alarm ORDER BY rank"))
        assert list(rows.scalars()) == [ids[2], ids[1], canary, ids[0]]
        assert await database_now(session)
