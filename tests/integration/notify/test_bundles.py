"""Several messages waiting for one person go out as one; who is next when much waits."""

import asyncio
import signal
import sys
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address
from alarms.notify.bundles import BundleRepository
from alarms.notify.notices import Notice, notice_row
from simulators.provider.behaviour import Answer, Behaviour, Pickup, Service
from telecare.kernel.db import Database
from telecare.kernel.outbox import OutboxMessage, OutboxRepository, OutboxState
from tests.integration.notify.providers import ANOTHER, NUMBER, Desk, Send
from tests.integration.notify.world import until

TECHNICAL = 50


async def all_of(database: Database) -> dict[UUID, OutboxMessage]:
    async with database.transaction() as session:
        return {row.id: row for row in (await session.execute(select(OutboxMessage))).scalars()}


async def waiting(desk: Desk, n: int, channel: str = "sms", address: str = NUMBER, rank: int = TECHNICAL) -> list[UUID]:
    return [await desk.tell(channel, address, rank=rank) for _ in range(n)]


async def test_four_that_wait_are_one_text_and_each_alarm_is_told(desk: Desk, send: Send):
    """S40."""
    ids = await waiting(desk, 4)
    await send()
    messages = await all_of(desk.database)
    await desk.provider.until(lambda: len(desk.provider.texts) == 1)
    assert desk.provider.texts[0].text.startswith("4 alarms wait: Pendant pressed, Una MacLeod; ")
    messages = await all_of(desk.database)
    (parent,) = (message for message in messages.values() if message.id not in ids)
    await desk.outbox.done(parent.id)
    assert [messages[one].state for one in ids] == ["merged"] * 4
    assert {messages[one].merged_into for one in ids} == {parent.id}
    for one in ids:
        assert any("was sent" in line for line in await desk.log(messages[one].subject_id))
    assert len(desk.provider.texts) == 1


@pytest.mark.usefixtures("reached")
async def test_a_report_on_a_bundle_is_told_to_each_alarm(desk: Desk, send: Send):
    ids = await waiting(desk, 3)
    await send()
    await desk.provider.until(lambda: len(desk.provider.reporter.sent) == 1)
    messages = await all_of(desk.database)
    (parent,) = (message for message in messages.values() if message.id not in ids)
    await desk.until_delivery(parent.id, "delivered")
    for one in ids:
        assert any("Delivered" in line for line in await desk.log(messages[one].subject_id))


async def test_a_refused_bundle_is_told_to_each_alarm(desk: Desk, send: Send):
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.REJECT))
    ids = await waiting(desk, 3)
    await send()
    for one in ids:
        await desk.outbox.until(one, "merged")
        subject = (await desk.outbox.get(one)).subject_id

        async def told(subject: UUID = subject) -> bool:
            return any("failed" in line for line in await desk.log(subject))

        await until(told)


async def test_an_alarm_that_closed_meanwhile_is_left_out(desk: Desk, send: Send):
    ids = await waiting(desk, 3)
    async with desk.database.transaction() as session:
        await BundleRepository(session).merge_technical()
    await desk.outbox.cancel(ids[0])
    assert (await desk.outbox.get(ids[0])).state == "cancelled"
    await send()
    await desk.provider.until(lambda: len(desk.provider.texts) == 1)
    assert desk.provider.texts[0].text.startswith("2 alarms wait")


async def test_a_bundle_of_nothing_is_not_sent(desk: Desk, send: Send):
    ids = await waiting(desk, 2)
    async with desk.database.transaction() as session:
        await BundleRepository(session).merge_technical()
    for one in ids:
        await desk.outbox.cancel(one)
    (parent,) = (message for message in (await all_of(desk.database)).values() if message.id not in ids)
    await send()
    assert (await desk.outbox.done(parent.id)).state == "cancelled"
    assert desk.provider.attempts == []


async def test_late_comers_join_a_bundle_that_waits(desk: Desk):
    first = await waiting(desk, 2)
    async with desk.database.transaction() as session:
        await BundleRepository(session).merge_technical()
    later = await waiting(desk, 2)
    async with desk.database.transaction() as session:
        await BundleRepository(session).merge_technical()
    messages = await all_of(desk.database)
    (parent,) = (message for message in messages.values() if message.id not in {*first, *later})
    assert {messages[one].merged_into for one in (*first, *later)} == {parent.id}


