"""Queries on how the service itself is: what waits, and for how long. Numbers only, never a person."""

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.models import Alarm
from telecare.kernel.outbox import OutboxMessage, OutboxState
from telecare.watch.queries import LAG, Lag

_LAG = text(LAG)


class VitalsRepository:
    """What health checks and metrics ask of the database."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def lag(self) -> Lag:
        """Return for how long what is due has waited for an engine or a sender."""
        return Lag(*(await self.session.execute(_LAG)).one())

    async def open_alarms(self) -> dict[tuple[str, str], int]:
        """Return the number of open alarms by class and handling."""
        statement = (
            select(Alarm.class_, Alarm.handling, func.count())
            .where(Alarm.handling != "closed", Alarm.class_ != "C")
            .group_by(Alarm.class_, Alarm.handling)
        )
        return {(class_, handling): count for class_, handling, count in await self.session.execute(statement)}

    async def outbox_waiting(self) -> int:
        """Return how many messages to people have not left the house."""
        waiting = OutboxMessage.state.in_((OutboxState.PENDING, OutboxState.SENDING))
        statement = select(func.count()).select_from(OutboxMessage).where(waiting, OutboxMessage.channel != "canary")
        return (await self.session.execute(statement)).scalar_one()
