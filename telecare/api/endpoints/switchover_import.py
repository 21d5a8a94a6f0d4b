"""A council's own list: sent, its columns said, tried out, made live as one act; its report to hand back."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from devices.registry.councils import UnknownCouncilError, present_code
from devices.switchover.importing.domain import FileKind, FileState, RowStatus
from devices.switchover.importing.models import ImportFile
from devices.switchover.importing.report import row_words, rows_of, write_csv, write_xlsx
from devices.switchover.importing.repository import ImportFileRepository
from devices.switchover.importing.schemas import ColumnsIn, ImportFileOut, ImportRowOut, StepIn, show_import
from devices.switchover.importing.service import ImportFileService, objections
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Services, ServicesDep, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.errors import InvalidError

router = api_router("/switchover/import", "switchover")

Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_PEOPLE))]
FLEET = [Depends(Needs(Permission.EDIT_FLEET))]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}}
_BODY = {
    "requestBody": {"required": True, "content": {"application/octet-stream": _BYTES, "multipart/form-data": _FORM}}
}
PIECE = 64 * 1024


def _file_reply(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "the report", "content": {media_type: _BYTES}}}


@router.post("", status_code=201, dependencies=FLEET, openapi_extra=_BODY)
@never_replayed
async def send_import(
    request: Request,
    session: Transaction,
    services: ServicesDep,
    actor: Editor,
    kind: FileKind = FileKind.HOMES,
    council: Annotated[str | None, Query(max_length=60, description="whose rows these are: a code or a name")] = None,
    name: Annotated[str, Query(max_length=200, description="of the file")] = "",
) -> ImportFileOut:
    """Send a spreadsheet, up to 32 MiB: as the body, or as `file` of a form. It is read soon; ask how far it is.

    The same file again is the same import until that has ended, so it needs no Idempotency-Key.
    """
    raw, sent_as = await _file(request)
    file = await receive(session, services, actor, raw, name or sent_as, kind, council)
    return await _shown(session, services, file)


@router.get("", dependencies=FLEET)
async def list_imports(
    session: Transaction, actor: Editor, limit: Limit = 50, cursor: Cursor = None, kind: FileKind | None = None
) -> Page[ImportFileOut]:
    """List imports, the latest first."""
    after = decode_cursor(cursor, UUID)
    found = await ImportFileRepository(session, actor.councils).page(after[0] if after else None, limit + 1, kind)
    return page_of(found, limit, lambda file: show_import(file, objections(file)), lambda file: (file.id,))


@router.get("/{import_id}", dependencies=FLEET)
async def get_import(import_id: UUID, session: Transaction, services: ServicesDep, actor: Editor) -> ImportFileOut:
    """Show an import: how far it is, what its columns were taken for, with samples, and what becomes of its rows."""
    file = await ImportFileRepository(session, actor.councils).require(import_id)
    await AuditRepository(session).add(actor, "import_viewed", "import", file.id, file.council_id)
    return await _shown(session, services, file)


@router.put("/{import_id}/columns", dependencies=FLEET)
async def say_columns(
    import_id: UUID, body: ColumnsIn, session: Transaction, services: ServicesDep, actor: Editor
) -> ImportFileOut:
    """Say what columns are; those that are not named stay as they are. It must be tried out again then."""
    service = ImportFileService(session, services.sealer, actor.councils)
    file = await service.map(import_id, {name: field or "" for name, field in body.columns.items()}, body.as_of)
    return await _shown(session, services, file)


@router.post("/{import_id}/check", status_code=202, dependencies=FLEET)
async def check_import(
    import_id: UUID, body: StepIn, session: Transaction, services: ServicesDep, actor: Editor
) -> ImportFileOut:
    """Have it tried out: all of an import is done, and taken back."""
    return await _ask(session, services, actor, import_id, FileState.CHECKING, body)


@router.post("/{import_id}/commit", status_code=202, dependencies=FLEET)
async def commit_import(
    import_id: UUID, body: StepIn, session: Transaction, services: ServicesDep, actor: Editor
) -> ImportFileOut:
    """Have it made live, all of it or nothing; it must have been tried out."""
    return await _ask(session, services, actor, import_id, FileState.COMMITTING, body)


@router.post("/{import_id}/discard", dependencies=FLEET)
async def discard_import(
    import_id: UUID, body: StepIn, session: Transaction, services: ServicesDep, actor: Editor
) -> ImportFileOut:
    """Throw it away, with its rows."""
    return await _ask(session, services, actor, import_id, FileState.DISCARDED, body)


@router.get("/{import_id}/rows", dependencies=FLEET)
async def list_rows(
    import_id: UUID,
    session: Transaction,
    services: ServicesDep,
    actor: Editor,
    status: Annotated[list[RowStatus] | None, Query(max_length=6)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ImportRowOut]:
    """List rows with what becomes of them, such as `?status=error`."""
    files = ImportFileRepository(session, actor.councils)
    file = await files.require(import_id)
    after = decode_cursor(cursor, int)
    rows = await files.rows(file.id, after[0] if after else 0, limit + 1, status)

    def show(row: Any) -> ImportRowOut:
        number, outcome, refused, mended, remarks, key = row_words(FileKind(file.kind), row, services.sealer)
        return ImportRowOut(
            row=int(number), status=row.status, known_as=key, outcome=outcome, refused_because=refused, mended=mended,
            remarks=remarks,
        )  # fmt: skip

    await AuditRepository(session).add(actor, "import_viewed", "import", file.id, file.council_id)
    return page_of(rows, limit, show, lambda row: (row.number,))


@router.get(
    "/{import_id}/report.xlsx", dependencies=FLEET, response_class=StreamingResponse, responses=_file_reply(XLSX)
)
async def report_xlsx(import_id: UUID, session: Transaction, services: ServicesDep, actor: Editor) -> StreamingResponse:
    """Return what became of each row as a workbook, the file's own columns beside."""
    return await report(session, services, actor, import_id, "xlsx")


