"""All queries on programmes, waves and units."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from devices.registry.models import Installation
from devices.switchover.programmes.domain import Line, Part, UnitFacts
from devices.switchover.programmes.models import Programme, Unit, Wave
from telecare.kernel.among import among
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id

# Every unit that stands with somebody in some councils, with what makes it go; lines of a home in one value.
_STANDS = """
    SELECT i.hub_id, i.council_id, i.person_id, i.premises_id, lower(i.period) AS since, h.connection, m.radio,
           h.mobile_network, m.support_ends_on, m.retires_on, h.certificate_expires_on, m.battery_hours, l.battery_pct,
           h.battery_due_on, m.battery_years,
           (SELECT min(lower(x.period)) FROM installation x WHERE x.hub_id = i.hub_id)::date AS fitted_on,
           (l.last_seen_at AT TIME ZONE 'Europe/London')::date AS told_on, n.lines
      FROM installation i
      JOIN hub h ON h.hub_id = i.hub_id
      JOIN device_model m ON m.id = h.model_id
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
      LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_array(kind, provider, checked_on) ORDER BY checked_on DESC NULLS
                                          LAST) AS lines FROM line WHERE premises_id = i.premises_id) n ON true
     WHERE upper_inf(i.period)
"""
_STANDING = text(f"{_STANDS} AND i.council_id = ANY(:councils) AND i.hub_id > :after ORDER BY i.hub_id LIMIT :limit")
_STANDING_ONE = text(f"{_STANDS} AND i.hub_id = :hub_id")
_PROGRAMMES_OF = text(
    """
    SELECT g.id AS programme_id, g.name, u.due_on, w.name AS wave
      FROM switchover_unit u
      JOIN switchover_programme g ON g.id = u.programme_id AND g.ended_at IS NULL
      LEFT JOIN switchover_wave w ON w.id = u.wave_id
     WHERE u.hub_id = :hub_id AND u.done_at IS NULL AND u.left_at IS NULL
     ORDER BY u.due_on, g.id
    """
)
# The latest visit of a unit's hub is the unit's, whichever programme it was made for.
_UNITS = """
    SELECT u.id, u.council_id, u.programme_id, u.hub_id, u.person_id, u.premises_id, u.wave_id, w.name AS wave,
           u.reasons, u.due_on, u.found_at, u.done_at, u.left_at, u.left_why, h.connection,
           concat(m.make, ' ', m.name) AS model, n.risk_tier, n.lives_alone,
           concat_ws(' ', coalesce(n.preferred_name, n.given_name), n.family_name) AS person_name,
           concat(p.address, ', ', p.town, ' ', p.postcode) AS place, v.id AS visit_id, v.state AS visit_state,
           v.starts_at, v.engineer
      FROM switchover_unit u
      JOIN hub h ON h.hub_id = u.hub_id
      JOIN device_model m ON m.id = h.model_id
      JOIN person n ON n.id = u.person_id
      JOIN premises p ON p.id = u.premises_id
      LEFT JOIN switchover_wave w ON w.id = u.wave_id
      LEFT JOIN LATERAL (SELECT id, state, starts_at, engineer FROM visit
                          WHERE old_hub_id = u.hub_id AND over_at IS NULL LIMIT 1) v ON true
     WHERE u.programme_id = :programme_id
       AND (CAST(:councils AS text[]) = '{}' OR u.council_id = ANY(:councils))
       AND (CAST(:council AS text) IS NULL OR u.council_id = :council)
       AND (CAST(:connection AS text) IS NULL OR h.connection = :connection)
       AND (CAST(:wave_id AS uuid) IS NULL OR u.wave_id = :wave_id)
       AND (NOT CAST(:no_wave AS boolean) OR u.wave_id IS NULL)
       AND (CAST(:tier AS text) IS NULL OR n.risk_tier = :tier)
       AND (CAST(:reason AS text) IS NULL OR u.reasons @> jsonb_build_array(jsonb_build_object('kind', :reason)))
       AND (CAST(:state AS text) IS NULL
            OR CASE :state WHEN 'done' THEN u.done_at IS NOT NULL
                           WHEN 'left' THEN u.left_at IS NOT NULL
                           WHEN 'no_visit' THEN v.id IS NULL AND u.done_at IS NULL AND u.left_at IS NULL
                           ELSE v.state = :state AND u.done_at IS NULL AND u.left_at IS NULL END)
       AND (CAST(:state AS text) IS NOT NULL OR u.left_at IS NULL)
