"""All queries on test windows."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from devices.testing.models import HubTestWindow
from telecare.kernel.ids import new_id


class WindowRepository:
    """Reads and writes of test windows in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, **columns: Any) -> HubTestWindow:
        """Add a window; the database refuses a second one over the same hub."""
        statement = insert(HubTestWindow).values(id=new_id(), **columns).returning(HubTestWindow)
        return (await self.session.execute(statement)).scalar_one()

    async def latest(self, hub_id: str) -> HubTestWindow | None:
        """Return the last window of a hub."""
        statement = (
            select(HubTestWindow)
            .where(HubTestWindow.hub_id == hub_id)
            .order_by(HubTestWindow.starts_at.desc())
            .limit(1)
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def end(self, hub_id: str, now: datetime, by: str) -> bool:
        """End the window that is on over a hub; False when none is."""
        statement = (
            update(HubTestWindow)
            .where(HubTestWindow.hub_id == hub_id, *_on(now))
            .values(ended_at=now, ended_by=by)
            .returning(HubTestWindow.id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def on(
        self, councils: Collection[str], now: datetime, after: UUID | None = None, limit: int = 100
    ) -> Sequence[HubTestWindow]:
        """Return the windows that are on, the oldest first: of these councils, none means all."""
        statement = select(HubTestWindow).where(*_on(now)).order_by(HubTestWindow.id).limit(limit)
        if councils:
            statement = statement.where(HubTestWindow.council_id.in_(councils))
        if after is not None:
            statement = statement.where(HubTestWindow.id > after)
        return (await self.session.execute(statement)).scalars().all()


def _on(now: datetime) -> tuple[Any, ...]:
    """Return conditions that hold for windows that are on; `domain.is_on` is the same."""
    return (HubTestWindow.ended_at.is_(None), HubTestWindow.ends_at > now, HubTestWindow.starts_at <= now)
