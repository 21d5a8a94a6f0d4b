"""Alarms on a real database without hubs: opened, driven by an engine, read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Party
from alarms.escalation.inputs import Input
from alarms.handling.domain import Opening, Subject
from alarms.handling.engine import Engine
from alarms.handling.models import Alarm, AlarmLog
from alarms.handling.service import AlarmService, Origin
from alarms.intake.domain import opening
from alarms.intake.types import TYPES
from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.repository import ContactPointRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.outbox import OutboxMessage


def opens(kind: str) -> Opening:
    row = TYPES[kind]
    return opening(row, row.words, ())


NOBODY = Subject()


async def no_contacts(_session: AsyncSession, _person_id: UUID) -> tuple[Party, ...]:
    return ()


@dataclass
class World:
    """What the tests do with alarms."""

    database: Database

    def engine(self) -> Engine:
        return Engine(self.database, no_contacts)

    async def raise_alarm(self, kind: str = "pendant", hub_id: str = "h", subject: Subject = NOBODY) -> UUID:
        async with self.database.transaction() as session:
            now = await database_now(session)
            return await AlarmService(session).open(opens(kind), subject, Origin(hub_id, None, now), now)

    async def feed(self, alarm_id: UUID, event: Input) -> None:
        async with self.database.transaction() as session:
            await AlarmService(session).feed(alarm_id, event)

    async def drive(self) -> None:
        """Drive all that is due."""
        await self.engine().drive()

    async def put_behind(self, target: ContactTarget, name: str, council_id: str | None = None) -> None:
        async with self.database.transaction() as session:
            points = ContactPointRepository(session)
            await points.create(council_id, target, Channel.EMAIL, f"{name}@council.example", name)

    async def put_behind_supervisor(self, name: str) -> None:
        await self.put_behind(ContactTarget.SUPERVISOR, name)

    async def get(self, alarm_id: UUID) -> Alarm:
        async with self.database.transaction() as session:
            return (await session.execute(select(Alarm).where(Alarm.id == alarm_id))).scalar_one()

    async def about_us(self) -> Sequence[Alarm]:
        async with self.database.transaction() as session:
            return (await session.execute(select(Alarm).where(Alarm.hub_id == "(telecare)"))).scalars().all()

    async def log(self, alarm_id: UUID) -> list[str]:
        lines = select(AlarmLog.text).where(AlarmLog.alarm_id == alarm_id).order_by(AlarmLog.seq)
        async with self.database.transaction() as session:
            return list((await session.execute(lines)).scalars())

    async def sent_to(self, alarm_id: UUID) -> list[str]:
        messages = select(OutboxMessage.address).where(OutboxMessage.subject_id == alarm_id).order_by(OutboxMessage.id)
        async with self.database.transaction() as session:
            return [address.partition("@")[0] for address in (await session.execute(messages)).scalars()]

    async def sql(self, statement: str, **values: Any) -> Any:
        async with self.database.transaction() as session:
            return await session.execute(text(statement), values)
