"""The board: what waits, ranked; the fragment with which a browser catches up; and taking the next alarm."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, RedirectResponse, Response

from alarms.cover.repository import CoverRepository
from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked
from alarms.handling.domain import BoardTally
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from telecare.access.domain import Actor, Permission, UserRole
from telecare.access.repository import SessionRepository
from telecare.api.deps import ServicesDep, Transaction
from telecare.console import board_view, cover_view, view
from telecare.console.mend import to_mend
from telecare.console.pages.incidents import incident_sign
from telecare.console.pages.testing import tests_now
from telecare.console.pages.work import work_sign
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Handler = Annotated[Actor, Depends(PageNeeds(Permission.HANDLE_ALARMS))]
LIMIT = 500
"""How many alarms a page holds, the gravest and oldest of all: a browser can still be read with it."""
TRIES = 5
"""How many alarms to try in turn when others take them at the same moment."""


@router.get("/")
async def board(request: Request, session: Transaction, services: ServicesDep, actor: Viewer) -> Response:
    """Show the board."""
    facts = await _lanes(session, actor)
    notices = await to_mend(session, services, actor)
    work = await work_sign(session, actor, facts["now"])
    on = await incident_sign(session, actor)
    logged_in = await _logged_in(session)
    return page(
        request,
        "board.html",
        actor,
        logged_in=logged_in,
        notices=notices,
        work=work,
        incidents=on,
        tests=await tests_now(session, actor),
        **facts,
    )


@router.get("/board/lanes")
async def lanes(request: Request, session: Transaction, actor: Viewer) -> Response:
    """Give the two lanes as they are now, for a browser whose picture is too old to resume."""
    return page(request, "_lanes.html", actor, **await _lanes(session, actor))


@router.get("/board/figures")
async def figures(session: Transaction, actor: Viewer) -> Response:
    """Give the figures of the whole board, for pages that do not show it and for a board that is longer than a page."""
    work = await work_sign(session, actor, await database_now(session))
    on = await incident_sign(session, actor)
    return JSONResponse(board_view.figures(await _tally(session, actor), await _logged_in(session), work, on))


@router.post("/board/next")
async def take_next(session: Transaction, services: ServicesDep, actor: Handler) -> Response:
    """Claim the gravest alarm that nobody has and open it; the board again when there is none."""
    service = AlarmService(session, services.settings.public_url)
    for alarm in await AlarmRepository(session).waiting(actor.sight, TRIES):
        try:
            await service.command(alarm, Acked(Holder(str(actor.id), actor.name)), councils=actor.sight)
        except ConflictError:
            continue
        return RedirectResponse(f"/alarms/{alarm}", 303)
    return RedirectResponse("/", 303)


async def _lanes(session: AsyncSession, actor: Actor) -> dict[str, Any]:
    repository = AlarmRepository(session)
    # The number first: what changes after it is told by the stream, at worst a second time.
    seq = await repository.board_seq()
    alarms = await repository.board(actor.sight, LIMIT)
    now = await database_now(session)
    return {
        "seq": seq,
        "now": now,
        "lanes": board_view.lanes(alarms, now),
        "covers": cover_view.banners(await CoverRepository(session).running(), actor, now),
        "shown": len(alarms),
        "limit": LIMIT,
        "tally": await _tally(session, actor),
    }


async def _tally(session: AsyncSession, actor: Actor) -> BoardTally:
    user: UUID | None = actor.id if actor.kind == "user" else None
    return await AlarmRepository(session).tally(actor.sight, user, fire_rank=view.GAS_RANK)


async def _logged_in(session: AsyncSession) -> int:
    return await SessionRepository(session).logged_in((UserRole.OPERATOR, UserRole.SUPERVISOR))
