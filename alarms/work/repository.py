"""All queries on planned work."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.work.domain import Window, WorkState
from alarms.work.models import PlannedWork
from telecare.kernel.ids import new_id

COVERING = """
    SELECT max(ends_at) AS until
      FROM (SELECT ends_at FROM planned_work
             WHERE ended_at IS NULL AND ends_at > :now AND starts_at <= :raised_at
               AND (council_id IS NULL OR council_id = :council_id) AND (hub_id IS NULL OR hub_id = :hub_id)
               FOR SHARE SKIP LOCKED) AS covering
"""
"""Until when a new alarm is quiet, for a statement that is made anyway; `domain.quiet_until` is the same.

The share lock lets whoever ends or moves a window wait for the alarms that are just being raised in it, so that none of
them is missed. One that is being changed at this moment is passed by, as waiting could end in a deadlock: such an alarm
tells people too early rather than too late.
"""


class WorkRepository:
    """Reads and writes of windows in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def create(self, **columns: Any) -> PlannedWork:
        """Add a window."""
        statement = insert(PlannedWork).values(id=new_id(), **columns).returning(PlannedWork)
        return (await self.session.execute(statement)).scalar_one()

    async def get(self, work_id: UUID, *, lock: bool = False) -> PlannedWork | None:
        """Return a window; locked when it is to be changed."""
        statement = select(PlannedWork).where(PlannedWork.id == work_id)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def on_at(self, moment: datetime) -> list[Window]:
        """Return what the rules look at of every window that is on at a moment, as planned by now."""
        statement = select(PlannedWork).where(*_in_state(WorkState.ON, moment))
        return [row.window for row in (await self.session.execute(statement)).scalars()]

    async def page(
        self,
        councils: Collection[str],
        now: datetime,
        *,
        state: WorkState | None = None,
        council_id: str | None = None,
        hub_id: str | None = None,
        before: UUID | None = None,
        limit: int,
    ) -> list[PlannedWork]:
        """Return windows, newest first: those of these councils (none means all) and those of all councils.

        `council_id` asks for what holds in one council, `hub_id` for what holds for one hub of it.
        """
        statement = select(PlannedWork).order_by(PlannedWork.id.desc()).limit(limit)
        if state is not None:
            statement = statement.where(*_in_state(state, now))
        if councils:
            statement = statement.where(PlannedWork.council_id.in_(councils) | PlannedWork.council_id.is_(None))
        if council_id is not None:
            statement = statement.where((PlannedWork.council_id == council_id) | PlannedWork.council_id.is_(None))
        if hub_id is not None:
            statement = statement.where((PlannedWork.hub_id == hub_id) | PlannedWork.hub_id.is_(None))
        if before is not None:
            statement = statement.where(PlannedWork.id < before)
        return list((await self.session.execute(statement)).scalars())


def _in_state(state: WorkState, now: datetime) -> tuple[Any, ...]:
    """Return conditions that hold for windows in a state; `domain.state_of` is the same."""
    if state is WorkState.OVER:
        return (PlannedWork.ended_at.is_not(None) | (PlannedWork.ends_at <= now),)
    begun = PlannedWork.starts_at <= now
    return (PlannedWork.ended_at.is_(None), PlannedWork.ends_at > now, begun if state is WorkState.ON else ~begun)
