"""Who is protected now, since when and why; what somebody's protection was; and the minutes that were lost."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.schemas import GapOut
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.domain import RiskTier
from devices.registry.homes import PersonRepository
from telecare.access.domain import Actor
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints.people import Viewer, note_search
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError
from telecare.protection.domain import RANKS_ON_A_LIST, Protection
from telecare.protection.losses import Loss, by_tier, losses
from telecare.protection.report_repository import ProtectionReports
from telecare.protection.repository import ProtectionFilter, ProtectionRepository
from telecare.protection.schemas import (
    LossOut,
    ProtectionOut,
    ProtectionPeriodOut,
    ProtectionReportOut,
    StandingOut,
    TierLossOut,
    triggers_of,
)

people = api_router("/people", "people")
router = api_router("/protection", "protection")
reports = api_router("/reports", "reports")

DAYS, MOST_DAYS, FARTHEST_DAYS = 30, 400, 36_500

Begin = Annotated[
    AwareDatetime | None, Query(alias="from", description=f"with its offset; {DAYS} days before `to` if left out")
]
End = Annotated[AwareDatetime | None, Query(alias="to", description="with its offset; now when it is left out")]


@router.get("")
async def list_protection(
    session: Transaction,
    actor: Viewer,
    council: Council = None,
    state: Protection | None = None,
    tier: RiskTier | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[StandingOut]:
    """List people by their protection, the worst first: unprotected, degraded, unknown, protected; then by tier.

    Of the unknown those come last who call by telephone or are away by plan. Who looked is written to the audit.
    """
    wanted = ProtectionFilter(council, state, tier)
    after = decode_cursor(cursor, int, str, datetime, UUID)
    if after is not None and after[0] not in RANKS_ON_A_LIST:
        raise InvalidError("The cursor is not one that this list gave: start again without it")
    rows = await ProtectionReports(session, actor.councils).page(wanted, after, limit + 1)
    await note_search(session, actor, None, council, min(len(rows), limit))
    return page_of(rows, limit, StandingOut.of, lambda row: (row["rank"], row["tier"], row["since"], row["person_id"]))


@people.get("/{person_id}/protection")
async def get_protection(person_id: UUID, session: Transaction, actor: Viewer) -> ProtectionOut:
    """Say whether somebody is protected now, since when and why, and when each of their triggers was last proven."""
    person = await PersonRepository(session, actor.councils).require(person_id)
    await AuditRepository(session).add(actor, "protection_viewed", "person", person_id, person.council_id)
    return await protection_of(session, actor.councils, person_id)


@people.get("/{person_id}/protection/history")
async def protection_history(
    person_id: UUID, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[ProtectionPeriodOut]:
    """List where somebody stood, the newest first: each state with its reasons, from and to, exact, without samples."""
    person = await PersonRepository(session, actor.councils).require(person_id)
    await AuditRepository(session).add(actor, "protection_viewed", "person", person_id, person.council_id)
    before = decode_cursor(cursor, datetime)
    reports_ = ProtectionReports(session, actor.councils)
    rows = await reports_.history(person_id, before[0] if before else None, limit + 1)
    return page_of(rows, limit, ProtectionPeriodOut.of, lambda row: (row.started_at,))


@reports.get("/protection")
async def report_protection(
    session: Transaction, actor: Viewer, begin: Begin = None, end: End = None, council: Council = None
) -> ProtectionReportOut:
    """Return the minutes of lost protection by risk tier: sum, p95, and the ten people who lost most, with periods.

    They count from when somebody was last proven to be protected, not from when we knew. Looking is audited.
    """
    report = await lost_protection(session, actor.councils, begin, end, council)
    await note_report(session, actor, council)
    return report


@reports.get("/protection/losses")
async def list_losses(
    session: Transaction,
    actor: Viewer,
    begin: Begin = None,
    end: End = None,
    council: Council = None,
    tier: RiskTier | None = None,
    person: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LossOut]:
    """List every loss that the report counts, by person and time: the sum of their minutes is its figure."""
    after = decode_cursor(cursor, str, datetime)
    _, _, found = await lost_between(session, actor.councils, begin, end, council, person)
    listed = [loss for loss in found if tier in {None, loss.period.tier} and (after is None or _key(loss) > after)]
    await note_report(session, actor, council)
    return page_of(listed[: limit + 1], limit, LossOut.of, _key)


async def protection_of(session: AsyncSession, councils: frozenset[str], person_id: UUID) -> ProtectionOut:
    """Return where somebody stands and when each of their triggers was last proven."""
    shown = ProtectionReports(session, councils)
    row = await shown.of_person(person_id)
    ear = await VerdictRepository(session).ear()
    return ProtectionOut(
        person_id=person_id,
        standing=StandingOut.of(row) if row else None,
        our_gap_since=ear.heard_at if ear.deaf else None,
        triggers=triggers_of(await shown.triggers(person_id), ear.now),
    )


async def lost_protection(
    session: AsyncSession, councils: frozenset[str], begin: datetime | None, end: datetime | None, council: str | None
) -> ProtectionReportOut:
    """Return the report on lost protection of some councils (empty: all), or of one of them."""
    begin, end, found = await lost_between(session, councils, begin, end, council)
    counted: dict[RiskTier, int] = dict.fromkeys(RiskTier, 0)
    for (_, tier), count in (await ProtectionRepository(session).counts(councils, council)).items():
        counted[tier] += count
    tiers = by_tier(found, counted)
    worst = [lost.person_id for tier in tiers for lost in tier.worst]
    names = await ProtectionReports(session, councils).names(worst)
    gaps = [
        GapOut(started_at=max(started, begin), ended_at=min(ended, end))
        for started, ended in await VerdictRepository(session).deaf_since(begin)
        if started < end
    ]
    seconds = sum((gap.ended_at - gap.started_at).total_seconds() for gap in gaps)
    return ProtectionReportOut(
        begin=begin,
        end=end,
        council_id=council,
        tiers=[TierLossOut.of(tier, names) for tier in tiers],
        our_gaps=gaps,
        our_gap_minutes=round(seconds / 60, 1),
    )


async def lost_between(
    session: AsyncSession,
    councils: frozenset[str],
    begin: datetime | None,
    end: datetime | None,
    council: str | None,
    person_id: UUID | None = None,
) -> tuple[datetime, datetime, list[Loss]]:
    """Return what was lost between two moments, and which these are; InvalidError for a time that is none."""
    now = await database_now(session)
    end = end or now
    usable = abs(end - now) < timedelta(days=FARTHEST_DAYS)
    begin = begin or (end - timedelta(days=DAYS) if usable else end)
    if not usable or not timedelta(0) < end - begin <= timedelta(days=MOST_DAYS):
        errors = [{"where": "query.to", "what": f"this comes after `from`, at most {MOST_DAYS} days"}]
        raise InvalidError("The report has no time that is possible", errors=errors)
    periods = await ProtectionReports(session, councils).unprotected(begin, end, council, person_id)
    return begin, end, losses(periods, begin, end, now)


async def note_report(session: AsyncSession, actor: Actor, council: str | None) -> None:
    """Write down who read the report, for the auditors of the council that it was about."""
    if council is None and len(actor.councils) == 1:
        (council,) = actor.councils
    await AuditRepository(session).add(actor, "protection_report_viewed", "report", "protection", council)


def _key(loss: Loss) -> tuple[str, datetime]:
    return str(loss.period.person_id), loss.lost_from
