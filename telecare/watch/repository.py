"""All queries on how the service itself is: what waits and for how long, and the canaries. Numbers, never a person."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Text, cast, delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.domain import CANARY_CHANNEL, CANARY_CLASS
from alarms.handling.models import Alarm, AlarmLog
from alarms.intake.models import Event
from telecare.kernel.among import among
from telecare.kernel.outbox import OutboxMessage, OutboxState
from telecare.watch.models import Canary
from telecare.watch.queries import LAG, WATCHERS, Lag
from telecare.wire.topics import CANARY_HUB

_LAG = text(LAG)
_WATCHERS = text(WATCHERS)
_TURN = text("SELECT pg_try_advisory_xact_lock(7004)")
SLACK = timedelta(milliseconds=200)
PRUNE_BATCH = 500


class VitalsRepository:
    """What health checks and metrics ask of the database."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def lag(self) -> Lag:
        """Return for how long what is due has waited for an engine or a sender."""
        return Lag(*(await self.session.execute(_LAG)).one())

    async def watchers(self) -> dict[str, float]:
        """Return for how many seconds each task that looks at intervals has not got through, by its name."""
        return {name: lag for name, lag, _ in await self.session.execute(_WATCHERS)}

    async def open_alarms(self) -> dict[tuple[str, str], int]:
        """Return the number of open alarms by class and handling."""
        statement = (
            select(Alarm.class_, Alarm.handling, func.count())
            .where(Alarm.handling != "closed", Alarm.class_ != CANARY_CLASS)
            .group_by(Alarm.class_, Alarm.handling)
        )
        return {(class_, handling): count for class_, handling, count in await self.session.execute(statement)}

    async def outbox_waiting(self) -> int:
        """Return how many messages to people have not left the house."""
        waiting = OutboxMessage.state.in_((OutboxState.PENDING, OutboxState.SENDING))
        statement = (
            select(func.count()).select_from(OutboxMessage).where(waiting, OutboxMessage.channel != CANARY_CHANNEL)
        )
        return (await self.session.execute(statement)).scalar_one()

    async def last_canary_s(self) -> float | None:
        """Return how long the last canary that arrived was on its way, in seconds; None when none did."""
        way = func.extract("epoch", Canary.arrived_at - Canary.sent_at)
        statement = select(way).where(Canary.arrived_at.is_not(None)).order_by(Canary.sent_at.desc()).limit(1)
        seconds = (await self.session.execute(statement)).scalar_one_or_none()
        return None if seconds is None else float(seconds)


class CanaryRepository:
    """Canaries: sent, arrived, and swept together with all that they left behind."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def begin(self, canary_id: UUID, every: timedelta) -> bool:
        """Write down a canary that is about to be sent; False when it is not time, or another process is at it."""
        if not (await self.session.execute(_TURN)).scalar_one():
            return False
        # After the lock, so that what the last holder of it has written is seen.
        sent = select(Canary.id).where(Canary.sent_at > func.clock_timestamp() - (every - SLACK))
        if (await self.session.execute(select(exists(sent)))).scalar_one():
            return False
        await self.session.execute(insert(Canary).values(id=canary_id))
        return True

    async def arrive(self, alarm_id: UUID) -> None:
        """Note that the canary which opened this alarm is there; the first arrival counts."""
        sent = select(Event.event_id).where(Event.alarm_id == alarm_id, Event.hub_id == CANARY_HUB)
        await self.session.execute(
            update(Canary)
            .where(cast(Canary.id, Text).in_(sent), Canary.arrived_at.is_(None))
            .values(arrived_at=func.clock_timestamp())
        )

    async def prune(self, older_than: datetime) -> int:
        """Remove a batch of old canaries with their messages, alarms and logs; return how many were removed."""
        old = select(Alarm.id).where(
            Alarm.hub_id == CANARY_HUB, Alarm.class_ == CANARY_CLASS, Alarm.raised_at < older_than
        )
        ids = list((await self.session.execute(old.order_by(Alarm.raised_at).limit(PRUNE_BATCH))).scalars())
        if ids:
            await self.session.execute(delete(AlarmLog).where(among(AlarmLog.alarm_id, ids)))
            await self.session.execute(delete(Event).where(among(Event.alarm_id, ids)))
            await self.session.execute(delete(OutboxMessage).where(among(OutboxMessage.subject_id, ids)))
            await self.session.execute(delete(Alarm).where(among(Alarm.id, ids)))
        gone = select(Canary.id).where(Canary.sent_at < older_than).order_by(Canary.sent_at).limit(PRUNE_BATCH)
        rows = await self.session.execute(delete(Canary).where(Canary.id.in_(gone)).returning(Canary.id))
        return len(ids) + len(rows.scalars().all())
