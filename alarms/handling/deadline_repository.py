"""All queries on what councils have set as deadlines for silent hubs."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.deadlines import Deadlines, Minutes
from alarms.handling.models import SilenceDeadlines


class DeadlineRepository:
    """Reads and writes of them in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def of(self, council_id: str | None) -> Deadlines:
        """Return the deadlines of a council."""
        return _deadlines(await self._rows(council_id))

    async def all(self) -> dict[str, Deadlines]:
        """Return the deadlines of each council that has set some."""
        found: dict[str, list[SilenceDeadlines]] = {}
        statement = select(SilenceDeadlines).order_by(SilenceDeadlines.set_at)
        for row in (await self.session.execute(statement)).scalars():
            found.setdefault(row.council_id, []).append(row)
        return {council_id: _deadlines(rows) for council_id, rows in found.items()}

    async def latest(self, council_id: str) -> SilenceDeadlines | None:
        """Return what a council has set last."""
        rows = await self._rows(council_id)
        return rows[-1] if rows else None

    async def add(self, council_id: str, minutes: Minutes, by: str, reason: str) -> SilenceDeadlines:
        """Let these hold from now on."""
        row = SilenceDeadlines(
            council_id=council_id, minutes_a=minutes.a, minutes_b=minutes.b, minutes_c=minutes.c, minutes_d=minutes.d,
            set_by=by, reason=reason,
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        await self.session.refresh(row)
        return row

    async def applied(self, before: datetime) -> None:
        """Note that all that was open has been looked at anew by what was set before that moment."""
        pending = SilenceDeadlines.applied_at.is_(None) & (SilenceDeadlines.set_at < before)
        await self.session.execute(update(SilenceDeadlines).where(pending).values(applied_at=before))

    async def _rows(self, council_id: str | None) -> list[SilenceDeadlines]:
        statement = select(SilenceDeadlines).where(SilenceDeadlines.council_id == council_id)
        return list((await self.session.execute(statement.order_by(SilenceDeadlines.set_at))).scalars())


def minutes_of(row: SilenceDeadlines) -> Minutes:
    """Return the minutes of a row."""
    return Minutes(row.minutes_a, row.minutes_b, row.minutes_c, row.minutes_d)


def _deadlines(rows: Iterable[SilenceDeadlines]) -> Deadlines:
    return Deadlines(tuple((row.set_at, minutes_of(row)) for row in rows))
