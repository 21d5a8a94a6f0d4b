"""Jobs: what somebody must look at in a home; given to somebody, closed with a reason; reconciled on demand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.calendar import calendar_of
from devices.jobs.domain import JobKind, JobState
from devices.jobs.models import Job
from devices.jobs.reconciliation import Row, as_table, rows, table
from devices.jobs.repository import JobFilter, JobRepository
from devices.jobs.schemas import (
    AssignIn,
    JobCloseIn,
    JobNoteIn,
    JobOut,
    JobWithLog,
    ReconcileOut,
    show_job,
    show_with_log,
)
from devices.jobs.service import JobService
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.calendars import MEDIA_TYPE
from telecare.kernel.db import database_now
from telecare.kernel.errors import ForbiddenError
from telecare.protection.job_facts import JobFacts
from telecare.protection.jobs import reconcile, rules_of, units_of

router = api_router("/jobs", "jobs")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Handler = Annotated[Actor, Depends(Needs(Permission.HANDLE_JOBS))]
MOST = 5000
"""So many jobs are in a file at most."""

CSV = "text/csv"
COLUMNS = (
    "id", "council_id", "hub_id", "kind", "what", "tier", "life_safety", "state", "owner", "opened_at", "due_at",
    "overdue", "gone_at", "interim", "closed_at", "closed_by", "reason", "evidence",
)  # fmt: skip
_TABLE: dict[int | str, dict[str, Any]] = {
    200: {"description": "a table", "content": {CSV: {"schema": {"type": "string"}}}}
}
_TASKS: dict[int | str, dict[str, Any]] = {
    200: {"description": "an iCalendar file of tasks", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}


def wanted_jobs(
    council: Council = None,
    hub_id: Annotated[str | None, Query(max_length=64)] = None,
    kind: JobKind | None = None,
    state: JobState | None = None,
    owner: Annotated[str | None, Query(max_length=100, description="who has it, by name")] = None,
    overdue: bool | None = None,
) -> JobFilter:
    """Read what a list of jobs is narrowed to."""
    return JobFilter(council, hub_id, kind, state, owner, overdue)


Wanted = Annotated[JobFilter, Depends(wanted_jobs)]


@router.get("")
async def list_jobs(
    wanted: Wanted, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[JobOut]:
    """List jobs: those to be done by what is due first, then those that are done."""
    now = await database_now(session)
    after = decode_cursor(cursor, int, datetime, UUID)
    found = await JobRepository(session, actor.councils).page(wanted, now, after, limit + 1)
    return page_of(
        found, limit, lambda job: show_job(job, now), lambda job: (int(job.state == JobState.DONE), job.due_at, job.id)
    )


@router.get("/export.csv", response_class=Response, responses=_TABLE)
async def export_jobs(wanted: Wanted, session: Transaction, actor: Viewer) -> Response:
    """Return jobs as a table for a spreadsheet program, those to be done unless a state is asked for."""
    listed = []
    for job in await _to_be_done(session, actor, wanted):
        row = job.model_dump(mode="json") | {
            "what": job.words,
            "evidence": "; ".join(item.words for item in job.evidence.items),
        }
        listed.append([_cell(row[name]) for name in COLUMNS])
    return Response(table(listed, COLUMNS), media_type=CSV)


@router.get("/due.ics", response_class=Response, responses=_TASKS)
async def export_tasks(wanted: Wanted, session: Transaction, services: ServicesDep, actor: Viewer) -> Response:
    """Return jobs as tasks for a calendar program, with the times by which; they name no person."""
    jobs = await _to_be_done(session, actor, wanted)
    url = (services.settings.public_url or "").rstrip("/")
    return Response(calendar_of(jobs, url, await database_now(session)), media_type=MEDIA_TYPE)


@router.get("/reconciliation.csv", response_class=Response, responses=_TABLE)
async def reconciliation(
    session: Transaction,
    services: ServicesDep,
    actor: Viewer,
    council: Council = None,
) -> Response:
    """Return every device of a council by what the register, the unit's own list and the last proof say of it."""
    now = await database_now(session)
    every = [row.code for row in await ModelRepository(session).councils()]
    facts, found = JobFacts(session, rules_of(services.settings)), list[Row]()
    for code in every:
        if actor.sees(code) and council in {None, code}:
            async for units in units_of(facts, {code}):
                found += rows(units, code, now)
    return Response(as_table(found), media_type=CSV)


@router.post("/reconcile")
async def reconcile_now(
    session: Transaction, services: ServicesDep, actor: Handler, council: Council = None
) -> ReconcileOut:
    """Look at all hubs of a council now, as each night; without a council at all that one may see."""
    if council is not None and not actor.sees(council):
        raise ForbiddenError("This council is not yours")
    councils = {council} if council else actor.councils
    done = await reconcile(session, rules_of(services.settings), councils)
    figures = ReconcileOut(hubs=done.hubs, disagree=done.disagree, **vars(done.outcome))
    await AuditRepository(session).add(
        actor, "fleet_reconciled", "fleet", "reconciliation", council, details=figures.model_dump()
    )
    return figures


@router.get("/{job_id}")
async def get_job(job_id: UUID, session: Transaction, actor: Viewer) -> JobWithLog:
    """Show one job with its evidence and log. They tell of somebody's days and nights, so looking is audited."""
    jobs = JobRepository(session, actor.councils)
    job = await jobs.require(job_id)
    await _note(session, actor, "job_viewed", job)
    return show_with_log(job, await jobs.log_of(job_id), await database_now(session))


@router.post("/{job_id}/assign")
async def assign_job(job_id: UUID, body: AssignIn, session: Transaction, actor: Handler) -> JobOut:
    """Give a job to somebody by name, or take it, and say what protects the person until it is done."""
    service = JobService(session, actor.councils)
    job = await service.assign(job_id, body.owner or actor.name, body.interim, actor.name, body.as_of)
    await _note(session, actor, "job_assigned", job, owner=job.owner)
    return show_job(job, await database_now(session))


@router.post("/{job_id}/note")
async def note_on_job(job_id: UUID, body: JobNoteIn, session: Transaction, actor: Handler) -> JobOut:
    """Write something down in the log of a job."""
    job = await JobService(session, actor.councils).note(job_id, body.text, actor.name)
    await _note(session, actor, "job_noted", job)
    return show_job(job, await database_now(session))


@router.post("/{job_id}/close")
async def close_job(job_id: UUID, body: JobCloseIn, session: Transaction, actor: Handler) -> JobOut:
    """Close a job, with a reason; only a human does. What is found anew opens another one."""
    service = JobService(session, actor.councils)
    job = await service.close(
        job_id, body.reason, actor.name, body.as_of, still_there=body.still_there, label=actor.label
    )
    await _note(session, actor, "job_closed", job, still_there=body.still_there)
    return show_job(job, await database_now(session))


async def _to_be_done(session: AsyncSession, actor: Actor, wanted: JobFilter) -> Sequence[JobOut]:
    now = await database_now(session)
    found = await JobRepository(session, actor.councils).page(replace(wanted, done=False), now, None, MOST)
    return [show_job(job, now) for job in found]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


async def _note(session: AsyncSession, actor: Actor, action: str, job: Job, **details: Any) -> None:
    about = {"hub_id": job.hub_id, "kind": job.kind} | ({"person_id": str(job.person_id)} if job.person_id else {})
    audit = AuditRepository(session)
    await audit.add(actor, action, "job", job.id, job.council_id, reason=job.reason, details=about | details)
