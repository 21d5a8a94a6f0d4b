"""A council's own list: sent, its columns looked at, tried out, made live, its report taken home; by plain forms."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from devices.registry.repository import ModelRepository
from devices.switchover.importing.domain import REFUSED, FileKind, FileState
from devices.switchover.importing.report import row_words
from devices.switchover.importing.repository import ImportFileRepository
from devices.switchover.importing.service import ImportFileService
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Services, ServicesDep, Transaction
from telecare.api.endpoints import switchover_import as api
from telecare.console import import_view
from telecare.console.forms import NOTHING, Fault, Form, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.errors import ConflictError, InvalidError

router = APIRouter()

Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_PEOPLE))]
FLEET = [Depends(PageNeeds(Permission.EDIT_FLEET))]

SEE_OTHER = 303
SHOWN = 50


@router.get("/switchover/import", dependencies=FLEET)
async def imports(request: Request, session: Transaction, actor: Editor, done: str = "") -> Response:
    """Show the form for a file, and the files of before."""
    return await _front(request, session, actor, NOTHING, done=done)


@router.post("/switchover/import", dependencies=FLEET)
async def send(request: Request, session: Transaction, services: ServicesDep, actor: Editor) -> Response:
    """Take a file in; the page that follows shows how far it is."""
    form = await typed(request, "send")
    upload = (await request.form()).get("file")
    kind = form.value("kind")
    try:
        async with session.begin_nested():
            sent = _chosen(upload, kind)
            council = form.value("council") or None
            raw = await sent.read()
            file = await api.receive(session, services, actor, raw, sent.filename or "", FileKind(kind), council)
    except (ConflictError, InvalidError) as error:
        status, faults = refused(error, "file", {"query.council": "council"})
        return await _front(request, session, actor, form.wrong(*faults), status)
    return RedirectResponse(f"/switchover/import/{file.id}", SEE_OTHER)


@router.get("/switchover/import/{import_id}", dependencies=FLEET)
async def show(
    request: Request, import_id: UUID, session: Transaction, services: ServicesDep, actor: Editor, done: str = ""
) -> Response:
    """Show a file: its columns with samples, how far it is, what becomes of its rows, which of them need somebody."""
    facts = await _facts(session, services, actor, import_id)
    return page(request, "import.html", actor, form=NOTHING, done=import_view.DONE.get(done, ""), **facts)


@router.post("/switchover/import/{import_id}", dependencies=FLEET)
async def act(
    request: Request, import_id: UUID, session: Transaction, services: ServicesDep, actor: Editor
) -> Response:
    """Keep what was said of columns, or have the file tried out, made live, thrown away."""
    form = await typed(request, "import")
    do = form.value("do")
    as_of = int(form.value("as_of")) if str(form.value("as_of")).isdecimal() else None
    try:
        async with session.begin_nested():
            if do in {"map", "check"} and form.value("column-0") is not None and "column-0" in form.values:
                service = ImportFileService(session, services.sealer, actor.councils)
                file = await service.files.require(import_id)
                fields = [form.value(f"column-{at}") for at in range(len(file.headings))]
                as_of = (await service.map_by_place(import_id, fields, as_of)).version
            if do in _STEPS:
                await api.ask(session, services, actor, import_id, _STEPS[do], as_of)
    except (ConflictError, InvalidError) as error:
        status, faults = refused(error, "columns")
        faults = tuple(dict.fromkeys(Fault("columns", fault.words) for fault in faults))
        facts = await _facts(session, services, actor, import_id)
        return page(request, "import.html", actor, status, form=form.wrong(*faults), done="", **facts)
    if do == "discard":
        return RedirectResponse("/switchover/import?done=discarded", SEE_OTHER)
    return RedirectResponse(f"/switchover/import/{import_id}{'?done=mapped' if do == 'map' else ''}", SEE_OTHER)


@router.get("/switchover/import/{import_id}/report.{ending}", dependencies=FLEET)
async def report(import_id: UUID, ending: str, session: Transaction, services: ServicesDep, actor: Editor) -> Response:
    """Return the report, as a workbook or as CSV."""
    return await api.report(session, services, actor, import_id, "csv" if ending == "csv" else "xlsx")


def _chosen(upload: object, kind: str) -> UploadFile:
    """Return the file, if there is one and it is said what it is about."""
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise InvalidError("Choose a file")
    if kind not in list(FileKind):
        raise InvalidError("Say what the file is about")
    return upload


_STEPS = {"check": FileState.CHECKING, "commit": FileState.COMMITTING, "discard": FileState.DISCARDED}


async def _front(
    request: Request, session: AsyncSession, actor: Actor, form: Form, status: int = 200, done: str = ""
) -> Response:
    councils = await ModelRepository(session).councils()
    return page(
        request,
        "imports.html",
        actor,
        status,
        form=form,
        files=await ImportFileRepository(session, actor.councils).page(None, SHOWN),
        councils=[(row.code, row.name) for row in councils if not actor.councils or row.code in actor.councils],
        words=import_view,
        done=import_view.DONE.get(done, ""),
    )


async def _facts(session: AsyncSession, services: Services, actor: Actor, import_id: UUID) -> dict[str, Any]:
    shown = await api.get_import(import_id, session, services, actor)
    files = ImportFileRepository(session, actor.councils)
    rows = await files.rows(import_id, 0, SHOWN, REFUSED) if shown.counts else []
    return {
        "file": shown,
        "options": import_view.options(shown.kind),
        "refused": [row_words(shown.kind, row, services.sealer) for row in rows],
        "taken": sum(shown.counts.get(status, 0) for status in ("created", "updated", "unchanged")),
        "words": import_view,
    }
