"""The import of a fleet from a spreadsheet."""

from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from devices.registry.importing.schemas import ImportOut
from devices.registry.importing.service import ImportReport, import_fleet
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.errors import InvalidError

router = api_router("/hubs/import", "hubs")

Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_PEOPLE))]

_CSV = {"schema": {"type": "string"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "contentMediaType": "text/csv"}},
    }
}
_BODY = {"requestBody": {"required": True, "content": {"text/csv": _CSV, "multipart/form-data": _FORM}}}


@router.post("", dependencies=[Depends(Needs(Permission.EDIT_FLEET))], openapi_extra=_BODY)
@never_replayed
async def import_file(
    request: Request,
    session: Transaction,
    services: ServicesDep,
    actor: Editor,
    dry_run: Annotated[bool, Query(description="say what would happen, and do nothing")] = False,
) -> ImportOut:
    """Import a CSV file, one home a row: as the body, or as `file` of a form. Good rows are taken, bad ones reported.

    The same file again changes nothing, so it needs no Idempotency-Key.
    """
    raw = await _file(request)
    report = await import_fleet(session, services.sealer, raw, dry_run=dry_run, councils=actor.councils)
    if not dry_run:
        await note_import(session, actor, report)
    return ImportOut.model_validate(report)


async def note_import(session: AsyncSession, actor: Actor | str, report: ImportReport) -> None:
    """Write an import down, and for each council which homes it made or changed."""
    audit = AuditRepository(session)
    await audit.add(actor, "fleet_imported", "fleet", "import", details=report.counts)
    for council, hub_ids in report.changed.items():
        await audit.add(actor, "homes_imported", "council", council, council, details={"hub_ids": hub_ids})


async def _file(request: Request) -> bytes:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body()
    upload = (await request.form()).get("file")
    if not isinstance(upload, UploadFile):
        raise InvalidError("The form has no file", errors=[{"where": "body.file", "what": "send the CSV file as file"}])
    return await upload.read()
