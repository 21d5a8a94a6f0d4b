"""Jobs over the API: listed and narrowed, given to somebody, noted on, closed, exported, reconciled on demand."""

import csv
import io
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from devices.jobs.domain import Finding, Item, JobKind, Look
from devices.jobs.service import JobService
from devices.presence.domain import HeartbeatRow
from devices.presence.repository import PresenceRepository
from telecare.access.domain import UserRole
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FIFE, GLASGOW, Register


async def open_job(database: Database, hub_id: str, kind: JobKind = JobKind.FACTORY_RESET, **finding: Any) -> None:
    async with database.transaction() as session:
        now = await database_now(session)
        found = Finding(kind, (Item("k", "Reset at noon", now, new_id()),), **finding)
        await JobService(session).follow([Look(hub_id, kind, found)], now)


async def items(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    reply = await client.get("/api/v1/jobs", params=query)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["items"]
    return found


@pytest.fixture
async def hub_id(register: Register, database: Database) -> str:
    hub_id = await register.hub()
    await register.install(hub_id, **await register.home())
    await open_job(database, hub_id)
    return hub_id


async def test_a_job_is_given_to_somebody_noted_on_and_closed(
    client_for: ClientFor, hub_id: str, administrator: httpx.AsyncClient
) -> None:
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    (job,) = await items(engineer)
    assert (job["hub_id"], job["kind"], job["state"], job["overdue"]) == (hub_id, "factory_reset", "open", False)
    assert job["evidence"]["items"][0]["words"] == "Reset at noon"
    one = f"/api/v1/jobs/{job['id']}"
    body = {"owner": "Rory Kerr", "interim": "a neighbour looks in", "as_of": job["version"]}
    given = (await engineer.post(f"{one}/assign", json=body)).json()
    assert (given["state"], given["owner"], given["interim"]) == ("assigned", "Rory Kerr", "a neighbour looks in")
    assert (await engineer.post(f"{one}/assign", json=body)).status_code == 409
    assert (await engineer.post(f"{one}/note", json={"text": "no answer at the door"})).status_code == 200
    stale = await engineer.post(f"{one}/close", json={"as_of": job["version"], "reason": "set up anew"})
    assert (stale.status_code, stale.json()["version"]) == (409, given["version"])
    done = {"as_of": given["version"], "reason": "set up anew, each trigger tested"}
    closed = await engineer.post(f"{one}/close", json=done, headers={"Idempotency-Key": "k1"})
    again = await engineer.post(f"{one}/close", json=done, headers={"Idempotency-Key": "k1"})
    assert closed.json() == again.json()
    assert (closed.json()["state"], closed.json()["closed_by"].split("#")[0]) == ("done", "token:a test's engineer")
    log = (await engineer.get(one)).json()["log"]
    assert [line["kind"] for line in log] == ["opened", "assigned", "note", "closed"]
    acts = (await administrator.get(f"/api/v1/audit?subject_id={job['id']}")).json()["items"]
    assert [act["action"] for act in acts] == ["job_viewed", "job_closed", "job_noted", "job_assigned"]
    assert acts[1]["details"]["person_id"]


async def test_without_a_reason_nothing_is_closed_and_an_operator_only_looks(
    client_for: ClientFor, hub_id: str
) -> None:
    engineer, operator = await client_for(UserRole.ENGINEER), await client_for(UserRole.OPERATOR)
    (job,) = await items(operator, hub_id=hub_id)
    one = f"/api/v1/jobs/{job['id']}"
    for reason in ({}, {"reason": ""}, {"reason": "  "}):
        assert (await engineer.post(f"{one}/close", json={"as_of": 1, **reason})).status_code == 422
    assert (await operator.post(f"{one}/close", json={"as_of": 1, "reason": "all is well"})).status_code == 403
    assert (await operator.post(f"{one}/assign", json={})).status_code == 403
    assert (await engineer.post(f"{one}/assign", json={})).json()["owner"] == "a test's engineer"


async def test_a_job_about_a_detector_that_is_still_there_is_not_closed_by_the_way(
    client_for: ClientFor, register: Register, database: Database
) -> None:
    hub_id = await register.hub()
    await open_job(database, hub_id, JobKind.NOT_LISTED, life_safety=True)
    engineer = await client_for(UserRole.ENGINEER)
    (job,) = await items(engineer)
    one, body = f"/api/v1/jobs/{job['id']}/close", {"as_of": 1, "reason": "it stands alone"}
    assert (await engineer.post(one, json=body)).status_code == 409
    assert (await engineer.post(one, json=body | {"still_there": True})).json()["state"] == "done"


async def test_lists_are_narrowed_and_paged(
    administrator: httpx.AsyncClient, register: Register, database: Database, hub_id: str
) -> None:
    other = await register.hub(council=GLASGOW)
    await open_job(database, other, JobKind.CHATTERING)
    await open_job(database, hub_id, JobKind.REBOOT_LOOP)
    assert {job["hub_id"] for job in await items(administrator, council="Glasgow City")} == {other}
    assert [job["kind"] for job in await items(administrator, kind="reboot_loop")] == ["reboot_loop"]
    assert await items(administrator, state="done") == []
    assert await items(administrator, overdue="true") == []
    assert len(await items(administrator, overdue="false")) == 3
    assert await items(administrator, owner="Rory") == []
    first = (await administrator.get("/api/v1/jobs", params={"limit": 2})).json()
    rest = (await administrator.get("/api/v1/jobs", params={"limit": 2, "cursor": first["next"]})).json()
    due = [job["due_at"] for job in (*first["items"], *rest["items"])]
    assert (len(due), due, rest["next"]) == (3, sorted(due), None)


async def test_jobs_are_a_table_and_calendar_tasks_that_name_no_person(
    administrator: httpx.AsyncClient, hub_id: str
) -> None:
    table = await administrator.get("/api/v1/jobs/export.csv")
    assert table.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert (row["hub_id"], row["evidence"], row["overdue"]) == (hub_id, "Reset at noon", "no")
    tasks = await administrator.get("/api/v1/jobs/due.ics", params={"kind": "factory_reset"})
    (task,) = Calendar.from_ical(tasks.content).walk("VTODO")
    assert hub_id in str(task["summary"])
    assert "Jean" not in tasks.text


async def test_register_and_units_are_compared_on_demand(
    client_for: ClientFor, register: Register, database: Database, hub_id: str
) -> None:
    """Anderson: a detector that is in one of the lists only."""
    await register.send("POST", f"/hubs/{hub_id}/peripherals", {"device_id": "p1", "kind": "smoke", "room": "Hall"})
    async with database.transaction() as session:
        row = HeartbeatRow(
            new_id(), hub_id, await database_now(session), b"{}", peripherals={"p9": {"kind": "pendant"}}
        )
        await PresenceRepository(session).record([row])
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    done = (await engineer.post("/api/v1/jobs/reconcile")).json()
    assert done == {"hubs": 1, "disagree": 1, "opened": 2, "added": 0, "gone": 0}
    found = {job["kind"]: job["life_safety"] for job in await items(engineer, hub_id=hub_id)}
    assert found == {"factory_reset": False, "not_listed": True, "not_registered": False}
    table = await engineer.get("/api/v1/jobs/reconciliation.csv", params={"council": "Fife"})
    verdicts = {row["device_id"]: row["verdict"] for row in csv.DictReader(io.StringIO(table.text))}
    assert verdicts == {"p1": "not listed", "p9": "not registered"}
    theirs = await (await client_for(UserRole.ENGINEER, GLASGOW)).get("/api/v1/jobs/reconciliation.csv?council=Fife")
    assert "p1" not in theirs.text
    assert (await engineer.post("/api/v1/jobs/reconcile?council=Glasgow City")).status_code == 403


async def test_a_certificate_has_its_last_day_in_the_register(register: Register) -> None:
    hub_id = await register.hub(certificate_expires_on="2026-12-24")
    shown = await register.send("PATCH", f"/hubs/{hub_id}", {"certificate_expires_on": "2027-12-24"}, 200)
    assert shown["certificate_expires_on"] == "2027-12-24"
    assert (await register.send("PATCH", f"/hubs/{hub_id}", {"certificate_expires_on": None}, 200))[
        "certificate_expires_on"
    ] is None
