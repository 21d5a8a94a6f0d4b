"""Rotas as files: YAML in and out."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.rota.document import layer_of
from alarms.rota.domain import members_of
from alarms.rota.exchange import write
from alarms.rota.import_service import Imported, import_rotas
from alarms.rota.schemas import RotaImportOut
from alarms.rota.service import RotaService, StaleRotaError, documents_of
from telecare.access.domain import Actor
from telecare.api.deps import Transaction
from telecare.api.endpoints.responders import Administrator, Viewer
from telecare.api.endpoints.rotas import note, visible_rota
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.errors import InvalidError

router = api_router("/rotas", "rotas")

YAML = "application/yaml"
_BODY = {"requestBody": {"required": True, "content": {YAML: {"schema": {"type": "object"}}}}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the rota as the import takes it", "content": {YAML: {"schema": {"type": "object"}}}}
}


@router.post("/import", openapi_extra=_BODY)
@never_replayed
async def import_file(
    request: Request,
    session: Transaction,
    actor: Administrator,
    dry_run: Annotated[bool, Query(description="say what would happen, and do nothing")] = False,
) -> RotaImportOut:
    """Import rotas from YAML, as the body: all of them, or with a fault in the file none. The same again does nothing.

    The file is `rotas:`, a list of what `POST /rotas` takes, with keys of responders in place of their ids. A rota with
    `as_of`, as an export writes it, is a 409 `stale` when it has changed since then; without, it is overwritten.
    """
    done = await import_rotas(session, await request.body(), dry_run=dry_run, councils=actor.councils)
    faults = done.report.faults
    if faults and not dry_run:
        errors = [{"where": f"line {fault.line}", "what": f"{fault.what}: {fault.mend}"} for fault in faults[:100]]
        if all(fault.stale for fault in faults):
            raise StaleRotaError("Rotas have changed since they were exported: nothing was imported", errors=errors)
        raise InvalidError("The file has faults, so nothing of it was imported", errors=errors)
    await note_import(session, actor, done)
    return done.report


@router.get("/{rota_id}/export", response_class=Response, responses=_FILE)
async def export_file(rota_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Return a rota as a YAML file that the import takes."""
    plan = await visible_rota(session, actor, rota_id)
    documents = documents_of(plan)
    members = members_of(layer_of(document) for document in documents)
    names = await RotaService(session).responders.responders.named(members)
    text = write([(plan, documents)], {member: named.key for member, named in names.items()})
    return Response(text, media_type=YAML)


async def note_import(session: AsyncSession, actor: Actor | str, done: Imported) -> None:
    """Write down each rota that an import has made or changed."""
    for plan in done.touched:
        await note(session, actor, "rota_imported", plan, version=plan.version, after=plan.plan)
