"""All queries on hubs that are silent where somebody lives: which nobody was told of, and which are back.

Silent is a hub that is offline, and one that was never heard though it is installed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A hub whose alarms travel by telephone does not have to say that it lives. Members of incidents are told of by these:
# they are left out first, as they may be very many for hours.
_UNTOLD = text(
    """
    WITH silent AS MATERIALIZED (
        SELECT p.hub_id, p.since FROM hub_presence p
         WHERE p.state IN ('offline', 'lost') AND p.told_alarm_id IS NULL
           AND NOT EXISTS (SELECT FROM incident_member m WHERE m.hub_id = p.hub_id AND m.state = 'joined'))
    SELECT p.hub_id, h.council_id, n.risk_tier, s.since
      FROM silent p
      JOIN hub h ON h.hub_id = p.hub_id
      JOIN installation i ON i.hub_id = p.hub_id AND i.period @> clock_timestamp()
      JOIN person n ON n.id = i.person_id
     CROSS JOIN LATERAL (
        SELECT coalesce((SELECT started_at FROM presence_period q
                          WHERE q.hub_id = p.hub_id AND q.state = 'offline' ORDER BY started_at DESC LIMIT 1),
                        p.since) AS since) s
     WHERE h.connection = 'digital' AND s.since <= clock_timestamp() - CAST(:settle AS interval)
     ORDER BY n.risk_tier, p.since, p.hub_id
    """
)
# Where somebody lives a hub has a standing from the day on which it is put up: without one nobody would miss it.
_EXPECT = text(
    """
    INSERT INTO hub_presence (hub_id)
    SELECT h.hub_id FROM installation i JOIN hub h ON h.hub_id = i.hub_id
     WHERE i.period @> clock_timestamp() AND h.connection = 'digital'
       AND NOT EXISTS (SELECT FROM hub_presence p WHERE p.hub_id = h.hub_id)
     ORDER BY h.hub_id
    ON CONFLICT DO NOTHING
    """
)
FIRST_DUE_FROM = """
    greatest(f.base, (SELECT max(ended_at) FROM deaf_period WHERE started_at <= f.base + CAST(:within AS interval)))
"""
"""From when a hub `f` counts as silent that was never heard: what we could not have heard is not held against it."""

# It must be heard from when it was put up on, or registered, and nobody was away by plan.
_UNHEARD = text(
    f"""
    SELECT p.hub_id, h.council_id, n.risk_tier, d.due AS since
      FROM hub_presence p
      JOIN hub h ON h.hub_id = p.hub_id
      JOIN installation i ON i.hub_id = p.hub_id AND i.period @> clock_timestamp()
      JOIN person n ON n.id = i.person_id
      CROSS JOIN LATERAL (SELECT greatest(lower(i.period), h.created_at, p.away_until) AS base) f
      CROSS JOIN LATERAL (SELECT {FIRST_DUE_FROM} + CAST(:within AS interval) AS due) d
     WHERE p.state = 'never_seen' AND p.told_alarm_id IS NULL AND h.connection = 'digital'
       AND d.due <= clock_timestamp()
       AND NOT EXISTS (SELECT FROM hub_live l WHERE l.hub_id = p.hub_id)
       AND NOT EXISTS (SELECT FROM trigger_proof t WHERE t.hub_id = p.hub_id)
     ORDER BY n.risk_tier, d.due, p.hub_id
    """  # noqa: S608 - parts of one statement
)
_IN_COUNCILS = text(
    """
    SELECT h.council_id, count(*)
      FROM hub h
      JOIN installation i ON i.hub_id = h.hub_id AND i.period @> clock_timestamp()
     WHERE h.connection = 'digital' AND h.council_id = ANY(:councils)
     GROUP BY h.council_id
    """
)
_LOCK = text(
    """
    SELECT state, last_proof FROM hub_presence
     WHERE hub_id = :hub_id AND state IN ('offline', 'lost', 'never_seen') AND told_alarm_id IS NULL
       FOR UPDATE SKIP LOCKED
    """
)
_TELL = text(
    """
    UPDATE hub_presence SET told_alarm_id = :alarm_id
     WHERE hub_id = ANY(:hub_ids) AND told_alarm_id IS NULL AND state IN ('offline', 'lost', 'never_seen')
    """
)
# A hub that was taken away or serves somebody else is no silence of those any more of whom the alarm tells: whoever has
# it now is told of anew. An alarm without a person tells of many.
_OVER = """
    (p.state NOT IN ('offline', 'lost', 'never_seen') OR NOT EXISTS (
        SELECT FROM installation i JOIN alarm a ON a.id = p.told_alarm_id
         WHERE i.hub_id = p.hub_id AND i.period @> clock_timestamp()
           AND i.person_id = coalesce(a.person_id, i.person_id)))
