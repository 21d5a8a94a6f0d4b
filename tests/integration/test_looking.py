"""A look that fails ends nothing: the next one comes, the others have their turn, and whoever watches is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from alarms.incidents.domain import Rule
from telecare.kernel import looking
from telecare.kernel.db import Database
from telecare.kernel.looking import by_itself, look_each
from telecare.kernel.settings import Settings
from telecare.protection.silence import SilenceWatch
from telecare.watch.domain import Check
from telecare.watch.repository import VitalsRepository
from telecare.watch.watchdog import Watchdog


async def sql(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement))


async def lags(database: Database) -> dict[str, float]:
    async with database.transaction() as session:
        return await VitalsRepository(session).watchers()


async def test_whatever_fails_the_next_look_comes_and_no_other_is_kept_from_its_turn(database: Database) -> None:
    stop = asyncio.Event()
    turns: list[str] = []

    async def away() -> None:
        turns.append("away")
        raise ConnectionError

    async def broken() -> None:
        turns.append("broken")
        raise ValueError

    async def well() -> None:
        turns.append("well")
        if turns.count("well") == 3:
            stop.set()

    async with asyncio.timeout(10):
        await look_each(0.001, stop, away, broken, well, name="a test", database=database)
    assert turns == ["away", "broken", "well"] * 3


@asynccontextmanager
async def watching(watch: SilenceWatch) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(watch.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def until_said(watchdog: Watchdog, *, still: bool) -> str:
    """Wait until the watchdog says that `silence` stands still, or no longer says it."""
    async with asyncio.timeout(30):
        while ("silence" in (said := (await watchdog.problems()).get(Check.WATCHERS, ""))) != still:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return said


async def test_a_watcher_that_only_fails_is_told_by_the_watchdog_until_it_gets_through(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SAYS_EVERY_S", 0.0)
    monkeypatch.setattr("telecare.protection.silence.EVERY_S", 0.05)
    watchdog = Watchdog(Settings(database_url=database_url, mqtt_url="mqtt://127.0.0.1:1"))
    watch = SilenceWatch(database, None, rule=Rule())
    await sql(database, "ALTER TABLE incident RENAME TO not_there")
    async with watching(watch):
        async with asyncio.timeout(30):
            while "silence" not in await lags(database):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert Check.WATCHERS not in await watchdog.problems(), "it has just been begun"
        # Rounds go on: without them a row that nobody has touched for a week would be of a program that is gone.
        await sql(
            database,
            "UPDATE watcher SET looked_at = looked_at - interval '8 d', succeeded_at = succeeded_at - interval '6 min'",
        )
        assert "silence has not got through for 6 min" in await until_said(watchdog, still=True)
        await sql(database, "ALTER TABLE not_there RENAME TO incident")
        await until_said(watchdog, still=False)
    watchdog._hang_up()


async def test_one_that_fails_by_itself_keeps_no_other_from_its_turn_but_the_round_has_failed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SAYS_EVERY_S", 0.0)
    stop, turns = asyncio.Event(), 0

    async def fail() -> None:
        raise ValueError

    async def look() -> None:
        nonlocal turns
        await by_itself(fail(), "not_told", whose="hub-1")
        turns += 1
        if turns == 2:
            await sql(database, "UPDATE watcher SET succeeded_at = clock_timestamp() - interval '1 h'")
            stop.set()

    await look_each(0.001, stop, look, name="a test", database=database)
    assert (await lags(database))["a test"] >= 3600


async def test_a_watchdog_that_may_not_read_of_watchers_is_not_alarmed_for_it(
    database: Database, database_url: str
) -> None:
    watchdog = Watchdog(Settings(database_url=database_url, mqtt_url="mqtt://127.0.0.1:1"))
    await sql(database, "DROP TABLE watcher")
    assert set(await watchdog.problems()) == {Check.BROKER}
    watchdog._hang_up()
