"""Looks for what somebody must see to, opens jobs for it, and has humans told of the gravest and of what is overdue.

Any number of copies: one looks at a time, and how far it came is in the database, so that whoever looks next goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.inputs import Annotated, Cleared
from alarms.handling.jobs import JOBS_OVERDUE, MISMATCH, detector, detectors, overdue
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService, Origin
from alarms.intake.repository import IntakeRepository
from devices.jobs.domain import JobKind, Look
from devices.jobs.models import Job
from devices.jobs.patterns import LONDON, Rules, Unit, of_calls, of_events, of_unit, reboot_loop
from devices.jobs.repository import JobRepository
from devices.jobs.service import JobService, Outcome
from devices.registry.context import hub_context
from telecare.ingest.subject import subject_of
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import first_id_at
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import by_itself, look_each
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.settings import Settings
from telecare.protection.job_facts import JobFacts
from telecare.wire.payloads import Message

log = get_logger("jobs")

BATCH = 1000
BACK = timedelta(hours=24)
"""Of a hub with news this much of its past is looked at."""
SLACK = timedelta(minutes=10)
"""So long after its birth an event may be committed and still be seen: each look begins so much before the last."""
CALLS_EACH = timedelta(minutes=10)
MANY = 5
"""From so many homes of a council on, detectors that do not agree are one alarm of that council."""

_jobs = Gauge("telecare_jobs", "Jobs that are to be done", ("kind",), registry=REGISTRY)
_overdue = Gauge("telecare_jobs_overdue", "Jobs that should have been done by now", registry=REGISTRY)


def rules_of(settings: Settings) -> Rules:
    """Return the thresholds as this installation has them."""
    days = settings.jobs_credential_days
    return Rules(
        unheard=timedelta(days=settings.jobs_unheard_days),
        credential=timedelta(days=days) if days else None,
        expiry_notice=timedelta(days=settings.jobs_expiry_notice_days),
    )


@dataclass
class Reconciled:
    """What a reconciliation came to: how many hubs were looked at, how many do not agree, what became of jobs."""

    hubs: int = 0
    disagree: int = 0
    outcome: Outcome = field(default_factory=Outcome)


async def units_of(facts: JobFacts, councils: Collection[str]) -> AsyncIterator[list[Unit]]:
    """Yield all hubs of some councils, or of all, in batches."""
    after = ""
    while units := await facts.units(after, BATCH, councils):
        yield units
        after = units[-1].hub_id


async def reconcile(session: AsyncSession, rules: Rules, councils: Collection[str]) -> Reconciled:
    """Look at all hubs of some councils now, as each night: what the register says, what they list, what was proven."""
    jobs, done = JobService(session), Reconciled()
    await jobs.jobs.lock_looks(wait=True)
    now = await database_now(session)
    async for units in units_of(JobFacts(session, rules), councils):
        await _follow_units(jobs, units, rules, now, done)
    return done


async def _follow_units(jobs: JobService, units: list[Unit], rules: Rules, now: datetime, done: Reconciled) -> None:
    looks = [look for unit in units for look in of_unit(unit, rules, now)]
    kinds = {JobKind.NOT_LISTED, JobKind.NOT_REGISTERED}
    done.hubs += len(units)
    done.disagree += len({look.hub_id for look in looks if look.finding and look.kind in kinds})
    outcome = await jobs.follow(looks, now)
    done.outcome.opened += outcome.opened
    done.outcome.added += outcome.added
    done.outcome.gone += outcome.gone


class JobWatch:
    """One worker that looks."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.rules = rules_of(settings)
        self.every_s = settings.jobs_every_s
        self.hour = settings.jobs_hour
        self.public_url = settings.public_url

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        looks = (self.at_events, self.at_starts, self.at_calls, self.at_units, self.tell, self.tell_overdue, self.count)
        await look_each(self.every_s, stop, *looks, name="jobs", database=self.database)

    async def at_events(self) -> None:
        """Look at the hubs that have sent something since the last look."""
        async with self.database.transaction() as session:
            jobs = JobService(session)
            if not await jobs.jobs.lock_looks():
                return
            now, last = await database_now(session), await jobs.jobs.look("events")
            since = (last.looked_at if last else now - BACK) - SLACK
            facts = JobFacts(session, self.rules)
            hub_ids = await facts.news(first_id_at(since))
            for start in range(0, len(hub_ids), BATCH):
                some = hub_ids[start : start + BATCH]
                signals = await facts.signals(some, min(since, now - BACK))
                closed = await jobs.jobs.closed(some)
                looks = [
                    look
                    for hub_id, found in signals.items()
                    for look in of_events(hub_id, found, self.rules, closed.get(hub_id, {}))
                ]
                await jobs.follow(looks, now)
            await jobs.jobs.keep_look("events", looked_at=now)

    async def at_starts(self) -> None:
        """Look at the hubs that have started anew since the last look."""
        async with self.database.transaction() as session:
            jobs = JobService(session)
            if not await jobs.jobs.lock_looks():
                return
            starts = await jobs.jobs.starts()
            again = {hub_id: boots[1:] for hub_id, boots in starts if len(boots) > self.rules.boots}
            closed = await jobs.jobs.closed(again.keys())
            looks = []
            for hub_id, boots in again.items():
                seen_to = closed.get(hub_id, {}).get(JobKind.REBOOT_LOOP)
                finding = reboot_loop([one for one in boots if seen_to is None or one[1] > seen_to], self.rules)
                looks.append(Look(hub_id, JobKind.REBOOT_LOOP, finding))
            await jobs.follow(looks, await database_now(session))

    async def at_calls(self) -> None:
        """Look at the calls that were closed in the last days, every ten minutes."""
        async with self.database.transaction() as session:
            jobs = JobService(session)
            if not await jobs.jobs.lock_looks():
                return
            now, last = await database_now(session), await jobs.jobs.look("calls")
            if last is not None and now - last.looked_at < CALLS_EACH:
                return
            calls = await JobFacts(session, self.rules).calls(first_id_at(now - self.rules.calls_within))
            closed = await jobs.jobs.closed(calls.keys())
            looks = [
                look
                for hub_id, found in calls.items()
                for look in of_calls(hub_id, found, self.rules, closed.get(hub_id, {}), now)
            ]
            await jobs.follow(looks, now)
            await jobs.jobs.keep_look("calls", looked_at=now)

    async def at_units(self) -> None:
        """Go on with the look at all hubs that is due each day from its hour on; a restart goes on where it was."""
        while await self._next_units():
            pass

    async def _next_units(self) -> bool:
        async with self.database.transaction() as session:
            jobs = JobService(session)
            if not await jobs.jobs.lock_looks():
                return False
            now, last = await database_now(session), await jobs.jobs.look("units")
            there = now.astimezone(LONDON)
            # The very first one does not wait for the night.
            day = there.date() if last is None or there.hour >= self.hour else there.date() - timedelta(days=1)
            after: str | None = ""
            if last is not None and last.day is not None and last.day >= day:
                if last.after is None:
                    return False
                after, day = last.after, last.day
            units = await JobFacts(session, self.rules).units(after or "", BATCH)
            done = Reconciled()
            await _follow_units(jobs, units, self.rules, now, done)
            reached: str | None = units[-1].hub_id if len(units) == BATCH else None
            await jobs.jobs.keep_look("units", looked_at=now, day=day, after=reached)
        if done.outcome.opened or done.outcome.gone:
            log.info("units_looked_at", hubs=done.hubs, opened=done.outcome.opened, gone=done.outcome.gone)
        return reached is not None

    async def tell(self) -> None:
        """Have a human told of detectors that register and unit do not agree on; of many homes of a council at once."""
        async with self.database.transaction() as session:
            untold = await JobRepository(session).untold()
            on_the_board = await AlarmRepository(session).open_faults(MISMATCH)
        for council, listed in groupby(untold, key=lambda job: job.council_id):
            jobs = list(listed)
            if council in on_the_board or len(jobs) >= MANY:
                await by_itself(self._tell_of_many(council, [job.id for job in jobs]), "job_not_told", whose=council)
            else:
                for job in jobs:
                    await by_itself(self._tell_of_one(job.id, job.hub_id), "job_not_told", whose=job.hub_id)

    async def _tell_of_one(self, job_id: UUID, hub_id: str) -> None:
        async with self.database.transaction() as session:
            now = await IntakeRepository(session).lock_hub(hub_id)
            for job in await JobRepository(session).lock_untold([job_id]):
                subject = subject_of(await hub_context(session, hub_id, None), Message(type=MISMATCH))
                opening = detector(_said(job), self._link(job))
                alarms = AlarmService(session, self.public_url)
                job.alarm_id = await alarms.open(opening, subject, Origin(hub_id, None, now), now)

    async def _tell_of_many(self, council: str, job_ids: list[UUID]) -> None:
        async with self.database.transaction() as session:
            jobs = await JobRepository(session).lock_untold(job_ids)
            if not jobs:
                return
            alarms = AlarmService(session, self.public_url)
            opening = detectors(len(jobs), [f"{job.hub_id} (tier {job.tier or '?'})" for job in jobs])
            alarm_id, is_new = await alarms.open_or_find(opening, council)
            if not is_new:
                await alarms.feed(alarm_id, Annotated(f"{len(jobs)} more homes: see the page Jobs"))
            for job in jobs:
                job.alarm_id = alarm_id

    async def tell_overdue(self) -> None:
        """Have a human told of what is overdue: one alarm a council, once for each job."""
        async with self.database.transaction() as session:
            late = await JobRepository(session).overdue(await database_now(session))
            on_the_board = await AlarmRepository(session).open_faults(JOBS_OVERDUE)
        for council, (count, untold) in late.items():
            if untold:
                await by_itself(self._tell_overdue(council, count), "job_not_told", whose=council)
        for known, (alarm_id, _) in on_the_board.items():
            if known not in late:
                async with self.database.transaction() as session:
                    await AlarmService(session).clear_if_open(alarm_id, Cleared("No job is overdue any more"))

    async def _tell_overdue(self, council: str, count: int) -> None:
        async with self.database.transaction() as session:
            now = await database_now(session)
            jobs = await JobRepository(session).lock_overdue(council, now)
            if not jobs:
                return
            alarms = AlarmService(session, self.public_url)
            named = [f"{_said(job)}, hub {job.hub_id}" for job in jobs]
            alarm_id, is_new = await alarms.open_or_find(
                overdue(count, named, grave=any(job.life_safety for job in jobs)), council
            )
            if not is_new:
                await alarms.feed(alarm_id, Annotated(f"{len(jobs)} more of them: {'; '.join(named[:MANY])}"))
            for job in jobs:
                job.overdue_told_at = now

    async def count(self) -> None:
        """Count jobs for the metrics."""
        async with self.database.transaction() as session:
            by_kind, late = await JobRepository(session).tally(await database_now(session))
        for kind in JobKind:
            _jobs.labels(kind).set(by_kind.get(kind, 0))
        _overdue.set(late)

    def _link(self, job: Job) -> str:
        return f"{(self.public_url or '').rstrip('/')}/jobs/{job.id}"


def _said(job: Job) -> str:
    """Return in words what a job is about."""
    return "; ".join(item["words"] for item in job.evidence["items"][:MANY])
