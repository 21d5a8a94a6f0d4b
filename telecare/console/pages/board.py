"""The board: what waits, ranked; and the fragment with which a browser catches up."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from alarms.handling.repository import AlarmRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.console import view
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]


@router.get("/")
async def board(request: Request, session: Transaction, actor: Viewer) -> Response:
    """Show the board."""
    return await _show(request, session, actor, "board.html")


@router.get("/board/lanes")
async def lanes(request: Request, session: Transaction, actor: Viewer) -> Response:
    """Give the two lanes as they are now, for a browser whose picture is too old to resume."""
    return await _show(request, session, actor, "_lanes.html")


async def _show(request: Request, session: AsyncSession, actor: Actor, template: str) -> Response:
    repository = AlarmRepository(session)
    # The number first: what changes after it is told by the stream, at worst a second time.
    seq = await repository.board_seq()
    alarms = await repository.board(actor.councils)
    now = await database_now(session)
    by_lane = {lane: [alarm for alarm in alarms if view.LANES[alarm.class_] == lane] for lane in ("life", "technical")}
    return page(request, template, actor, lanes=by_lane, seq=seq, now=now, strip=view.strip(alarms, now))
