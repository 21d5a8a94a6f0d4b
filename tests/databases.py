"""A fresh database for each test, without making a new one each time: a thousand times.

What a test wrote is taken out again, and what the migrations had put in is put back. A database whose schema or
settings a test has changed is thrown away. Each test's has a name of its own, so that what a test has forgotten to end
finds nothing to write to.
"""

import contextlib
import io
from dataclasses import dataclass
from uuid import uuid4

import asyncpg

from telecare.kernel.db import asyncpg_dsn

FEW = 200
"""So many rows at most are deleted one by one, which is quicker than new files."""

# With a lock that a test's server still holds we do not wait: the database goes.
_BEGIN = "SET lock_timeout = '2s'; SET session_replication_role = replica"
_OTHERS_GO = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
_SEQUENCES = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'S' ORDER BY 1"
# All that a test may change but rows: partitions, columns, functions, triggers, rights, settings.
_SHAPE = """
    SELECT md5(concat_ws('|',
        (SELECT string_agg(concat(oid, relname, relhasrules, reloptions, relacl, relowner), ',' ORDER BY oid)
           FROM pg_class WHERE relpersistence <> 't'),
        (SELECT string_agg(concat(attname, atttypmod, attnotnull, attisdropped), ',' ORDER BY attrelid, attnum)
           FROM pg_attribute WHERE attrelid >= 16384),
        (SELECT string_agg(concat(oid, adbin), ',' ORDER BY oid) FROM pg_attrdef),
        (SELECT string_agg(concat(oid, tgenabled), ',' ORDER BY oid) FROM pg_trigger),
        (SELECT string_agg(concat(oid, convalidated), ',' ORDER BY oid) FROM pg_constraint),
        (SELECT string_agg(concat(oid, prosrc, proacl), ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
        (SELECT string_agg(concat(oid, nspname, nspacl), ',' ORDER BY oid) FROM pg_namespace
          WHERE nspname !~ '^pg_(toast_)?temp'),
        (SELECT string_agg(concat(oid, extname), ',' ORDER BY oid) FROM pg_extension),
        (SELECT string_agg(concat(setrole, setconfig), ',' ORDER BY setrole) FROM pg_db_role_setting s
          WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())),
        (SELECT concat(datallowconn, datconnlimit, datacl) FROM pg_database WHERE datname = current_database())
    ))
"""


_NOT_LET_IN = (
    OSError,  # the test has killed the server
    asyncpg.CannotConnectNowError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the test has closed the database
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)


@dataclass(frozen=True)
class Pristine:
    """What the migrations make: the shape of the schema, rows of tables that have some, where sequences stand."""

    shape: str
    tables: tuple[str, ...]
    rows: dict[str, bytes]
    sequences: dict[str, tuple[int, bool]]


class Databases:
    """Databases of one worker's server, made from a template or used again."""

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._template = template
        self._pristine: Pristine | None = None
        self._clean: str | None = None

    async def take(self) -> str:
        """Return the name of a database that is as the migrations make it."""
        name = f"test_{uuid4().hex}"
        if self._clean is None:
            await self._run(f"CREATE DATABASE {name} TEMPLATE {self._template}")
            if self._pristine is None:
                self._pristine = await self._look_at(name)
        else:
            await self._run(f"ALTER DATABASE {self._clean} RENAME TO {name}")
            self._clean = None
        return name

    async def give_back(self, name: str) -> None:
        """Clean it for the next test; throw it away where that cannot be."""
        clean = False
        with contextlib.suppress(*_NOT_LET_IN):
            clean = self._clean is None and await self._cleaned(name)
        if clean:
            # Under another name at once: a server of the test that connects anew finds nothing.
            self._clean = f"clean_{uuid4().hex}"
            await self._run(f"ALTER DATABASE {name} RENAME TO {self._clean}")
        else:
            await self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def end(self) -> None:
        """Keep none."""
        if self._clean is not None:
            await self._run(f"DROP DATABASE {self._clean} WITH (FORCE)")
            self._clean = None

    async def _cleaned(self, name: str) -> bool:
        pristine = self._pristine
        connection = await self._connect(name)
        try:
            await connection.execute(_BEGIN)
            await connection.fetchval(_OTHERS_GO)
            if pristine is None or await connection.fetchval(_SHAPE) != pristine.shape:
                return False
            counts = " UNION ALL ".join(
                f"SELECT '{table}', (SELECT count(*) FROM (SELECT FROM {table} LIMIT {FEW + 1}) found)"  # noqa: S608
                for table in pristine.tables
            )
            found = {table: count for table, count in await connection.fetch(counts) if count}
            async with connection.transaction():
                if many := [table for table, count in found.items() if count > FEW]:
                    await connection.execute(f"TRUNCATE {', '.join(many)} CASCADE")
                for table in {*found, *pristine.rows}:
                    await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names of the tables
                for table, rows in pristine.rows.items():
                    await connection.copy_to_table(table, source=io.BytesIO(rows), format="binary")
                for sequence, (value, called) in pristine.sequences.items():
                    await connection.execute(f"SELECT setval('{sequence}', {value}, {called})")
        finally:
            await connection.close()
        return True

    async def _look_at(self, name: str) -> Pristine:
        connection = await self._connect(name)
        try:
            tables = tuple(row[0] for row in await connection.fetch(_TABLES))
            rows: dict[str, bytes] = {}
            for table in tables:
                if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):  # noqa: S608
                    kept = io.BytesIO()
                    await connection.copy_from_query(f"SELECT * FROM {table}", output=kept, format="binary")  # noqa: S608
                    rows[table] = kept.getvalue()
            sequences = {}
            for (sequence,) in await connection.fetch(_SEQUENCES):
                value, called = await connection.fetchrow(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608
                sequences[sequence] = (value, called)
            return Pristine(await connection.fetchval(_SHAPE), tables, rows, sequences)
        finally:
            await connection.close()

    async def _connect(self, name: str) -> asyncpg.Connection:
        return await asyncpg.connect(asyncpg_dsn(self._server), database=name)

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(asyncpg_dsn(self._server))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
