"""All queries on contact points: who stands behind a target."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, SQLColumnExpression, delete, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address, ContactRule, Party
from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.models import ContactPoint
from telecare.kernel.db import CouncilId
from telecare.kernel.ids import new_id

_COLUMNS = (ContactPoint.id, ContactPoint.target, ContactPoint.channel, ContactPoint.address, ContactPoint.label)


def standing_of(council_id: SQLColumnExpression[Any]) -> ScalarSelect[Any]:
    """Return a subquery for who stands behind the targets of a council, as rows for `parties_of`.

    Its own contact points and those of all councils. Where nobody knows the council it may be anybody's: then all of
    them do (C13).
    """
    mine = council_id.is_(None) | ContactPoint.council_id.is_(None) | (ContactPoint.council_id == council_id)
    order = aggregate_order_by(func.jsonb_build_array(*_COLUMNS), ContactPoint.created_at, ContactPoint.id)
    return select(func.jsonb_agg(order)).where(ContactPoint.active, mine).scalar_subquery()


def parties_of(rows: Sequence[Sequence[str]] | None) -> dict[str, tuple[Party, ...]]:
    """Return the parties behind each target, from what `standing_of` gave."""
    parties: dict[str, list[Party]] = defaultdict(list)
    for point_id, target, channel, address, label in rows or ():
        parties[target].append(Party(point_id, label, (ContactRule(0, Address(channel, address, label)),)))
    return {target: tuple(listed) for target, listed in parties.items()}


class ContactPointRepository:
    """Reads and writes of contact points in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def parties_for(self, council_id: str | None) -> dict[str, tuple[Party, ...]]:
        """Return who stands behind each target for a council (`standing_of`)."""
        council = literal(council_id, CouncilId)
        return parties_of((await self.session.execute(select(standing_of(council)))).scalar_one())

    async def page(self, councils: Collection[str], before: UUID | None, limit: int) -> list[ContactPoint]:
        """Return contact points, newest first: those of these councils (none means all) and those that serve all."""
        statement = select(ContactPoint).order_by(ContactPoint.id.desc()).limit(limit)
        if councils:
            statement = statement.where(ContactPoint.council_id.in_(councils) | ContactPoint.council_id.is_(None))
        if before is not None:
            statement = statement.where(ContactPoint.id < before)
        return list((await self.session.execute(statement)).scalars())

    async def get(self, point_id: UUID) -> ContactPoint | None:
        """Return a contact point, or None."""
        return await self.session.get(ContactPoint, point_id)

    async def create(
        self, council_id: str | None, target: ContactTarget, channel: Channel, address: str, label: str
    ) -> ContactPoint | None:
        """Add a contact point; None when the target has this address already."""
        row = {"council_id": council_id, "target": target, "channel": channel, "address": address, "label": label}
        statement = insert(ContactPoint).values(id=new_id(), **row).on_conflict_do_nothing().returning(ContactPoint)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def delete(self, point_id: UUID) -> None:
        """Remove a contact point; what was sent to it stays in the outbox and the alarm's log."""
        await self.session.execute(delete(ContactPoint).where(ContactPoint.id == point_id))
