"""All queries on the exposure list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import Connection
from devices.registry.models import Hub, Line, Person, Premises
from devices.registry.repository import PERSON_NAME, PLACE
from devices.switchover.exposure.domain import DIGITAL_LINES, Facts
from devices.switchover.exposure.models import Exposure, ExposureLog
from telecare.kernel.among import among
from telecare.kernel.errors import NotFoundError

# One look at a time, whoever's: a second one finds the same, and must not wait for it.
_TRY_LOOK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('exposure', 7014))")

# What both queries ask of an installation, a line, a person.
_PARTS = {
    "here": "i.period @> clock_timestamp()",
    "digital": "l.kind IN ('voip_router', 'voip_ata')",
    "safe": """FROM installation i JOIN hub h ON h.hub_id = i.hub_id
                WHERE i.period @> clock_timestamp() AND i.accepted_at IS NOT NULL AND h.connection = 'digital'
                  AND i.person_id""",
}
# Somebody has said of a home that its unit hangs on its analogue line: that holds while there is one.
_FOUND = """
    SELECT i.id AS installation_id, i.hub_id, i.council_id, i.person_id, i.premises_id, lower(i.period) AS installed,
           d.kind AS line_kind, d.provider, d.checked_on,
           (SELECT min(x.known_since) FROM exposure x
             WHERE x.person_id = i.person_id AND x.premises_id = i.premises_id
               AND x.closed_at IS NULL) AS goes_on_from
      FROM installation i
      JOIN hub h ON h.hub_id = i.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
      JOIN LATERAL (SELECT l.kind, l.provider, l.checked_on FROM line l
                     WHERE l.premises_id = i.premises_id AND {digital}
                     ORDER BY l.checked_on NULLS LAST, l.id LIMIT 1) d ON true
     WHERE {here}
       AND (h.connection = 'analogue'
            OR h.connection = 'digital_ready' AND coalesce(p.state, 'never_seen') = 'never_seen')
       AND NOT EXISTS (SELECT FROM exposure x WHERE x.installation_id = i.id AND x.closed_at IS NULL)
       AND i.person_id NOT IN (SELECT i.person_id {safe} IS NOT NULL)
       AND NOT EXISTS (SELECT FROM exposure x
                        WHERE x.installation_id = i.id AND x.cause = 'other_line'
                          AND EXISTS (SELECT FROM line l WHERE l.premises_id = i.premises_id AND l.kind = 'pstn'))
     ORDER BY i.id LIMIT :most
"""
_FACTS = """
    SELECT x.id, x.gone, o.here, h.connection, coalesce(p.state, 'never_seen') <> 'never_seen' AS heard,
           EXISTS (SELECT FROM line l WHERE l.premises_id = x.premises_id AND {digital}) AS digital_line,
           EXISTS (SELECT {safe} = x.person_id) AS safe,
           EXISTS (SELECT FROM installation i
                    WHERE i.person_id = x.person_id AND i.id <> x.installation_id AND {here}) AS elsewhere
      FROM exposure x
      JOIN hub h ON h.hub_id = x.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = x.hub_id
      CROSS JOIN LATERAL (SELECT {here} AS here FROM installation i WHERE i.id = x.installation_id) o
     WHERE x.closed_at IS NULL AND (CAST(:entry AS uuid) IS NULL OR x.id = :entry)
     ORDER BY x.id
