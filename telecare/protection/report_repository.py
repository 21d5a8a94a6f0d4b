"""All queries of those who look at protection: lists, one person's history and triggers, and what was lost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, RowMapping, func, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.models import Alarm
from alarms.handling.silence import HUB_OFFLINE
from devices.registry.domain import RiskTier
from devices.registry.models import Person
from devices.registry.repository import PERSON_NAME
from telecare.kernel.among import among
from telecare.protection.domain import FAULTS
from telecare.protection.losses import Unprotected
from telecare.protection.models import PersonProtection, ProtectionPeriod
from telecare.protection.repository import ProtectionFilter

# What a trigger proved where somebody else lived proves nothing here.
_PROVEN = """
    SELECT max(greatest(t.last_test_at, t.last_alarm_at))
      FROM installation i JOIN trigger_proof t ON t.hub_id = i.hub_id
     WHERE i.person_id = person_protection.person_id AND i.period @> clock_timestamp()
       AND greatest(t.last_test_at, t.last_alarm_at) >= lower(i.period)
"""
_HEARD = """
    SELECT max(l.last_seen_at) FROM installation i JOIN hub_live l ON l.hub_id = i.hub_id
     WHERE i.person_id = person_protection.person_id AND i.period @> clock_timestamp()
"""
_ALARM = (
    select(Alarm.id)
    .where(Alarm.hub_id == PersonProtection.hub_id, Alarm.handling != "closed", Alarm.type.in_([*FAULTS, HUB_OFFLINE]))
    .order_by(Alarm.rank, Alarm.id)
    .limit(1)
    .correlate(PersonProtection)
    .scalar_subquery()
)
_TRIGGERS = text(
    """
    SELECT i.hub_id, t.device_id, t.kind, t.room, t.registered, p.path, p.last_alarm_at, p.last_test_at
      FROM installation i
     CROSS JOIN LATERAL (
           SELECT '' AS device_id, 'unit' AS kind, NULL AS room, true AS registered
            UNION ALL
           SELECT device_id, kind, room, true FROM peripheral WHERE hub_id = i.hub_id
            UNION ALL
           SELECT DISTINCT q.device_id, 'unknown', NULL, false FROM trigger_proof q
            WHERE q.hub_id = i.hub_id AND q.device_id <> '' AND NOT EXISTS (
                  SELECT FROM peripheral r WHERE r.hub_id = q.hub_id AND r.device_id = q.device_id)) t
      LEFT JOIN trigger_proof p ON p.hub_id = i.hub_id AND p.device_id = t.device_id
            AND greatest(p.last_test_at, p.last_alarm_at) >= lower(i.period)
     WHERE i.person_id = :person_id AND i.period @> clock_timestamp()
       AND (t.registered OR p.hub_id IS NOT NULL)
     ORDER BY i.hub_id, t.device_id, p.path
    """
)
_LOST = text(
    """
    SELECT person_id, council_id, tier, started_at, ended_at, good_until, why FROM protection_period
     WHERE state = 'unprotected' AND coalesce(good_until, started_at) < :end AND (ended_at IS NULL OR ended_at > :begin)
       AND (CAST(:councils AS text[]) IS NULL OR council_id = ANY(:councils))
       AND (CAST(:council AS text) IS NULL OR council_id = :council)
       AND (CAST(:person_id AS uuid) IS NULL OR person_id = :person_id)
    """
)
_NAMES = select(Person.id, PERSON_NAME)


class ProtectionReports:
    """What is shown of protection; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.session = session
        self.councils = councils

    async def page(
        self, wanted: ProtectionFilter, after: tuple[int, str, datetime, UUID] | None, limit: int
    ) -> Sequence[RowMapping]:
        """Return people, the worst first, those after such a key."""
        key = (PersonProtection.rank, PersonProtection.tier, PersonProtection.since, PersonProtection.person_id)
        statement = self._shown().order_by(*key).limit(limit)
        if wanted.council is not None:
            statement = statement.where(PersonProtection.council_id == wanted.council)
        if wanted.state is not None:
            statement = statement.where(PersonProtection.state == wanted.state)
        if wanted.tier is not None:
            statement = statement.where(PersonProtection.tier == wanted.tier)
        if after is not None:
            statement = statement.where(tuple_(*key) > tuple_(*after))
        return list((await self.session.execute(statement)).mappings())

    async def of_person(self, person_id: UUID) -> RowMapping | None:
        """Return where somebody stands; None for whom no unit has served yet."""
        statement = self._shown().where(PersonProtection.person_id == person_id)
        found = await self.session.execute(statement)
        return found.mappings().one_or_none()

    async def triggers(self, person_id: UUID) -> Sequence[RowMapping]:
        """Return the triggers of somebody's units, each once for each path over which it was proven here."""
        return list((await self.session.execute(_TRIGGERS, {"person_id": person_id})).mappings())

    async def history(self, person_id: UUID, before: datetime | None, limit: int) -> Sequence[ProtectionPeriod]:
        """Return the periods of somebody, the newest first."""
        statement = select(ProtectionPeriod).where(ProtectionPeriod.person_id == person_id)
        if before is not None:
            statement = statement.where(ProtectionPeriod.started_at < before)
        statement = statement.order_by(ProtectionPeriod.started_at.desc()).limit(limit)
        return (await self.session.execute(statement)).scalars().all()

    async def unprotected(
        self, begin: datetime, end: datetime, council: str | None = None, person_id: UUID | None = None
    ) -> list[Unprotected]:
        """Return the periods of which some minute between two moments was lost."""
        councils = sorted(self.councils) or None
        values = {"begin": begin, "end": end, "councils": councils, "council": council, "person_id": person_id}
        rows = await self.session.execute(_LOST, values)
        return [
            Unprotected(person, of, RiskTier(tier), started, ended, good, why)
            for person, of, tier, started, ended, good, why in rows
        ]

    async def names(self, people: Sequence[UUID]) -> dict[UUID, str]:
        """Return how these people are called."""
        rows = await self.session.execute(_NAMES.where(among(Person.id, people)))
        return {row[0]: row[1] for row in rows}

    def _shown(self) -> Any:
        statement = select(
            PersonProtection.person_id, PersonProtection.council_id, PersonProtection.tier, PersonProtection.state,
            PersonProtection.rank, PersonProtection.reasons, PersonProtection.why, PersonProtection.since,
            PersonProtection.good_until, PersonProtection.hub_id, PersonProtection.away_until,
            PERSON_NAME.label("person_name"),
            literal_column(f"({_PROVEN})", DateTime(timezone=True)).label("last_proven_at"),
            literal_column(f"({_HEARD})", DateTime(timezone=True)).label("last_heard_at"),
            _ALARM.label("alarm_id"), func.clock_timestamp().label("now"),
        ).join(Person, Person.id == PersonProtection.person_id)  # fmt: skip
        if self.councils:
            statement = statement.where(PersonProtection.council_id.in_(self.councils))
        return statement
