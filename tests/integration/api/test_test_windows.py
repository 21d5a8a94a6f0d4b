"""Test windows over the API: who may open one, over what, for how long; what it shows; what refuses it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from alarms.handling.domain import Subject
from alarms.intake.repository import IntakeRepository
from telecare.access.domain import UserRole
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from tests.integration.alarms.world import World
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
WHY = {"reason": "a new pendant"}


@pytest.fixture
async def hub(register: Register) -> str:
    hub_id = await register.hub()
    await register.install(hub_id, **await register.home())
    for device, kind in (("p1", "pendant"), ("s1", "smoke"), ("x1", "gadget")):
        body = {"device_id": device, "kind": kind, "room": "Hall"}
        await register.send("POST", f"/hubs/{hub_id}/peripherals", body)
    return hub_id


async def arrives(database: Database, hub_id: str, device_id: str) -> UUID:
    """Stamp a test of a trigger, as the intake does."""
    event_id = new_id()
    row = {"lane": "alarm", "topic": "t", "treatment": "test", "payload": b"", "payload_size": 0}
    async with database.transaction() as session:
        events = IntakeRepository(session)
        now = await database_now(session)
        await events.add_event(id=event_id, received_at=now, hub_id=hub_id, council_id=FIFE, **row)
        events.stamp_proof(
            hub_id=hub_id, device_id=device_id, path=None, council_id=FIFE, event_id=event_id, alarm_at=None,
            test_at=now,
        )  # fmt: skip
    return event_id


def devices(window: dict[str, Any]) -> set[str]:
    return {one["device_id"] for one in window["triggers"]}


async def test_it_ticks_what_arrives_and_ends_by_hand(register: Register, database: Database, hub: str) -> None:
    await arrives(database, hub, "p1")
    window = await register.send("POST", f"/hubs/{hub}/test-window", WHY)
    assert (window["on"], window["opened_name"]) == (True, "a test's administrator")
    lasts = datetime.fromisoformat(window["ends_at"]) - datetime.fromisoformat(window["starts_at"])
    assert lasts == timedelta(minutes=30)
    assert all(one["tested_at"] is None for one in window["triggers"]), "what came before does not count"
    event_id = await arrives(database, hub, "p1")
    (listed,) = (await register.send("GET", "/test-windows", status=200))["items"]
    assert {one["device_id"]: one["event_id"] for one in listed["triggers"]} == {"": None, "p1": str(event_id)}
    ended = await register.send("POST", f"/hubs/{hub}/test-window/end", status=200)
    assert (ended["on"], ended["ended_by"]) == (False, listed["opened_by"])
    await arrives(database, hub, "")
    after = await register.send("GET", f"/hubs/{hub}/test-window", status=200)
    assert after == ended, "what comes after its end is no part of it"
    assert (await register.send("GET", "/test-windows", status=200))["items"] == []
    actions = [one["action"] for one in (await register.send("GET", f"/audit?subject_id={hub}", status=200))["items"]]
    assert {"test_window_opened", "test_window_ended"} <= set(actions)
    await register.send("POST", f"/hubs/{hub}/test-window/end", status=404)


async def test_all_is_all_but_what_must_be_named(register: Register, hub: str) -> None:
    assert devices(await register.send("POST", f"/hubs/{hub}/test-window", WHY)) == {"", "p1"}
    await register.send("POST", f"/hubs/{hub}/test-window/end", status=200)
    named = await register.send("POST", f"/hubs/{hub}/test-window", {**WHY, "devices": ["s1", "x1"]})
    assert devices(named) == {"s1", "x1"}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"devices": ["p1", "p9"]}, "body.devices"),
        ({"devices": []}, "body.devices"),
        ({"minutes": 121}, "body.minutes"),
        ({"minutes": 0}, "body.minutes"),
        ({"reason": ""}, "body.reason"),
    ],
)
async def test_what_cannot_be_a_window_is_said_by_field(
    register: Register, hub: str, body: dict[str, Any], where: str
) -> None:
    refused = await register.send("POST", f"/hubs/{hub}/test-window", {**WHY, **body}, 422)
    assert [error["where"] for error in refused["errors"]] == [where]


async def test_no_window_over_an_open_alarm_nor_over_another_window(
    register: Register, database: Database, hub: str
) -> None:
    """Whoever calls for help must not become a test while somebody comes."""
    await World(database).raise_alarm("pendant", hub, Subject(council_id=FIFE))
    assert "is open" in (await register.send("POST", f"/hubs/{hub}/test-window", WHY, 409))["detail"]
    other = await register.hub()
    await register.send("POST", f"/hubs/{other}/test-window", WHY)
    assert "end that first" in (await register.send("POST", f"/hubs/{other}/test-window", WHY, 409))["detail"]


async def test_an_engineer_may_and_an_operator_only_looks(client_for: ClientFor, hub: str) -> None:
    operator = await client_for(UserRole.OPERATOR, FIFE)
    address = f"/api/v1/hubs/{hub}/test-window"
    assert (await operator.post(address, json=WHY)).status_code == 403
    assert (await operator.get(address)).status_code == 404, "nobody has opened one"
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    assert (await engineer.post(address, json=WHY)).status_code == 201
    assert (await operator.get(address)).json()["on"]
    assert (await operator.post(f"{address}/end")).status_code == 403
    stranger = await client_for(UserRole.ENGINEER, GLASGOW)
    assert (await stranger.get("/api/v1/test-windows")).json()["items"] == []