"""
_FOUND_NOW = text(_FOUND.format(**_PARTS))
_FACTS_NOW = text(_FACTS.format(**_PARTS))
_SAY = text(
    """
    INSERT INTO exposure_log (exposure_id, seq, council_id, actor, text)
    SELECT :entry, coalesce(max(seq), 0) + 1, :council_id, :actor, :text FROM exposure_log WHERE exposure_id = :entry
    """
)


@dataclass(frozen=True)
class ExposureFilter:
    """What the list is narrowed to; None is all. `closed`: what has ended, and only that."""

    council: str | None = None
    owner: str | None = None
    provider: str | None = None
    overdue: bool = False
    unowned: bool = False
    closed: bool = False


class ExposureRepository:
    """Reads and writes of the list in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def lock_looks(self) -> bool:
        """Take the turn to look until the transaction ends; False when somebody else has it."""
        return bool((await self.session.execute(_TRY_LOOK)).scalar_one())

    async def found(self, most: int) -> Sequence[RowMapping]:
        """Return so many of the units that are exposed and not on the list."""
        return list((await self.session.execute(_FOUND_NOW, {"most": most})).mappings())

    async def facts(self, entry: UUID | None = None) -> dict[UUID, tuple[Facts, str | None]]:
        """Return what is known of all open entries, or of one, and what was written down as gone."""
        rows = await self.session.execute(_FACTS_NOW, {"entry": entry})
        return {
            row.id: (
                Facts(row.here, Connection(row.connection), row.heard, row.digital_line, row.safe, row.elsewhere),
                row.gone,
            )
            for row in rows
        }

    async def lock(self, entries: Sequence[UUID]) -> list[Exposure]:
        """Return these entries as far as they are open, locked."""
        statement = (
            select(Exposure)
            .where(among(Exposure.id, entries), Exposure.closed_at.is_(None))
            .order_by(Exposure.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return list((await self.session.execute(statement)).scalars())

    async def add(self, **columns: Any) -> Exposure:
        """Add an entry."""
        entry = Exposure(**columns)
        self.session.add(entry)
        await self.session.flush()
        return entry

    async def say(self, entry: Exposure, actor: str, words: str) -> None:
        """Write a line into the log of an entry, whose row is locked or new."""
        values = {"entry": entry.id, "council_id": entry.council_id, "actor": actor, "text": words}
        await self.session.execute(_SAY, values)

    async def log_of(self, entry: UUID) -> list[ExposureLog]:
        """Return what became of an entry, the first line first."""
        statement = select(ExposureLog).where(ExposureLog.exposure_id == entry).order_by(ExposureLog.seq)
        return list((await self.session.execute(statement)).scalars())

    async def require(self, entry: UUID, *, lock: bool = False) -> Exposure:
        """Return an entry, locked when it is to be changed, or raise NotFoundError."""
        statement = self._visible(select(Exposure).where(Exposure.id == entry))
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        found: Exposure | None = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"The exposure list has no entry {entry}")
        return found

    async def shown(self, entry: UUID) -> RowMapping:
        """Return an entry as shown, or raise NotFoundError."""
        row: RowMapping | None = (
            (await self.session.execute(self._shown().where(Exposure.id == entry))).mappings().one_or_none()
        )
        if row is None:
            raise NotFoundError(f"The exposure list has no entry {entry}")
        return row

    async def page(
        self, wanted: ExposureFilter, now: datetime, after: tuple[datetime, UUID] | None, limit: int, offset: int = 0
    ) -> Sequence[RowMapping]:
        """Return entries as shown, what is due first; of those that have ended the oldest first."""
        key = (Exposure.due_at, Exposure.id)
        statement = _narrowed(self._shown(), wanted, now).order_by(*key).limit(limit).offset(offset)
        if after is not None:
            statement = statement.where(tuple_(*key) > tuple_(*after))
        return list((await self.session.execute(statement)).mappings())

    async def count(self, wanted: ExposureFilter, now: datetime) -> int:
        """Return how many entries a list has."""
        statement = self._visible(_narrowed(select(func.count()).select_from(Exposure), wanted, now))
        return int((await self.session.execute(statement)).scalar_one())

    async def owners(self) -> list[str]:
        """Return who has open entries."""
        statement = self._visible(select(Exposure.owner).where(Exposure.closed_at.is_(None)).distinct())
        return sorted(name for name in (await self.session.execute(statement)).scalars() if name)

    async def overdue(self, now: datetime) -> dict[str, tuple[int, int]]:
        """Return how many entries of each council are overdue, and of how many of these nobody was told."""
        fresh = func.count().filter(Exposure.overdue_told_at.is_(None))
        statement = select(Exposure.council_id, func.count(), fresh).where(_overdue(now)).group_by(Exposure.council_id)
        return {council: (count, untold) for council, count, untold in await self.session.execute(statement)}

    async def lock_overdue(self, council_id: str, now: datetime) -> list[Exposure]:
        """Return the overdue entries of a council of which nobody was told, locked, the longest overdue first."""
        statement = (
            select(Exposure)
            .where(Exposure.council_id == council_id, _overdue(now), Exposure.overdue_told_at.is_(None))
            .order_by(Exposure.due_at, Exposure.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return list((await self.session.execute(statement)).scalars())

    async def tiers(self, people: Sequence[UUID]) -> dict[UUID, str]:
        """Return the risk tiers of some people."""
        rows = await self.session.execute(select(Person.id, Person.risk_tier).where(among(Person.id, people)))
        return {row.id: row.risk_tier for row in rows}

    async def tally(self, now: datetime) -> tuple[int, int, datetime | None]:
        """Return how many units are exposed, how many of them overdue, and since when the oldest is known."""
        late = func.count().filter(_overdue(now))
        statement = select(func.count(), late, func.min(Exposure.known_since)).where(Exposure.closed_at.is_(None))
        row = (await self.session.execute(self._visible(statement))).one()
        return row[0], row[1], row[2]

    async def lines(self, premises_id: UUID) -> Sequence[Line]:
        """Return the telephone lines of a home, locked."""
        statement = select(Line).where(Line.premises_id == premises_id).order_by(Line.id).with_for_update()
        return (await self.session.execute(statement.execution_options(populate_existing=True))).scalars().all()

    async def correct_lines(self, premises_id: UUID, kind: str) -> int:
        """Let the digital lines of a home be of another kind, as checked today; return how many were changed."""
        statement = (
            update(Line)
            .where(Line.premises_id == premises_id, Line.kind.in_(DIGITAL_LINES))
            .values(kind=kind, checked_on=func.current_date())
            .returning(Line.id)
            .execution_options(synchronize_session=False)
        )
        return len((await self.session.execute(statement)).scalars().all())

    def _shown(self) -> Any:
        columns = list(Exposure.__table__.columns)
        statement = (
            select(
                *columns,
                PERSON_NAME.label("person_name"),
                Person.risk_tier.label("tier"),
                PLACE.label("place"),
                Hub.connection,
            )
            .select_from(Exposure)
            .join(Person, Person.id == Exposure.person_id)
            .join(Premises, Premises.id == Exposure.premises_id)
            .join(Hub, Hub.hub_id == Exposure.hub_id)
        )
        return self._visible(statement)

    def _visible(self, statement: Any) -> Any:
        return statement.where(Exposure.council_id.in_(self.councils)) if self.councils else statement


def _narrowed(statement: Any, wanted: ExposureFilter, now: datetime) -> Any:
    for column, value in (
        (Exposure.council_id, wanted.council), (Exposure.owner, wanted.owner), (Exposure.provider, wanted.provider),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    if wanted.overdue:
        statement = statement.where(_overdue(now))
    if wanted.unowned:
        statement = statement.where(Exposure.owner.is_(None))
    return statement.where(Exposure.closed_at.is_not(None) if wanted.closed else Exposure.closed_at.is_(None))


def _overdue(now: datetime) -> ColumnElement[bool]:
    return and_(Exposure.closed_at.is_(None), Exposure.due_at <= now)
