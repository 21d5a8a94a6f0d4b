"""Migrations: up, down and up again leaves the same schema and the same data behind; models and migrations agree."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from devices.registry.seed import seed_fleet
from telecare.api.deps import Services
from telecare.kernel.db import Database
from telecare.kernel.schema import alembic_config, expected_revision, present_revision, upgrade
from telecare.kernel.settings import Settings
from tests.conftest import in_database, run_sql

SCHEMA = """
    SELECT 'column', table_name, column_name, data_type || is_nullable || coalesce(column_default, '')
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
      FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY 1, 2, 3
"""


@pytest.fixture
async def empty(postgres_url: str) -> AsyncIterator[Database]:
    """A database without a schema."""
    await run_sql(postgres_url, "CREATE DATABASE migrations")
    database = Database(Settings(database_url=in_database(postgres_url, "migrations")))
    yield database
    await database.dispose()
    await run_sql(postgres_url, "DROP DATABASE migrations WITH (FORCE)")


def run(lent: Connection, work: str, *arguments: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = lent
    getattr(command, work)(config, *arguments)


async def migrate(database: Database, work: str, *arguments: str) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(run, work, *arguments)


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.transaction() as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def test_up_down_up_leaves_the_same_schema_and_data(empty: Database) -> None:
    await upgrade(empty.engine)
    first, councils = await rows(empty, SCHEMA), await rows(empty, "SELECT code, name FROM council ORDER BY code")
    await migrate(empty, "downgrade", "base")
    assert await present_revision(empty.engine) is None
    left = await rows(empty, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    assert left == [("alembic_version",)]
    await upgrade(empty.engine)
    assert await present_revision(empty.engine) == expected_revision()
    assert await rows(empty, SCHEMA) == first
    assert await rows(empty, "SELECT code, name FROM council ORDER BY code") == councils
    assert len(councils) == 32


async def test_models_and_migrations_agree(empty: Database) -> None:
    await upgrade(empty.engine)
    await migrate(empty, "check")


async def test_an_upgrade_of_the_present_schema_changes_no_row(services: Services, database: Database) -> None:
    async with database.transaction() as session:
        await seed_fleet(session, services.sealer, "00" * 32, homes=20)
    query = "SELECT hub_id, council_id, connection, mqtt_credential FROM hub ORDER BY hub_id"
    before = await rows(database, query)
    await upgrade(database.engine)
    assert await rows(database, query) == before
    assert len(before) == 20


async def test_a_migration_gives_up_when_a_table_is_locked(empty: Database) -> None:
    await upgrade(empty.engine)
    async with empty.engine.connect() as holder:
        await holder.execute(text("LOCK TABLE alarm IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            await migrate(empty, "downgrade", "base")
        await holder.rollback()
    assert await present_revision(empty.engine) == expected_revision()


@pytest.mark.parametrize("table", ["audit", "alarm_log"])
async def test_what_was_written_down_stays(database: Database, table: str) -> None:
    """The database itself refuses to change or remove a line of the audit or of an alarm's log."""
    async with database.transaction() as session:
        definition = (
            await session.execute(
                text("SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = :name"),
                {"name": f"{table}_append_only"},
            )
        ).scalar_one()
    assert "BEFORE DELETE OR UPDATE" in definition


async def test_heartbeats_from_before_partitions_stay_and_come_back(empty: Database) -> None:
    """Up to the next midnight they share the partition that their table became; the way back has all of them."""
    await migrate(empty, "upgrade", "0015")
    insert = (
        "INSERT INTO heartbeat (id, hub_id, received_at, payload) "
        "SELECT gen_random_uuid(), 'h', now() - n * interval '10 hours', '{}' FROM generate_series(0, 9) n"
    )
    async with empty.transaction() as session:
        await session.execute(text(insert))
    query = "SELECT id, hub_id, received_at, payload FROM heartbeat ORDER BY received_at"
    before = await rows(empty, query)
    await upgrade(empty.engine)
    assert await rows(empty, query) == before
    assert await rows(empty, "SELECT DISTINCT tableoid::regclass::text FROM heartbeat") == [("heartbeat_before",)]
    async with empty.transaction() as session:
        await session.execute(text(insert.replace("now() - n", "now() + n")))
    places = await rows(empty, "SELECT DISTINCT tableoid::regclass::text FROM heartbeat ORDER BY 1")
    assert ("heartbeat_default",) not in places
    assert len(places) > 2
    await migrate(empty, "check")
    every = await rows(empty, query)
    await migrate(empty, "downgrade", "0015")
    assert await rows(empty, query) == every
