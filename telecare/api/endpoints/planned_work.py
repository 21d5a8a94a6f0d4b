"""Planned work: windows in which alarms that are not life-safety tell nobody; planned, moved, ended."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Holder
from alarms.handling.service import AlarmService
from alarms.work.domain import WorkState
from alarms.work.models import PlannedWork
from alarms.work.schemas import WorkIn, WorkOut, WorkPatch, show_work
from alarms.work.service import WorkService
from devices.registry.repository import HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.endpoints.responders import check_governs, require_council
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError, NotFoundError

router = api_router("/planned-work", "planned work")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]
Planner = Annotated[Actor, Depends(Needs(Permission.PLAN_WORK))]
Hub = Annotated[str | None, Query(max_length=64, description="what holds for this hub, of its council and of all")]


@router.get("")
async def list_work(
    session: Transaction,
    actor: Viewer,
    council: Council = None,
    hub_id: Hub = None,
    state: WorkState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WorkOut]:
    """List planned work, newest first; what holds in all councils holds in each."""
    now = await database_now(session)
    before = decode_cursor(cursor, UUID)
    if hub_id is not None and council is None:
        council = await council_of_hub(session, actor, hub_id)
    rows = await WorkService(session).work.page(
        actor.councils,
        now,
        state=state,
        council_id=council,
        hub_id=hub_id,
        before=before[0] if before else None,
        limit=limit + 1,
    )
    return page_of(rows, limit, lambda row: show_work(row, now), lambda row: (row.id,))


@router.post("", status_code=201)
async def plan_work(body: WorkIn, session: Transaction, actor: Planner) -> WorkOut:
    """Plan work. What is raised in it tells nobody until its end, but for life-safety; what is open already goes on."""
    council_id = body.council_id
    if body.hub_id is not None:
        council_id = await _council_of(session, actor, body.hub_id, body.council_id)
    check_governs(actor, council_id, "planned work")
    await require_council(session, council_id)
    columns = {**body.model_dump(), "council_id": council_id}
    work = await WorkService(session).plan(**columns, made_by=actor.label)
    await _note(session, actor, "work_planned", work)
    return show_work(work, await database_now(session))


@router.get("/{work_id}")
async def get_work(work_id: UUID, session: Transaction, actor: Viewer) -> WorkOut:
    """Show one window; what is over stays readable."""
    work = await _visible(session, actor, work_id)
    return show_work(work, await database_now(session))


@router.patch("/{work_id}")
async def move_work(
    work_id: UUID, body: WorkPatch, session: Transaction, services: ServicesDep, actor: Planner
) -> WorkOut:
    """Let work end later or earlier. Alarms that are quiet because of it wait for the new end."""
    await _governed(session, actor, work_id)
    work = await WorkService(session).move(work_id, body.ends_at, body.reason)
    await _apply(session, services.settings.public_url, work, actor)
    await _note(session, actor, "work_moved", work)
    return show_work(work, await database_now(session))


@router.post("/{work_id}/end")
async def end_work(work_id: UUID, session: Transaction, services: ServicesDep, actor: Planner) -> WorkOut:
    """End work now. Alarms that are quiet because of it alone go on at once; work that has not begun never will."""
    await _governed(session, actor, work_id)
    work = await WorkService(session).end(work_id, actor.label)
    await _apply(session, services.settings.public_url, work, actor)
    await _note(session, actor, "work_ended", work)
    return show_work(work, await database_now(session))


async def council_of_hub(session: AsyncSession, actor: Actor, hub_id: str) -> str:
    """Return the council of a hub, as a filter; of a hub that the actor cannot see, one that nothing belongs to."""
    try:
        return str((await HubRepository(session, actor.councils).require(hub_id))["council_id"])
    except NotFoundError:
        return ""


async def _apply(session: AsyncSession, public_url: str | None, work: PlannedWork, actor: Actor) -> None:
    await AlarmService(session, public_url).work_moved(work.window, Holder(str(actor.id), actor.name))


async def _council_of(session: AsyncSession, actor: Actor, hub_id: str, council_id: str | None) -> str:
    """Return the council of a hub; InvalidError when the actor sees no such hub, or it is another council's."""
    found = await council_of_hub(session, actor, hub_id)
    if not found:
        errors = [{"where": "body.hub_id", "what": "there is no such hub"}]
        raise InvalidError("There is no such hub", errors=errors)
    if council_id not in {None, found}:
        errors = [{"where": "body.council_id", "what": f"the hub belongs to {found}: leave the council out"}]
        raise InvalidError("The hub belongs to another council", errors=errors)
    return found


async def _visible(session: AsyncSession, actor: Actor, work_id: UUID) -> PlannedWork:
    work = await WorkService(session).work.get(work_id)
    if work is None or not actor.sees(work.council_id):
        raise NotFoundError(f"There is no planned work {work_id}")
    return work


async def _governed(session: AsyncSession, actor: Actor, work_id: UUID) -> None:
    work = await _visible(session, actor, work_id)
    check_governs(actor, work.council_id, "planned work")


async def _note(session: AsyncSession, actor: Actor, action: str, work: PlannedWork) -> None:
    details = {"hub_id": work.hub_id, "ends_at": work.ends_at.isoformat(), "starts_at": work.starts_at.isoformat()}
    audit = AuditRepository(session)
    await audit.add(actor, action, "planned_work", work.id, work.council_id, details=details | {"reason": work.reason})
