"""Queries on how the service itself is: what waits, and for how long. Numbers only, never a person."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.models import Alarm
from telecare.kernel.outbox import OutboxMessage, OutboxState


class VitalsRepository:
    """What health checks and metrics ask of the database."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def overdue_s(self) -> float:
        """Return for how many seconds the most overdue open alarm has waited for the engine; 0 when none is."""
        late = func.clock_timestamp() - func.min(Alarm.next_due_at)
        statement = select(func.greatest(func.coalesce(func.extract("epoch", late), 0), 0)).where(
            Alarm.handling != "closed"
        )
        return float((await self.session.execute(statement)).scalar_one())

    async def open_alarms(self) -> dict[tuple[str, str], int]:
        """Return the number of open alarms by class and handling."""
        statement = (
            select(Alarm.class_, Alarm.handling, func.count())
            .where(Alarm.handling != "closed")
            .group_by(Alarm.class_, Alarm.handling)
        )
        return {(class_, handling): count for class_, handling, count in await self.session.execute(statement)}

    async def outbox_waiting(self) -> int:
        """Return how many messages have not left the house."""
        waiting = OutboxMessage.state.in_((OutboxState.PENDING, OutboxState.SENDING))
        return (await self.session.execute(select(func.count()).select_from(OutboxMessage).where(waiting))).scalar_one()