"""
_PAGE = text(
    f"{_UNITS} AND (CAST(:after_on AS date) IS NULL OR (u.due_on, u.hub_id) > (:after_on, :after_hub))"
    " ORDER BY u.due_on, u.hub_id LIMIT :limit OFFSET :offset"
)
_COUNT = text(f"SELECT count(*) FROM ({_UNITS}) q")  # noqa: S608 - both parts are ours
_PROGRESS = text(
    """
    SELECT u.programme_id, u.council_id, h.connection,
           CASE WHEN u.done_at IS NOT NULL THEN 'done' ELSE coalesce(v.state, 'no_visit') END AS state,
           count(*) AS units
      FROM switchover_unit u
      JOIN hub h ON h.hub_id = u.hub_id
      LEFT JOIN visit v ON v.old_hub_id = u.hub_id AND v.over_at IS NULL
     WHERE u.programme_id = ANY(:programmes) AND u.left_at IS NULL
       AND (CAST(:councils AS text[]) = '{}' OR u.council_id = ANY(:councils))
     GROUP BY 1, 2, 3, 4
    """
)
# In the whole fleet that stands in homes: the three are kept apart, for a digital-ready unit may still be analogue.
_CONNECTIONS = text(
    """
    SELECT i.council_id, h.connection, count(*) AS units FROM installation i JOIN hub h ON h.hub_id = i.hub_id
     WHERE upper_inf(i.period) AND i.council_id = ANY(:councils) GROUP BY 1, 2
    """
)
_LEAVE = text(
    """
    UPDATE switchover_unit u SET left_at = clock_timestamp(),
           left_why = CASE WHEN EXISTS (SELECT FROM installation i WHERE i.hub_id = u.hub_id AND upper_inf(i.period))
                           THEN 'It has no reason of this programme any more' ELSE 'It is with nobody any more' END
     WHERE u.programme_id = :programme_id AND u.left_at IS NULL AND u.done_at IS NULL AND u.hub_id <> ALL(:hub_ids)
       AND NOT EXISTS (SELECT FROM visit v WHERE v.old_hub_id = u.hub_id AND v.over_at IS NULL)
    RETURNING u.id
    """
).bindparams(bindparam("hub_ids", type_=ARRAY(Text)))


@dataclass(frozen=True)
class UnitFilter:
    """What a list of units is narrowed to; None is all. `state` is a visit's, or `no_visit`, `done`, `left`."""

    council: str | None = None
    connection: str | None = None
    wave_id: UUID | None = None
    no_wave: bool = False
    tier: str | None = None
    reason: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class Standing:
    """A unit that stands with somebody, with what makes it go."""

    hub_id: str
    council_id: str
    person_id: UUID
    premises_id: UUID
    since: datetime
    facts: UnitFacts


