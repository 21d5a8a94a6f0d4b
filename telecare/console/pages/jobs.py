"""Jobs: the list with filters in the address, one with its evidence; assigned, noted on and closed by plain forms."""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.jobs.domain import JobKind, JobState
from devices.jobs.repository import JobFilter, JobRepository
from devices.jobs.schemas import AssignIn, JobCloseIn, JobNoteIn, show_job
from devices.registry.repository import HubRepository, ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.endpoints import jobs as api
from telecare.console import job_view
from telecare.console.acting import SEE_OTHER, acted
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.pages.fleet import council_code
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Handler = Annotated[Actor, Depends(PageNeeds(Permission.HANDLE_JOBS))]
Text = Annotated[str, Query(max_length=120)]

ON_A_PAGE = 50
_ASSIGN = {
    "owner": "Write who has it, in 100 characters at most, or leave it empty to take it yourself",
    "interim": "Say in one line what protects the person until it is done",
    "as_of": "The job has changed: look and try again",
}
_NOTE = {"text": "Write something down, in 4000 characters at most"}
_CLOSE = {
    "reason": "Say why it is done, in 3 to 500 characters",
    "still_there": "Tick the box if you close it although it is still there",
    "as_of": "The job has changed: look and try again",
}


@router.get("/jobs")
async def jobs(
    request: Request,
    session: Transaction,
    actor: Viewer,
    council: Text = "",
    hub: Text = "",
    kind: Text = "",
    state: Text = "",
    owner: Text = "",
    overdue: Text = "",
    at: Annotated[int, Query(ge=1, le=100_000)] = 1,
    done: str = "",
) -> Response:
    """Show jobs, what is overdue first; every filter stands in the address, so a view can be kept and sent."""
    repository, now = JobRepository(session, actor.councils), await database_now(session)
    chosen = {
        "council": council_code(council), "hub": hub.strip(), "kind": kind, "state": state, "owner": owner.strip(),
        "overdue": overdue,
    }  # fmt: skip
    wanted = JobFilter(
        council=chosen["council"] or None,
        hub_id=chosen["hub"] or None,
        kind=JobKind(kind) if kind in list(JobKind) else None,
        state=JobState(state) if state in list(JobState) else None,
        owner=chosen["owner"] or None,
        overdue=True if overdue else None,
        done=False,
    )
    total = await repository.count(wanted, now)
    pages = max(1, -(-total // ON_A_PAGE))
    at = min(at, pages)
    found = await repository.page(wanted, now, None, ON_A_PAGE, (at - 1) * ON_A_PAGE)
    kept = {name: value for name, value in chosen.items() if value}
    named = {("hub_id" if name == "hub" else name): value for name, value in kept.items()}
    named |= {"overdue": "true"} if overdue else {}
    councils = await ModelRepository(session).councils()
    return page(
        request,
        "jobs.html",
        actor,
        jobs=[show_job(job, now) for job in found],
        late=await repository.count(replace(wanted, overdue=True), now),
        total=total,
        at=at,
        pages=pages,
        chosen=chosen,
        kept=urlencode(kept),
        export=urlencode(named),
        councils=[row for row in councils if not actor.councils or row.code in actor.councils],
        owners=await repository.owners(),
        words=job_view,
        done=job_view.DONE.get(done, ""),
        now=now,
    )


@router.post("/jobs/reconcile")
async def reconcile(request: Request, session: Transaction, services: ServicesDep, actor: Handler) -> Response:
    """Compare register and units now."""
    form = await typed(request, "reconcile")
    await api.reconcile_now(session, services, actor, council_code(form.value("council")) or None)
    return RedirectResponse("/jobs?done=reconciled", SEE_OTHER)


@router.get("/jobs/{job_id}")
async def job(request: Request, job_id: UUID, session: Transaction, actor: Viewer, done: str = "") -> Response:
    """Show a job with its evidence and log; that it was looked at is written to the audit."""
    return page(request, "job.html", actor, **await _facts(session, actor, job_id, NOTHING, done))


@router.post("/jobs/{job_id}/assign")
async def assign(request: Request, job_id: UUID, session: Transaction, actor: Handler) -> Response:
    """Give a job to somebody, or take it."""
    form = await typed(request, "assign")
    return await acted(
        session,
        lambda: api.assign_job(job_id, read(AssignIn, form.values, _ASSIGN), session, actor),
        lambda error: _again(request, session, actor, job_id, form, error, "owner"),
        f"/jobs/{job_id}?done=assigned",
    )


@router.post("/jobs/{job_id}/note")
async def note(request: Request, job_id: UUID, session: Transaction, actor: Handler) -> Response:
    """Write something down."""
    form = await typed(request, "note")
    return await acted(
        session,
        lambda: api.note_on_job(job_id, read(JobNoteIn, form.values, _NOTE), session, actor),
        lambda error: _again(request, session, actor, job_id, form, error, "text"),
        f"/jobs/{job_id}?done=noted#log",
    )


@router.post("/jobs/{job_id}/close")
async def close(request: Request, job_id: UUID, session: Transaction, actor: Handler) -> Response:
    """Close a job, with a reason."""
    form = await typed(request, "close")
    return await acted(
        session,
        lambda: api.close_job(job_id, read(JobCloseIn, form.values, _CLOSE), session, actor),
        lambda error: _again(request, session, actor, job_id, form, error, "reason"),
        f"/jobs/{job_id}?done=closed",
    )


async def _again(
    request: Request, session: AsyncSession, actor: Actor, job_id: UUID, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    status, faults = refused(error, field, {f"body.{name}": name for name in (*_ASSIGN, *_NOTE, *_CLOSE)})
    return page(request, "job.html", actor, status, **await _facts(session, actor, job_id, form.wrong(*faults)))


async def _facts(session: AsyncSession, actor: Actor, job_id: UUID, form: Form, done: str = "") -> dict[str, Any]:
    shown = await api.get_job(job_id, session, actor)
    return {
        "job": shown,
        "hub": await HubRepository(session, actor.councils).require(shown.hub_id),
        "words": job_view,
        "form": form,
        "done": job_view.DONE.get(done, ""),
        "now": await database_now(session),
    }
