"""Planned work: what is on, what comes, what was; planned, moved and ended by plain forms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.rota.wallclock import first_moment
from alarms.work.domain import WorkState
from alarms.work.models import PlannedWork
from alarms.work.repository import WorkRepository
from alarms.work.schemas import WorkIn, WorkOut, WorkPatch, show_work
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.endpoints import planned_work as api
from telecare.console import work_view
from telecare.console.acting import REFUSED, SEE_OTHER, acted
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Planner = Annotated[Actor, Depends(PageNeeds(Permission.PLAN_WORK))]

MOST = 500
PAST = 30
OF_HUB = 5
DONE = {
    "planned": "The work is planned. Alarms raised in it tell nobody until its end, but for life-safety.",
    "moved": "The work ends then. Alarms that it keeps quiet wait for the new end.",
    "ended": "The work is over. Alarms that it kept quiet go on now.",
}
_WORDS = {
    "reason": "Say what is worked on, in 3 to 500 characters",
    "ends_at": "Write until when, such as 24/12/2026 18:00; 14 days after the start at most",
    "starts_at": "Write from when, such as 24/12/2026 18:00, or leave it empty for now",
    "council_id": "Choose a council of the list",
    "hub_id": "Write the id of a hub, or leave it empty for all of the council",
}
_FIELDS = {f"body.{name}": name for name in _WORDS}


class LocalTimes(BaseModel):
    """Times of the wall clock in Europe/London."""

    ends_at: datetime
    starts_at: datetime | None = None


@router.get("/work")
async def work(
    request: Request,
    session: Transaction,
    actor: Viewer,
    hub: Annotated[str, Query(max_length=64)] = "",
    done: str = "",
) -> Response:
    """Show planned work; `hub` fills the form in for one hub."""
    facts = await _facts(session, actor, NOTHING)
    return page(request, "work.html", actor, **{**facts, "hub": hub, "done": DONE.get(done, "")})


@router.post("/work")
async def plan(request: Request, session: Transaction, actor: Planner) -> Response:
    """Plan work."""
    form = await typed(request, "new")
    try:
        given = {name: form.value(name) for name in ("reason", "council_id", "hub_id")}
        if given["hub_id"]:
            given["council_id"] = ""  # the hub's own
        async with session.begin_nested():
            await api.plan_work(read(WorkIn, given | _times(form), _WORDS), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "reason")
    return RedirectResponse("/work?done=planned", SEE_OTHER)


@router.post("/work/{work_id}/move")
async def move(
    request: Request, work_id: UUID, session: Transaction, services: ServicesDep, actor: Planner
) -> Response:
    """Let work end later or earlier."""
    form = await typed(request, f"work-{work_id}")
    return await acted(
        session,
        lambda: api.move_work(work_id, read(WorkPatch, _times(form), _WORDS), session, services, actor),
        lambda error: _again(request, session, actor, form, error, "ends_at"),
        "/work?done=moved",
    )


@router.post("/work/{work_id}/end")
async def end(request: Request, work_id: UUID, session: Transaction, services: ServicesDep, actor: Planner) -> Response:
    """End work now."""
    form = await typed(request, f"work-{work_id}")
    try:
        await api.end_work(work_id, session, services, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "ends_at")
    return RedirectResponse("/work?done=ended", SEE_OTHER)


async def work_sign(session: AsyncSession, actor: Actor, now: datetime) -> str:
    """Return the line of the board that says what is on for what this person sees."""
    return work_view.sign(await _of_state(session, actor, WorkState.ON, now), now)


async def work_of_hub(session: AsyncSession, actor: Actor, hub: RowMapping, now: datetime) -> list[WorkOut]:
    """Return the newest windows that hold for a hub, those that are on first."""
    council, hub_id = str(hub["council_id"]), str(hub["hub_id"])
    rows = await WorkRepository(session).page(actor.councils, now, council_id=council, hub_id=hub_id, limit=OF_HUB)
    order = [WorkState.ON, WorkState.COMING, WorkState.OVER]
    return sorted(_shown(rows, now), key=lambda work: order.index(work.state))


def _times(form: Form) -> dict[str, datetime]:
    """Return the moments of the form; one that comes twice in autumn is the first of the two."""
    local = read(LocalTimes, {name: form.value(name) for name in ("ends_at", "starts_at")}, _WORDS)
    return {name: first_moment(moment.replace(tzinfo=None), LONDON) for name, moment in local if moment is not None}


async def _again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    status, faults = refused(error, field, _FIELDS)
    return page(request, "work.html", actor, status, **await _facts(session, actor, form.wrong(*faults)))


async def _of_state(
    session: AsyncSession, actor: Actor, state: WorkState, now: datetime, limit: int = MOST
) -> list[WorkOut]:
    return _shown(await WorkRepository(session).page(actor.councils, now, state=state, limit=limit), now)


def _shown(rows: Sequence[PlannedWork], now: datetime) -> list[WorkOut]:
    return [show_work(row, now) for row in rows]


async def _facts(session: AsyncSession, actor: Actor, form: Form) -> dict[str, Any]:
    """Collect what the page shows."""
    now = await database_now(session)
    on = await _of_state(session, actor, WorkState.ON, now)
    coming = await _of_state(session, actor, WorkState.COMING, now)
    councils = await ModelRepository(session).councils()
    return {
        "on": sorted(on, key=lambda work: work.ends_at),
        "coming": sorted(coming, key=lambda work: work.starts_at),
        "over": await _of_state(session, actor, WorkState.OVER, now, PAST),
        "councils": [(row.code, row.name) for row in councils if not actor.councils or row.code in actor.councils],
        "words": work_view,
        "local": _local,
        "form": form,
        "hub": "",
        "done": "",
        "now": now,
    }


def _local(moment: datetime) -> str:
    """Return a moment as a field for a date and a time holds it."""
    return moment.astimezone(LONDON).strftime("%Y-%m-%dT%H:%M")
