"""All queries that join our gaps with hubs and people: which ask for a check, and who could have pressed in them."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.welfare.domain import Facts
from alarms.welfare.service import Gap
from devices.registry.domain import spoken_name

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('welfare', 0))")
_UNCHECKED = text(
    """
    SELECT id, started_at, ended_at, ended_at - started_at > make_interval(secs => :after_s) AS is_long
      FROM deaf_period WHERE checked_at IS NULL ORDER BY ended_at, id LIMIT 1
    """
)
_CHECKED = text("UPDATE deaf_period SET checked_at = clock_timestamp() WHERE id = :id")
# A hub whose alarms travel by telephone does not need us to be heard.
_NEXT_COUNCIL = text(
    """
    SELECT c.code FROM council c
     WHERE EXISTS (SELECT FROM hub h JOIN installation i ON i.hub_id = h.hub_id
                    WHERE h.council_id = c.code AND h.connection = 'digital'
                      AND i.period && tstzrange(:started_at, :ended_at, '[]'))
       AND NOT EXISTS (SELECT FROM campaign_gap g WHERE g.deaf_period_id = :id AND g.council_id = c.code)
     ORDER BY c.code LIMIT 1
    """
)
# `heard_at` is any sign of life; `delivered`: what the hub says happened in the gap has come after its beginning.
_FACTS = """
    SELECT i.person_id, h.hub_id, i.premises_id, n.given_name, n.family_name, n.preferred_name, n.risk_tier,
           n.lives_alone, m.address, m.town, m.postcode, p.away_until, t.proven_at,
           greatest(l.last_seen_at, t.proven_at, came.received_at) AS heard_at,
           coalesce(came.from_the_gap, false) AS delivered
      FROM installation i
      JOIN hub h ON h.hub_id = i.hub_id
      JOIN person n ON n.id = i.person_id
      JOIN premises m ON m.id = i.premises_id
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
      LEFT JOIN LATERAL (SELECT max(greatest(last_test_at, last_alarm_at)) AS proven_at
                           FROM trigger_proof WHERE trigger_proof.hub_id = h.hub_id) t ON true
      LEFT JOIN LATERAL (SELECT max(e.received_at) AS received_at,
                                bool_or(e.device_at BETWEEN :gap_from AND :gap_to) AS from_the_gap
                           FROM event e WHERE e.hub_id = h.hub_id AND e.received_at > :gap_from) came ON true
     WHERE i.period && tstzrange(:gap_from, :gap_to, '[]')
