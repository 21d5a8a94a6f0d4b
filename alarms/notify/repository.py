"""All queries on contact points: who stands behind a target."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address, ContactRule, Party
from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.models import ContactPoint
from telecare.kernel.ids import new_id

# Made once: each step of a ladder waits for it.
_STANDING = text(
    """
    SELECT id, target, channel, address, label FROM contact_point
     WHERE active AND (CAST(:council_id AS text) IS NULL OR council_id IS NULL OR council_id = :council_id)
     ORDER BY created_at, id
    """
)


class ContactPointRepository:
    """Reads and writes of contact points in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def parties_for(self, council_id: str | None) -> dict[str, tuple[Party, ...]]:
        """Return who stands behind each target for a council: its own contact points and those of all councils.

        Where nobody knows the council it may be anybody's: then all of them do (C13).
        """
        parties: dict[str, list[Party]] = defaultdict(list)
        for row in await self.session.execute(_STANDING, {"council_id": council_id}):
            rule = ContactRule(0, Address(row.channel, row.address, row.label))
            parties[row.target].append(Party(str(row.id), row.label, (rule,)))
        return {target: tuple(listed) for target, listed in parties.items()}

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
