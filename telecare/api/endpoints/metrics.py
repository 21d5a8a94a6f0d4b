"""Prometheus metrics: this process's counters, and what waits in the database at the moment of asking.

Numbers only, so a scraper needs no log-in.
"""

from itertools import product

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from alarms.handling.repository import AlarmRepository
from alarms.welfare.domain import PersonState
from alarms.welfare.repository import WelfareRepository
from devices.registry.domain import RiskTier
from devices.registry.health_repository import Gauged, HealthRepository
from telecare.api.deps import ServicesDep
from telecare.kernel.db import Database
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.transient import is_transient
from telecare.protection.domain import Protection
from telecare.protection.repository import ProtectionRepository
from telecare.watch.repository import VitalsRepository

router = APIRouter(tags=["health"])

_up = Gauge("telecare_database_up", "1 when the database answers", registry=REGISTRY)
_open = Gauge("telecare_alarms_open", "Open alarms", ("class", "handling"), registry=REGISTRY)
_unclaimed = Gauge("telecare_alarms_unclaimed", "Open alarms that nobody has", ("council",), registry=REGISTRY)
_overdue = Gauge("telecare_engine_overdue_seconds", "Age of the most overdue step of an open alarm", registry=REGISTRY)
_overdue_life = Gauge(
    "telecare_engine_overdue_life_safety_seconds",
    "Age of the most overdue step of an open life-safety alarm",
    registry=REGISTRY,
)
_waiting = Gauge("telecare_outbox_waiting", "Messages that have not left the house", registry=REGISTRY)
_late = Gauge("telecare_outbox_overdue_seconds", "Age of the oldest message that should have left", registry=REGISTRY)

_fleet = Gauge("telecare_fleet_hubs", "Digital hubs", ("council", "presence"), registry=REGISTRY)
_mains_off = Gauge("telecare_fleet_mains_off", "Digital hubs that run without mains", ("council",), registry=REGISTRY)
_battery_low = Gauge("telecare_fleet_battery_low", "Digital hubs whose battery is low", ("council",), registry=REGISTRY)
_welfare = Gauge(
    "telecare_welfare_people",
    "People of open welfare campaigns, by how far we are with them",
    ("state",),
    registry=REGISTRY,
)
_people = Gauge("telecare_people", "People by their protection", ("state", "tier"), registry=REGISTRY)
_canary = Gauge("telecare_canary_seconds", "How long the last canary that arrived was on its way", registry=REGISTRY)
_watchers = Gauge(
    "telecare_watcher_lag_seconds",
    "For how long a task that looks at intervals has not got through a round, in any process",
    ("watcher",),
    registry=REGISTRY,
)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(services: ServicesDep) -> Response:
    """Return the metrics; without a database those of the process alone, and `telecare_database_up 0`."""
    try:
        await _measure(services.database)
        _up.set(1)
    except Exception as error:
        if not is_transient(error):
            raise
        _up.set(0)
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _measure(database: Database) -> None:
    async with database.transaction() as session:
        vitals = VitalsRepository(session)
        alarms, lag, waiting = await vitals.open_alarms(), await vitals.lag(), await vitals.outbox_waiting()
        protection = await ProtectionRepository(session).counts(frozenset())
        canary_s, watchers = await vitals.last_canary_s(), await vitals.watchers()
        unclaimed = await AlarmRepository(session).unclaimed(frozenset())
        gauged = await HealthRepository(session, frozenset()).gauges()
        welfare = await WelfareRepository(session).of_open()
    for how_far in PersonState:
        _welfare.labels(how_far).set(welfare.get(how_far, 0))
    _open.clear()  # what nobody has open any more must not stay at its last number
    for (class_, handling), count in alarms.items():
        _open.labels(class_, handling).set(count)
    _unclaimed.clear()
    for council_id, count in unclaimed.items():
        _unclaimed.labels(council_id or "none").set(count)
    _show_fleet(gauged)
    for (state, tier), count in ((key, protection.get(key, 0)) for key in product(Protection, RiskTier)):
        _people.labels(state, tier).set(count)
    _overdue.set(lag.every)
    _overdue_life.set(lag.life)
    _late.set(lag.outbox)
    _canary.set(float("nan") if canary_s is None else canary_s)
    _waiting.set(waiting)
    _watchers.clear()
    for name, lag_s in watchers.items():
        _watchers.labels(name).set(lag_s)


def _show_fleet(gauged: list[Gauged]) -> None:
    for gauge in (_fleet, _mains_off, _battery_low):
        gauge.clear()
    for row in gauged:
        _fleet.labels(row.council_id, row.presence).set(row.hubs)
        _mains_off.labels(row.council_id).inc(row.mains_off)
        _battery_low.labels(row.council_id).inc(row.battery_low)
