"""All queries on agreements and covers, and on the alarms of who is covered."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, column, or_, select, table, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.cover.domain import Look
from alarms.cover.models import Cover, CoverAgreement
from alarms.cover.report import Case
from alarms.handling.domain import CANARY_CLASS, SYSTEM_HUB
from telecare.kernel.among import among
from telecare.kernel.ids import new_id

SYSTEM = "system"
CASES = 1000
"""A report names so many cases at most, the first of them."""

GIVEN_BACK = ("released", "lapsed", "arrival_missed", "taken_from", "voice_lost")
"""What the log says when somebody no longer has an alarm: from then on it waits anew."""

# The register's; this room may not import it.
_council = table("council", column("code", Text), column("name", Text))

_LOOK = text(
    """
    SELECT agreement.id,
           (SELECT min(CASE WHEN first_acked_at IS NULL THEN raised_at ELSE greatest(raised_at, (
                       SELECT max(at) FROM alarm_log
                        WHERE alarm_log.alarm_id = alarm.id AND kind = ANY(CAST(:given_back AS text[])))) END)
              FROM alarm
             WHERE alarm.council_id = agreement.council_id AND handling <> 'closed' AND handling = 'raised'
               AND class = 'L' AND hub_id <> :system_hub),
           (SELECT max(assigned_at) FROM alarm
             WHERE alarm.council_id = agreement.council_id AND handling <> 'closed' AND assigned_to IN (
                   SELECT id FROM app_user WHERE agreement.council_id = ANY(councils)
                    UNION ALL
                   SELECT id FROM api_token WHERE agreement.council_id = ANY(councils))),
           (SELECT max(ended_at) FROM cover WHERE cover.agreement_id = agreement.id AND ended_by <> :system)
      FROM cover_agreement AS agreement WHERE agreement.id = ANY(CAST(:ids AS uuid[]))
    """
)

_CASES = text(
    """
    SELECT alarm.id, alarm.words, alarm.class, alarm.raised_at, taking.at, taking.actor,
           coalesce(taking.by_partner, false)
      FROM alarm LEFT JOIN LATERAL (
           SELECT at, actor, EXISTS (
                      SELECT FROM (SELECT id, councils FROM app_user UNION ALL
                                   SELECT id, councils FROM api_token) AS who
                       WHERE id = CAST(input #>> '{by,id}' AS uuid)
                         AND :partner_id = ANY(councils) AND NOT :council_id = ANY(councils)
                  ) AS by_partner
             FROM alarm_log
            WHERE alarm_id = alarm.id AND kind IN ('acked', 'taken_over') AND at BETWEEN :since AND :until
            ORDER BY seq LIMIT 1) AS taking ON true
     WHERE alarm.council_id = :council_id AND alarm.class <> :canary AND alarm.hub_id <> :system_hub
       AND alarm.raised_at <= :until AND (alarm.closed_at IS NULL OR alarm.closed_at >= :since)
     ORDER BY alarm.raised_at, alarm.id LIMIT :most
    """
)


class CoverRepository:
    """Reads and writes of agreements and covers in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def lock_live(self) -> Sequence[CoverAgreement]:
        """Return the agreements that hold, locked in one order; those at which another process looks are passed by."""
        statement = (
            select(CoverAgreement)
            .where(CoverAgreement.ended_at.is_(None))
            .order_by(CoverAgreement.id)
            .with_for_update(skip_locked=True)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def lock(self, agreement_id: UUID) -> CoverAgreement | None:
        """Return an agreement, locked until the end of the transaction, or None."""
        return await self.session.get(CoverAgreement, agreement_id, with_for_update=True)

    async def looks(self, agreement_ids: Collection[UUID], now: datetime) -> dict[UUID, Look]:
        """Return how the covered control room of each of these agreements fares."""
        values = {"ids": list(agreement_ids), "given_back": list(GIVEN_BACK), "system_hub": SYSTEM_HUB}
        rows = await self.session.execute(_LOOK, values | {"system": SYSTEM})
        return {row[0]: Look(now, row[1], row[2], row[3]) for row in rows}

    async def running(self, agreement_ids: Collection[UUID] | None = None) -> Sequence[Cover]:
        """Return the covers that are on, the oldest first: of these agreements, or all."""
        statement = select(Cover).where(Cover.ended_at.is_(None)).order_by(Cover.started_at, Cover.id)
        if agreement_ids is not None:
            statement = statement.where(among(Cover.agreement_id, agreement_ids))
        return (await self.session.execute(statement)).scalars().all()

    async def add_agreement(self, council_id: str, partner_id: str, after_s: int, by: str) -> CoverAgreement | None:
        """Add an agreement; None when the council has one that holds."""
        row = {"id": new_id(), "council_id": council_id, "partner_id": partner_id, "after_s": after_s, "made_by": by}
        statement = insert(CoverAgreement).values(row).on_conflict_do_nothing().returning(CoverAgreement)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def agreements(self, councils: frozenset[str], before: UUID | None, limit: int) -> Sequence[CoverAgreement]:
        """Return the agreements that hold and name one of these councils (none means all), newest first."""
        statement = select(CoverAgreement).where(CoverAgreement.ended_at.is_(None))
        if councils:
            ours = CoverAgreement.council_id.in_(councils) | CoverAgreement.partner_id.in_(councils)
            statement = statement.where(ours)
        if before is not None:
            statement = statement.where(CoverAgreement.id < before)
        return (await self.session.execute(statement.order_by(CoverAgreement.id.desc()).limit(limit))).scalars().all()

    async def get(self, cover_id: UUID) -> Cover | None:
        """Return a cover, or None."""
        return await self.session.get(Cover, cover_id, populate_existing=True)

    async def page(self, councils: frozenset[str], before: UUID | None, limit: int) -> Sequence[Cover]:
        """Return covers of and by these councils (none means all), newest first."""
        statement = select(Cover).order_by(Cover.id.desc()).limit(limit)
        if councils:
            statement = statement.where(or_(Cover.council_id.in_(councils), Cover.partner_id.in_(councils)))
        if before is not None:
            statement = statement.where(Cover.id < before)
        return (await self.session.execute(statement)).scalars().all()

    async def cases(self, cover: Cover, until: datetime) -> list[Case]:
        """Return the cases of the covered council that were open while a cover was on, with who took each first."""
        values = {"council_id": cover.council_id, "partner_id": cover.partner_id, "since": cover.started_at}
        values |= {"until": until, "canary": CANARY_CLASS, "system_hub": SYSTEM_HUB, "most": CASES}
        return [Case(*row) for row in await self.session.execute(_CASES, values)]

    async def names(self, codes: Collection[str]) -> dict[str, str]:
        """Return the names of councils by code."""
        rows = await self.session.execute(select(_council.c.code, _council.c.name).where(among(_council.c.code, codes)))
        return {row.code: row.name for row in rows}
