"""What a test leaves in its database is not there for the next one."""

import asyncpg
import pytest

from telecare.kernel.db import asyncpg_dsn
from tests.conftest import in_database
from tests.databases import Databases

COUNCIL = "SELECT count(*) FROM council WHERE code = 'S12000033'"

MANY = """
    INSERT INTO device_model (id, make, name, connection)
    SELECT gen_random_uuid(), 'Made up', n::text, 'digital' FROM generate_series(1, 300) n
"""


async def left(databases: Databases, server: str, statement: str) -> tuple[str, asyncpg.Connection]:
    """Do something to a database, give it back with the connection still there, and return the next one."""
    name = await databases.take()
    connection = await asyncpg.connect(asyncpg_dsn(in_database(server, name)))
    await connection.execute(statement)
    await databases.give_back(name)
    name = await databases.take()
    return name, await asyncpg.connect(asyncpg_dsn(in_database(server, name)))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM council",
        "UPDATE council SET name = code",
        MANY,
        "DROP TRIGGER audit_append_only ON audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "CREATE TABLE left_behind (n int)",
    ],
)
async def test_the_next_one_is_as_the_migrations_make_it(postgres_url: str, template: str, statement: str) -> None:
    databases = Databases(postgres_url, template)
    name, connection = await left(databases, postgres_url, statement)
    assert await connection.fetchval(COUNCIL) == 1
    assert await connection.fetchval("SELECT count(*) FROM council WHERE name <> code") == 32
    assert await connection.fetchval("SELECT count(*) FROM device_model") == 0
    assert await connection.fetchval("SELECT to_regclass('left_behind')") is None
    assert await connection.fetchval("SELECT tgenabled FROM pg_trigger WHERE tgname = 'audit_append_only'") == b"O"
    await connection.close()
    await databases.give_back(name)
    await databases.end()


async def test_what_a_test_forgot_to_end_finds_nothing_to_write_to(postgres_url: str, template: str) -> None:
    databases = Databases(postgres_url, template)
    name = await databases.take()
    forgotten = await asyncpg.connect(asyncpg_dsn(in_database(postgres_url, name)))
    await databases.give_back(name)
    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError)):
        await forgotten.execute("DELETE FROM council")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(asyncpg_dsn(in_database(postgres_url, name)))
    await databases.end()