"""
_ENDED = text(
    f"""
    SELECT DISTINCT p.told_alarm_id FROM hub_presence p
     WHERE p.told_alarm_id IS NOT NULL AND {_OVER}
     ORDER BY p.told_alarm_id LIMIT :limit
    """  # noqa: S608 - parts of one statement
)
_BACK = text(
    f"""
    UPDATE hub_presence q SET told_alarm_id = NULL
      FROM (SELECT p.hub_id FROM hub_presence p
             WHERE p.told_alarm_id = :alarm_id AND {_OVER}
             ORDER BY p.hub_id FOR UPDATE SKIP LOCKED) AS was
     WHERE q.hub_id = was.hub_id RETURNING q.hub_id
    """  # noqa: S608 - parts of one statement
)
_STILL = text("SELECT EXISTS (SELECT FROM hub_presence WHERE told_alarm_id = :alarm_id)")


class Silent(NamedTuple):
    """A silent hub, whose person nobody was told of; `since` it is offline, or had to be heard for the first time."""

    hub_id: str
    council_id: str
    tier: str | None
    since: datetime


class SilenceRepository:
    """Reads and writes of them in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def untold(self, settle: timedelta) -> list[Silent]:
        """Return hubs offline for as long as `settle` of which nobody was told, the people most at risk first.

        Those of whom an incident tells are not among them.
        """
        return [Silent(*row) for row in await self.session.execute(_UNTOLD, {"settle": settle})]

    async def expect(self) -> None:
        """Give a standing to digital hubs that serve somebody and have none: they are to be heard from now on."""
        await self.session.execute(_EXPECT)

    async def unheard(self, within: timedelta) -> list[Silent]:
        """Return hubs that should have been heard for the first time and were not, of whom nobody was told."""
        return [Silent(*row) for row in await self.session.execute(_UNHEARD, {"within": within})]

    async def in_councils(self, councils: Sequence[str]) -> dict[str, int]:
        """Return how many digital hubs serve somebody in these councils."""
        rows = await self.session.execute(_IN_COUNCILS, {"councils": list(councils)})
        return {council: count for council, count in rows}  # noqa: C416 - rows

    async def lock(self, hub_id: str) -> tuple[bool, datetime | None]:
        """Lock a hub that is silent still and untold; return whether it is, and when it last showed that it lives."""
        row = (await self.session.execute(_LOCK, {"hub_id": hub_id})).one_or_none()
        return (False, None) if row is None else (True, row[1])

    async def tell(self, hub_ids: Sequence[str], alarm_id: UUID) -> None:
        """Keep by which alarm people are told of these hubs."""
        await self.session.execute(_TELL, {"hub_ids": list(hub_ids), "alarm_id": alarm_id})

    async def ended(self, limit: int) -> list[UUID]:
        """Return alarms of which a hub is heard again, away by plan, taken away or somebody else's."""
        return list((await self.session.execute(_ENDED, {"limit": limit})).scalars())

    async def back(self, alarm_id: UUID) -> bool:
        """Forget of those that are back that this alarm tells of them; False when another worker does."""
        return bool((await self.session.execute(_BACK, {"alarm_id": alarm_id})).all())

    async def still(self, alarm_id: UUID) -> bool:
        """Say whether a hub is silent still of which this alarm tells."""
        return bool((await self.session.execute(_STILL, {"alarm_id": alarm_id})).scalar_one())
