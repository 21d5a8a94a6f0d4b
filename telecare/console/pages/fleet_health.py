"""How the fleet is: what hubs told last, counted, each bar a list; the worst hubs; and our own gaps."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from devices.presence.telemetry_repository import TelemetryRepository
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.councils import UnknownCouncilError, present_code
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints.telemetry import distributions
from telecare.console import telemetry_picture, telemetry_view
from telecare.console.health_view import charts, reasons
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]


@router.get("/fleet/health")
async def fleet_health(
    request: Request, session: Transaction, actor: Viewer, council: Annotated[str, Query(max_length=120)] = ""
) -> Response:
    """Show how the fleet of all councils that somebody sees is, or that of one."""
    try:
        code = present_code(council) if council else ""
    except UnknownCouncilError:
        code = council  # it has no hubs
    found = await distributions(session, actor, code or None)
    councils = await ModelRepository(session).councils()
    return page(
        request,
        "fleet_health.html",
        actor,
        found=found,
        charts=charts(found, code),
        reasons=reasons,
        councils=[row for row in councils if not actor.councils or row.code in actor.councils],
        chosen=code,
        kept=urlencode({"council": code}) + "&" if code else "",
        now=found.at,
    )


async def telemetry_facts(session: AsyncSession, hub: RowMapping | None, span: str) -> dict[str, Any] | None:
    """Collect what the page of a hub shows of its telemetry."""
    if hub is None:
        return None
    span = span if span in telemetry_view.SPANS else "24h"
    _, length, step = telemetry_view.SPANS[span]
    until = await database_now(session)
    since = until - length
    points = await TelemetryRepository(session).history(hub["hub_id"], since, until, step)
    deaf = await VerdictRepository(session).deaf_since(since)
    return {
        "spans": telemetry_view.SPANS,
        "span": span,
        "points": points,
        "summary": telemetry_view.summary(points),
        "picture": telemetry_picture.picture(points, deaf, since, until),
        "view": telemetry_view,
    }
