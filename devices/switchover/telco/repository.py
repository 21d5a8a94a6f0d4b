"""All queries on agreements, batches, notices, holds and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from devices.registry.domain import LineKind
from devices.registry.models import Installation, Line
from devices.switchover.telco.domain import NoticeStatus, Purpose
from devices.switchover.telco.models import (
    TelcoAgreement,
    TelcoBatch,
    TelcoBatchNumber,
    TelcoCheck,
    TelcoHold,
    TelcoNotice,
)
from telecare.kernel.among import among
from telecare.kernel.errors import NotFoundError

# A number with the units of its homes: a line's, where somebody has a unit now.
_HOMES = """
    SELECT l.number, h.hub_id, h.connection, i.accepted_at, l.provider
      FROM line l
      JOIN installation i ON i.premises_id = l.premises_id AND i.period @> clock_timestamp()
      JOIN hub h ON h.hub_id = i.hub_id
     WHERE l.council_id = :council AND l.number IS NOT NULL AND l.kind <> 'none'
"""
_OF_PROVIDER = " AND (l.provider IS NULL OR lower(l.provider) = lower(:provider))"
_HELD = """ EXISTS (SELECT FROM telco_hold x WHERE x.council_id = :council AND x.number = {number}
                     AND x.lifted_at IS NULL AND (x.until IS NULL OR x.until >= :today))"""
# The least able unit of a number says what kind of telecare it is.
_WORST = """
    SELECT number, CASE min(CASE connection WHEN 'analogue' THEN 0 WHEN 'digital_ready' THEN 1 ELSE 2 END)
                   WHEN 0 THEN 'analogue' WHEN 1 THEN 'digital_ready' ELSE 'digital' END AS connection
      FROM ({homes}) u GROUP BY number {having} ORDER BY number
