"""What changes a rota for a while: overrides and temporary schedules, each made and undone as one act."""

from uuid import UUID

from alarms.rota.schemas import OverrideIn, OverrideOut, TemporaryIn, TemporaryOut, show_override, show_temporary
from alarms.rota.service import RotaService
from telecare.api.deps import Transaction
from telecare.api.endpoints.responders import Administrator, Viewer
from telecare.api.endpoints.rotas import Supervisor, governed_rota, note, visible_rota
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router

router = api_router("/rotas/{rota_id}", "rotas")


@router.get("/overrides")
async def list_overrides(
    rota_id: UUID, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[OverrideOut]:
    """List the overrides of a rota, the newest first, those undone included."""
    await visible_rota(session, actor, rota_id)
    before = decode_cursor(cursor, UUID)
    rows = await RotaService(session).rotas.overrides(rota_id, before[0] if before else None, limit + 1)
    return page_of(rows, limit, show_override, lambda row: (row.id,))


@router.post("/overrides", status_code=201)
async def add_override(rota_id: UUID, body: OverrideIn, session: Transaction, actor: Supervisor) -> OverrideOut:
    """Put somebody on, take somebody off, or one in place of the other, for a while: one act (for supervisors too)."""
    plan = await governed_rota(session, actor, rota_id)
    override = await RotaService(session).override(plan, made_by=actor.label, **body.model_dump())
    details = body.model_dump(mode="json")
    await note(session, actor, "rota_overridden", plan, override=str(override.id), **details)
    return show_override(override)


@router.delete("/overrides/{override_id}", status_code=204)
async def undo_override(rota_id: UUID, override_id: UUID, session: Transaction, actor: Supervisor) -> None:
    """Undo an override as one; it stays in the history."""
    plan = await governed_rota(session, actor, rota_id)
    await RotaService(session).undo_override(plan, override_id, actor.label)
    await note(session, actor, "rota_override_undone", plan, override=str(override_id))


@router.get("/temporary-schedules")
async def list_temporary(
    rota_id: UUID, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[TemporaryOut]:
    """List the temporary schedules of a rota, the newest first, those undone included."""
    await visible_rota(session, actor, rota_id)
    before = decode_cursor(cursor, UUID)
    rows = await RotaService(session).rotas.temporaries(rota_id, before[0] if before else None, limit + 1)
    return page_of(rows, limit, show_temporary, lambda row: (row.id,))


@router.post("/temporary-schedules", status_code=201)
async def add_temporary(rota_id: UUID, body: TemporaryIn, session: Transaction, actor: Administrator) -> TemporaryOut:
    """Let explicit turns, and nothing else, say who is on in a period, such as the days around Christmas."""
    plan = await governed_rota(session, actor, rota_id)
    columns = {"starts_at": body.starts_at, "ends_at": body.ends_at, "why": body.why, "made_by": actor.label}
    schedule = await RotaService(session).temporary(plan, body.as_turns(), **columns)
    details = body.model_dump(mode="json")
    await note(session, actor, "rota_schedule_added", plan, schedule=str(schedule.id), **details)
    return show_temporary(schedule)


@router.delete("/temporary-schedules/{schedule_id}", status_code=204)
async def undo_temporary(rota_id: UUID, schedule_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Undo a temporary schedule; it stays in the history."""
    plan = await governed_rota(session, actor, rota_id)
    await RotaService(session).undo_temporary(plan, schedule_id, actor.label)
    await note(session, actor, "rota_schedule_undone", plan, schedule=str(schedule_id))
