"""Messages on which the service fails: none is lost, none is in the way, none is taken twice."""

import asyncio
import time

import pytest
from sqlalchemy import text

from telecare.ingest import messages as message_lanes
from telecare.ingest.letters import read_letter
from telecare.ingest.messages import MessageLane
from tests.homes import add_hub, add_models
from tests.integration.ingest.desk import Desk, Said


async def test_one_that_fails_on_its_fields_is_taken_in_by_its_bytes_and_its_hub_is_told(
    messages: MessageLane, desk: Desk, said: Said
) -> None:
    await desk.refuse("event", "NEW.type = 'pendant'")
    press = desk.press("h")
    await messages.settle(press)
    (alarm,) = await desk.alarms()
    assert (alarm.type, alarm.class_, alarm.words) == (
        "unknown_hub", "L", "Alarm from a hub that nobody knows: unreadable",
    )  # fmt: skip
    (event,) = await desk.events()
    assert event.payload == press.payload
    (answer,) = said.answers
    assert (answer["event_id"], answer["status"]) == ("e", "unreadable"), "or the hub would repeat it for ever"
    assert said.acked == [press.mid]


async def test_when_the_register_fails_a_human_still_sees_it(messages: MessageLane, desk: Desk, said: Said) -> None:
    async with desk.database.transaction() as session:
        await add_hub(session, (await add_models(session))["Halo"], "h")
        await session.execute(text("ALTER TABLE hub DROP CONSTRAINT ck_hub_status"))
        await session.execute(text("UPDATE hub SET status = 'of a later version'"))
    await messages.settle(desk.press("h"))
    (alarm,) = await desk.alarms()
    assert (alarm.type, alarm.class_) == ("unreadable", "L")
    assert "Who this is could not be looked up: find out where the unit is" in alarm.notes
    assert said.answers[0]["alarm_id"] == str(alarm.id)


async def test_an_open_alarm_that_cannot_be_fed_does_not_swallow_the_next_press(
    messages: MessageLane, desk: Desk
) -> None:
    await messages.settle(desk.press("h", "1"))
    await desk.sql(
        "ALTER TABLE alarm_log DISABLE TRIGGER USER",
        """UPDATE alarm_log SET input = '{"input": "Nothing that we know"}'""",
        "UPDATE alarm SET state = '{}'",
    )
    await messages.settle(desk.press("h", "2"))
    first, second = await desk.alarms()
    assert (first.events, second.events) == (1, 1)
    assert second.class_ == "L"


async def test_one_that_fails_in_every_form_is_set_aside_and_holds_up_nobody(
    messages: MessageLane, desk: Desk, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_lanes, "ASIDE_S", 0.05)
    await desk.refuse("event", "NEW.hub_id = 'poison'")
    poison, good = desk.press("poison"), desk.press("good")
    await messages.settle(poison)
    await messages.settle(good)
    assert said.acked == [good.mid]
    await desk.relent()
    async with asyncio.timeout(10):
        while poison.mid not in said.acked:  # noqa: ASYNC110 - the lane tries again by itself
            await asyncio.sleep(0.01)
    assert {alarm.hub_id for alarm in await desk.alarms()} == {"good", "poison"}
    assert [answer["status"] for answer in said.answers] == ["accepted", "accepted"], "in its own words, once it works"


async def test_one_whose_hub_is_locked_by_somebody_is_set_aside_and_the_lane_stays_connected(
    said: Said, desk: Desk
) -> None:
    messages = MessageLane(said, desk.database, workers=1, retry_cap_s=0.1, public_url=None)
    async with desk.database.transaction() as session:
        await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('locked', 7001))"))
        async with asyncio.timeout(15):
            await messages.settle(desk.press("locked"))
        good = desk.press("good")
        await messages.settle(good)
        assert said.acked == [good.mid]
        assert said.is_current(good), "the lane was not bounced"
    for task in messages._aside:
        task.cancel()


async def test_a_last_will_waits_for_no_alarm_of_its_hub(messages: MessageLane, desk: Desk, said: Said) -> None:
    """In a storm there are thousands of them, while alarms are told and handled."""
    await messages.settle(desk.press("h"))
    will = desk.delivery("h", b"offline", lane="status")
    async with desk.database.transaction() as session:
        await session.execute(text("SELECT FROM alarm FOR UPDATE"))
        async with asyncio.timeout(4):  # a lock is waited for longer
            await messages.settle(will)
    assert will.mid in said.acked


async def test_a_commit_that_worked_without_our_hearing_of_it_is_not_made_again(
    messages: MessageLane, desk: Desk
) -> None:
    """The server was killed between its commit and its answer; the same try goes in again."""
    for payload in (b'{"event_id": "e", "type": "pendant"}', b"cannot be read", b'{"event_id": "t", "type": "test"}'):
        letter = read_letter(desk.delivery("h", payload))
        taken = []
        for _ in range(2):
            async with desk.database.transaction() as session:
                taken.append(await messages._take_in(session, letter))
        first, second = taken
        assert (first.status, first.alarm_id) == (second.status, second.alarm_id)
    assert [event.treatment for event in await desk.events()] == ["alarm", "joined", "joined"]
    (alarm,) = await desk.alarms()
    assert alarm.events == 3


async def test_a_hub_that_babbles_keeps_no_other_waiting(messages: MessageLane, desk: Desk, said: Said) -> None:
    flood = [desk.press("babbler", str(n)) for n in range(400)]
    calm = desk.press("calm")
    with said._room:
        said._waiting.extend([*flood, calm])
    running = asyncio.create_task(messages.run())
    async with asyncio.timeout(20):
        while calm.mid not in said.acked:  # noqa: ASYNC110 - workers work
            await asyncio.sleep(0.005)
    assert len(said.acked) < 20
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_at_qos_0_a_press_is_tried_for_as_long_as_it_takes(desk: Desk, said: Said) -> None:
    """Nobody would send it again: not the broker, and the hub not before its own time."""
    messages = MessageLane(said, desk.database, workers=1, retry_cap_s=0.01, public_url=None)
    await desk.sql("ALTER TABLE event RENAME TO event_away")
    press = desk.delivery("h", b'{"event_id": "e", "type": "pendant"}', qos=0)
    settling = asyncio.create_task(messages.settle(press))
    started = time.monotonic()
    while time.monotonic() - started < 0.5:
        await asyncio.sleep(0.05)
        assert not settling.done()
    await desk.sql("ALTER TABLE event_away RENAME TO event")
    await asyncio.wait_for(settling, 10)
    (alarm,) = await desk.alarms()
    assert alarm.class_ == "L"
