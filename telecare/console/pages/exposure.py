"""The exposure list: analogue units on digital lines, by what is due; planned and ended by plain forms."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from devices.registry.repository import ModelRepository
from devices.switchover.exposure.repository import ExposureFilter, ExposureRepository
from devices.switchover.exposure.schemas import ExposureCloseIn, PlanIn, show_exposure
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import exposure as api
from telecare.console import exposure_view, job_view
from telecare.console.acting import acted
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.pages.fleet import council_code
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter(prefix="/switchover/exposure")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Handler = Annotated[Actor, Depends(PageNeeds(Permission.SWITCH_OVER))]
Text = Annotated[str, Query(max_length=120)]

ON_A_PAGE = 50
_PLAN = {
    "next_action": "Say in one line what is done next",
    "next_on": "Give the day by which it is done, today or later",
    "owner": "Write who has it, in 100 characters at most, or leave it empty to take it yourself",
    "as_of": "The entry has changed: look and try again",
}
_CLOSE = {
    "reason": "Say who knows it and how, in 3 to 500 characters",
    "cause": "Choose why it is no exposure",
    "line_kind": "Choose what the line is",
    "as_of": "The entry has changed: look and try again",
}


@router.get("")
async def exposed(
    request: Request,
    session: Transaction,
    actor: Viewer,
    council: Text = "",
    owner: Text = "",
    provider: Text = "",
    show: Text = "",
    at: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """Show the list, what is due first; every filter stands in the address, so a view can be kept and sent."""
    entries, now = ExposureRepository(session, actor.councils), await database_now(session)
    show = show if show in exposure_view.SHOWN else ""
    chosen = {"council": council_code(council), "owner": owner.strip(), "provider": provider.strip(), "show": show}
    flags = {name: show == name for name in ("overdue", "unowned", "closed")}
    wanted = ExposureFilter(chosen["council"] or None, chosen["owner"] or None, chosen["provider"] or None, **flags)
    total = await entries.count(wanted, now)
    pages = max(1, -(-total // ON_A_PAGE))
    at = min(at, pages)
    found = await entries.page(wanted, now, None, ON_A_PAGE, (at - 1) * ON_A_PAGE)
    kept = {name: value for name, value in chosen.items() if value}
    named = {name: value for name, value in kept.items() if name != "show"} | ({show: "true"} if show else {})
    exposed, late, oldest = await entries.tally(now)
    councils = await ModelRepository(session).councils()
    return page(
        request,
        "exposure.html",
        actor,
        entries=[show_exposure(row, now) for row in found],
        exposed=exposed,
        late=late,
        oldest=oldest,
        total=total,
        at=at,
        pages=pages,
        chosen=chosen,
        kept=urlencode(kept),
        export=urlencode(named),
        councils=[row for row in councils if not actor.councils or row.code in actor.councils],
        owners=await entries.owners(),
        words=exposure_view,
        until=job_view.until,
        now=now,
    )


@router.get("/{exposure_id}")
async def entry(request: Request, exposure_id: UUID, session: Transaction, actor: Viewer, done: Text = "") -> Response:
    """Show an entry with what became of it; that it was looked at is written to the audit."""
    return page(request, "exposure_entry.html", actor, **await _facts(session, actor, exposure_id, NOTHING, done))


@router.post("/{exposure_id}/plan")
async def plan(request: Request, exposure_id: UUID, session: Transaction, actor: Handler) -> Response:
    """Say who has it, what they do next and on which day."""
    form = await typed(request, "plan")
    return await acted(
        session,
        lambda: api.plan_exposed(exposure_id, read(PlanIn, form.values, _PLAN), session, actor),
        lambda error: _again(request, session, actor, exposure_id, form, error, "next_action"),
        f"/switchover/exposure/{exposure_id}?done=planned",
    )


@router.post("/{exposure_id}/close")
async def close(request: Request, exposure_id: UUID, session: Transaction, actor: Handler) -> Response:
    """End an entry by a correction of the record, with a reason."""
    form = await typed(request, "close")
    return await acted(
        session,
        lambda: api.close_exposed(exposure_id, read(ExposureCloseIn, form.values, _CLOSE), session, actor),
        lambda error: _again(request, session, actor, exposure_id, form, error, "reason"),
        f"/switchover/exposure/{exposure_id}?done=closed",
    )


async def _again(
    request: Request, session: AsyncSession, actor: Actor, exposure_id: UUID, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    status, faults = refused(error, field, {f"body.{name}": name for name in (*_PLAN, *_CLOSE)})
    facts = await _facts(session, actor, exposure_id, form.wrong(*faults))
    return page(request, "exposure_entry.html", actor, status, **facts)


async def _facts(session: AsyncSession, actor: Actor, exposure_id: UUID, form: Form, done: str = "") -> dict[str, Any]:
    return {
        "entry": await api.get_exposed(exposure_id, session, actor),
        "words": exposure_view,
        "until": job_view.until,
        "form": form,
        "done": exposure_view.DONE.get(done, ""),
        "now": await database_now(session),
    }
