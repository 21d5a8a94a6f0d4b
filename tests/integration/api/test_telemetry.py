"""Telemetry of a hub and of a fleet over the API: what was told, and lists that show exactly what a bar counts."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from devices.presence.domain import HeartbeatRow
from devices.presence.repository import PresenceRepository
from devices.presence.verdict_repository import VerdictRepository
from telecare.access.domain import UserRole
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FALKIRK, FIFE, GLASGOW, Register


async def beat(database: Database, hub_id: str, minutes_ago: float = 0, **told: Any) -> None:
    async with database.transaction() as session:
        at = await database_now(session) - timedelta(minutes=minutes_ago)
        row = HeartbeatRow(new_id(), hub_id, at, json.dumps(told).encode(), **told)
        await PresenceRepository(session).record([row])


@pytest.fixture
async def fleet(register: Register, database: Database) -> list[str]:
    """Hubs that told many things, and two that told nothing; one model is out of support."""
    old = await register.model(support_ends_on="2020-01-01")
    told: list[dict[str, Any]] = [
        {"battery_pct": 5, "mains": False, "signal_dbm": -118, "path": "lte", "firmware": "1.0"},
        {"battery_pct": 60, "mains": True, "signal_dbm": -101, "path": "lte", "firmware": "1.1"},
        {"battery_pct": 100, "mains": True, "path": "ethernet", "firmware": "1.1"},
        {"battery_pct": 20, "signal_dbm": -85, "firmware": "not & ? = safe"},
        {},
    ]
    hubs = [await register.hub(council=FIFE if n % 2 else GLASGOW, model_id=old["id"]) for n in range(len(told))]
    for hub_id, values in zip(hubs, told, strict=True):
        await beat(database, hub_id, **values)
    model = await register.model(connection="analogue")
    await register.hub(council=FIFE, model_id=model["id"])
    return [*hubs, await register.hub(council=FALKIRK)]


async def test_a_hub_shows_what_it_told(
    register: Register, database: Database, administrator: httpx.AsyncClient
) -> None:
    hub = await register.hub()
    await beat(database, hub, 30, battery_pct=80, mains=True, path="ethernet", signal_dbm=-70, firmware="1.0")
    await beat(database, hub, 10, battery_pct=70, mains=False, path="lte")
    shown = (await administrator.get(f"/api/v1/hubs/{hub}/telemetry", params={"step": "beat"})).json()
    assert [(point["battery_max"], point["path"]) for point in shown["points"]] == [(80, "ethernet"), (70, "lte")]
    assert shown["points"][0]["mains_off_s"] == 0
    assert 590 <= shown["points"][1]["mains_off_s"] <= 620
    assert (shown["step"], shown["our_gaps"]) == ("beat", [])
    assert (await administrator.get(f"/api/v1/hubs/{await register.hub()}/telemetry")).json()["points"] == []
    day = (await administrator.get(f"/api/v1/hubs/{hub}/telemetry", params={"step": "day"})).json()["points"]
    assert sum(point["heartbeats"] for point in day) == 2
    audit = (await administrator.get("/api/v1/audit", params={"subject_id": hub})).json()["items"]
    assert [entry["action"] for entry in audit].count("telemetry_viewed") == 2


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-11-01T00:00:00Z", "to": "2026-10-01T00:00:00Z"},
        {"from": "2020-01-01T00:00:00Z"},
        {"step": "beat", "from": "2026-01-01T00:00:00Z"},
        {"step": "week"},
        {"to": "0001-01-01T00:00:00+14:00"},
        {"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-02T00:00:00Z"},
        {"from": "yesterday"},
    ],
)
async def test_a_time_that_cannot_be_shown_is_refused(
    register: Register, administrator: httpx.AsyncClient, query: dict[str, str]
) -> None:
    reply = await administrator.get(f"/api/v1/hubs/{await register.hub()}/telemetry", params=query)
    assert reply.status_code == 422
    assert reply.json()["errors"]


@pytest.mark.usefixtures("fleet")
async def test_each_bar_counts_what_its_filters_list(administrator: httpx.AsyncClient) -> None:
    for council in (None, FIFE, GLASGOW):
        scope = {"council": council} if council else {}
        shown = (await administrator.get("/api/v1/fleet/distributions", params=scope)).json()
        digital = (await administrator.get("/api/v1/hubs", params={**scope, "connection": "digital"})).json()["items"]
        assert shown["hubs"] == len(digital)
        for dimension, bars in shown["distributions"].items():
            assert sum(bar["hubs"] for bar in bars) == len(digital), dimension
            for bar in bars:
                listed = await administrator.get("/api/v1/hubs", params={**scope, **bar["filters"]})
                assert len(listed.json()["items"]) == bar["hubs"], (dimension, bar)
    values = {bar["value"] for bar in shown["distributions"]["battery"]}
    assert values == {"up_to_20", "80_and_more", "not_told"}


async def test_the_worst_are_named_and_others_are_not(fleet: list[str], administrator: httpx.AsyncClient) -> None:
    worst = (await administrator.get("/api/v1/fleet/distributions")).json()["worst"]
    assert [(hub["hub_id"], hub["battery_pct"], hub["mains"]) for hub in worst] == [
        (fleet[0], 5, False),
        (fleet[3], 20, None),
    ]


async def test_heartbeats_a_minute_and_our_own_gaps(
    fleet: list[str], administrator: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as session:
        verdicts = VerdictRepository(session)
        await verdicts.hear("1")
        await session.execute(text("UPDATE listening SET heard_at = clock_timestamp() - interval '2 minutes'"))
        await verdicts.hear("1")
    shown = (await administrator.get("/api/v1/fleet/distributions")).json()
    assert shown["heartbeats_last_minute"] == len(fleet) - 1
    assert len(shown["our_gaps"]) == 1


async def test_nothing_of_another_council_is_counted(fleet: list[str], client_for: ClientFor) -> None:
    client = await client_for(UserRole.ENGINEER, FALKIRK)
    shown = (await client.get("/api/v1/fleet/distributions")).json()
    assert (shown["hubs"], shown["worst"], shown["heartbeats_last_minute"]) == (1, [], 0)
    assert (await client.get("/api/v1/fleet/distributions", params={"council": FIFE})).json()["hubs"] == 0
    assert (await client.get(f"/api/v1/hubs/{fleet[0]}/telemetry")).status_code == 404


@pytest.mark.usefixtures("fleet")
async def test_the_fleet_is_there_for_who_scrapes_it(administrator: httpx.AsyncClient) -> None:
    shown = (await administrator.get("/metrics")).text
    assert f'telecare_fleet_hubs{{council="{GLASGOW}",presence="never_seen"}} 3.0' in shown
    assert f'telecare_fleet_mains_off{{council="{GLASGOW}"}} 1.0' in shown
    assert f'telecare_fleet_battery_low{{council="{FIFE}"}} 1.0' in shown
