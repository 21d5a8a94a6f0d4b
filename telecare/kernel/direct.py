"""Statements that go to the driver as they are written, and stay prepared on each connection.

For those that an alarm waits for: SQLAlchemy's own way with a statement costs it a sixth of all Python until the ack,
and the first time on a connection a tenth of a second on a busy machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from asyncpg import InterfaceError, InvalidCachedStatementError, PostgresError
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.ext.asyncio import AsyncSession

_PREPARED = "prepared"
_BEGIN = text("SELECT")


@dataclass(frozen=True)
class Direct:
    """A statement of ours: `sql` has $1 and so on for the values of `names`, in this order."""

    sql: str
    names: tuple[str, ...]


@lru_cache
def direct(statement: str) -> Direct:
    """Return a statement whose parameters are written as :name in the way that the driver takes it."""
    compiled = text(statement).compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]  # it has no types
    return Direct(compiled.string, tuple(compiled.positiontup or ()))


async def fetch(session: AsyncSession, statement: Direct, values: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a statement in the transaction of `session`, whose own way of beginning is kept.

    What the database refuses is raised as the driver says it, with its `sqlstate`; a connection that has gone is a
    ConnectionError.
    """
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    if not driver.is_in_transaction():
        await session.execute(_BEGIN)
    kept: dict[str, Any] | None = raw.info[_PREPARED]
    try:
        prepared = kept.get(statement.sql) if kept is not None else None
        if prepared is None:
            prepared = await driver.prepare(statement.sql)
            if kept is not None:
                kept[statement.sql] = prepared
        rows: list[Any] = await prepared.fetch(*(values[name] for name in statement.names))
    except InvalidCachedStatementError:
        raw.info[_PREPARED] = {}  # a migration has overtaken them; whoever asked tries again
        raise
    except InterfaceError as error:  # SQLAlchemy would have said so; the connection has gone
        raise ConnectionError(str(error)) from error
    return rows


def prepare(connection: Any, record: Any, statements: Sequence[Direct] | None) -> None:
    """Prepare statements on a connection that has just been made, for whoever is the first to need them; None: never.

    Behind a pooler that gives each transaction another connection nothing can be kept.
    """
    record.info[_PREPARED] = None if statements is None else connection.run_async(partial(_prepared, statements))


async def _prepared(statements: Sequence[Direct], driver: Any) -> dict[str, Any]:
    try:
        return {one.sql: await driver.prepare(one.sql) for one in statements}
    except PostgresError:
        return {}  # the schema is not there yet, or not ours: whoever asks is told
