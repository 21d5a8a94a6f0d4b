"""What hubs told over time, and how a whole fleet is."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime

from devices.presence.schemas import GapOut, TelemetryOut, TelemetryPoint
from devices.presence.telemetry import Step, fitting_step
from devices.presence.telemetry_repository import TelemetryRepository
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.health import Dimension, filter_of
from devices.registry.health_repository import HealthRepository
from devices.registry.health_schemas import BarOut, DeafOut, FleetOut, WorstOut
from devices.registry.repository import HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.endpoints.hubs import HubId, Viewer
from telecare.api.filters import Council
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError

router = api_router("/hubs", "hubs")
fleet_router = api_router("/fleet", "fleet")

LONGEST = {
    Step.BEAT: timedelta(days=2),
    Step.TEN_MINUTES: timedelta(days=7),
    Step.HOUR: timedelta(days=62),
    Step.DAY: timedelta(days=800),
}
DAY = timedelta(days=1)
BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
DEAF_FOR = timedelta(days=7)
WORST = 20

From = Annotated[AwareDatetime | None, Query(alias="from", description="a day before `to` when it is left out")]
To = Annotated[AwareDatetime | None, Query(alias="to", description="now when it is left out")]
StepAsked = Annotated[Step | None, Query(description="the one that fits the time when it is left out")]


@router.get("/{hub_id}/telemetry")
async def telemetry(
    hub_id: HubId, session: Transaction, actor: Viewer, since: From = None, until: To = None, step: StepAsked = None
) -> TelemetryOut:
    """Show battery, signal, mains, path and firmware of a hub over time, by heartbeat, ten minutes, hour or day.

    Single heartbeats are kept for some days; before that a point is an hour at the least. They tell of somebody's days
    and nights, so looking at them is written to the audit.
    """
    hub = await HubRepository(session, actor.councils).require(hub_id)
    now = await database_now(session)
    until = min(until or now, now)
    since = since or max(until, BEFORE_ALL + DAY) - DAY
    step = step or fitting_step(until - since)
    if not BEFORE_ALL < since < until or until - since > LONGEST[step]:
        what = f"`from` is before `to`, by {LONGEST[step].days} days at the most for step `{step}`"
        errors = [{"where": "query.from", "what": what}]
        raise InvalidError("This is no time of which telemetry could be shown", errors=errors)
    await AuditRepository(session).add(actor, "telemetry_viewed", "hub", hub_id, hub["council_id"])
    points = await TelemetryRepository(session).history(hub_id, since, until, step)
    gaps = await VerdictRepository(session).deaf_since(since)
    return TelemetryOut(
        hub_id=hub_id,
        since=since,
        until=until,
        step=step,
        points=[TelemetryPoint.model_validate(point) for point in points],
        our_gaps=[GapOut(started_at=start, ended_at=end) for start, end in gaps if start < until],
    )


@fleet_router.get("/distributions")
async def distributions(
    session: Transaction, actor: Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))], council: Council = None
) -> FleetOut:
    """Count digital hubs by presence, battery, signal, mains, path, firmware, model and support; and name the worst."""
    health = HealthRepository(session, actor.councils, council)
    now = await database_now(session)
    counted = await health.distributions()
    pulse = await health.pulse()
    return FleetOut(
        at=now,
        hubs=sum(hubs for _, hubs in counted[Dimension.PRESENCE]),
        heartbeats_expected_per_minute=pulse.expected,
        heartbeats_last_minute=pulse.heard,
        distributions={
            dimension: [
                BarOut(value=value, hubs=hubs, filters={"connection": "digital", **filter_of(dimension, value)})
                for value, hubs in values
            ]
            for dimension, values in counted.items()
        },
        worst=[WorstOut.model_validate(row, from_attributes=False) for row in map(dict, await health.worst(WORST))],
        our_gaps=[
            DeafOut(started_at=start, ended_at=end)
            for start, end in await VerdictRepository(session).deaf_since(now - DEAF_FOR)
        ],
    )
