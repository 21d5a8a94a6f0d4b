"""All queries that join open alarms about silent hubs with who lives there and since when the hub is offline."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.silence import HUB_OFFLINE

# One that was never heard was never offline: the moment of its alarm is all that there is.
_SINCE = """
    coalesce((SELECT max(started_at) FROM presence_period q
               WHERE q.hub_id = a.hub_id AND q.state = 'offline' AND q.started_at <= a.raised_at), a.raised_at)
"""
# The letters of the tiers sort by risk: A is the gravest.
_GRAVER = text(
    f"""
    SELECT a.id, n.risk_tier, {_SINCE}
      FROM alarm a JOIN person n ON n.id = a.person_id
     WHERE a.type = :type AND a.handling <> 'closed' AND (a.tier IS NULL OR n.risk_tier < a.tier)
     ORDER BY a.id
    """  # noqa: S608 - parts of one statement
)
# Each once: what was moved since goes by the new ones. One may be opened by the old ones just when they are set.
_OLDER = text(
    f"""
    SELECT a.id, {_SINCE}
      FROM alarm a JOIN silence_deadlines d ON d.council_id = a.council_id
     WHERE d.applied_at IS NULL AND a.type = :type AND a.handling <> 'closed'
       AND a.raised_at < d.set_at + interval '10 seconds'
       AND NOT EXISTS (SELECT FROM alarm_log g
                        WHERE g.alarm_id = a.id AND g.kind = 'rerouted' AND g.at >= d.set_at)
     ORDER BY a.id
    """  # noqa: S608 - parts of one statement
)
_SILENT_SINCE = text(f"SELECT {_SINCE} FROM alarm a WHERE a.id = :alarm_id AND a.type = :type")  # noqa: S608 - likewise


class Graver(NamedTuple):
    """An open alarm whose person is at more risk than its deadline is for; `since` the hub is silent."""

    alarm_id: UUID
    tier: str
    since: datetime


class Older(NamedTuple):
    """An open alarm from before its council's new deadlines; `since` the hub is silent."""

    alarm_id: UUID
    since: datetime


class OpenSilences:
    """Reads of them in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def graver(self) -> list[Graver]:
        """Return the alarms of people who are at more risk now than their deadline is for."""
        return [Graver(*row) for row in await self.session.execute(_GRAVER, {"type": HUB_OFFLINE})]

    async def older_than_deadlines(self) -> list[Older]:
        """Return the alarms that may go by deadlines which their council had before."""
        return [Older(*row) for row in await self.session.execute(_OLDER, {"type": HUB_OFFLINE})]

    async def since(self, alarm_id: UUID) -> datetime | None:
        """Return since when the hub of such an alarm is silent; None for any other alarm."""
        values = {"alarm_id": alarm_id, "type": HUB_OFFLINE}
        found: datetime | None = (await self.session.execute(_SILENT_SINCE, values)).scalar_one_or_none()
        return found