@dataclass
class Progress:
    """How far a programme is: units by state, by connection, by council and state."""

    states: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    connections: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    councils: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    @property
    def units(self) -> int:
        """How many there are, done or not."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """How many are done."""
        return self.states.get("done", 0)


class ProgrammeRepository:
    """Reads and writes of programmes in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def all(self) -> list[Programme]:
        """Return the programmes that somebody may see: those with a council of theirs, the first deadline first."""
        statement = self._seen(select(Programme)).order_by(Programme.ended_at.is_not(None), Programme.deadline)
        return list((await self.session.execute(statement.order_by(Programme.id))).scalars())

    async def require(self, programme_id: UUID, *, lock: bool = False) -> Programme:
        """Return a programme, locked when it is to be changed, or raise NotFoundError."""
        statement = self._seen(select(Programme).where(Programme.id == programme_id))
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        found: Programme | None = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no programme {programme_id}")
        return found

    async def add(self, **columns: Any) -> Programme:
        """Add a programme."""
        statement = insert(Programme).values(id=new_id(), **columns).returning(Programme)
        return (await self.session.execute(statement)).scalar_one()

    async def waves(self, programme_ids: Collection[UUID]) -> list[Wave]:
        """Return the waves of some programmes, in their order."""
        statement = select(Wave).where(among(Wave.programme_id, programme_ids))
        return list((await self.session.execute(statement.order_by(Wave.starts_on, Wave.name))).scalars())

    async def wave(self, programme_id: UUID, wave_id: UUID) -> Wave:
        """Return a wave of a programme, or raise NotFoundError."""
        statement = select(Wave).where(Wave.id == wave_id, Wave.programme_id == programme_id)
        found = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"This programme has no wave {wave_id}")
        return found

    async def part(self, programme_id: UUID | None, wave_id: UUID | None) -> Part | None:
        """Return the part of a programme that is meant, None for no part; NotFoundError when there is no such one."""
        if wave_id is not None:
            wave = await self.session.get(Wave, wave_id)
            if wave is None or programme_id not in {None, wave.programme_id}:
                raise NotFoundError(f"There is no wave {wave_id}{' of this programme' if programme_id else ''}")
            programme_id = wave.programme_id
        if programme_id is None:
            return None
        return Part((await self.require(programme_id)).id, wave_id)

    async def hubs_of(self, part: Part) -> frozenset[str]:
        """Return the hubs that a programme, or a wave of it, has yet to replace."""
        statement = select(Unit.hub_id).where(
            Unit.programme_id == part.programme_id, Unit.done_at.is_(None), Unit.left_at.is_(None)
        )
        if part.wave_id is not None:
            statement = statement.where(Unit.wave_id == part.wave_id)
        return frozenset((await self.session.execute(statement)).scalars())

    async def add_wave(self, **columns: Any) -> Wave | None:
        """Add a wave; None when the programme has one of this name."""
        statement = insert(Wave).values(id=new_id(), **columns).on_conflict_do_nothing().returning(Wave)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def standing(self, councils: Collection[str], after: str, limit: int) -> list[Standing]:
        """Return units that stand with somebody in some councils, in batches by hub."""
        values = {"councils": sorted(councils), "after": after, "limit": limit}
        return [_standing(row) for row in (await self.session.execute(_STANDING, values)).mappings()]

    async def standing_of(self, hub_id: str) -> Standing | None:
        """Return a unit that stands with somebody; None when it does not."""
        row = (await self.session.execute(_STANDING_ONE, {"hub_id": hub_id})).mappings().one_or_none()
        return None if row is None else _standing(row)

    async def programmes_of(self, hub_id: str) -> Sequence[RowMapping]:
        """Return the programmes that have yet to replace a unit, with the day by which each must, and its wave."""
        return list((await self.session.execute(_PROGRAMMES_OF, {"hub_id": hub_id})).mappings())

    async def units_by_hub(self, programme_id: UUID, hub_ids: Collection[str]) -> dict[str, Unit]:
        """Return the units of some hubs in a programme."""
        statement = select(Unit).where(Unit.programme_id == programme_id, among(Unit.hub_id, hub_ids))
        return {row.hub_id: row for row in (await self.session.execute(statement)).scalars()}

    async def unit(self, unit_id: UUID) -> Unit:
        """Return a unit, or raise NotFoundError."""
        statement = select(Unit).where(Unit.id == unit_id)
        if self.councils:
            statement = statement.where(Unit.council_id.in_(self.councils))
        found = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no unit {unit_id}")
        return found

    async def add_units(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add units."""
        if rows:
            await self.session.execute(insert(Unit), [{"id": new_id(), **row} for row in rows])

    async def leave(self, programme_id: UUID, staying: Collection[str]) -> int:
        """Note of all other units without a visit that they are a matter of the programme no more; return how many."""
        values = {"programme_id": programme_id, "hub_ids": sorted(staying)}
        return len((await self.session.execute(_LEAVE, values)).all())

    async def page(
        self, programme_id: UUID, wanted: UnitFilter, after: tuple[date, str] | None, limit: int, offset: int = 0
    ) -> Sequence[RowMapping]:
        """Return units of a programme by what is due first; those that left it only when they are asked for."""
        after_on, after_hub = after or (None, None)
        values = self._values(programme_id, wanted) | {"after_on": after_on, "after_hub": after_hub}
        rows = await self.session.execute(_PAGE, values | {"limit": limit, "offset": offset})
        return list(rows.mappings())

    async def count(self, programme_id: UUID, wanted: UnitFilter) -> int:
        """Return how many units a list has."""
        return int((await self.session.execute(_COUNT, self._values(programme_id, wanted))).scalar_one())

    async def assign(self, programme_id: UUID, wave_id: UUID | None, unit_ids: Collection[UUID]) -> int:
        """Put units into a wave, or into none; return how many."""
        statement = (
            update(Unit).where(Unit.programme_id == programme_id, among(Unit.id, unit_ids)).values(wave_id=wave_id)
        )
        if self.councils:
            statement = statement.where(Unit.council_id.in_(self.councils))
        return len((await self.session.execute(statement.returning(Unit.id))).all())

    async def progress(self, programme_ids: Collection[UUID]) -> dict[UUID, Progress]:
        """Return how far some programmes are, as far as somebody may see it."""
        values = {"programmes": list(programme_ids), "councils": sorted(self.councils)}
        found: defaultdict[UUID, Progress] = defaultdict(Progress)
        for row in await self.session.execute(_PROGRESS, values):
            progress = found[row.programme_id]
            progress.states[row.state] += row.units
            progress.councils[row.council_id][row.state] += row.units
            if row.state != "done":
                progress.connections[row.connection] += row.units
        return found

    async def connections(self, councils: Collection[str]) -> dict[str, dict[str, int]]:
        """Return how many units that stand in homes are connected in which way, by council."""
        asked = sorted(set(councils) & self.councils if self.councils else set(councils))
        found: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for row in await self.session.execute(_CONNECTIONS, {"councils": asked}):
            found[row.council_id][row.connection] = row.units
        return found

    async def with_units(self) -> list[str]:
        """Return the councils in which units stand in homes."""
        statement = select(Installation.council_id).where(func.upper_inf(Installation.period)).distinct()
        return sorted((await self.session.execute(statement)).scalars())

    def _values(self, programme_id: UUID, wanted: UnitFilter) -> dict[str, Any]:
        return {**vars(wanted), "programme_id": programme_id, "councils": sorted(self.councils)}

    def _seen(self, statement: Any) -> Any:
        if not self.councils:
            return statement
        return statement.where(Programme.councils.bool_op("&&")(sorted(self.councils)))


def _standing(row: RowMapping) -> Standing:
    lines = tuple(
        Line(kind, provider, None if checked is None else date.fromisoformat(checked))
        for kind, provider, checked in row["lines"] or ()
    )
    facts = UnitFacts(
        connection=row["connection"],
        lines=lines,
        radio=row["radio"],
        network=row["mobile_network"],
        support_ends_on=row["support_ends_on"],
        retires_on=row["retires_on"],
        certificate_expires_on=row["certificate_expires_on"],
        battery_hours=row["battery_hours"],
        battery_due_on=row["battery_due_on"],
        battery_years=row["battery_years"],
        fitted_on=row["fitted_on"],
        battery_pct=row["battery_pct"],
        told_on=row["told_on"],
    )
    return Standing(row["hub_id"], row["council_id"], row["person_id"], row["premises_id"], row["since"], facts)