"""
_NUMBERS = {
    Purpose.IDENTIFY: text(_WORST.format(homes=_HOMES + _OF_PROVIDER, having="")),
    Purpose.DO_NOT_MIGRATE: text(
        _WORST.format(homes=_HOMES + _OF_PROVIDER + " AND" + _HELD.format(number="l.number"), having="")
    ),
    # Each unit of the home is digital and accepted; what was told since is not told again.
    Purpose.SOLUTION_CONFIRMED: text(
        _WORST.format(
            homes=_HOMES + _OF_PROVIDER + " AND NOT" + _HELD.format(number="l.number"),
            having="""HAVING bool_and(connection = 'digital' AND accepted_at IS NOT NULL)
               AND NOT EXISTS (SELECT FROM telco_batch_number n JOIN telco_batch b ON b.id = n.batch_id
                                 JOIN telco_agreement a ON a.id = b.agreement_id
                                WHERE n.number = u.number AND n.council_id = :council
                                  AND b.purpose = 'solution_confirmed' AND lower(a.provider) = lower(:provider)
                                  AND b.made_at >= max(u.accepted_at))""",
        )
    ),
}
_HUBS_OF = text(_HOMES + " AND l.number = :number ORDER BY h.hub_id")
_PROVEN = text(
    """
    SELECT EXISTS (SELECT FROM event WHERE hub_id = :hub_id AND received_at >= :since AND treatment <> 'duplicate')
    """
)


Row = TypeVar("Row", TelcoAgreement, TelcoBatch, TelcoCheck, TelcoHold)


@dataclass(frozen=True)
class NoticeFilter:
    """What the list of notices is narrowed to; None is all."""

    council: str | None = None
    provider: str | None = None
    number: str | None = None
    ahead: bool = False
    unsettled: bool = False


class TelcoRepository:
    """Reads and writes in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def agreements(self) -> list[TelcoAgreement]:
        """Return the agreements, those in force first."""
        statement = select(TelcoAgreement).order_by(
            TelcoAgreement.ended_at.is_not(None), TelcoAgreement.provider, TelcoAgreement.made_at
        )
        return list((await self.session.execute(self._visible(statement, TelcoAgreement))).scalars())

    async def agreement(self, agreement_id: UUID, *, lock: bool = False) -> TelcoAgreement:
        """Return an agreement, or raise NotFoundError."""
        return await self._require(TelcoAgreement, agreement_id, "agreement", lock=lock)

    async def in_force(self, council_id: str, provider: str) -> bool:
        """Say whether there is an agreement with a provider that has not ended."""
        statement = select(TelcoAgreement.id).where(
            TelcoAgreement.council_id == council_id,
            func.lower(TelcoAgreement.provider) == provider.lower(),
            TelcoAgreement.ended_at.is_(None),
        )
        return (await self.session.execute(statement)).first() is not None

    async def numbers_for(self, agreement: TelcoAgreement, purpose: Purpose, today: date) -> Sequence[tuple[str, str]]:
        """Return the numbers that a batch of this purpose is about, with the connection of the least able unit."""
        values: dict[str, Any] = {"council": agreement.council_id, "provider": agreement.provider}
        if purpose is not Purpose.IDENTIFY:
            values["today"] = today
        rows = await self.session.execute(_NUMBERS[purpose], values)
        return [(row.number, row.connection) for row in rows]

    async def batches(self, agreement_id: UUID | None = None, limit: int = 200) -> list[tuple[TelcoBatch, str]]:
        """Return batches, the newest first, each with its provider."""
        statement = (
            select(TelcoBatch, TelcoAgreement.provider)
            .join(TelcoAgreement, TelcoAgreement.id == TelcoBatch.agreement_id)
            .order_by(TelcoBatch.made_at.desc(), TelcoBatch.id.desc())
            .limit(limit)
        )
        if agreement_id is not None:
            statement = statement.where(TelcoBatch.agreement_id == agreement_id)
        rows = await self.session.execute(self._visible(statement, TelcoBatch))
        return [(row[0], row[1]) for row in rows]

    async def batch(self, batch_id: UUID, *, lock: bool = False) -> TelcoBatch:
        """Return a batch, or raise NotFoundError."""
        return await self._require(TelcoBatch, batch_id, "batch", lock=lock)

    async def numbers_of(self, batch_id: UUID) -> list[tuple[str, str]]:
        """Return what was told in a batch."""
        statement = select(TelcoBatchNumber.number, TelcoBatchNumber.device_type)
        rows = await self.session.execute(statement.where(TelcoBatchNumber.batch_id == batch_id))
        return [(row.number, row.device_type) for row in rows]

    async def add_numbers(self, batch: TelcoBatch, numbers: Sequence[tuple[str, str]]) -> None:
        """Keep what a batch tells."""
        own = {"batch_id": batch.id, "council_id": batch.council_id}
        rows = [{**own, "number": number, "device_type": kind} for number, kind in numbers]
        await self.session.execute(insert(TelcoBatchNumber), rows)

    async def match(self, batch_id: UUID, result: str, numbers: Sequence[str], now: datetime) -> list[str]:
        """Keep what the provider found of some numbers of a batch; return those that were in it."""
        statement = (
            update(TelcoBatchNumber)
            .where(TelcoBatchNumber.batch_id == batch_id, among(TelcoBatchNumber.number, numbers))
            .values(result=result, result_at=now)
            .returning(TelcoBatchNumber.number)
            .execution_options(synchronize_session=False)
        )
        return list((await self.session.execute(statement)).scalars())

    async def results_of(self, batch_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
        """Return how many numbers of each batch had each result."""
        statement = (
            select(TelcoBatchNumber.batch_id, TelcoBatchNumber.result, func.count())
            .where(among(TelcoBatchNumber.batch_id, batch_ids), TelcoBatchNumber.result.is_not(None))
            .group_by(TelcoBatchNumber.batch_id, TelcoBatchNumber.result)
        )
        found: dict[UUID, dict[str, int]] = {}
        for batch_id, result, count in await self.session.execute(statement):
            found.setdefault(batch_id, {})[str(result)] = count
        return found

    async def notice_of(self, council_id: str, number: str, provider: str) -> TelcoNotice | None:
        """Return the notice of a number by a provider, locked, None when none came yet."""
        statement = (
            select(TelcoNotice)
            .where(
                TelcoNotice.council_id == council_id,
                TelcoNotice.number == number,
                func.lower(TelcoNotice.provider) == provider.lower(),
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def add(self, row: Any) -> None:
        """Add a row."""
        self.session.add(row)
        await self.session.flush()

    async def notices(self, wanted: NoticeFilter, now: datetime, limit: int, offset: int = 0) -> list[RowMapping]:
        """Return notices by planned time, each with its hold."""
        statement = _with_hold(now).order_by(TelcoNotice.planned_at, TelcoNotice.id).limit(limit).offset(offset)
        rows = await self.session.execute(self._visible(_narrowed(statement, wanted, now), TelcoNotice))
        return list(rows.mappings())

    async def homes_of(self, council_id: str, number: str) -> list[str]:
        """Return the hubs that are in the homes of a number now."""
        rows = await self.session.execute(_HUBS_OF, {"council": council_id, "number": number})
        return list(dict.fromkeys(row.hub_id for row in rows))

    async def known(self, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of these councils and numbers that are of a home with a unit."""
        statement = text(
            "SELECT DISTINCT l.council_id, l.number FROM line l"
            " JOIN installation i ON i.premises_id = l.premises_id AND i.period @> clock_timestamp()"
            " WHERE l.kind <> 'none' AND l.number = ANY(:numbers)"
        )
        rows = await self.session.execute(statement, {"numbers": sorted({number for _, number in pairs})})
        return {(row.council_id, row.number) for row in rows} & set(pairs)

    async def checks_of(self, notice_ids: Sequence[UUID]) -> list[TelcoCheck]:
        """Return the checks of some notices, the latest first."""
        statement = select(TelcoCheck).where(among(TelcoCheck.notice_id, notice_ids))
        rows = await self.session.execute(statement.order_by(TelcoCheck.planned_at.desc(), TelcoCheck.hub_id))
        return list(rows.scalars())

    async def lock_unchecked(self, now: datetime) -> TelcoNotice | None:
        """Return a notice whose time has come and that has no checks for it, locked; None when there is none."""
        statement = (
            select(TelcoNotice)
            .where(
                TelcoNotice.status != NoticeStatus.CANCELLED,
                TelcoNotice.planned_at <= now,
                # What came long after the fact is a record: nobody could have looked within the hour.
                TelcoNotice.planned_at >= TelcoNotice.last_at - timedelta(days=1),
                TelcoNotice.checks_for.is_distinct_from(TelcoNotice.planned_at),
            )
            .order_by(TelcoNotice.planned_at, TelcoNotice.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def due_checks(self, now: datetime) -> list[tuple[UUID, str]]:
        """Return the checks to look at and their hubs, the longest due first."""
        statement = (
            select(TelcoCheck.id, TelcoCheck.hub_id)
            .where(TelcoCheck.ended_at.is_(None), TelcoCheck.look_at <= now)
            .order_by(TelcoCheck.planned_at, TelcoCheck.id)
        )
        return [(row.id, row.hub_id) for row in await self.session.execute(statement)]

    async def lock_check(self, check_id: UUID, *, wait: bool = False) -> TelcoCheck | None:
        """Return a check that has not ended, locked; None when it has, or when somebody else has it."""
        statement = (
            select(TelcoCheck)
            .where(TelcoCheck.id == check_id, TelcoCheck.ended_at.is_(None))
            .with_for_update(skip_locked=not wait)
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(self._visible(statement, TelcoCheck))).scalar_one_or_none()

    async def check(self, check_id: UUID) -> TelcoCheck:
        """Return a check, or raise NotFoundError."""
        return await self._require(TelcoCheck, check_id, "check")

    async def proven(self, hub_id: str, since: datetime) -> bool:
        """Say whether a message of a hub other than a heartbeat has come in since then."""
        return bool((await self.session.execute(_PROVEN, {"hub_id": hub_id, "since": since})).scalar_one())

    async def holds(self, council: str | None = None, *, lifted: bool = False) -> list[TelcoHold]:
        """Return holds, the newest first; those that were lifted only when asked."""
        statement = select(TelcoHold).order_by(TelcoHold.set_at.desc(), TelcoHold.id.desc())
        if council is not None:
            statement = statement.where(TelcoHold.council_id == council)
        if not lifted:
            statement = statement.where(TelcoHold.lifted_at.is_(None))
        return list((await self.session.execute(self._visible(statement, TelcoHold))).scalars())

    async def hold(self, hold_id: UUID, *, lock: bool = False) -> TelcoHold:
        """Return a hold, or raise NotFoundError."""
        return await self._require(TelcoHold, hold_id, "hold", lock=lock)

    async def hold_of(self, council_id: str, number: str) -> TelcoHold | None:
        """Return the hold of a number that was not lifted, locked."""
        statement = (
            select(TelcoHold)
            .where(TelcoHold.council_id == council_id, TelcoHold.number == number, TelcoHold.lifted_at.is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def lock_unsettled(self, now: datetime, council_id: str | None = None) -> list[TelcoNotice]:
        """Return the notices that a human must settle and was not told of: held, or of no home; locked."""
        statement = (
            select(TelcoNotice)
            .where(_unsettled(now), TelcoNotice.told_for.is_distinct_from(TelcoNotice.planned_at))
            .order_by(TelcoNotice.planned_at, TelcoNotice.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if council_id is not None:
            statement = statement.where(TelcoNotice.council_id == council_id)
        return list((await self.session.execute(statement)).scalars())

    async def unsettled(self, now: datetime) -> dict[str, int]:
        """Return how many notices of each council a human must settle."""
        statement = select(TelcoNotice.council_id, func.count()).where(_unsettled(now)).group_by(TelcoNotice.council_id)
        return {row[0]: row[1] for row in await self.session.execute(statement)}

    async def _require(self, model: type[Row], row_id: UUID, what: str, *, lock: bool = False) -> Row:
        statement = self._visible(select(model).where(model.id == row_id), model)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        found: Row | None = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no {what} {row_id}")
        return found

    def _visible(self, statement: Any, model: Any) -> Any:
        return statement.where(model.council_id.in_(self.councils)) if self.councils else statement


def _with_hold(now: datetime) -> Any:
    hold = and_(
        TelcoHold.council_id == TelcoNotice.council_id,
        TelcoHold.number == TelcoNotice.number,
        _in_force(TelcoHold, now),
    )
    held = (TelcoHold.id.label("hold_id"), TelcoHold.reason.label("hold_reason"), TelcoHold.until.label("hold_until"))
    return select(*TelcoNotice.__table__.columns, *held).outerjoin(TelcoHold, hold)


def _in_force(hold: Any, now: datetime) -> ColumnElement[bool]:
    return and_(hold.lifted_at.is_(None), or_(hold.until.is_(None), hold.until >= now.date()))


def _unsettled(now: datetime) -> ColumnElement[bool]:
    """Notices that are still to come and either go against a hold or are of a number that no home here has."""
    hold = aliased(TelcoHold)
    held = exists().where(
        hold.council_id == TelcoNotice.council_id, hold.number == TelcoNotice.number, _in_force(hold, now)
    )
    home = exists().where(
        Line.council_id == TelcoNotice.council_id,
        Line.number == TelcoNotice.number,
        Line.kind != LineKind.NONE,
        Installation.premises_id == Line.premises_id,
        Installation.period.contains(func.clock_timestamp()),
    )
    ahead = and_(TelcoNotice.status == NoticeStatus.PLANNED, TelcoNotice.planned_at > now)
    return and_(ahead, or_(held, ~home))


def _narrowed(statement: Any, wanted: NoticeFilter, now: datetime) -> Any:
    if wanted.council is not None:
        statement = statement.where(TelcoNotice.council_id == wanted.council)
    if wanted.provider is not None:
        statement = statement.where(func.lower(TelcoNotice.provider) == wanted.provider.lower())
    if wanted.number is not None:
        statement = statement.where(TelcoNotice.number == wanted.number)
    if wanted.ahead:
        statement = statement.where(TelcoNotice.planned_at > now)
    return statement.where(_unsettled(now)) if wanted.unsettled else statement
