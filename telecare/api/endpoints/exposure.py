"""The exposure list: analogue units on digital lines, planned for by people, ended by facts or with a reason."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.reconciliation import table
from devices.switchover.exposure.models import Exposure
from devices.switchover.exposure.repository import ExposureFilter, ExposureRepository
from devices.switchover.exposure.schemas import (
    ExposureCloseIn,
    ExposureOut,
    ExposureWithLog,
    PlanIn,
    show_exposure,
    show_with_log,
)
from devices.switchover.exposure.service import ExposureService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now

router = api_router("/switchover/exposure", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Handler = Annotated[Actor, Depends(Needs(Permission.SWITCH_OVER))]
MOST = 50_000

CSV = "text/csv"
COLUMNS = (
    "id", "council_id", "hub_id", "connection", "person_name", "tier", "place", "line_kind", "provider", "known_since",
    "age_days", "owner", "next_action", "next_on", "due_at", "overdue", "gone", "closed_at", "cause", "closed_by",
    "reason",
)  # fmt: skip
_TABLE: dict[int | str, dict[str, Any]] = {
    200: {"description": "a table", "content": {CSV: {"schema": {"type": "string"}}}}
}


def wanted_entries(
    council: Council = None,
    owner: Annotated[str | None, Query(max_length=100, description="who has it, by name")] = None,
    provider: Annotated[str | None, Query(max_length=100, description="the communications provider")] = None,
    overdue: Annotated[bool, Query(description="only what has no next action that is still to come")] = False,
    unowned: Annotated[bool, Query(description="only what nobody has")] = False,
    closed: Annotated[bool, Query(description="what has ended, and only that")] = False,
) -> ExposureFilter:
    """Read what the list is narrowed to."""
    return ExposureFilter(council, owner, provider, overdue, unowned, closed)


Wanted = Annotated[ExposureFilter, Depends(wanted_entries)]


@router.get("")
async def list_exposed(
    wanted: Wanted, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[ExposureOut]:
    """List analogue units on digital lines, what is due first."""
    now = await database_now(session)
    after = decode_cursor(cursor, datetime, UUID)
    found = await ExposureRepository(session, actor.councils).page(wanted, now, after, limit + 1)
    return page_of(found, limit, lambda row: show_exposure(row, now), lambda row: (row["due_at"], row["id"]))


@router.get("/export.csv", response_class=Response, responses=_TABLE)
async def export_exposed(wanted: Wanted, session: Transaction, actor: Viewer) -> Response:
    """Return the list as a table for a spreadsheet program; it has names and addresses, so it is audited."""
    now = await database_now(session)
    found = await ExposureRepository(session, actor.councils).page(wanted, now, None, MOST)
    await AuditRepository(session).add(
        actor, "exposure_exported", "exposure", "list", wanted.council, details={"rows": len(found)}
    )
    shown = [show_exposure(row, now).model_dump(mode="json") for row in found]
    return Response(table([[_cell(row[name]) for name in COLUMNS] for row in shown], COLUMNS), media_type=CSV)


@router.get("/{exposure_id}")
async def get_exposed(exposure_id: UUID, session: Transaction, actor: Viewer) -> ExposureWithLog:
    """Show one entry with what became of it; it names a person, so looking is audited."""
    entries = ExposureRepository(session, actor.councils)
    row = await entries.shown(exposure_id)
    await AuditRepository(session).add(
        actor, "exposure_viewed", "exposure", exposure_id, row["council_id"], details={"hub_id": row["hub_id"]}
    )
    return show_with_log(row, await entries.log_of(exposure_id), await database_now(session))


@router.post("/{exposure_id}/plan")
async def plan_exposed(exposure_id: UUID, body: PlanIn, session: Transaction, actor: Handler) -> ExposureOut:
    """Say who has it, what they do next and on which day; when that day is over a human is told."""
    service = ExposureService(session, actor.councils)
    entry = await service.plan(
        exposure_id, body.owner or actor.name, body.next_action, body.next_on, actor.name, body.as_of
    )
    await _note(session, actor, "exposure_planned", entry, owner=entry.owner, next_on=body.next_on.isoformat())
    return await _shown(session, actor, exposure_id)


@router.post("/{exposure_id}/close")
async def close_exposed(exposure_id: UUID, body: ExposureCloseIn, session: Transaction, actor: Handler) -> ExposureOut:
    """End an entry by a correction of the record, with a reason; refused while the unit is exposed."""
    service = ExposureService(session, actor.councils)
    entry = await service.close(
        exposure_id, body.cause, body.reason, (actor.name, actor.label), body.as_of, body.line_kind
    )
    await _note(session, actor, "exposure_closed", entry, cause=body.cause, line_kind=body.line_kind)
    return await _shown(session, actor, exposure_id)


async def _shown(session: AsyncSession, actor: Actor, exposure_id: UUID) -> ExposureOut:
    row = await ExposureRepository(session, actor.councils).shown(exposure_id)
    return show_exposure(row, await database_now(session))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


async def _note(session: AsyncSession, actor: Actor, action: str, entry: Exposure, **details: Any) -> None:
    about = {"hub_id": entry.hub_id, "person_id": str(entry.person_id)}
    audit = AuditRepository(session)
    await audit.add(actor, action, "exposure", entry.id, entry.council_id, reason=entry.reason, details=about | details)
