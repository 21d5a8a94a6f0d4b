"""All queries on rotas and on what changes them for a while."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.responders.repository import ResponderRepository, seen_by, serves
from alarms.rota.document import load_layers, load_turns
from alarms.rota.domain import (
    Override,
    OverrideKind,
    Rota,
    RotaError,
    TemporarySchedule,
    members_of,
    on_call,
)
from alarms.rota.models import RotaOverride, RotaPlan, RotaTemporary
from alarms.rota.wallclock import zone_of
from telecare.kernel.among import among
from telecare.kernel.ids import new_id


class RotaRepository:
    """Reads and writes of rotas in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    # On the way of an alarm: four statements, whatever the number.

    async def on_call_of(
        self, keys: Collection[str], council_id: str | None, at: datetime
    ) -> dict[str, tuple[UUID, ...] | RotaError]:
        """Return who is on call at a moment by the key of the rota: a council's own before a shared one.

        A RotaError in place of people: this rota cannot be read, which is not the same as nobody (R26). A key that no
        rota has is left out.
        """
        plans = await self.by_keys(keys, council_id)
        rotas = await self.rotas(list(plans.values()), at, at)
        found: dict[str, tuple[UUID, ...] | RotaError] = {}
        for key, plan in plans.items():
            rota = rotas[plan.id]
            found[key] = rota if isinstance(rota, RotaError) else _on_call(rota, at)
        return found

    async def by_keys(self, keys: Collection[str], council_id: str | None) -> dict[str, RotaPlan]:
        """Return the rotas with these keys by key: a council's own before a shared one."""
        if not keys:
            return {}
        statement = select(RotaPlan).where(among(RotaPlan.key, keys), RotaPlan.removed_at.is_(None))
        ordered = statement.where(serves(RotaPlan.council_id, council_id)).order_by(RotaPlan.council_id.nulls_first())
        return {plan.key: plan for plan in (await self.session.execute(ordered)).scalars()}  # the own last

    async def rotas(self, plans: Sequence[RotaPlan], start: datetime, end: datetime) -> dict[UUID, Rota | RotaError]:
        """Return rotas as the domain knows them for a period, both ends included, by id; or why one cannot be read."""
        ids = [plan.id for plan in plans]
        overrides, temporary = defaultdict(list), defaultdict(list)
        if ids:
            for override in await self._lasting(RotaOverride, ids, start, end):
                overrides[override.rota_id].append(override)
            for schedule in await self._lasting(RotaTemporary, ids, start, end):
                temporary[schedule.rota_id].append(schedule)
        read: dict[UUID, Rota | RotaError] = {
            plan.id: _read(plan, overrides[plan.id], temporary[plan.id]) for plan in plans
        }
        named = {member for rota in read.values() if isinstance(rota, Rota) for member in _everybody(rota)}
        serving = await ResponderRepository(self.session).serving(named) if named else frozenset()
        for rota_id, rota in read.items():
            if isinstance(rota, Rota):
                away = frozenset(_everybody(rota) - serving)
                read[rota_id] = Rota(rota.layers, rota.overrides, rota.temporary, rota.zone, away)
        return read

    async def _lasting(self, table: Any, ids: Collection[UUID], start: datetime, end: datetime) -> Sequence[Any]:
        """Return what changes these rotas in a period and has not been undone, in the order in which it was made."""
        statement = (
            select(table)
            .where(among(table.rota_id, ids), table.undone_at.is_(None), table.starts_at <= end, table.ends_at > start)
            .order_by(table.made_at, table.id)
        )
        return (await self.session.execute(statement)).scalars().all()

    # For people who look after them.

    async def page(self, councils: Collection[str], before: UUID | None, limit: int) -> list[RotaPlan]:
        """Return rotas, newest first: those of these councils (none means all) and those that serve all."""
        statement = select(RotaPlan).where(RotaPlan.removed_at.is_(None)).order_by(RotaPlan.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(RotaPlan.id < before)
        return list((await self.session.execute(statement.where(seen_by(RotaPlan.council_id, councils)))).scalars())

    async def keys(self, council_id: str | None) -> list[str]:
        """Return the keys of all rotas that serve a council."""
        statement = select(RotaPlan.key).where(RotaPlan.removed_at.is_(None), serves(RotaPlan.council_id, council_id))
        return list((await self.session.execute(statement)).scalars())

    async def all(self) -> Sequence[RotaPlan]:
        """Return every rota of every council."""
        statement = select(RotaPlan).where(RotaPlan.removed_at.is_(None)).order_by(RotaPlan.id)
        return (await self.session.execute(statement)).scalars().all()

    async def of_member(self, responder_id: UUID, council_id: str | None) -> list[RotaPlan]:
        """Return the rotas in which a responder of a council may have a turn: of a shared one any, else its own."""
        statement = select(RotaPlan).where(RotaPlan.removed_at.is_(None)).order_by(RotaPlan.key, RotaPlan.id)
        if council_id is not None:
            statement = statement.where(RotaPlan.council_id == council_id)
        plans = (await self.session.execute(statement)).scalars().all()
        changed = set()
        for table in (RotaOverride, RotaTemporary):
            ids = select(table.rota_id).where(
                among(table.rota_id, [plan.id for plan in plans]), table.undone_at.is_(None)
            )
            changed |= set((await self.session.execute(ids)).scalars())
        return [plan for plan in plans if plan.id in changed or str(responder_id) in str(plan.plan)]

    async def get(self, rota_id: UUID, *, lock: bool = False) -> RotaPlan | None:
        """Return a rota that has not been removed, on demand with its row locked, or None."""
        statement = select(RotaPlan).where(RotaPlan.id == rota_id, RotaPlan.removed_at.is_(None))
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def by_key(self, key: str, council_id: str | None) -> RotaPlan | None:
        """Return the rota with exactly this key and council, locked, or None."""
        statement = select(RotaPlan).where(
            RotaPlan.key == key,
            RotaPlan.council_id.is_not_distinct_from(council_id),
            RotaPlan.removed_at.is_(None),
        )
        locked = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(locked)).scalar_one_or_none()

    async def with_key(self, key: str, councils: Collection[str]) -> Sequence[RotaPlan]:
        """Return every rota with this key that users of these councils may see."""
        statement = select(RotaPlan).where(
            RotaPlan.key == key, RotaPlan.removed_at.is_(None), seen_by(RotaPlan.council_id, councils)
        )
        return (await self.session.execute(statement.order_by(RotaPlan.id))).scalars().all()

    async def create(self, **columns: Any) -> RotaPlan | None:
        """Add a rota; None when the council has one of this key already."""
        statement = insert(RotaPlan).values(id=new_id(), **columns).on_conflict_do_nothing().returning(RotaPlan)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def change(self, rota: RotaPlan, **columns: Any) -> None:
        """Write columns of a locked rota, and count the change."""
        counted = {**columns, "version": RotaPlan.version + 1, "changed_at": func.clock_timestamp()}
        await self.session.execute(update(RotaPlan).where(RotaPlan.id == rota.id).values(counted))
        await self.session.refresh(rota)

    async def remove(self, rota_id: UUID) -> None:
        """Remove a rota; its history stays and its key is free."""
        await self.session.execute(update(RotaPlan).where(RotaPlan.id == rota_id).values(removed_at=func.now()))

    async def add_override(self, **columns: Any) -> RotaOverride:
        """Write an override down."""
        return (
            await self.session.execute(insert(RotaOverride).values(id=new_id(), **columns).returning(RotaOverride))
        ).scalar_one()

    async def add_temporary(self, **columns: Any) -> RotaTemporary:
        """Write a temporary schedule down."""
        return (
            await self.session.execute(insert(RotaTemporary).values(id=new_id(), **columns).returning(RotaTemporary))
        ).scalar_one()

    async def overrides(self, rota_id: UUID, before: UUID | None, limit: int) -> Sequence[RotaOverride]:
        """Return the overrides of a rota, the newest first, those undone included."""
        return await self._history(RotaOverride, rota_id, before, limit)

    async def temporaries(self, rota_id: UUID, before: UUID | None, limit: int) -> Sequence[RotaTemporary]:
        """Return the temporary schedules of a rota, the newest first, those undone included."""
        return await self._history(RotaTemporary, rota_id, before, limit)

    async def _history(self, table: Any, rota_id: UUID, before: UUID | None, limit: int) -> Sequence[Any]:
        statement = select(table).where(table.rota_id == rota_id).order_by(table.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(table.id < before)
        return (await self.session.execute(statement)).scalars().all()

    async def undo_override(self, rota_id: UUID, override_id: UUID, by: str) -> RotaOverride | None:
        """Undo an override; None when there is none, and the first undoing stays."""
        found: RotaOverride | None = await self._undo(RotaOverride, rota_id, override_id, by)
        return found

    async def undo_temporary(self, rota_id: UUID, temporary_id: UUID, by: str) -> RotaTemporary | None:
        """Undo a temporary schedule; None when there is none, and the first undoing stays."""
        found: RotaTemporary | None = await self._undo(RotaTemporary, rota_id, temporary_id, by)
        return found

    async def _undo(self, table: Any, rota_id: UUID, row_id: UUID, by: str) -> Any:
        statement = select(table).where(table.id == row_id, table.rota_id == rota_id).with_for_update()
        row = (await self.session.execute(statement)).scalar_one_or_none()
        if row is not None and row.undone_at is None:
            undone = update(table).where(table.id == row_id).values(undone_at=func.clock_timestamp(), undone_by=by)
            await self.session.execute(undone)
            await self.session.refresh(row)
        return row


def _read(plan: RotaPlan, overrides: list[RotaOverride], temporary: list[RotaTemporary]) -> Rota | RotaError:
    try:
        layers = load_layers(plan.plan)
        zone_of(plan.zone)
        schedules = tuple(TemporarySchedule(each.starts_at, each.ends_at, load_turns(each.plan)) for each in temporary)
    except RotaError as error:
        return error
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return RotaError(f"there is no time zone {plan.zone}")
    changes = tuple(
        Override(OverrideKind(each.kind), each.starts_at, each.ends_at, each.member_id, each.instead_of_id)
        for each in overrides
    )
    return Rota(layers, changes, schedules, plan.zone)


def _on_call(rota: Rota, at: datetime) -> tuple[UUID, ...] | RotaError:
    """Return who is on; what fails in one rota must not take the alarm's others with it (S11)."""
    try:
        return on_call(rota, at)
    except (ArithmeticError, ValueError, LookupError) as error:
        return RotaError(f"who is on cannot be computed: {type(error).__name__}")


def _everybody(rota: Rota) -> set[UUID]:
    """Return everybody whom a rota may put on."""
    return {
        *members_of(rota.layers),
        *(override.member for override in rota.overrides if override.member is not None),
        *(turn.member for schedule in rota.temporary for turn in schedule.turns),
    }
