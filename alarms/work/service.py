"""Plans, moves and ends windows. Alarms that are quiet because of one are `AlarmService.work_moved`'s."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.work.domain import WorkError, WorkState, begin, check_end, state_of
from alarms.work.models import PlannedWork
from alarms.work.repository import WorkRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError, NotFoundError, RefusedError


class WorkService:
    """Planned work in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.work = WorkRepository(session)

    async def plan(
        self,
        *,
        council_id: str | None,
        hub_id: str | None,
        starts_at: datetime | None,
        ends_at: datetime,
        reason: str,
        made_by: str,
    ) -> PlannedWork:
        """Plan work; without a start it begins now. What is open already is not quieted by it (S38)."""
        now = await database_now(self.session)
        try:
            start = begin(starts_at, now)
            check_end(start, ends_at, now)
        except WorkError as error:
            raise _invalid(error) from error
        return await self.work.create(
            council_id=council_id, hub_id=hub_id, starts_at=start, ends_at=ends_at, reason=reason, made_by=made_by
        )

    async def move(self, work_id: UUID, ends_at: datetime, reason: str | None = None) -> PlannedWork:
        """Let it end later or earlier than planned."""
        work, now = await self._lock(work_id)
        try:
            check_end(work.starts_at, ends_at, now)
        except WorkError as error:
            raise _invalid(error) from error
        work.ends_at = ends_at
        work.reason = reason or work.reason
        await self.session.flush()
        return work

    async def end(self, work_id: UUID, by: str) -> PlannedWork:
        """End it now; one that has not begun never will."""
        work, now = await self._lock(work_id)
        work.ended_at, work.ended_by = now, by
        await self.session.flush()
        return work

    async def _lock(self, work_id: UUID) -> tuple[PlannedWork, datetime]:
        """Return a window that is not over, locked, and the clock since."""
        work = await self.work.get(work_id, lock=True)
        if work is None:
            raise NotFoundError(f"There is no planned work {work_id}")
        now = await database_now(self.session)
        if state_of(work.window, now) is WorkState.OVER:
            raise RefusedError("This work is over: plan another window if it goes on")
        return work, now


def _invalid(error: WorkError) -> InvalidError:
    errors = [{"where": f"body.{error.field}", "what": str(error)}]
    return InvalidError("The work cannot be planned so", errors=errors)
