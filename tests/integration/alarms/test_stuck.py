"""A worker that hangs in a transaction, and a notice that nobody heard: another has the alarm all the same."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alarms.handling.repository import BOARD_CHANNEL, AlarmRepository
from telecare.kernel.db import ALARM_PATH, Database
from telecare.kernel.listen import Listener
from telecare.kernel.settings import Settings
from tests.integration.alarms.world import World

LIMIT_S = 30.0


@pytest.fixture
async def alarm_path(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings, ALARM_PATH)
    yield database
    await database.dispose()


async def driven(world: World, alarm_id: UUID) -> None:
    """Wait until an engine has taken a step with this alarm."""
    async with asyncio.timeout(LIMIT_S):
        while (await world.get(alarm_id)).version == 1:  # noqa: ASYNC110 - the engine's doing
            await asyncio.sleep(0.02)


async def test_the_way_of_alarms_frees_what_a_hanging_worker_holds_in_less_than_five_seconds(
    alarm_path: Database,
) -> None:
    """R16: with the engine's poll of a second, another has the alarm within that."""
    async with alarm_path.transaction() as session:
        assert (await session.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar_one() == "3s"


async def test_an_alarm_whose_worker_hangs_in_its_transaction_is_taken_by_another(
    world: World, alarm_path: Database
) -> None:
    alarm_id = await world.raise_alarm()
    held, stop = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        async with alarm_path.transaction() as session:
            assert await AlarmRepository(session).claim_due() is not None
            held.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await asyncio.wait_for(held.wait(), LIMIT_S)
    engine = world.engine()
    running = asyncio.create_task(engine.run(stop))
    assert await engine.drive() == 0, "another worker has it, for now"
    await driven(world, alarm_id)
    stop.set()
    await asyncio.wait_for(running, LIMIT_S)
    hanging.cancel()
    with contextlib.suppress(asyncio.CancelledError, DBAPIError):
        await hanging


async def test_without_any_notice_the_poll_finds_the_alarm_and_the_listener_comes_back(
    world: World, database: Database
) -> None:
    """R21: the connection that listens is cut while an alarm is raised."""
    stop, listening, noticed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    listener, engine = Listener(database.url), world.engine()

    def hear() -> None:
        noticed.set()
        engine.woken.set()

    listener.on_notice(BOARD_CHANNEL, hear)
    listener.on_notice("another_channel", listening.set)  # called once each time that it begins to listen
    tasks = [asyncio.create_task(listener.run(stop)), asyncio.create_task(engine.run(stop))]
    await asyncio.wait_for(listening.wait(), LIMIT_S)
    listening.clear()
    ours = "query LIKE 'LISTEN%' OR query = 'SELECT 1'"
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND ({ours})"  # noqa: S608
    async with database.transaction() as session:
        assert any((await session.execute(text(cut))).scalars())
    noticed.clear()
    alarm_id = await world.raise_alarm()
    await driven(world, alarm_id)
    await asyncio.wait_for(listening.wait(), LIMIT_S)
    await asyncio.wait_for(noticed.wait(), LIMIT_S)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), LIMIT_S)
