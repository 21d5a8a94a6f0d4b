"""The exposure list over the API: listed, planned for, ended with a reason, taken as a table."""

import csv
import io
from typing import Any

import httpx
import pytest

from devices.switchover.exposure.service import ExposureService
from telecare.access.domain import UserRole
from telecare.kernel.db import Database
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FIFE, GLASGOW, Register

LIST = "/api/v1/switchover/exposure"


@pytest.fixture
async def hub_id(register: Register, database: Database) -> str:
    hub_id = await register.hub(connection="analogue")
    home = await register.home()
    await register.install(hub_id, **home)
    line = {"kind": "voip_router", "number": "01632 960123", "provider": "Norvik", "checked_on": "2026-01-05"}
    await register.send("PUT", f"/premises/{home['premises_id']}/lines", [line], 200)
    async with database.transaction() as session:
        await ExposureService(session).look()
    return hub_id


async def items(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    reply = await client.get(LIST, params=query)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["items"]
    return found


async def test_an_entry_is_planned_for_and_ended_with_a_reason(
    client_for: ClientFor, hub_id: str, administrator: httpx.AsyncClient
) -> None:
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    (entry,) = await items(engineer, council="Fife", unowned="true")
    assert (entry["hub_id"], entry["owner"], entry["overdue"]) == (hub_id, None, False)
    one = f"{LIST}/{entry['id']}"
    plan = {"next_action": "book a visit", "next_on": "2099-01-01", "as_of": entry["version"]}
    planned = await engineer.post(f"{one}/plan", json=plan, headers={"Idempotency-Key": "k"})
    again = await engineer.post(f"{one}/plan", json=plan, headers={"Idempotency-Key": "k"})
    assert planned.json() == again.json()
    assert planned.json()["owner"] == "a test's engineer"
    assert (await engineer.post(f"{one}/plan", json=plan)).status_code == 409
    late = await engineer.post(f"{one}/plan", json=plan | {"next_on": "2020-01-01", "as_of": 2})
    assert late.status_code == 409
    end = {"cause": "line_corrected", "reason": "rang the provider", "as_of": planned.json()["version"]}
    assert (await engineer.post(f"{one}/close", json=end | {"cause": "digital_unit"})).status_code == 422
    assert (await engineer.post(f"{one}/close", json=end)).status_code == 409
    closed = await engineer.post(f"{one}/close", json=end | {"line_kind": "pstn"})
    assert (closed.status_code, closed.json()["cause"]) == (200, "line_corrected")
    log = (await engineer.get(one)).json()["log"]
    assert [line["actor"] for line in log] == ["system", "a test's engineer", "system", "a test's engineer"]
    assert await items(engineer) == []
    assert len(await items(engineer, closed="true")) == 1
    acts = (await administrator.get(f"/api/v1/audit?subject_id={entry['id']}")).json()["items"]
    assert [act["action"] for act in acts] == ["exposure_viewed", "exposure_closed", "exposure_planned"]
    assert (acts[1]["reason"], acts[1]["details"]["line_kind"]) == ("rang the provider", "pstn")


async def test_who_may_only_look_looks_and_another_council_sees_nothing(client_for: ClientFor, hub_id: str) -> None:
    operator, other = await client_for(UserRole.OPERATOR, FIFE), await client_for(UserRole.ENGINEER, GLASGOW)
    (entry,) = await items(operator)
    plan = {"next_action": "book a visit", "next_on": "2099-01-01"}
    assert (await operator.post(f"{LIST}/{entry['id']}/plan", json=plan)).status_code == 403
    assert await items(other) == []
    rows = list(csv.DictReader(io.StringIO((await operator.get(f"{LIST}/export.csv")).text)))
    assert [(row["hub_id"], row["provider"], row["overdue"]) for row in rows] == [(hub_id, "Norvik", "no")]
    assert len((await other.get(f"{LIST}/export.csv")).text.splitlines()) == 1
