"""Mass incidents: what is on, who is hit, ranked, and which alarms belong to it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.schemas import AlarmOut
from alarms.incidents.domain import IncidentState, MemberState
from alarms.incidents.models import Incident
from alarms.incidents.repository import IncidentRepository, Tally
from alarms.incidents.schemas import IncidentMemberOut, IncidentOut
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.protection.standings import Place, Standings

router = api_router("/incidents", "incidents")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]
MembersViewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]

LOOKS_APART = timedelta(minutes=10)
"""Who follows the members of an incident leaves one line in the audit in so long, and not one with each look."""


@router.get("")
async def list_incidents(
    session: Transaction,
    actor: Viewer,
    state: Annotated[IncidentState | None, Query(description="left out: all of them")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[IncidentOut]:
    """List incidents with homes of your councils, the newest first."""
    before = decode_cursor(cursor, UUID)
    rows = await IncidentRepository(session).page(actor.sight, state, before[0] if before else None, limit + 1)
    shown = {one.id: one for one in await show(session, actor, rows)}
    return page_of(rows, limit, lambda row: shown[row.id], lambda row: (row.id,))


@router.get("/{incident_id}")
async def get_incident(incident_id: UUID, session: Transaction, actor: Viewer) -> IncidentOut:
    """Show an incident; the names of who is hit are among its members."""
    incident = await IncidentRepository(session).require(incident_id, actor.sight)
    return (await show(session, actor, [incident]))[0]


@router.get("/{incident_id}/members")
async def list_members(
    incident_id: UUID,
    session: Transaction,
    actor: MembersViewer,
    state: Annotated[MemberState | None, Query(description="left out: all of them")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[IncidentMemberOut]:
    """List who is hit, then who stayed out, then who is back; each by risk and by how long their unit still works.

    All pages are ranked as of the moment of the first one.
    """
    await IncidentRepository(session).require(incident_id, actor.sight)
    await note_look(session, actor, incident_id)
    found = decode_cursor(cursor, datetime, int, int, str)
    after = Place(*found) if found else None
    at = after.at if after else await database_now(session)
    rows = await Standings(session).members(incident_id, actor.sight, at, state, after, limit + 1)
    return page_of(
        rows,
        limit,
        lambda row: IncidentMemberOut.of(row, at),
        lambda row: (at, row["turn"], row["urgency"], row["hub_id"]),
    )


@router.get("/{incident_id}/alarms")
async def list_belonging(
    incident_id: UUID, session: Transaction, actor: MembersViewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[AlarmOut]:
    """List the technical alarms that are told with an incident, the oldest first. Life-safety is never among them."""
    incidents = IncidentRepository(session)
    await incidents.require(incident_id, actor.sight)
    await note_look(session, actor, incident_id)
    after = decode_cursor(cursor, datetime, UUID)
    rows = await incidents.belonging(incident_id, actor.sight, after and (after[0], after[1]), limit + 1)
    return page_of(rows, limit, AlarmOut.model_validate, lambda row: (row.raised_at, row.id))


async def show(session: AsyncSession, actor: Actor, incidents: Sequence[Incident]) -> list[IncidentOut]:
    """Return incidents as this actor sees them."""
    ids, found = [one.id for one in incidents], IncidentRepository(session)
    tallies, alarms = await found.tallies(ids, actor.sight), await found.belonging_count(ids, actor.sight)
    councils = await found.councils_of(ids, actor.sight)
    return [IncidentOut.of(one, tallies.get(one.id, Tally()), alarms.get(one.id, 0), councils) for one in incidents]


async def note_look(session: AsyncSession, actor: Actor, incident_id: UUID) -> None:
    """Keep in the audit of each council concerned that somebody looks at who is hit."""
    audit = AuditRepository(session)
    for one in await IncidentRepository(session).councils_of([incident_id], actor.sight):
        await audit.add_unless_lately(actor, "incident_viewed", "incident", incident_id, one.council_id, LOOKS_APART)
