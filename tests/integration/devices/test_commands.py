"""Commands in the database: who leases one, what an answer does, what runs out."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from devices.commands.domain import CommandName, CommandState
from devices.commands.models import HubCommand
from devices.commands.repository import COMMAND_CHANNEL, CommandRepository
from devices.commands.service import SWEEP, CommandService
from devices.commands.tasks import CommandExpiry
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.listen import Listener
from tests.homes import ARGYLL, add_hub, add_models

LEASE = timedelta(seconds=10)
DONE = {"status": "done", "reason": None, "at": None}


@pytest.fixture
async def hub_id(database: Database) -> str:
    async with database.transaction() as session:
        return await add_hub(session, (await add_models(session))["Halo"])


async def queue(database: Database, hub_id: str, expires_in: timedelta = timedelta(minutes=10)) -> UUID:
    async with database.transaction() as session:
        now = await database_now(session)
        command = await CommandRepository(session).add(
            council_id=ARGYLL, hub_id=hub_id, command=CommandName.PING, args=None, requested_by="user:Ewan",
            created_at=now - timedelta(hours=1), expires_at=now + expires_in,
        )  # fmt: skip
        return command.id


async def lease(database: Database, limit: int = 50, lease: timedelta = LEASE) -> list[UUID]:
    async with database.transaction() as session:
        return ids(await CommandRepository(session).lease(limit, lease))


def ids(commands: Iterable[HubCommand]) -> list[UUID]:
    return [command.id for command in commands]


async def publish(database: Database, command_id: UUID) -> HubCommand:
    async with database.transaction() as session:
        await CommandService(session).note_published(command_id)
    return await get(database, command_id)


async def answer(database: Database, hub_id: str, command_id: UUID, **said: Any) -> bool:
    async with database.transaction() as session:
        now = await database_now(session)
        return await CommandService(session).settle(hub_id, command_id, {**DONE, **said}, now)


async def get(database: Database, command_id: UUID) -> HubCommand:
    async with database.transaction() as session:
        command = await CommandRepository(session).lock(command_id)
        assert command is not None
        return command


async def sweep(database: Database) -> None:
    await CommandExpiry(database).sweep()


async def test_a_lease_is_one_publishers_until_it_runs_out(database: Database, hub_id: str) -> None:
    first, second = [await queue(database, hub_id) for _ in range(2)]
    assert await lease(database, limit=1) == [first]
    assert await lease(database) == [second]
    assert await lease(database) == []
    async with database.transaction() as session:
        await session.execute(update(HubCommand).values(lease_until=await database_now(session)))
    assert await lease(database) == [first, second]


async def test_two_publishers_pass_each_other_by(database: Database, hub_id: str) -> None:
    first, second = [await queue(database, hub_id) for _ in range(2)]
    async with database.transaction() as one, database.transaction() as other:
        assert ids(await CommandRepository(one).lease(1, LEASE)) == [first]
        async with asyncio.timeout(5):
            assert ids(await CommandRepository(other).lease(50, LEASE)) == [second]


async def test_only_what_waits_and_has_time_is_published(database: Database, hub_id: str) -> None:
    sent, done, late = [await queue(database, hub_id) for _ in range(3)]
    await publish(database, sent)
    await answer(database, hub_id, done)
    async with database.transaction() as session:
        over = await database_now(session)
        await session.execute(update(HubCommand).where(HubCommand.id == late).values(expires_at=over))
    assert await lease(database) == []


async def test_sent_is_written_once_and_ends_the_lease(database: Database, hub_id: str) -> None:
    command_id = await queue(database, hub_id)
    await lease(database)
    first = await publish(database, command_id)
    assert (first.state, first.lease_until) == (CommandState.SENT, None)
    assert (await publish(database, command_id)).sent_at == first.sent_at


async def test_an_answer_that_is_quicker_than_the_note_counts(database: Database, hub_id: str) -> None:
    command_id = await queue(database, hub_id)
    await lease(database)
    assert await answer(database, hub_id, command_id)
    done = await get(database, command_id)
    assert (done.state, done.lease_until, done.sent_at) == (CommandState.DONE, None, done.finished_at)
    noted = await publish(database, command_id)
    assert (noted.state, noted.sent_at) == (CommandState.DONE, done.sent_at)


async def test_only_the_first_answer_counts_and_only_its_own_hubs(database: Database, hub_id: str) -> None:
    command_id = await queue(database, hub_id)
    assert not await answer(database, "another", command_id)
    assert not await answer(database, hub_id, new_id())
    assert (await get(database, command_id)).state == CommandState.QUEUED
    assert await answer(database, hub_id, command_id, status="unsupported", reason="too old")
    assert await answer(database, hub_id, command_id)
    command = await get(database, command_id)
    assert command.state == CommandState.FAILED
    assert command.result is not None
    assert (command.result["status"], command.result["reason"]) == ("unsupported", "too old")


async def test_what_has_no_answer_in_its_time_expires_and_a_late_one_is_kept(database: Database, hub_id: str) -> None:
    over = timedelta(seconds=-1)
    waiting, sent, done = (
        await queue(database, hub_id),
        await queue(database, hub_id, over),
        await queue(database, hub_id, over),
    )
    await publish(database, sent)
    await answer(database, hub_id, done)
    await sweep(database)
    states = [(await get(database, each)).state for each in (waiting, sent, done)]
    assert states == [CommandState.QUEUED, CommandState.EXPIRED, CommandState.DONE]
    ended = await get(database, sent)
    await answer(database, hub_id, sent)
    late = await get(database, sent)
    assert (late.state, late.finished_at) == (CommandState.EXPIRED, ended.finished_at)
    assert late.result is not None
    assert late.result["status"] == "done"


async def test_a_sweep_ends_all_of_them_and_waits_for_nobody(database: Database, hub_id: str) -> None:
    over = timedelta(seconds=-1)
    held = await queue(database, hub_id, over)
    async with database.transaction() as session:
        now = await database_now(session)
        rows = [
            {
                "id": new_id(), "council_id": ARGYLL, "hub_id": hub_id, "command": "ping", "requested_by": "user:Ewan",
                "created_at": now - timedelta(hours=1), "expires_at": now + over,
            }
            for _ in range(SWEEP + 1)
        ]  # fmt: skip
        session.add_all(HubCommand(**row) for row in rows)
    async with database.transaction() as session:
        await CommandRepository(session).lock(held)
        async with asyncio.timeout(10):
            await sweep(database)
    async with database.transaction() as session:
        states = await session.execute(text("SELECT state, count(*) FROM hub_command GROUP BY state ORDER BY state"))
        assert [tuple(row) for row in states] == [("expired", SWEEP + 1), ("queued", 1)]
    await sweep(database)
    assert (await get(database, held)).state == CommandState.EXPIRED


async def test_a_new_command_wakes_who_listens(database: Database, hub_id: str) -> None:
    stop, connected, woken = asyncio.Event(), asyncio.Event(), asyncio.Event()
    listener = Listener(database.url)
    listener.on_notice("another_channel", connected.set)
    listener.on_notice(COMMAND_CHANNEL, woken.set)
    listening = asyncio.create_task(listener.run(stop))
    async with asyncio.timeout(10):
        await woken.wait()  # once at the beginning: what was said before is to be looked for
        woken.clear()
        connected.clear()
        await queue(database, hub_id)
        await woken.wait()
    assert not connected.is_set()
    stop.set()
    await listening


@pytest.mark.parametrize(
    "change",
    [
        "state = 'sent'",
        "state = 'done', sent_at = now(), finished_at = now()",
        "state = 'expired'",
        "state = 'expired', finished_at = now(), lease_until = now()",
        "finished_at = now()",
        "expires_at = created_at",
        "state = 'asleep'",
        "command = 'explode'",
    ],
)
async def test_the_database_refuses_what_cannot_be(database: Database, hub_id: str, change: str) -> None:
    await queue(database, hub_id)
    with pytest.raises(IntegrityError, match="violates check constraint"):
        async with database.transaction() as session:
            await session.execute(text(f"UPDATE hub_command SET {change}"))  # noqa: S608 - the test's own words
