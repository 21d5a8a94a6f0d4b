"""All queries on hubs that are offline where somebody lives: which nobody was told of, and which are back."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A hub whose alarms travel by telephone does not have to say that it lives.
_UNTOLD = text(
    """
    SELECT p.hub_id, h.council_id, n.risk_tier,
           coalesce((SELECT started_at FROM presence_period q
                      WHERE q.hub_id = p.hub_id AND q.state = 'offline' ORDER BY started_at DESC LIMIT 1),
                    p.since) AS since
      FROM hub_presence p
      JOIN hub h ON h.hub_id = p.hub_id
      JOIN installation i ON i.hub_id = p.hub_id AND i.period @> clock_timestamp()
      JOIN person n ON n.id = i.person_id
     WHERE p.state IN ('offline', 'lost') AND p.told_alarm_id IS NULL AND h.connection = 'digital'
     ORDER BY n.risk_tier, p.since, p.hub_id
    """
)
_LOCK = text(
    """
    SELECT state, last_proof FROM hub_presence
     WHERE hub_id = :hub_id AND state IN ('offline', 'lost') AND told_alarm_id IS NULL FOR UPDATE SKIP LOCKED
    """
)
_TELL = text(
    """
    UPDATE hub_presence SET told_alarm_id = :alarm_id
     WHERE hub_id = ANY(:hub_ids) AND told_alarm_id IS NULL AND state IN ('offline', 'lost')
    """
)
_ENDED = text(
    """
    SELECT DISTINCT told_alarm_id FROM hub_presence
     WHERE told_alarm_id IS NOT NULL AND state NOT IN ('offline', 'lost') ORDER BY told_alarm_id LIMIT :limit
    """
)
_BACK = text(
    """
    UPDATE hub_presence p SET told_alarm_id = NULL
      FROM (SELECT hub_id FROM hub_presence
             WHERE told_alarm_id = :alarm_id AND state NOT IN ('offline', 'lost')
             ORDER BY hub_id FOR UPDATE SKIP LOCKED) AS was
     WHERE p.hub_id = was.hub_id RETURNING p.hub_id
    """
)
_STILL = text("SELECT EXISTS (SELECT FROM hub_presence WHERE told_alarm_id = :alarm_id)")


class Silent(NamedTuple):
    """A hub that is offline, whose person nobody was told of."""

    hub_id: str
    council_id: str
    tier: str | None
    since: datetime


class SilenceRepository:
    """Reads and writes of them in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def untold(self) -> list[Silent]:
        """Return hubs that are offline and nobody was told of, those of the people most at risk first."""
        return [Silent(*row) for row in await self.session.execute(_UNTOLD)]

    async def lock(self, hub_id: str) -> tuple[bool, datetime | None]:
        """Lock a hub that is offline still and untold; return whether it is, and when it last showed that it lives."""
        row = (await self.session.execute(_LOCK, {"hub_id": hub_id})).one_or_none()
        return (False, None) if row is None else (True, row[1])

    async def tell(self, hub_ids: Sequence[str], alarm_id: UUID) -> None:
        """Keep by which alarm people are told of these hubs."""
        await self.session.execute(_TELL, {"hub_ids": list(hub_ids), "alarm_id": alarm_id})

    async def ended(self, limit: int) -> list[UUID]:
        """Return alarms of which a hub is heard again, or away by plan."""
        return list((await self.session.execute(_ENDED, {"limit": limit})).scalars())

    async def back(self, alarm_id: UUID) -> bool:
        """Forget of those that are back that this alarm tells of them; False when another worker does."""
        return bool((await self.session.execute(_BACK, {"alarm_id": alarm_id})).all())

    async def still(self, alarm_id: UUID) -> bool:
        """Say whether a hub is offline still of which this alarm tells."""
        return bool((await self.session.execute(_STILL, {"alarm_id": alarm_id})).scalar_one())
