"""The one database: engine, session factory and the base of all tables.

PostgreSQL is the only dialect. The engine is made once per process; sessions are short and never cross tasks.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any

import msgspec
from asyncpg import InterfaceError
from sqlalchemy import CheckConstraint, DateTime, MetaData, String, event, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from telecare.kernel.direct import Direct, direct, fetch, prepare
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_LAST = "last_writes"

CouncilId = String(9)
"""A council's GSS code, such as S12000035; on every row that belongs to a tenant."""


class Base(DeclarativeBase):
    """The base of every table: named constraints, times with a zone, JSON as JSONB."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this class attribute
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),
    }


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that matches an enumeration; a test proves the two agree."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def words_of(error: IntegrityError) -> str:
    """Return in a sentence what a rule of the database has said: a trigger's words are for people."""
    words = str(error.orig).rsplit(">: ", maxsplit=1)[-1].split("\n", maxsplit=1)[0]
    return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class Limits:
    """How many connections are kept, and how many more there may be at a peak; how long a statement may take, seconds.

    Few are kept: each has what it was told prepared, 13 KiB for each statement, and by and by every one is told all.
    `idle_s` is how long a transaction may be idle in between: a worker that hangs in one holds its locks no longer.
    """

    kept: int
    peak: int
    statement_s: int
    idle_s: int = 5


KEPT = 8
"""For the web and whoever looks at intervals."""
AT_A_PEAK = 10
"""So many more than the settings say, for these."""
INTAKE = Limits(kept=8, peak=8, statement_s=10, idle_s=3)
"""For whoever takes messages in: a hand for each, that nobody else can take.

As many are kept as alarms are taken in at once: one that is made for a message takes longer than taking it in.
"""
ALARM_PATH = Limits(kept=6, peak=8, statement_s=10, idle_s=3)
"""For whoever brings alarms to people, likewise.

With the poll of a second another worker has the alarm of a hanging one in less than 5 s (R16).
"""

ANSWER_S = 2
"""Longer than the server allows a statement we wait for it no more: it is gone, and its network says nothing."""


