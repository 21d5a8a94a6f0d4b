"""A council's own list over the API: sent by who may, mapped, tried out, made live, reported; twice is once."""

import io
import zipfile
from collections.abc import Awaitable, Callable

import httpx
import pytest

from devices.switchover.importing.steps import ImportSteps
from telecare.access.domain import UserRole
from telecare.access.repository import AuditRepository
from telecare.api.deps import Services
from telecare.kernel.db import Database
from tests.homes import ARGYLL, FIFE, HOME, add_models, sheet

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
PATH = "/api/v1/switchover/import"
LIST = sheet(HOME | {"key_safe_code": "4711X"}, HOME | {"hub_id": "SK-2", "postcode": "PX31", "address": "=1+1"})


@pytest.fixture(autouse=True)
async def _models(database: Database) -> None:
    async with database.transaction() as session:
        await add_models(session)


async def test_a_list_goes_the_whole_way_and_each_step_asked_for_twice_is_done_once(
    services: Services, administrator: httpx.AsyncClient
) -> None:
    steps = ImportSteps(services.database, services.sealer, AuditRepository)
    sent = await administrator.post(PATH, files={"file": ("list.csv", LIST)}, params={"kind": "homes"})
    assert sent.status_code == 201, sent.text
    there = f"{PATH}/{sent.json()['id']}"
    assert (sent.json()["name"], sent.json()["state"]) == ("list.csv", "reading")
    assert (await administrator.post(PATH, content=LIST)).json()["id"] == sent.json()["id"]
    assert (await administrator.post(f"{there}/check", json={})).status_code == 409
    assert await steps.next()
    read = (await administrator.get(there)).json()
    assert (read["state"], read["rows"], read["objections"]) == ("read", 2, [])
    assert {column["heading"]: column["samples"] for column in read["columns"]}["key_safe_code"] == ["•••"]
    wrong = await administrator.put(f"{there}/columns", json={"columns": {"town": "toun"}})
    assert (wrong.status_code, "did you mean town" in wrong.text) == (422, True)
    for _ in range(2):
        reply = await administrator.post(f"{there}/check", json={})
        assert (reply.status_code, reply.json()["state"]) == (202, "checking")
    assert await steps.next()
    tried = (await administrator.get(there)).json()
    assert (tried["counts"]["created"], tried["counts"]["error"]) == (1, 1)
    assert (await administrator.get("/api/v1/hubs/SK-1")).status_code == 404
    assert (await administrator.post(f"{there}/commit", json={"as_of": 1})).status_code == 409
    for _ in range(2):
        reply = await administrator.post(f"{there}/commit", json={})
        assert reply.status_code == 202, reply.text
    assert await steps.next()
    assert (await administrator.get(there)).json()["state"] == "live"
    assert (await administrator.post(f"{there}/commit", json={})).json()["state"] == "live"
    assert (await administrator.get("/api/v1/hubs/SK-1")).status_code == 200
    (refused,) = (await administrator.get(f"{there}/rows", params={"status": "error"})).json()["items"]
    assert (refused["row"], "not a UK postcode" in refused["refused_because"]) == (3, True)
    table = (await administrator.get(f"{there}/report.csv")).text
    assert "4711X" not in table
    assert "'=1+1" in table
    workbook = (await administrator.get(f"{there}/report.xlsx")).content
    assert "xl/worksheets/sheet1.xml" in zipfile.ZipFile(io.BytesIO(workbook)).namelist()
    assert [each["id"] for each in (await administrator.get(PATH)).json()["items"]] == [sent.json()["id"]]


async def test_who_may_not_edit_people_and_fleet_sends_nothing_and_a_council_sees_its_own(
    administrator: httpx.AsyncClient, client_for: ClientFor
) -> None:
    for role in (UserRole.OPERATOR, UserRole.ENGINEER, UserRole.SUPERVISOR):
        other = await client_for(role)
        assert (await other.post(PATH, content=LIST)).status_code == 403
        assert (await other.get(PATH)).status_code == 403
    fife = await client_for(UserRole.ADMINISTRATOR, FIFE)
    ours = (await fife.post(PATH, content=LIST)).json()
    assert ours["council_id"] == FIFE
    assert (await fife.post(PATH, content=LIST, params={"council": ARGYLL})).status_code == 422
    theirs = (await administrator.post(PATH, content=LIST, params={"council": "Argyll & Bute"})).json()
    assert (await fife.get(f"{PATH}/{theirs['id']}")).status_code == 404
    assert [each["id"] for each in (await fife.get(PATH)).json()["items"]] == [ours["id"]]
