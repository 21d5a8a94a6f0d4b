"""All queries on plans and on what binds visits, but for the facts of homes."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.repository import ModelRepository
from devices.switchover.planning.domain import PlanState
from devices.switchover.planning.models import (
    EngineerAbsence,
    EngineerProfile,
    PlanningRules,
    SwitchoverPlan,
    VisitNeed,
)
from telecare.kernel.errors import NotFoundError, RefusedError
from telecare.kernel.ids import new_id

STALE = timedelta(seconds=60)
"""Whoever makes a plan and was not heard for so long has gone; somebody else makes it."""


class PlanningRepository:
    """Reads and writes; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def engineers(self, council: str | None = None) -> Sequence[EngineerProfile]:
        """Return those who visit, by name."""
        statement = self._mine(select(EngineerProfile), EngineerProfile.council_id)
        if council is not None:
            statement = statement.where(EngineerProfile.council_id == council)
        return list((await self.session.execute(statement.order_by(EngineerProfile.name))).scalars())

    async def engineer(self, council: str, user_id: UUID) -> EngineerProfile:
        """Return an engineer of a council, or raise NotFoundError."""
        found = await self.session.get(EngineerProfile, (user_id, council))
        if found is None or (self.councils and council not in self.councils):
            raise NotFoundError(f"Nobody with the id {user_id} visits homes of {council}")
        return found

    async def put_engineer(self, user_id: UUID, **columns: Any) -> EngineerProfile:
        """Add or change an engineer of a council."""
        statement = insert(EngineerProfile).values(user_id=user_id, **columns)
        changed = {name: statement.excluded[name] for name in columns if name != "council_id"}
        statement = statement.on_conflict_do_update(index_elements=["user_id", "council_id"], set_=changed)
        fresh = statement.returning(EngineerProfile).execution_options(populate_existing=True)
        return (await self.session.execute(fresh)).scalar_one()

    async def remove_engineer(self, council: str, user_id: UUID) -> None:
        """Take somebody out of those who visit homes of a council; plans that were made keep their name."""
        await self.session.delete(await self.engineer(council, user_id))
        await self.session.flush()

    async def absences(self, council: str, first: date) -> Sequence[EngineerAbsence]:
        """Return who is away from a day on."""
        statement = select(EngineerAbsence).where(
            EngineerAbsence.council_id == council, EngineerAbsence.last_on >= first
        )
        return list((await self.session.execute(statement.order_by(EngineerAbsence.first_on))).scalars())

    async def away(self, council: str | None, first: date) -> Sequence[EngineerAbsence]:
        """Return who is away from a day on, in all councils that may be seen or in one."""
        statement = self._mine(select(EngineerAbsence), EngineerAbsence.council_id)
        statement = statement.where(EngineerAbsence.last_on >= first)
        if council is not None:
            statement = statement.where(EngineerAbsence.council_id == council)
        order = (EngineerAbsence.first_on, EngineerAbsence.id)
        return list((await self.session.execute(statement.order_by(*order))).scalars())

    async def absence(self, absence_id: UUID) -> EngineerAbsence:
        """Return an absence, or raise NotFoundError."""
        statement = select(EngineerAbsence).where(EngineerAbsence.id == absence_id)
        found: EngineerAbsence | None = (
            await self.session.execute(self._mine(statement, EngineerAbsence.council_id))
        ).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no absence {absence_id}")
        return found

    async def remove_absence(self, absence: EngineerAbsence) -> None:
        """Take back that somebody is away."""
        await self.session.delete(absence)
        await self.session.flush()

    async def same_absence(self, user_id: UUID, council: str, first: date, last: date) -> EngineerAbsence | None:
        """Return what is written down of the same days already."""
        statement = select(EngineerAbsence).where(
            EngineerAbsence.user_id == user_id, EngineerAbsence.council_id == council,
            EngineerAbsence.first_on == first, EngineerAbsence.last_on == last,
        )  # fmt: skip
        return (await self.session.execute(statement.limit(1))).scalar_one_or_none()

    async def add_absence(self, **columns: Any) -> EngineerAbsence:
        """Write down that somebody is away."""
        row = EngineerAbsence(id=new_id(), **columns)
        self.session.add(row)
        await self.session.flush()
        await self.session.refresh(row)
        return row

    async def needs(self, council: str) -> dict[UUID, VisitNeed]:
        """Return what visits of homes need, by premises."""
        rows = await self.session.execute(select(VisitNeed).where(VisitNeed.council_id == council))
        return {row.premises_id: row for row in rows.scalars()}

    async def need(self, premises_id: UUID) -> VisitNeed | None:
        """Return what visits of one home need, None when nobody has said anything."""
        return await self.session.get(VisitNeed, premises_id, populate_existing=True)

    async def put_need(self, premises_id: UUID, **columns: Any) -> None:
        """Write down what a visit of a home needs."""
        statement = insert(VisitNeed).values(premises_id=premises_id, **columns)
        changed = {name: statement.excluded[name] for name in columns if name != "council_id"}
        await self.session.execute(statement.on_conflict_do_update(index_elements=["premises_id"], set_=changed))

    async def rules(self, council: str) -> PlanningRules | None:
        """Return what binds all visits of a council, None when nobody has said anything."""
        return await self.session.get(PlanningRules, council)

    async def local_holidays(self, councils: Collection[str]) -> dict[str, frozenset[date]]:
        """Return the local holidays that were entered for councils, by council; without one that has none."""
        statement = select(PlanningRules.council_id, PlanningRules.document["local_holidays"])
        rows = await self.session.execute(statement.where(PlanningRules.council_id.in_(councils)))
        return {council: frozenset(map(date.fromisoformat, days)) for council, days in rows if days}

    async def put_rules(self, council: str, document: dict[str, Any], by: str) -> None:
        """Save what binds all visits of a council; RefusedError for a model that the register does not have."""
        for each in document.get("models", ()):
            if await ModelRepository(self.session).find(each["model"]) is None:
                raise RefusedError(f"There is no model {each['model']}: write make and model", field="models")
        statement = insert(PlanningRules).values(council_id=council, document=document, saved_by=by)
        changed = {"document": document, "saved_by": by, "saved_at": func.clock_timestamp()}
        await self.session.execute(statement.on_conflict_do_update(index_elements=["council_id"], set_=changed))

    async def add(self, **columns: Any) -> SwitchoverPlan:
        """Add a plan."""
        row = SwitchoverPlan(id=new_id(), **columns)
        self.session.add(row)
        await self.session.flush()
        await self.session.refresh(row)
        return row

    async def page(
        self, council: str | None, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[SwitchoverPlan]:
        """Return plans, the newest first."""
        statement = self._mine(select(SwitchoverPlan), SwitchoverPlan.council_id)
        if council is not None:
            statement = statement.where(SwitchoverPlan.council_id == council)
        if after is not None:
            at, plan_id = after
            older = and_(SwitchoverPlan.made_at == at, SwitchoverPlan.id < plan_id)
            statement = statement.where(or_(SwitchoverPlan.made_at < at, older))
        order = (SwitchoverPlan.made_at.desc(), SwitchoverPlan.id.desc())
        return list((await self.session.execute(statement.order_by(*order).limit(limit))).scalars())

    async def require(self, plan_id: UUID, *, lock: bool = False) -> SwitchoverPlan:
        """Return a plan, or raise NotFoundError."""
        statement = self._mine(select(SwitchoverPlan).where(SwitchoverPlan.id == plan_id), SwitchoverPlan.council_id)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        found: SwitchoverPlan | None = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no plan {plan_id}")
        return found

    async def concerning(self, council: str, first: date, last: date) -> SwitchoverPlan | None:
        """Return the plan that holds in these days: the newest that was accepted, else the newest that is ready."""
        there = SwitchoverPlan.state.in_((PlanState.READY, PlanState.ACCEPTED))
        overlaps = and_(SwitchoverPlan.first_on <= last, SwitchoverPlan.last_on >= first)
        statement = select(SwitchoverPlan).where(SwitchoverPlan.council_id == council, there, overlaps)
        order = ((SwitchoverPlan.state == PlanState.ACCEPTED).desc(), SwitchoverPlan.made_at.desc())
        found: SwitchoverPlan | None = (
            await self.session.execute(statement.order_by(*order).limit(1))
        ).scalar_one_or_none()
        return found

    async def order(self, **columns: Any) -> tuple[SwitchoverPlan, bool]:
        """Return the plan that is asked for, and whether it is new: one of the same days that still waits is the same.

        `columns`: council_id, first_on, last_on, programme_id, wave_id, replaces_id, seconds, made_by.
        """
        await self.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"plan:{columns['council_id']}"))))
        same = [getattr(SwitchoverPlan, name) == columns[name] for name in ("council_id", "first_on", "last_on")]
        same += [
            getattr(SwitchoverPlan, name).is_not_distinct_from(columns.get(name))
            for name in ("replaces_id", "programme_id", "wave_id")
        ]
        statement = select(SwitchoverPlan).where(SwitchoverPlan.state == PlanState.QUEUED, *same).limit(1)
        found: SwitchoverPlan | None = (await self.session.execute(statement)).scalar_one_or_none()
        return (found, False) if found is not None else (await self.add(**columns), True)

    async def claim(self, now: datetime, *, only_anew: bool = False) -> SwitchoverPlan | None:
        """Return the next plan to be made, which is ours now; one whose maker has gone is made anew.

        What is made anew from another plan comes first: somebody is ill, and households wait to be told.
        """
        waiting = or_(
            SwitchoverPlan.state == PlanState.QUEUED,
            and_(SwitchoverPlan.state == PlanState.RUNNING, SwitchoverPlan.beat_at < now - STALE),
        )
        is_whole = SwitchoverPlan.replaces_id.is_(None)
        statement = select(SwitchoverPlan).where(waiting).order_by(is_whole, SwitchoverPlan.made_at).limit(1)
        if only_anew:
            statement = statement.where(~is_whole)
        statement = statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        found: SwitchoverPlan | None = (await self.session.execute(statement)).scalar_one_or_none()
        if found is not None:
            found.state, found.beat_at, found.progress = PlanState.RUNNING, now, 0.0
            await self.session.flush()
        return found

    async def beat(self, plan_id: UUID, progress: float, words: str) -> None:
        """Say how far the making of a plan is."""
        columns = {"beat_at": func.clock_timestamp(), "progress": progress, "progress_words": words}
        running = and_(SwitchoverPlan.id == plan_id, SwitchoverPlan.state == PlanState.RUNNING)
        await self.session.execute(update(SwitchoverPlan).where(running).values(**columns))

    async def end(self, plan_id: UUID, result: dict[str, Any] | None, why: str | None) -> None:
        """Keep what came out of the making of a plan."""
        state = PlanState.READY if why is None else PlanState.FAILED
        columns = {"state": state, "result": result, "failed_why": why, "progress": 1.0, "progress_words": ""}
        running = and_(SwitchoverPlan.id == plan_id, SwitchoverPlan.state == PlanState.RUNNING)
        await self.session.execute(update(SwitchoverPlan).where(running).values(**columns))

    def _mine(self, statement: Any, column: Any) -> Any:
        return statement.where(column.in_(self.councils)) if self.councils else statement