class Database:
    """An engine with a pool of its own, and its session factory."""

    def __init__(self, settings: Settings, limits: Limits | None = None, usual: Sequence[Direct] = ()) -> None:
        """Keep no connection yet. `usual` is prepared on each as soon as it is made."""
        kept = min(KEPT, settings.database_pool_size)
        limits = limits or Limits(kept, settings.database_pool_size + AT_A_PEAK - kept, statement_s=30)
        self.url = settings.database_url.get_secret_value()
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            json_deserializer=msgspec.json.decode,  # an alarm's state is read at each step
            pool_size=limits.kept,
            max_overflow=limits.peak,
            pool_use_lifo=True,  # the warm one again: on a cold one the first message waits for its statements
            pool_timeout=10,
            hide_parameters=True,  # an error is logged; the names and numbers in its statement are not
            connect_args={
                # The address goes to asyncpg whole, as everywhere: it knows sslmode and the others of libpq.
                "dsn": asyncpg_dsn(self.url),
                "prepared_statement_cache_size": settings.database_statement_cache,
                "timeout": 5,
                "command_timeout": limits.statement_s + ANSWER_S,
                "server_settings": {
                    "application_name": "telecare",
                    # A worker that hangs inside a transaction must not keep an alarm from the others (R16).
                    "idle_in_transaction_session_timeout": f"{limits.idle_s}s",
                    "statement_timeout": f"{limits.statement_s}s",
                    "lock_timeout": "5000",
                },
            },
        )
        known = usual if settings.database_statement_cache else None
        event.listen(self.engine.sync_engine, "connect", partial(prepare, statements=known))
        event.listen(self.engine.sync_engine, "checkout", _refuse_dead)
        self._kept = limits.kept
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)

    async def open(self) -> None:
        """Make all connections that are kept, as far as the database lets us: who is in a hurry finds them made."""
        async with AsyncExitStack() as stack:
            try:
                for _ in range(self._kept):
                    await stack.enter_async_context(self.engine.connect())
            except Exception as error:
                if not is_transient(error):
                    raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: commits when the block ends, rolls back when it raises."""
        session = self.sessions()
        try:
            yield session
            await write_now(session)
            await session.commit()
            session.expunge_all()
        except BaseException:
            # In a task of its own: whoever is cancelled leaves no connection behind. After a commit there is nothing
            # to give back, and whoever waits for it (a hub, for its ack) goes on at once.
            await asyncio.shield(asyncio.create_task(session.close()))
            raise

    @asynccontextmanager
    async def chain(self) -> AsyncIterator["Chain"]:
        """Transactions one after the other, for whoever has the next piece of work at hand when one is done."""
        async with self.engine.connect() as connection:
            # The driver is told by us where a transaction begins and ends, and not by SQLAlchemy.
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            driver = (await connection.get_raw_connection()).driver_connection
            chain = Chain(driver, AsyncSession(connection, expire_on_commit=False, autoflush=False))
            try:
                yield chain
            finally:
                await chain.end()

    @asynccontextmanager
    async def hurried(self) -> AsyncIterator[AsyncSession]:
        """One transaction that somebody waits for: the driver is told where it begins and ends, as in a chain."""
        async with self.chain() as chain, chain.transaction(last=True) as session:
            yield session

    async def dispose(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()


class Chain:
    """Transactions on one connection: the end of one is the beginning of the next, so each is a round trip shorter.

    What is done in one is committed before the next begins, as everywhere. They share nothing but the connection.
    """

    def __init__(self, driver: Any, session: AsyncSession) -> None:
        self._driver = driver
        self._session = session
        self._begun = False

    @asynccontextmanager
    async def transaction(self, *, last: bool = False) -> AsyncIterator[AsyncSession]:
        """One transaction: commits when the block ends, rolls back when it raises. After the `last` none is begun."""
        if not self._begun:
            self._begun = True  # before it is said: whoever is cut off meanwhile cannot know whether it was heard
            await self._say("BEGIN")
        try:
            yield self._session
            await write_now(self._session)
            if self._session.new or self._session.dirty or self._session.deleted:
                await self._session.flush()
            await self._say("COMMIT" if last else "COMMIT AND CHAIN")
            self._begun = not last
        except BaseException:
            await self.end()
            raise
        self._session.expunge_all()

    async def end(self) -> None:
        """Let go of a transaction that has begun: of the next one, or of one that has failed."""
        self._session.info.clear()
        try:
            await self._session.close()
        finally:
            await self._roll_back()

    async def _roll_back(self) -> None:
        if not self._begun:
            return
        self._begun = False
        try:
            await self._say("ROLLBACK")
        except BaseException as error:
            # In whatever state it is, nobody must get it from the pool.
            self._driver.terminate()
            if not is_transient(error):
                raise

    async def _say(self, statement: str) -> None:
        try:
            await self._driver.execute(statement)
        except InterfaceError as error:
            raise ConnectionError(str(error)) from error


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool open new connections when the server of these has gone: found out before the work, not in it.

    asyncpg knows when its socket was closed, so this costs no round trip, unlike SQLAlchemy's own ping.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


async def copy_in(
    session: AsyncSession, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]
) -> None:
    """Write new rows by COPY, in the transaction of `session`, in which something was said to the database before.

    It takes two thirds of what an INSERT of as many rows does, here and there, and knows no ON CONFLICT.
    """
    connection = await session.connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        await driver.copy_records_to_table(table, records=records, columns=columns)
    except InterfaceError as error:  # SQLAlchemy would have said so; the connection has gone
        raise ConnectionError(str(error)) from error


@dataclass(frozen=True)
class LastWrite:
    """A part of the one statement that ends a transaction, for rows that nothing in it reads again.

    `ctes` writes them, `result` is a scalar that is read when those before it are written; `values` makes parameters of
    all rows that were left. Their `order` is that of the locks that they take.
    """

    order: int
    ctes: str
    result: str
    values: Callable[[list[Any]], dict[str, Any]]


def write_last(session: AsyncSession, part: LastWrite, rows: Sequence[Any]) -> None:
    """Leave rows for the end of the transaction: one round trip for all, and no lock is held longer than it must."""
    left: dict[LastWrite, list[Any]] = session.info.setdefault(_LAST, {})
    left.setdefault(part, []).extend(rows)


def is_left(session: AsyncSession, part: LastWrite) -> bool:
    """Say whether rows of this kind are left for the end."""
    return part in session.info.get(_LAST, {})


async def write_now(session: AsyncSession) -> None:
    """Write what was left for the end, for whoever has to read it in the same transaction."""
    left: dict[LastWrite, list[Any]] = session.info.pop(_LAST, {})
    if left:
        if session.new or session.dirty or session.deleted:
            await session.flush()
        values = {name: value for part in left for name, value in part.values(left[part]).items()}
        await fetch(session, ending(*left), values)


@lru_cache
def ending(*parts: LastWrite) -> Direct:
    """Return the statement that ends a transaction with these parts."""
    ordered = sorted(parts, key=lambda part: part.order)
    ctes = ",\n".join(part.ctes for part in ordered)
    return direct(f"WITH {ctes}\nSELECT {', '.join(part.result for part in ordered)}")


async def database_now(session: AsyncSession) -> datetime:
    """Read the database's clock: the only time that decides anything. Call it after the lock is held."""
    moment: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return moment


def asyncpg_dsn(url: str) -> str:
    """Turn a SQLAlchemy URL into what asyncpg itself takes."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)
