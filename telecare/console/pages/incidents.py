"""Mass incidents: which are on and were, and one with its homes, their picture, its log and what belongs to it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from alarms.handling.repository import AlarmRepository
from alarms.incidents.domain import IncidentState
from alarms.incidents.repository import IncidentRepository
from alarms.incidents.schemas import IncidentMemberOut
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import incidents as api
from telecare.console import incident_view
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.protection.standings import Standings

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
MembersViewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Cursor = Annotated[str | None, Query(max_length=1200)]

LISTED = 50
BELONGING = 50
LINES = 60
ON_THE_SIGN = 5


@router.get("/incidents")
async def incidents(request: Request, session: Transaction, actor: Viewer, cursor: Cursor = None) -> Response:
    """Show what is on and what was, the newest first."""
    listed = await api.list_incidents(session, actor, None, LISTED, cursor)
    return page(
        request,
        "incidents.html",
        actor,
        incidents=listed.items,
        older=listed.next,
        newest=cursor is None,
        where=incident_view.where,
        now=await database_now(session),
    )


@router.get("/incidents/{incident_id}")
async def incident(
    request: Request, incident_id: UUID, session: Transaction, actor: MembersViewer, cursor: Cursor = None
) -> Response:
    """Show an incident; `cursor` leads on in the list of its homes."""
    return page(request, "incident.html", actor, **await _facts(session, actor, incident_id, cursor))


@router.get("/incidents/{incident_id}/live")
async def live(request: Request, incident_id: UUID, session: Transaction, actor: MembersViewer) -> Response:
    """Give an incident as it is now, for a browser that has it open."""
    return page(request, "_incident.html", actor, **await _facts(session, actor, incident_id, None))


async def incident_sign(session: AsyncSession, actor: Actor) -> str:
    """Return in one line which incidents are on, for the board."""
    on = await IncidentRepository(session).page(actor.sight, IncidentState.OPEN, None, ON_THE_SIGN)
    return incident_view.sign(await api.show(session, actor, on)) if on else ""


async def _facts(session: AsyncSession, actor: Actor, incident_id: UUID, cursor: str | None) -> dict[str, Any]:
    shown = await api.get_incident(incident_id, session, actor)
    listed = await api.list_members(incident_id, session, actor, None, LISTED, cursor)
    belonging = await api.list_belonging(incident_id, session, actor, BELONGING)
    now = await database_now(session)
    rows = await Standings(session).members(incident_id, actor.sight, now, None, None, incident_view.DRAWN)
    drawn = incident_view.cells(rows, [IncidentMemberOut.of(row, now) for row in rows], now)
    alarms = AlarmRepository(session)
    lines = [(council.council_id, line) for council in shown.councils for line in await alarms.log_of(council.alarm_id)]
    lines.sort(key=lambda one: (one[1].at, one[1].seq), reverse=True)
    return {
        "incident": shown,
        "members": listed.items,
        "more": listed.next,
        "first": cursor is None,
        "belonging": belonging.items,
        "more_belong": belonging.next is not None,
        "picture": incident_view.picture(drawn),
        "drawn": len(drawn),
        "legend": [incident_view.badge_of(state) for state in incident_view.LEGEND],
        "lines": lines[:LINES],
        "words": incident_view,
        "now": now,
    }
