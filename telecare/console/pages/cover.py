"""Covers: who stands in for whom, what is on, and the report of each time that it was."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.cover.domain import AFTER_S, CoverWhy
from alarms.cover.models import Cover
from alarms.cover.repository import CASES, CoverRepository
from alarms.cover.schemas import AgreementIn, AgreementOut, CoverEndIn, CoverIn
from alarms.cover.service import CoverService, in_minutes
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints import covers as api
from telecare.console import cover_view
from telecare.console.forms import NOTHING, Form, FormError, check_sure, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Supervisor = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

SEE_OTHER = 303
LISTED = 50
MOST = 500
REFUSED = (FormError, ConflictError, InvalidError, ForbiddenError, NotFoundError)
DONE = {
    "agreed": "The agreement holds from now on.",
    "removed": "The agreement has ended.",
    "started": "The cover is on.",
    "ended": "The cover has ended.",
}
_WORDS = {
    "council_id": "Choose the council that is covered",
    "partner_id": "Choose the council whose control room covers it",
    "after_s": "Write seconds, from 60 to 3600",
    "why": "Choose why",
    "reason": "Write at most 500 characters",
}


@router.get("/cover")
async def covers(
    request: Request,
    session: Transaction,
    actor: Viewer,
    done: str = "",
    cursor: Annotated[str | None, Query(max_length=1200)] = None,
) -> Response:
    """Show who covers whom, what is on, and what was."""
    return page(request, "cover.html", actor, **await _facts(session, actor, NOTHING, cursor), done=DONE.get(done))


@router.post("/cover/agreements")
async def agree(request: Request, session: Transaction, actor: Administrator) -> Response:
    """Let a partner cover a council."""
    form = await typed(request, "new")
    try:
        async with session.begin_nested():
            await api.create_agreement(read(AgreementIn, form.values, _WORDS), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "council_id")
    return RedirectResponse("/cover?done=agreed", SEE_OTHER)


@router.post("/cover/agreements/{agreement_id}")
async def change(request: Request, agreement_id: UUID, session: Transaction, actor: Supervisor) -> Response:
    """Begin a cover by an agreement, or end the agreement."""
    form = await typed(request, f"agreement-{agreement_id}")
    ends = form.value("do") == "remove"
    try:
        async with session.begin_nested():
            if ends:
                check_sure(form)
                if not actor.may(Permission.ADMINISTER):
                    raise ForbiddenError("An administrator of the covered council ends the agreement")
                await api.end_agreement(agreement_id, session, actor)
            else:
                values = {"agreement_id": agreement_id, "why": form.value("why"), "reason": form.value("reason")}
                await api.start_cover(read(CoverIn, values, _WORDS), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "sure" if ends else "why")
    return RedirectResponse(f"/cover?done={'removed' if ends else 'started'}", SEE_OTHER)


@router.post("/cover/{cover_id}/end")
async def end(request: Request, cover_id: UUID, session: Transaction, actor: Supervisor) -> Response:
    """End a cover that is on."""
    form = await typed(request, f"cover-{cover_id}")
    try:
        async with session.begin_nested():
            values = {"why": form.value("why").strip()}
            await api.end_cover(cover_id, read(CoverEndIn, values, {"why": _WORDS["reason"]}), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "why")
    return RedirectResponse("/cover?done=ended", SEE_OTHER)


@router.get("/cover/{cover_id}")
async def report(request: Request, cover_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Show what a cover did, to be printed: the report of an exercise."""
    cover = await api.require_cover(session, actor, cover_id)
    did = await CoverService(session, AuditRepository(session)).report(cover)
    facts: dict[str, Any] = {"cover": cover, "did": did, "why": cover_view.why(cover), "most": CASES}
    return page(request, "cover_report.html", actor, **facts, lasts=in_minutes, now=await database_now(session))


async def _again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, field: str
) -> Response:
    places = {f"body.{name}": name for name in ("council_id", "partner_id")}
    status, faults = refused(error, field, places)
    return page(
        request, "cover.html", actor, status, **await _facts(session, actor, form.wrong(*faults), None), done=None
    )


async def _facts(session: AsyncSession, actor: Actor, form: Form, cursor: str | None) -> dict[str, Any]:
    agreements = (await api.list_agreements(session, actor, MOST)).items
    history = await api.list_covers(session, actor, LISTED, cursor)
    councils = [(row.code, row.name) for row in await ModelRepository(session).councils()]
    return {
        "agreements": agreements,
        "may": {one.id: _reasons(one, actor) for one in agreements},
        "history": history.items,
        "older": history.next,
        "newest": cursor is None,
        "running": await _running(session, agreements),
        "councils": councils,
        "own": [(code, name) for code, name in councils if not actor.councils or code in actor.councils],
        "after_s": AFTER_S,
        "why": cover_view.why,
        "reasons": cover_view.WHY,
        "lasts": in_minutes,
        "form": form,
        "now": await database_now(session),
    }


async def _running(session: AsyncSession, agreements: list[AgreementOut]) -> Sequence[Cover]:
    return await CoverRepository(session).running([one.id for one in agreements])


def _reasons(agreement: AgreementOut, actor: Actor) -> list[tuple[CoverWhy, str]]:
    """Return the reasons for which somebody may begin this cover now."""
    if not actor.may(Permission.SUPERVISE) or agreement.running is not None:
        return []
    found = []
    if not actor.councils or agreement.council_id in actor.councils:
        found += [(CoverWhy.EXERCISE, "An exercise"), (CoverWhy.DECLARED, "The control room cannot take alarms")]
    if agreement.lag_s > agreement.after_s:
        found.append((CoverWhy.LAG, "An alarm there waits too long"))
    return found
