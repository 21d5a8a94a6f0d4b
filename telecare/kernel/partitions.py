"""Tables that are kept by time in partitions: made ahead, dropped whole, and never one too few.

A default partition takes what no other one does. So a row always has a place, also when nobody has made a partition for
weeks. What went there stays there: its span gets no partition of its own, and it is deleted row by row once it is old.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

LOCK_TIMEOUT = "300ms"
"""Whoever writes to the table waits behind us while we wait for a lock: better to give up and come back."""
PRUNE_BATCH = 20_000

_PARTS = text(
    r"""
    SELECT c.relname,
           CAST(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \(''([^'']+)''\)') AS timestamptz) AS since,
           CAST(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)') AS timestamptz) AS until
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = CAST(:name AS regclass) AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
     ORDER BY until
    """
)
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('partitions'), hashtext(:name))")


class Step(StrEnum):
    """How much time a partition has, by UTC."""

    DAY = "day"
    MONTH = "month"


class Span(NamedTuple):
    """From and to (excluded), and the name of the partition that has it."""

    name: str
    since: datetime
    until: datetime


class Part(NamedTuple):
    """A partition that is there; one that took over what was before partitions has no beginning."""

    name: str
    since: datetime | None
    until: datetime


@dataclass(frozen=True)
class Partitioned:
    """A table, the column by which it is split, and how many partitions are made ahead.

    `options` are storage parameters of each partition.
    """

    name: str
    column: str
    step: Step
    ahead: int
    options: str = ""

    @property
    def default(self) -> str:
        """Return the partition for what no other one takes."""
        return f"{self.name}_default"


def span_of(table: Partitioned, moment: datetime) -> Span:
    """Return the span in which a moment lies."""
    since = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if table.step is Step.DAY:
        return Span(f"{table.name}_{since:%Y%m%d}", since, since + timedelta(days=1))
    since = since.replace(day=1)
    return Span(f"{table.name}_{since:%Y%m}", since, (since + timedelta(days=32)).replace(day=1))


def spans_ahead(table: Partitioned, now: datetime) -> list[Span]:
    """Return the present span and those that should be made ahead."""
    spans = [span_of(table, now)]
    while len(spans) <= table.ahead:
        spans.append(span_of(table, spans[-1].until))
    return spans


def missing(spans: list[Span], parts: list[Part]) -> list[Span]:
    """Return the spans that no partition has, not even in part."""
    return [
        span
        for span in spans
        if not any((part.since is None or part.since < span.until) and span.since < part.until for part in parts)
    ]


class PartitionKeeper:
    """Makes and drops partitions in the transaction of `session`, one a call, so that each lock is short."""

    def __init__(self, session: AsyncSession, table: Partitioned) -> None:
        self.session = session
        self.table = table

    async def parts(self) -> list[Part]:
        """Return the partitions but the default one, the oldest first."""
        return [Part(*row) for row in await self.session.execute(_PARTS, {"name": self.table.name})]

    async def make_next(self, now: datetime) -> Span | None:
        """Make the first partition that is missing; None when there is none, or another process is at it.

        It is made beside the table and then attached, which whoever writes to the table does not notice.
        """
        if not await self._alone():
            return None
        for span in missing(spans_ahead(self.table, now), await self.parts()):
            if await self._strays(span):
                continue
            table, options = self.table, f" WITH ({self.table.options})" if self.table.options else ""
            await self._run(f"CREATE TABLE {span.name} (LIKE {table.name} INCLUDING ALL){options}")
            bounds = f"FROM ('{span.since.isoformat()}') TO ('{span.until.isoformat()}')"
            await self._run(f"ALTER TABLE {table.name} ATTACH PARTITION {span.name} FOR VALUES {bounds}")
            return span
        return None

    async def drop_next(self, older_than: datetime) -> str | None:
        """Drop the oldest partition if all in it is older; None when there is none, or another process is at it."""
        if not await self._alone():
            return None
        old = [part.name for part in await self.parts() if part.until <= older_than]
        if not old:
            return None
        await self._run(f'DROP TABLE "{old[0]}"')
        return old[0]

    async def prune_default(self, older_than: datetime) -> int:
        """Remove a batch of what is older from the default partition; return how many rows went."""
        table = self.table
        statement = text(
            f"WITH old AS (DELETE FROM {table.default} WHERE ctid = ANY(ARRAY("  # noqa: S608 - names of our own
            f"SELECT ctid FROM {table.default} WHERE {table.column} < :older LIMIT {PRUNE_BATCH})) RETURNING 1) "
            "SELECT count(*) FROM old"
        )
        return int((await self.session.execute(statement, {"older": older_than})).scalar_one())

    async def strays(self) -> int:
        """Return how many rows lie in the default partition: partitions were not made in time."""
        statement = text(f"SELECT count(*) FROM {self.table.default}")  # noqa: S608 - a name of our own
        return int((await self.session.execute(statement)).scalar_one())

    async def _strays(self, span: Span) -> bool:
        table = self.table
        statement = text(
            f"SELECT EXISTS (SELECT FROM {table.default} "  # noqa: S608 - names of our own
            f"WHERE {table.column} >= :since AND {table.column} < :until)"
        )
        values = {"since": span.since, "until": span.until}
        return bool((await self.session.execute(statement, values)).scalar_one())

    async def _alone(self) -> bool:
        await self._run(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        return bool((await self.session.execute(_ALONE, {"name": self.table.name})).scalar_one())

    async def _run(self, statement: str) -> None:
        await self.session.execute(text(statement))
