"""Rotas as YAML: imported, or tried first; each fault with its line."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.rota.exchange import MOST_BYTES
from alarms.rota.import_service import import_rotas
from alarms.rota.schemas import RotaImportOut
from alarms.rota.service import UnreadableRotaError
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints.rota_files import export_file, note_import
from telecare.console import policy_view
from telecare.console.forms import Fault, Form, refusal, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.errors import ConflictError, InvalidError

router = APIRouter()

Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

SEE_OTHER = 303
EXAMPLE = """\
rotas:
- key: out-of-hours
  name: Out of hours
  zone: Europe/London
  layers:
  - kind: rotation
    unit: weekly
    starts_at: 2026-11-30T09:00
    members: [key-of-a-responder, key-of-another]
    only:
    - {days: [mon, tue, wed, thu, fri], from: "17:00", to: "09:00"}
    - {days: [sat, sun], from: "09:00", to: "09:00"}
"""


@router.get("/rotas/import")
async def form(request: Request, session: Transaction, actor: Administrator, rota: UUID | None = None) -> Response:
    """Show the form, with the present plan of a rota in it, or with an example."""
    return _page(request, actor, Form("import", {"text": await _text(session, actor, rota)}))


@router.post("/rotas/import")
async def import_text(request: Request, session: Transaction, actor: Administrator) -> Response:
    """Say what an import would do, or do it: all of the file, or nothing."""
    sent = await typed(request, "import")
    dry_run = sent.value("do") != "import"
    try:
        async with session.begin_nested():
            done = await import_rotas(session, sent.value("text").encode(), dry_run=dry_run, councils=actor.councils)
            await note_import(session, actor, done)
    except (ConflictError, InvalidError) as error:
        return _page(request, actor, sent.wrong(*refusal(error, "text")))
    lines = sent.value("text").split("\n")
    faults = [
        Fault(
            "text",
            f"{fault.what}: {fault.mend}",
            fault.line,
            lines[fault.line - 1].strip() if 0 < fault.line <= len(lines) else "",
        )
        for fault in done.report.faults
    ]
    if done.report.done:
        touched = [plan.id for plan in done.touched]
        return RedirectResponse(f"/rotas/{touched[0]}?done=imported" if len(touched) == 1 else "/rotas", SEE_OTHER)
    return _page(request, actor, sent.wrong(*faults), done.report)


async def _text(session: AsyncSession, actor: Actor, rota: UUID | None) -> str:
    if rota is None:
        return EXAMPLE
    try:
        return bytes((await export_file(rota, session, actor)).body).decode()
    except UnreadableRotaError:
        return EXAMPLE


def _page(request: Request, actor: Actor, sent: Form, report: RotaImportOut | None = None) -> Response:
    return page(
        request,
        "rota_import.html",
        actor,
        422 if sent.faults else 200,
        form=sent,
        report=report,
        limit=MOST_BYTES // 1024,
        words=policy_view,
    )