"""
_OF_COUNCIL = text(
    _FACTS
    + """
       AND i.council_id = :council_id
       AND (NOT :digital_only OR h.connection = 'digital')
       AND (CAST(:person_ids AS uuid[]) IS NULL AND CAST(:hub_ids AS text[]) IS NULL
            OR i.person_id = ANY(:person_ids) OR i.hub_id = ANY(:hub_ids))
    """
)
_OF_CAMPAIGN = text(
    _FACTS
    + """
       AND EXISTS (SELECT FROM campaign_person cp WHERE cp.campaign_id = :campaign_id AND cp.person_id = i.person_id)
       AND (NOT :digital_only OR h.connection = 'digital')
    """
)
_TOLD_BY = text("SELECT hub_id FROM hub_presence WHERE told_alarm_id = :alarm_id ORDER BY hub_id")
_REACH = text(
    """
    SELECT cp.person_id, n.phone, n.communication, n.hazards, m.access_notes,
           coalesce((SELECT jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone,
                                                         'holds_key', c.holds_key, 'minutes_away', c.minutes_away)
                                      ORDER BY c.position)
                       FROM contact c WHERE c.person_id = cp.person_id), '[]') AS contacts
      FROM campaign_person cp
      JOIN person n ON n.id = cp.person_id
      LEFT JOIN premises m ON m.id = cp.premises_id
     WHERE cp.campaign_id = :campaign_id AND (CAST(:person_id AS uuid) IS NULL OR cp.person_id = :person_id)
    """
)


class Reach(NamedTuple):
    """How a person of a campaign is reached, and what one must know who goes there."""

    phone: str | None
    communication: str | None
    hazards: str | None
    access_notes: str | None
    contacts: list[dict[str, Any]]


class WelfareFacts:
    """Reads of hubs and people for campaigns, in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def lock(self) -> bool:
        """Let one process at a time make campaigns; False while another one does."""
        return bool((await self.session.execute(_LOCK)).scalar_one())

    async def unchecked(self, after_s: float) -> tuple[Gap, bool] | None:
        """Return the oldest gap that nobody has looked at, and whether it was long enough to ask for a check."""
        row = (await self.session.execute(_UNCHECKED, {"after_s": after_s})).one_or_none()
        return None if row is None else (Gap(row.id, row.started_at, row.ended_at), row.is_long)

    async def checked(self, gap: Gap) -> None:
        """Keep that a gap has been dealt with."""
        await self.session.execute(_CHECKED, {"id": gap.id})

    async def next_council(self, gap: Gap) -> str | None:
        """Return a council with people who could have pressed in a gap and are on no list for it; None when none is."""
        values = {"id": gap.id, "started_at": gap.started_at, "ended_at": gap.ended_at}
        council_id: str | None = (await self.session.execute(_NEXT_COUNCIL, values)).scalar_one_or_none()
        return council_id

    async def of_council(
        self,
        council_id: str,
        gap: tuple[datetime, datetime],
        *,
        digital_only: bool,
        person_ids: Collection[UUID] | None = None,
        hub_ids: Collection[str] | None = None,
    ) -> list[Facts]:
        """Return who was served by a hub in a gap: all of a council, or those whom the lists name."""
        values = {
            "council_id": council_id,
            "digital_only": digital_only,
            "person_ids": None if person_ids is None else list(person_ids),
            "hub_ids": None if hub_ids is None else list(hub_ids),
        }
        return await self._facts(_OF_COUNCIL, gap, values)

    async def of_campaign(
        self, campaign_id: UUID, gap: tuple[datetime, datetime], *, digital_only: bool
    ) -> list[Facts]:
        """Return what is known now of the people of a campaign."""
        return await self._facts(_OF_CAMPAIGN, gap, {"campaign_id": campaign_id, "digital_only": digital_only})

    async def reach(self, campaign_id: UUID, person_id: UUID | None = None) -> dict[UUID, Reach]:
        """Return how the people of a campaign are reached, or one of them."""
        rows = await self.session.execute(_REACH, {"campaign_id": campaign_id, "person_id": person_id})
        return {row[0]: Reach(*row[1:]) for row in rows}

    async def told_by(self, alarm_id: UUID) -> list[str]:
        """Return the hubs of whose silence an alarm tells."""
        return list((await self.session.execute(_TOLD_BY, {"alarm_id": alarm_id})).scalars())

    async def _facts(self, query: Any, gap: tuple[datetime, datetime], values: dict[str, Any]) -> list[Facts]:
        rows: Sequence[Any] = (await self.session.execute(query, values | {"gap_from": gap[0], "gap_to": gap[1]})).all()
        return await asyncio.to_thread(_facts_of, rows)


def _facts_of(rows: Sequence[Any]) -> list[Facts]:
    """Make facts of rows; beside the event loop, for of a large council they are many, and alarms go on meanwhile."""
    return [
        Facts(
            person_id=row.person_id,
            hub_id=row.hub_id,
            premises_id=row.premises_id,
            name=spoken_name(row.given_name, row.family_name, row.preferred_name),
            place=f"{row.address}, {row.town} {row.postcode}",
            tier=row.risk_tier,
            lives_alone=row.lives_alone,
            heard_at=row.heard_at,
            proven_at=row.proven_at,
            delivered=row.delivered,
            away_until=row.away_until,
        )
        for row in rows
    ]