@router.get("/{import_id}/report.csv", dependencies=FLEET, response_class=StreamingResponse, responses=_file_reply(CSV))
async def report_csv(import_id: UUID, session: Transaction, services: ServicesDep, actor: Editor) -> StreamingResponse:
    """Return the same as CSV."""
    return await report(session, services, actor, import_id, "csv")


async def receive(
    session: AsyncSession,
    services: Services,
    actor: Actor,
    raw: bytes,
    name: str,
    kind: FileKind,
    council: str | None,
) -> ImportFile:
    """Take a file in, and write down who sent it."""
    try:
        code = present_code(council) if council else None
    except UnknownCouncilError as error:
        raise InvalidError(
            "There is no such council", errors=[{"where": "query.council", "what": str(error)}]
        ) from error
    service = ImportFileService(session, services.sealer, actor.councils)
    file = await service.receive(raw, name, kind, code, actor.label)
    details = {"name": file.name, "kind": file.kind, "sha256": file.sha256}
    await AuditRepository(session).add(actor, "import_sent", "import", file.id, file.council_id, details=details)
    return file


async def report(
    session: AsyncSession, services: Services, actor: Actor, import_id: UUID, ending: str
) -> StreamingResponse:
    """Return a report that is written when this transaction has ended: it takes longer than one may."""
    file = await ImportFileRepository(session, actor.councils).require(import_id)
    await AuditRepository(session).add(actor, "import_reported", "import", file.id, file.council_id)
    name = f"import-{str(file.id)[-6:]}.{ending}"
    return StreamingResponse(
        _pieces(services, file, ending),
        media_type=XLSX if ending == "xlsx" else CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _pieces(services: Services, file: ImportFile, ending: str) -> AsyncIterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="telecare-report-") as folder:
        path = Path(folder) / "report"
        write = write_xlsx if ending == "xlsx" else write_csv
        await write(rows_of(services.database, services.sealer, file), path)
        with path.open("rb") as written:
            while piece := written.read(PIECE):
                yield piece


async def _ask(
    session: AsyncSession, services: Services, actor: Actor, import_id: UUID, state: FileState, body: StepIn
) -> ImportFileOut:
    file = await ask(session, services, actor, import_id, state, body.as_of)
    return await _shown(session, services, file)


async def ask(
    session: AsyncSession, services: Services, actor: Actor, import_id: UUID, state: FileState, as_of: int | None
) -> ImportFile:
    """Ask for a step, and write down who did."""
    service = ImportFileService(session, services.sealer, actor.councils)
    file = await service.ask(import_id, state, actor.label, as_of)
    await AuditRepository(session).add(actor, f"import_{_ASKED[state]}", "import", file.id, file.council_id)
    return file


_ASKED = {FileState.CHECKING: "tried_out", FileState.COMMITTING: "asked_for", FileState.DISCARDED: "discarded"}


async def _shown(session: AsyncSession, services: Services, file: ImportFile) -> ImportFileOut:
    samples = await ImportFileService(session, services.sealer).samples(file)
    return show_import(file, objections(file), samples)


async def _file(request: Request) -> tuple[bytes, str]:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body(), ""
    upload = (await request.form()).get("file")
    if not isinstance(upload, UploadFile):
        raise InvalidError("The form has no file", errors=[{"where": "body.file", "what": "send the file as file"}])
    return await upload.read(), upload.filename or ""