async def test_two_about_the_same_alarm_that_wait_for_one_person_are_one(desk: Desk, send: Send):
    """S16: whatever the rank; the later one goes, and its text is its own."""
    alarm_id = await desk.raise_alarm()
    first, second = [await desk.tell("sms", NUMBER, alarm_id=alarm_id) for _ in range(2)]
    await send()
    assert (await desk.outbox.done(second)).state == "sent"
    message = await desk.outbox.get(first)
    assert (message.state, message.merged_into) == ("merged", second)
    assert len(desk.provider.texts) == 1
    assert "wait" not in desk.provider.texts[0].text


async def test_a_message_to_somebody_who_is_told_no_more_fails_and_the_other_goes(desk: Desk, send: Send):
    """S17."""
    off, on = await desk.tell("sms", NUMBER), await desk.tell("sms", ANOTHER)

    async def check(_session: AsyncSession, message: OutboxMessage) -> str | None:
        return "contact disabled" if message.address == NUMBER else None

    await send(check=check)
    assert (await desk.outbox.done(on)).state == "sent"
    message = await desk.outbox.done(off)
    assert (message.state, message.last_error) == ("failed", "contact disabled")
    assert [text.to for text in desk.provider.texts] == [ANOTHER]


@pytest.mark.parametrize("channel", ["sms", "push", "email", "webhook"])
async def test_life_safety_is_not_bundled(desk: Desk, channel: str):
    ids = await waiting(desk, 3, channel, rank=10)
    async with desk.database.transaction() as session:
        await BundleRepository(session).merge_technical()
        await BundleRepository(session).merge_calls()
    assert {(await desk.outbox.get(one)).state for one in ids} == {"pending"}


@pytest.mark.usefixtures("reached")
@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
async def test_a_call_for_several_rings_until_somebody_has_the_last_of_them(desk: Desk, send: Send, at_once: bool):
    """R31, for a bundle."""
    desk.provider.behave(Service.CALL, Behaviour(pickup=Pickup.RINGS))
    ids = await waiting(desk, 3, "voice", rank=10)
    await send()
    await desk.provider.until(lambda: len(desk.provider.calls) == 1)
    (parent,) = (message for message in (await all_of(desk.database)).values() if message.id not in ids)
    await desk.until_delivery(parent.id, "sent")
    await desk.outbox.until(parent.id, "sent")  # the provider's report may come before its answer to the sender
    (call,) = desk.provider.calls
    await desk.outbox.cancel(ids[0])
    await desk.outbox.cancel(ids[0])
    async with desk.database.transaction() as session:
        assert await OutboxRepository(session).take_recalls(10) == [], "two wait still"
    if at_once:
        await asyncio.gather(*(desk.outbox.cancel(one) for one in ids[1:]))
    else:
        for one in ids[1:]:
            assert not call.ended.is_set()
            await desk.outbox.cancel(one)
    desk.outbox.wake.set()
    await desk.provider.until(lambda: call.status == "canceled")
    assert [(await desk.outbox.get(one)).state for one in ids] == ["merged"] * 3, "they were told"


async def test_a_call_for_several_that_was_overtaken_on_its_way_is_recalled(desk: Desk):
    ids = await waiting(desk, 2, "voice", rank=10)
    async with desk.database.transaction() as session:
        await BundleRepository(session).merge_calls()
    async with desk.database.transaction() as session:
        (leased,) = await OutboxRepository(session).lease(10, timedelta(seconds=60))
    for one in ids:
        await desk.outbox.cancel(one)
    assert (await desk.outbox.get(leased.id)).state == "cancelled"
    async with desk.database.transaction() as session:
        outbox = OutboxRepository(session)
        assert await outbox.finish(leased, OutboxState.SENT, provider="twilio", provider_ref="CA1")
        assert await outbox.take_recalls(10) == [("voice", "CA1")]


@pytest.mark.usefixtures("reached")
async def test_calls_of_life_safety_to_one_number_are_one_call(desk: Desk, send: Send):
    """A second call would find the line busy."""
    await waiting(desk, 2, "voice", rank=10)
    await send()
    await desk.provider.until(lambda: len(desk.provider.calls) == 1 and bool(desk.provider.calls[0].heard))
    assert "2 alarms wait" in desk.provider.calls[0].heard[0]


