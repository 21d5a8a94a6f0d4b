"""Where a hub stood at any instant, its history, and planned absences."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime

from devices.presence.schemas import LONGEST_ABSENCE, AbsenceIn, GapOut, PeriodOut, PresenceAtOut
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.repository import HubRepository
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints.hubs import Editor, HubId, Viewer
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError

router = api_router("/hubs", "hubs")

At = Annotated[AwareDatetime | None, Query(description="with its offset; now when it is left out")]


@router.get("/{hub_id}/presence")
async def presence_at(hub_id: HubId, session: Transaction, actor: Viewer, at: At = None) -> PresenceAtOut:
    """Say whether a hub was alive at an instant: the state it was in, from and to, and whether we could hear at all."""
    await HubRepository(session, actor.councils).require(hub_id)
    hubs = VerdictRepository(session)
    moment = at or await database_now(session)
    period, gap = await hubs.at(hub_id, moment), await hubs.deaf_at(moment)
    return PresenceAtOut(
        at=moment,
        period=PeriodOut.of(period) if period else None,
        our_gap=GapOut(started_at=gap[0], ended_at=gap[1]) if gap else None,
    )


@router.get("/{hub_id}/presence/history")
async def presence_history(
    hub_id: HubId, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[PeriodOut]:
    """List the states that a hub was in, the newest first: each from and to, exact, without samples."""
    await HubRepository(session, actor.councils).require(hub_id)
    before = decode_cursor(cursor, datetime)
    rows = await VerdictRepository(session).history(hub_id, before[0] if before else None, limit + 1)
    return page_of(rows, limit, PeriodOut.of, lambda row: (row.started_at,))


@router.put("/{hub_id}/absence")
async def plan_absence(hub_id: HubId, body: AbsenceIn, session: Transaction, actor: Editor) -> AbsenceIn:
    """Plan that somebody is away until then: their hub may be silent. What it sends is taken as ever."""
    hub = await HubRepository(session, actor.councils).require(hub_id)
    now = await database_now(session)
    if not now < body.until <= now + LONGEST_ABSENCE:
        errors = [{"where": "body.until", "what": f"an absence ends in the next {LONGEST_ABSENCE.days} days"}]
        raise InvalidError("The absence has no end that is possible", errors=errors)
    await VerdictRepository(session).plan_absence(hub_id, body.until, body.why)
    details = {"until": body.until.isoformat(), "why": body.why}
    await AuditRepository(session).add(actor, "absence_planned", "hub", hub_id, hub["council_id"], details=details)
    return body


@router.delete("/{hub_id}/absence", status_code=204)
async def end_absence(hub_id: HubId, session: Transaction, actor: Editor) -> None:
    """End an absence now: from here on the hub has a whole interval to be heard."""
    hub = await HubRepository(session, actor.councils).require(hub_id)
    if await VerdictRepository(session).end_absence(hub_id):
        await AuditRepository(session).add(actor, "absence_ended", "hub", hub_id, hub["council_id"])
