"""Opens jobs from what looks have found, adds to them, and does what humans say; only they close one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.domain import (
    KINDS,
    SAID,
    Change,
    JobKind,
    JobState,
    Look,
    Standing,
    collected,
    due_at,
    follow,
    in_the_way,
    rested,
)
from devices.jobs.models import Job
from devices.jobs.repository import JobRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, RefusedError

SYSTEM = "system"


class StaleJobError(ConflictError):
    """The command was given on an older version of the job than the present one."""

    slug, title = "stale", "The job has changed"


@dataclass
class Outcome:
    """What looks came to."""

    opened: int = 0
    added: int = 0
    gone: int = 0


class JobService:
    """Jobs in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.jobs = JobRepository(session, councils)

    async def follow(self, looks: Sequence[Look], now: datetime) -> Outcome:
        """Do what looks say; the turn to look is the caller's."""
        outcome = Outcome()
        hub_ids = {look.hub_id for look in looks}
        if not hub_ids:
            return outcome
        known = await self.jobs.lock_open(hub_ids)
        fresh = [look for look in looks if look.finding and (look.hub_id, look.kind) not in known]
        for look in looks:
            job = known.get((look.hub_id, look.kind))
            change = follow(_standing(job), look, now) if job is not None else None
            if job is not None and change is not None:
                await self._change(job, change, now)
                outcome.gone += change.gone is True
                outcome.added += change.evidence is not None
        if fresh:
            outcome.opened = await self._open(fresh, now)
        return outcome

    async def _change(self, job: Job, change: Change, now: datetime) -> None:
        job.evidence = change.evidence or job.evidence
        job.life_safety = job.life_safety or bool(change.life_safety)
        job.due_at = change.due_at or job.due_at
        if change.gone is not None:
            job.gone_at = now if change.gone else None
        job.version += bool(change.says)
        await self.session.flush()
        for kind, words in change.says:
            await self.jobs.say(job, kind, SYSTEM, words)

    async def _open(self, looks: Sequence[Look], now: datetime) -> int:
        hub_ids = {look.hub_id for look in looks}
        closed, concerned = await self.jobs.closed(hub_ids), await self.jobs.concerned(hub_ids)
        opened = 0
        for look in looks:
            finding, whose = look.finding, concerned.get(look.hub_id)
            if finding is None or whose is None or not rested(finding, closed.get(look.hub_id, {}).get(look.kind), now):
                continue
            due = due_at(finding, whose.tier, now)
            job = await self.jobs.add(
                **whose._asdict(), hub_id=look.hub_id, kind=look.kind, state=JobState.OPEN, opened_at=now, due_at=due,
                life_safety=finding.life_safety, evidence=collected(finding),
            )  # fmt: skip
            seen = "; ".join(item.words for item in finding.items[:SAID])
            await self.jobs.say(job, "opened", SYSTEM, f"{KINDS[look.kind].words}: {seen}")
            opened += 1
        return opened

    async def assign(self, job_id: UUID, owner: str, interim: str | None, by: str, as_of: int | None = None) -> Job:
        """Give a job to somebody, with what protects the person meanwhile; who had it before is in the log."""
        job = await self._lock(job_id, as_of)
        job.owner, job.state, job.version = owner, JobState.ASSIGNED, job.version + 1
        if interim is not None:
            job.interim = interim
        await self.session.flush()
        meanwhile = f". Until it is done: {interim}" if interim else ""
        await self.jobs.say(job, "assigned", by, f"{owner} has it{meanwhile}")
        return job

    async def note(self, job_id: UUID, words: str, by: str) -> Job:
        """Write something down; also of a job that is done."""
        job = await self.jobs.require(job_id, lock=True)
        await self.jobs.say(job, "note", by, words)
        return job

    async def close(
        self, job_id: UUID, reason: str, by: str, as_of: int, *, label: str, still_there: bool = False
    ) -> Job:
        """Close a job, with a reason; what a look would still see only if that is said."""
        job = await self._lock(job_id, as_of)
        words = in_the_way(JobKind(job.kind), life_safety=job.life_safety, gone=job.gone_at is not None)
        if words is not None and not still_there:
            raise RefusedError(words, field="still_there")
        job.closed_at = await database_now(self.session)
        job.state, job.closed_by, job.reason, job.version = JobState.DONE, label, reason, job.version + 1
        await self.session.flush()
        despite = "although it is still there: " if still_there and job.gone_at is None else ""
        await self.jobs.say(job, "closed", by, f"{despite}{reason}")
        return job

    async def _lock(self, job_id: UUID, as_of: int | None) -> Job:
        """Return a job that is not done, locked, if it is as they saw it."""
        job = await self.jobs.require(job_id, lock=True)
        if as_of is not None and as_of != job.version:
            raise StaleJobError("The job has changed since you saw it: look and try again", version=job.version)
        if job.state == JobState.DONE:
            raise RefusedError("This job is done; what is found anew opens another one")
        return job


def _standing(job: Job) -> Standing:
    return Standing(job.evidence, job.life_safety, job.due_at, job.gone_at is not None)
