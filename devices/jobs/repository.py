"""All queries on jobs, their logs, and how far the looks have come."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.domain import JobKind, JobState
from devices.jobs.models import Job, JobLog, JobLook
from devices.registry.models import Hub, Installation, Person
from telecare.kernel.among import among
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id

# One look at a time, whoever's: a second one finds the same, and must not wait for it.
_TRY_LOOK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('jobs', 7013))")
_WAIT_LOOK = text("SELECT pg_advisory_xact_lock(hashtextextended('jobs', 7013))")

# A boot that another had replaced stands again at the end: it came back.
_BOOTS = text(
    """
    INSERT INTO hub_boot AS b (hub_id, boot_id, boots, seen_at)
    SELECT l.hub_id, l.boot_id, ARRAY[l.boot_id], ARRAY[clock_timestamp()]
      FROM hub_live l
      JOIN hub h ON h.hub_id = l.hub_id
      LEFT JOIN hub_boot o ON o.hub_id = l.hub_id
     WHERE l.boot_id IS NOT NULL AND o.boot_id IS DISTINCT FROM l.boot_id
     ORDER BY l.hub_id
    ON CONFLICT (hub_id) DO UPDATE SET
        boot_id = excluded.boot_id,
        boots = (b.boots || excluded.boots)[greatest(1, cardinality(b.boots) - 18):],
        seen_at = (b.seen_at || excluded.seen_at)[greatest(1, cardinality(b.boots) - 18):]
    RETURNING hub_id, boots, seen_at
    """
)
_SAY = text(
    """
    INSERT INTO job_log (job_id, seq, council_id, kind, actor, text)
    SELECT :job_id, coalesce(max(seq), 0) + 1, :council_id, :kind, :actor, :text FROM job_log WHERE job_id = :job_id
    """
)


@dataclass(frozen=True)
class JobFilter:
    """What a list of jobs is narrowed to; None is all. `done`: also those that are done, when no state is asked for."""

    council: str | None = None
    hub_id: str | None = None
    kind: JobKind | None = None
    state: JobState | None = None
    owner: str | None = None
    overdue: bool | None = None
    done: bool = True


class Concerned(NamedTuple):
    """Whom a hub serves now, as far as a job needs it."""

    council_id: str
    person_id: UUID | None
    tier: str | None


class JobRepository:
    """Reads and writes of jobs in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def page(
        self, wanted: JobFilter, now: datetime, after: tuple[int, datetime, UUID] | None, limit: int, offset: int = 0
    ) -> list[Job]:
        """Return jobs: those to be done by what is due first, then those that are done."""
        key = (_is_done(), Job.due_at, Job.id)
        statement = self._narrowed(select(Job), wanted, now).order_by(*key).limit(limit).offset(offset)
        if after is not None:
            statement = statement.where(tuple_(*key) > tuple_(*after))
        return list((await self.session.execute(statement)).scalars())

    async def count(self, wanted: JobFilter, now: datetime) -> int:
        """Return how many jobs a list has."""
        statement = self._narrowed(select(func.count()).select_from(Job), wanted, now)
        return int((await self.session.execute(statement)).scalar_one())

    async def require(self, job_id: UUID, *, lock: bool = False) -> Job:
        """Return a job, locked when it is to be changed, or raise NotFoundError."""
        statement = self._visible(select(Job).where(Job.id == job_id))
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        job: Job | None = (await self.session.execute(statement)).scalar_one_or_none()
        if job is None:
            raise NotFoundError(f"There is no job {job_id}")
        return job

    async def log_of(self, job_id: UUID) -> list[JobLog]:
        """Return the log of a job."""
        statement = select(JobLog).where(JobLog.job_id == job_id).order_by(JobLog.seq)
        return list((await self.session.execute(statement)).scalars())

    async def owners(self) -> list[str]:
        """Return who has jobs that are to be done."""
        statement = select(Job.owner).where(Job.owner.is_not(None), Job.state != JobState.DONE).distinct()
        return [
            str(name) for name in (await self.session.execute(self._visible(statement).order_by(Job.owner))).scalars()
        ]

    async def say(self, job: Job, kind: str, actor: str, words: str) -> None:
        """Write a line into the log of a job whose row is locked, or new."""
        values = {"job_id": job.id, "council_id": job.council_id, "kind": kind, "actor": actor, "text": words}
        await self.session.execute(_SAY, values)

    async def lock_looks(self, *, wait: bool = False) -> bool:
        """Take the turn to look, for this transaction; False when somebody else has it."""
        return (await self.session.execute(_WAIT_LOOK if wait else _TRY_LOOK)).scalar_one() is not False

    async def look(self, name: str) -> JobLook | None:
        """Return how far a look has come."""
        return await self.session.get(JobLook, name, populate_existing=True)

    async def keep_look(self, name: str, **columns: Any) -> None:
        """Keep how far a look has come."""
        statement = insert(JobLook).values(name=name, **columns)
        await self.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=columns))

    async def starts(self) -> list[tuple[str, list[tuple[str, datetime]]]]:
        """Take in which hubs have started anew since the last look; return the last starts of those."""
        rows = await self.session.execute(_BOOTS)
        return [(hub_id, list(zip(boots, seen, strict=True))) for hub_id, boots, seen in rows]

    async def lock_open(self, hub_ids: Collection[str]) -> dict[tuple[str, str], Job]:
        """Return the open jobs of some hubs, by hub and kind, locked."""
        statement = (
            select(Job)
            .where(among(Job.hub_id, hub_ids), Job.state != JobState.DONE)
            .order_by(Job.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {(job.hub_id, job.kind): job for job in (await self.session.execute(statement)).scalars()}

    async def closed(self, hub_ids: Collection[str]) -> dict[str, dict[JobKind, datetime]]:
        """Return when the last job of each kind of some hubs was closed."""
        statement = (
            select(Job.hub_id, Job.kind, func.max(Job.closed_at))
            .where(among(Job.hub_id, hub_ids), Job.state == JobState.DONE)
            .group_by(Job.hub_id, Job.kind)
        )
        found: defaultdict[str, dict[JobKind, datetime]] = defaultdict(dict)
        for hub_id, kind, at in await self.session.execute(statement):
            if at is not None:
                found[hub_id][JobKind(kind)] = at
        return found

    async def concerned(self, hub_ids: Collection[str]) -> dict[str, Concerned]:
        """Return the councils of some hubs, and whom they serve now."""
        here = and_(Installation.hub_id == Hub.hub_id, Installation.period.contains(func.clock_timestamp()))
        statement = (
            select(Hub.hub_id, Hub.council_id, Installation.person_id, Person.risk_tier)
            .outerjoin(Installation, here)
            .outerjoin(Person, Person.id == Installation.person_id)
            .where(among(Hub.hub_id, hub_ids))
        )
        rows = await self.session.execute(statement)
        return {hub_id: Concerned(council, person_id, tier) for hub_id, council, person_id, tier in rows}

    async def add(self, **columns: Any) -> Job:
        """Add a job."""
        statement = insert(Job).values(id=new_id(), **columns).returning(Job)
        return (await self.session.execute(statement)).scalar_one()

    async def untold(self) -> list[Job]:
        """Return the jobs about detectors that no alarm has told anybody of."""
        statement = select(Job).where(Job.life_safety, Job.alarm_id.is_(None), Job.state != JobState.DONE)
        return list((await self.session.execute(statement.order_by(Job.council_id, Job.tier, Job.id))).scalars())

    async def lock_untold(self, job_ids: Collection[UUID]) -> list[Job]:
        """Return those of these jobs that nobody was told of still, locked; what somebody else has is theirs."""
        statement = (
            select(Job)
            .where(among(Job.id, job_ids), Job.alarm_id.is_(None), Job.state != JobState.DONE)
            .order_by(Job.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return list((await self.session.execute(statement)).scalars())

    async def overdue(self, now: datetime) -> dict[str, tuple[int, int]]:
        """Return how many jobs of each council are overdue, and of how many of these nobody was told."""
        fresh = func.count().filter(Job.overdue_told_at.is_(None))
        statement = select(Job.council_id, func.count(), fresh).where(_overdue(now)).group_by(Job.council_id)
        return {council: (count, untold) for council, count, untold in await self.session.execute(statement)}

    async def lock_overdue(self, council_id: str, now: datetime) -> list[Job]:
        """Return the overdue jobs of a council of which nobody was told, locked, the longest overdue first."""
        statement = (
            select(Job)
            .where(Job.council_id == council_id, _overdue(now), Job.overdue_told_at.is_(None))
            .order_by(Job.due_at, Job.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return list((await self.session.execute(statement)).scalars())

    async def tally(self, now: datetime) -> tuple[dict[str, int], int]:
        """Return how many jobs of each kind are to be done, and how many are overdue."""
        late = func.count().filter(_overdue(now))
        statement = select(Job.kind, func.count(), late).where(Job.state != JobState.DONE).group_by(Job.kind)
        rows = (await self.session.execute(statement)).all()
        return {row[0]: row[1] for row in rows}, sum(row[2] for row in rows)

    def _narrowed(self, statement: Any, wanted: JobFilter, now: datetime) -> Any:
        for column, value in (
            (Job.council_id, wanted.council), (Job.hub_id, wanted.hub_id), (Job.kind, wanted.kind),
            (Job.state, wanted.state), (Job.owner, wanted.owner),
        ):  # fmt: skip
            if value is not None:
                statement = statement.where(column == value)
        if wanted.overdue is not None:
            late = _overdue(now)
            statement = statement.where(late if wanted.overdue else or_(Job.state == JobState.DONE, Job.due_at >= now))
        if not wanted.done and wanted.state is None:
            statement = statement.where(Job.state != JobState.DONE)
        return self._visible(statement)

    def _visible(self, statement: Any) -> Any:
        return statement.where(Job.council_id.in_(self.councils)) if self.councils else statement


def _is_done() -> ColumnElement[int]:
    return case((Job.state == JobState.DONE, 1), else_=0)


def _overdue(now: datetime) -> ColumnElement[bool]:
    return and_(Job.state != JobState.DONE, Job.due_at < now)
