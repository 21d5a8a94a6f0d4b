"""Rotas over the API: who is on, what changes it, files and calendars."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from telecare.access.domain import UserRole
from tests.integration.api.desk import NIGHTS, Desk
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
AT = "2026-01-06T12:00:00Z"
"""The second day: the second has the turn."""


@pytest.fixture
def desk(register: Register) -> Desk:
    return Desk(register)


@pytest.fixture
async def pair(desk: Desk) -> tuple[dict[str, Any], str, str]:
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    return await desk.rota("nights", isla, rory), isla, rory


async def on(client: httpx.AsyncClient, rota: dict[str, Any], at: str = AT) -> list[str]:
    reply = await client.get(f"/api/v1/rotas/{rota['id']}/on-call", params={"at": at})
    assert reply.status_code == 200, reply.text
    return [member["key"] for member in reply.json()["members"]]


async def test_a_rota_says_who_is_on_now_then_and_in_a_period(
    administrator: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, _, rory = pair
    assert rota["version"] == 1
    assert [member["key"] for member in rota["members"]] == ["isla", "rory"]
    shown = (await administrator.get(f"/api/v1/rotas/{rota['id']}/on-call?at={AT}")).json()
    assert [member["id"] for member in shown["members"]] == [rory]
    assert shown["next"]["at"] == "2026-01-07T09:00:00Z"
    assert [member["key"] for member in shown["next"]["on"]] == ["isla"]
    period = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-07T00:00:00Z"}
    found = (await administrator.get(f"/api/v1/rotas/{rota['id']}/shifts", params=period)).json()["items"]
    assert [(shift["starts_at"], shift["members"][0]["key"]) for shift in found] == [
        ("2026-01-05T09:00:00Z", "isla"), ("2026-01-06T09:00:00Z", "rory"),
    ]  # fmt: skip
    found = (await administrator.get(f"/api/v1/rotas/{rota['id']}/gaps?from=2026-01-04T00:00:00Z&days=5")).json()
    assert found["items"] == [{"starts_at": "2026-01-04T00:00:00Z", "ends_at": "2026-01-05T09:00:00Z"}]
    everybody = (await administrator.get(f"/api/v1/rotas/on-call?at={AT}")).json()["items"]
    assert [(each["key"], [who["key"] for who in each["members"]]) for each in everybody] == [("nights", ["rory"])]


async def test_a_plan_is_replaced_on_the_version_that_was_seen_only(
    administrator: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, isla, rory = pair
    body = {"as_of": 1, "name": "Nights", "layers": [{**NIGHTS, "members": [rory, isla]}]}
    first = await administrator.put(f"/api/v1/rotas/{rota['id']}", json=body)
    assert (first.status_code, first.json()["version"]) == (200, 2)
    assert await on(administrator, rota) == ["isla"]
    again = await administrator.put(f"/api/v1/rotas/{rota['id']}", json=body)
    assert (again.status_code, again.json()["type"], again.json()["version"]) == (409, "urn:telecare:problem:stale", 2)


async def test_a_member_who_cannot_serve_the_council_is_refused(desk: Desk, register: Register) -> None:
    theirs, everybodys = await desk.responder("ali", GLASGOW), await desk.responder("shared", None)
    for council, member, status in ((FIFE, theirs, 422), (None, theirs, 422), (FIFE, everybodys, 201)):
        layers = [{**NIGHTS, "members": [member]}]
        row = {"key": "r", "name": "R", "council_id": council, "layers": layers}
        await register.send("POST", "/rotas", row, status)


async def test_replacing_somebody_is_one_act_in_the_history_and_undone_as_one(
    administrator: httpx.AsyncClient, client_for: ClientFor, desk: Desk, pair: tuple[dict[str, Any], str, str]
) -> None:
    """R35, by a supervisor."""
    rota, _, rory = pair
    mhairi = await desk.responder("mhairi")
    supervisor = await client_for(UserRole.SUPERVISOR)
    swap = {"kind": "replace", "member_id": mhairi, "instead_of_id": rory, "why": "rory is ill"}
    swap |= {"starts_at": "2026-01-06T10:00:00Z", "ends_at": "2026-01-06T14:00:00Z"}
    made = await supervisor.post(f"/api/v1/rotas/{rota['id']}/overrides", json=swap)
    assert made.status_code == 201, made.text
    assert await on(administrator, rota) == ["mhairi"]
    assert await on(administrator, rota, "2026-01-06T14:00:00Z") == ["rory"]
    history = f"/api/v1/rotas/{rota['id']}/overrides"
    assert [(each["kind"], each["undone_at"]) for each in (await administrator.get(history)).json()["items"]] == [
        ("replace", None)
    ]
    assert (await supervisor.delete(f"{history}/{made.json()['id']}")).status_code == 204
    assert await on(administrator, rota) == ["rory"]
    (entry,) = (await administrator.get(history)).json()["items"]
    assert entry["undone_by"].startswith("token:")
    operator = await client_for(UserRole.OPERATOR)
    assert (await operator.post(f"/api/v1/rotas/{rota['id']}/overrides", json=swap)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "add"},
        {"kind": "remove", "member_id": "x"},
        {"kind": "replace", "member_id": "x"},
        {"kind": "add", "member_id": "x", "ends_at": "2026-01-06T10:00:00Z"},
        {"kind": "replace", "member_id": "x", "instead_of_id": "x"},
    ],
)
async def test_an_override_that_says_half_is_refused(
    administrator: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str], change: dict[str, str]
) -> None:
    rota, isla, _ = pair
    body = {"starts_at": "2026-01-06T10:00:00Z", "ends_at": "2026-01-06T14:00:00Z", "why": "holiday", **change}
    body = {name: isla if value == "x" else value for name, value in body.items()}
    reply = await administrator.post(f"/api/v1/rotas/{rota['id']}/overrides", json=body)
    assert reply.status_code == 422, reply.text


async def test_a_temporary_schedule_replaces_everything_until_it_is_undone(
    administrator: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, isla, _ = pair
    times = {"starts_at": "2026-01-06T00:00:00Z", "ends_at": "2026-01-07T00:00:00Z"}
    turn = {"member_id": isla, "starts_at": "2026-01-06T11:00:00Z", "ends_at": "2026-01-06T13:00:00Z"}
    address = f"/api/v1/rotas/{rota['id']}/temporary-schedules"
    made = await administrator.post(address, json={**times, "turns": [turn], "why": "storm"})
    assert made.status_code == 201, made.text
    assert await on(administrator, rota) == ["isla"]
    assert await on(administrator, rota, "2026-01-06T14:00:00Z") == []
    assert (await administrator.delete(f"{address}/{made.json()['id']}")).status_code == 204
    assert await on(administrator, rota) == ["rory"]


async def test_a_responder_who_is_removed_leaves_every_rota_and_team_and_the_others_keep_their_turns(
    administrator: httpx.AsyncClient, desk: Desk
) -> None:
    isla, rory, mhairi = [await desk.responder(key) for key in ("isla", "rory", "mhairi")]
    rota, team = await desk.rota("nights", isla, rory, mhairi), await desk.team("wardens", isla, mhairi)
    now = (await administrator.get(f"/api/v1/rotas/{rota['id']}/on-call")).json()["members"][0]["id"]
    gone = next(each for each in (isla, mhairi) if each != now)
    assert (await administrator.delete(f"/api/v1/responders/{gone}")).status_code == 204
    shown = (await administrator.get(f"/api/v1/rotas/{rota['id']}")).json()
    assert gone not in shown["layers"][0]["members"]
    assert shown["version"] == 2
    assert (await administrator.get(f"/api/v1/rotas/{rota['id']}/on-call")).json()["members"][0]["id"] == now
    members = (await administrator.get(f"/api/v1/teams/{team}")).json()["members"]
    assert [member["id"] for member in members] == [each for each in (isla, mhairi) if each != gone]
    assert (await administrator.get(f"/api/v1/responders/{gone}")).status_code == 404


async def test_who_is_switched_off_is_passed_over_and_seen_as_a_gap(
    administrator: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, _, rory = pair
    assert (await administrator.patch(f"/api/v1/responders/{rory}", json={"active": False})).status_code == 200
    assert await on(administrator, rota) == []
    found = (await administrator.get(f"/api/v1/rotas/{rota['id']}/gaps?from=2026-01-06T00:00:00Z&days=2")).json()
    assert found["items"] == [{"starts_at": "2026-01-06T09:00:00Z", "ends_at": "2026-01-07T09:00:00Z"}]


async def test_a_period_with_too_many_changes_is_refused(
    administrator: httpx.AsyncClient, desk: Desk, register: Register
) -> None:
    isla = await desk.responder("isla")
    layers = [
        {"kind": "rotation", "unit": "hourly", "starts_at": f"2026-01-05T09:{n:02d}", "members": [isla]}
        for n in range(20)
    ]
    rota = await register.send("POST", "/rotas", {"key": "fine", "name": "Fine", "council_id": FIFE, "layers": layers})
    reply = await administrator.get(f"/api/v1/rotas/{rota['id']}/gaps?days=400")
    assert reply.status_code == 422
    period = {"from": "2026-01-05T00:00:00Z", "to": "2028-01-07T00:00:00Z"}
    assert (await administrator.get(f"/api/v1/rotas/{rota['id']}/shifts", params=period)).status_code == 422


YAML = {"Content-Type": "application/yaml"}


async def test_a_rota_that_was_exported_is_imported_as_the_same(
    administrator: httpx.AsyncClient, desk: Desk, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, _, _ = pair
    exported = await administrator.get(f"/api/v1/rotas/{rota['id']}/export")
    assert exported.headers["content-type"].startswith("application/yaml")
    assert "isla" in exported.text

    async def imported(text: str, **query: str) -> dict[str, Any]:
        reply = await administrator.post("/api/v1/rotas/import", content=text, headers=YAML, params=query)
        assert reply.status_code == 200, reply.text
        report: dict[str, Any] = reply.json()
        return report

    assert [each["status"] for each in (await imported(exported.text))["rotas"]] == ["same"]
    await desk.responder("mhairi")
    changed = exported.text.replace("rory", "mhairi")
    tried = await imported(changed, dry_run="true")
    assert ([each["status"] for each in tried["rotas"]], tried["done"]) == (["changed"], False)
    assert await on(administrator, rota) == ["rory"]
    assert [each["status"] for each in (await imported(changed))["rotas"]] == ["changed"]
    assert await on(administrator, rota) == ["mhairi"]
    assert (await administrator.get(f"/api/v1/rotas/{rota['id']}")).json()["version"] == 2


async def test_an_import_overwrites_no_rota_that_somebody_has_changed_since_the_export(
    administrator: httpx.AsyncClient, desk: Desk, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, isla, _ = pair
    await desk.responder("mhairi")
    address = f"/api/v1/rotas/{rota['id']}"
    exported = (await administrator.get(f"{address}/export")).text
    line = next(number for number, each in enumerate(exported.split("\n"), 1) if "as_of: 1" in each)
    mine = exported.replace("rory", "mhairi")
    theirs = {"as_of": 1, "name": "Nights", "layers": [rota["layers"][0] | {"members": [isla]}]}
    assert (await administrator.put(address, json=theirs)).status_code == 200

    async def imported(text: str, **query: str) -> httpx.Response:
        return await administrator.post("/api/v1/rotas/import", content=text, headers=YAML, params=query)

    refused = await imported(mine)
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (409, "urn:telecare:problem:stale")
    assert problem["errors"][0]["where"] == f"line {line}"
    assert "is at 2 now: export it again" in problem["errors"][0]["what"]
    (fault,) = (await imported(mine, dry_run="true")).json()["faults"]
    assert (fault["line"], fault["stale"]) == (line, True)
    mixed = await imported(mine + "- {key: Wrong Key, name: N, council_id: S12000047, layers: []}\n")
    assert mixed.status_code == 422
    assert (await administrator.get(address)).json()["layers"][0]["members"] == [isla]

    present = (await administrator.get(f"{address}/export")).text
    said = (await imported(present.replace("as_of: 2", "as_of: 1"))).json()
    assert [each["status"] for each in said["rotas"]] == ["same"], "what is there already undoes nothing"
    assert (await imported(present.replace("isla", "mhairi"))).status_code == 200
    assert (await imported(mine.replace("as_of: 1", ""))).status_code == 200, "without a version it overwrites"

    assert (await administrator.delete(address)).status_code == 204
    assert "no longer there" in (await imported(mine)).json()["errors"][0]["what"]


async def test_a_file_with_a_fault_is_not_imported_at_all_and_each_fault_has_its_line(
    administrator: httpx.AsyncClient, desk: Desk
) -> None:
    await desk.responder("isla")
    good = (
        "  - {{key: {key}, name: N, council_id: S12000047, layers: "
        "[{{kind: rotation, unit: weekly, starts_at: 2026-01-05 09:00, members: [{member}]}}]}}\n"
    )
    text = "rotas:\n" + good.format(key="first", member="isla") + good.format(key="second", member="nobody")
    tried = await administrator.post("/api/v1/rotas/import?dry_run=true", content=text, headers=YAML)
    (fault,) = tried.json()["faults"]
    assert fault["line"] == 3
    assert "nobody" in fault["what"]
    reply = await administrator.post("/api/v1/rotas/import", content=text, headers=YAML)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["where"] == "line 3"
    assert (await administrator.get("/api/v1/rotas")).json()["items"] == []


async def test_nobody_imports_a_rota_of_another_council(client_for: ClientFor) -> None:
    client = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    text = "rotas:\n  - {key: theirs, name: N, council_id: S12000047, layers: []}\n"
    reply = await client.post("/api/v1/rotas/import", content=text, headers=YAML)
    assert reply.status_code == 422
    assert "own councils" in reply.json()["errors"][0]["what"]


async def test_a_calendar_opens_with_its_address_alone_until_that_is_revoked(
    administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, isla, _ = pair
    for subject, summaries in (
        (f"rotas/{rota['id']}", {"Nights: Isla on call", "Nights: Rory on call"}),
        (f"responders/{isla}", {"Nights: Isla on call"}),
    ):
        assert (await anonymous.get(f"/api/v1/{subject}/calendar.ics")).status_code == 401
        assert (await anonymous.get(f"/api/v1/{subject}/calendar.ics?token=cal_guess")).status_code == 404
        issued = await administrator.post(f"/api/v1/{subject}/calendar-feed")
        address = issued.json()["url"]
        shown = await anonymous.get(address)
        assert shown.status_code == 200
        assert shown.headers["content-type"].startswith("text/calendar")
        events = Calendar.from_ical(shown.content).walk("VEVENT")
        assert {str(event["summary"]) for event in events} == summaries
        assert all(event.start < event.end for event in events)
        assert len({str(event["uid"]) for event in events}) == len(events)
        assert (await administrator.delete(f"/api/v1/{subject}/calendar-feed")).status_code == 204
        assert (await anonymous.get(address)).status_code == 404


async def test_the_token_of_one_calendar_opens_no_other(
    administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, isla, rory = pair
    token = (await administrator.post(f"/api/v1/responders/{isla}/calendar-feed")).json()["url"].partition("token=")[2]
    for subject in (f"responders/{rory}", f"rotas/{rota['id']}"):
        assert (await anonymous.get(f"/api/v1/{subject}/calendar.ics?token={token}")).status_code == 404


async def test_what_changes_a_rota_is_in_the_audit(
    administrator: httpx.AsyncClient, pair: tuple[dict[str, Any], str, str]
) -> None:
    rota, _, rory = pair
    await administrator.delete(f"/api/v1/rotas/{rota['id']}/members/{rory}")
    await administrator.delete(f"/api/v1/rotas/{rota['id']}")
    entries = (await administrator.get(f"/api/v1/audit?subject_id={rota['id']}")).json()["items"]
    assert [entry["action"] for entry in entries] == ["rota_removed", "rota_member_removed", "rota_created"]
    assert all(entry["council_id"] == FIFE for entry in entries)