async def test_webhooks_are_for_programs_and_never_bundled(desk: Desk, send: Send):
    await waiting(desk, 3, "webhook", f"{desk.provider.url}/hook")
    await send()
    await desk.provider.until(lambda: len(desk.provider.webhooks) == 3)


async def test_technical_messages_to_one_person_are_paced_and_nothing_else(desk: Desk, send: Send):
    await waiting(desk, 1)
    await send(pace_s=3600)
    await desk.provider.until(lambda: len(desk.provider.texts) == 1)
    held = await waiting(desk, 1)
    await waiting(desk, 1, address=ANOTHER)
    for rank in (30, 10, 0):
        await waiting(desk, 1, rank=rank)
    await desk.provider.until(lambda: len(desk.provider.texts) == 5)
    assert (await desk.outbox.get(held[0])).state == "pending"
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE outbox SET finished_at = finished_at - interval '2 hours'"))
    desk.outbox.wake.set()
    assert (await desk.outbox.done(held[0])).state == "sent"


async def test_a_code_is_neither_bundled_nor_paced_and_no_alarm_is_told(desk: Desk, send: Send):
    await waiting(desk, 1)
    await send(pace_s=3600)
    await desk.provider.until(lambda: len(desk.provider.texts) == 1)
    codes = [
        notice_row(
            Notice.VERIFICATION, f"code:{n}", Address("sms", NUMBER, "Fiona"), about=uuid4(), council_id=None,
            subject="Your code", text=f"Your code is {n}", data={},
        )
        for n in range(2)
    ]  # fmt: skip
    async with desk.database.transaction() as session:
        OutboxRepository(session).add(codes)
    desk.outbox.wake.set()
    await desk.provider.until(lambda: len(desk.provider.texts) == 3)
    assert {text.text for text in desk.provider.texts[1:]} == {"Your code is 0", "Your code is 1"}
    for message in (await all_of(desk.database)).values():
        assert (await desk.outbox.done(message.id)).state == "sent"


async def test_five_hundred_technical_ones_and_then_a_fall(desk: Desk, send: Send):
    """R22, and no council waits for another's flood."""
    flood = await desk.raise_alarm()
    numbers = [f"+4477{n:08}" for n in range(500)]
    async with desk.database.transaction() as session:
        OutboxRepository(session).add(
            [
                {
                    "effect_key": f"flood:{number}", "subject_id": flood, "council_id": "S12000005", "rank": TECHNICAL,
                    "target": "supervisor", "channel": "sms", "address": number,
                    "message": {"label": "Fiona", "subject": "Mains failed", "text": "…", "data": {}},
                }
                for number in numbers
            ]
        )  # fmt: skip
    other = await desk.tell("sms", ANOTHER, rank=TECHNICAL, council_id="S12000006")
    await send()
    await desk.outbox.done(other)
    assert len(desk.provider.texts) < 100
    await desk.provider.until(lambda: len(desk.provider.texts) >= 100)
    before = len(desk.provider.texts)
    await desk.tell("sms", NUMBER)
    await desk.provider.until(lambda: any(each.to == NUMBER for each in desk.provider.texts))
    place = next(n for n, each in enumerate(desk.provider.texts) if each.to == NUMBER)
    assert place - before < 40


DIES_WHILE_BUNDLING = """
import asyncio
from alarms.escalation.domain import Address
from alarms.notify.bundles import BundleRepository
from alarms.notify.notices import Notice, notice_row
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings

async def main():
    async with Database(Settings()).transaction() as session:
        await BundleRepository(session).merge_technical()
        print("bundled, not committed", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_killed_while_bundling(desk: Desk, send: Send, database_url: str):
    """R41: all four are in what is sent, none is left as merged without a parent."""
    ids = await waiting(desk, 4)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES_WHILE_BUNDLING,
        env={"TELECARE_DATABASE_URL": database_url, "PYTHONPATH": "."},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"bundled, not committed\n"
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert {message.state for message in (await all_of(desk.database)).values()} == {"pending"}
    await send()
    await desk.provider.until(lambda: len(desk.provider.texts) == 1)
    assert desk.provider.texts[0].text.startswith("4 alarms wait")
    messages = await all_of(desk.database)
    parents = {messages[one].merged_into for one in ids}
    assert len(parents) == 1
    assert parents <= messages.keys()
