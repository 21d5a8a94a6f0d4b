"""Statements that go to the driver as they are: prepared beforehand, and never staler than the schema."""

import pytest
from asyncpg import InvalidCachedStatementError
from sqlalchemy import text

from telecare.embedded.ports import free_port
from telecare.ingest.messages import USUAL, MessageLane
from telecare.kernel.db import INTAKE, Database, Limits
from telecare.kernel.direct import direct, fetch
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient
from tests.homes import add_hub, add_models
from tests.integration.ingest.desk import Desk, Said

ONE = Limits(kept=1, peak=0, statement_s=10)
PREPARED = text("SELECT statement FROM pg_prepared_statements")


async def prepared_on(database: Database) -> set[str]:
    async with database.transaction() as session:
        return set((await session.execute(PREPARED)).scalars()) - {PREPARED.text}


async def test_all_that_a_usual_alarm_says_is_prepared_before_it_comes(settings: Settings, database: Database) -> None:
    async with database.transaction() as session:
        await add_hub(session, (await add_models(session))["Halo"], "h")
    said = Said(settings, "alarm", ("alarm",))
    hurried = Database(settings, ONE, USUAL)
    await hurried.open()
    before = await prepared_on(hurried)
    assert {one.sql for one in USUAL} <= before
    await MessageLane(said, hurried, workers=1, retry_cap_s=5, public_url=None).settle(Desk(said, database).press("h"))
    assert [answer["status"] for answer in said.answers] == ["accepted"]
    assert await prepared_on(hurried) - before == set()
    await hurried.dispose()


async def test_the_kept_connections_are_made_at_once_or_when_the_database_is_there(settings: Settings) -> None:
    there = Database(settings, INTAKE, USUAL)
    await there.open()
    assert there.engine.pool.checkedin() == INTAKE.kept  # type: ignore[attr-defined]  # a queue pool's own
    await there.dispose()
    away = Database(Settings(database_url=f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none"), INTAKE, USUAL)
    await away.open()
    await away.dispose()


async def test_before_the_schema_is_there_nothing_is_prepared_and_the_connection_serves(settings: Settings) -> None:
    early = Database(settings, ONE, [direct("SELECT * FROM not_there_yet")])
    async with early.transaction() as session:
        assert [tuple(row) for row in await fetch(session, direct("SELECT 1"), {})] == [(1,)]
    await early.dispose()


@pytest.mark.parametrize("cache", [500, 0], ids=["kept", "behind a pooler"])
async def test_a_migration_that_overtakes_a_statement_is_felt_once_at_most(settings: Settings, cache: int) -> None:
    database = Database(settings.model_copy(update={"database_statement_cache": cache}), ONE)
    every = direct("SELECT * FROM growing WHERE id > :least OR id = :least")

    async def rows() -> list[tuple[object, ...]]:
        async with database.transaction() as session:
            return [tuple(row) for row in await fetch(session, every, {"least": 1})]

    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE growing AS SELECT 1 AS id"))
    assert await rows() == [(1,)]
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE growing ADD COLUMN more integer"))
    if cache:
        with pytest.raises(InvalidCachedStatementError) as failure:
            await rows()
        assert is_transient(failure.value), "whoever asked tries again"
    assert await rows() == [(1, None)]
    await database.dispose()
