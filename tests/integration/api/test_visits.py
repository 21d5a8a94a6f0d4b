"""Programmes and visits over the API: units found twice, keys that repeat a step, an engineer's day, two names."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from telecare.access.domain import UserRole
from telecare.access.service import SESSION_COOKIE, login
from telecare.kernel.db import Database
from tests.integration.api.register import FIFE, Register
from tests.integration.swap import S, Swap

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
PASSWORD = "a long password"
STEPS = "/switchover/visits/{}/steps"


@pytest.fixture
async def programme(register: Register) -> dict[str, Any]:
    """The PSTN's end in Fife, with one analogue unit on a line that is digital already, and one digital hub."""
    analogue = (await register.model(connection="analogue", battery_hours=4))["id"]
    home = await register.home()
    line = {"number": "01632 960001", "kind": "voip_router", "provider": "Sound Telecom", "checked_on": "2026-10-01"}
    await register.send("PUT", f"/premises/{home['premises_id']}/lines", [line], 200)
    await register.install(await register.hub("OLD", model_id=analogue), **home)
    await register.install(await register.hub("GOOD"), **await register.home())
    await register.hub("NEW")
    body = {"name": "PSTN", "cause": "pstn", "deadline": "2027-01-31", "councils": [FIFE]}
    made: dict[str, Any] = await register.send("POST", "/switchover/programmes", body)
    return made


async def test_units_come_in_with_all_their_dated_reasons_and_a_second_look_changes_nothing(
    register: Register, programme: dict[str, Any]
) -> None:
    one = f"/switchover/programmes/{programme['id']}"
    assert await register.send("POST", f"{one}/find-units", status=200) == {
        "units": 1, "new": 1, "changed": 0, "left": 0,
    }  # fmt: skip
    wave = await register.send("POST", f"{one}/waves", {"name": "On VoIP already", "starts_on": "2026-12-01"})
    body = {"wave_id": wave["id"], "reason": "on_voip"}
    assert (await register.send("POST", f"{one}/units/assign", body, 200))["units"] == 1
    # Without anything narrowed nothing moves: a slip must not empty all waves.
    assert (await register.send("POST", f"{one}/units/assign", {}, 200))["units"] == 0
    assert await register.send("POST", f"{one}/find-units", status=200) == {
        "units": 1, "new": 0, "changed": 0, "left": 0,
    }  # fmt: skip
    (unit,) = (await register.send("GET", f"{one}/units?no_wave=false", status=200))["items"]
    assert (unit["hub_id"], unit["wave"], unit["connection"]) == ("OLD", "On VoIP already", "analogue")
    assert [(each["kind"], each["on"]) for each in unit["reasons"]] == [
        ("on_voip", "2026-10-01"), ("pstn", "2027-01-31"), ("battery", None),
    ]  # fmt: skip
    assert unit["due_on"] == "2026-10-01"
    shown = await register.send("GET", one, status=200)
    assert shown["connections"] == {"analogue": 1, "digital_ready": 0, "digital": 0}
    assert (shown["units"], shown["done"], shown["states"]) == (1, 0, {"no_visit": 1})


async def test_a_step_that_is_sent_again_is_taken_once_and_a_day_is_an_engineers(
    register: Register, programme: dict[str, Any], app: FastAPI, database: Database
) -> None:
    one = f"/switchover/programmes/{programme['id']}"
    await register.send("POST", f"{one}/find-units", status=200)
    (unit,) = (await register.send("GET", f"{one}/units", status=200))["items"]
    visit = await register.send("POST", "/switchover/visits", {"unit_id": unit["id"]})
    again = await register.send("POST", "/switchover/visits", {"unit_id": unit["id"]}, 409)
    assert again["visit_id"] == visit["id"]
    path, headers = f"/api/v1{STEPS.format(visit['id'])}", {"Idempotency-Key": "from-the-hallway"}
    body = {"to": "data_validated", "as_of": visit["version"]}
    first = await register.client.post(path, json=body, headers=headers)
    second = await register.client.post(path, json=body, headers=headers)
    assert (first.status_code, second.json()) == (200, first.json())
    assert second.headers["Idempotency-Replayed"] == "true"
    stale = await register.send("POST", STEPS.format(visit["id"]), body, 409)
    assert stale["version"] == first.json()["version"]
    ewan = {"username": "ewan", "display_name": "Ewan", "password": PASSWORD, "role": "engineer", "councils": [FIFE]}
    engineer = (await register.send("POST", "/users", ewan))["id"]

    async def go(to: str, **more: Any) -> dict[str, Any]:
        shown = await register.send("GET", f"/switchover/visits/{visit['id']}", status=200)
        step = {"to": to, "as_of": shown["version"], **more}
        gone: dict[str, Any] = await register.send("POST", STEPS.format(visit["id"]), step, 200)
        return gone

    await go("prioritised")
    for channel, outcome in (("letter", "sent"), ("phone", "reached")):
        attempt = {"channel": channel, "outcome": outcome}
        await register.send("POST", f"/switchover/visits/{visit['id']}/contacts", attempt, 200)
    for to in ("contacted", "consented"):
        await go(to)
    await go("surveyed", survey={"network": "Three", "signal_dbm": -88, "socket": True})
    await go("stock_allocated", new_hub_id="NEW")
    starts = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    slot = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=2)).isoformat()}
    wrong = {"to": "booked", "as_of": (await go("hold", why="line date", next_contact_on="2099-01-01"))["version"]}
    await register.send("POST", STEPS.format(visit["id"]), wrong, 409)
    await go("stock_allocated")
    booked = await go("booked", engineer_id=engineer, **slot)
    assert (booked["engineer"], "confirmed" in booked["allowed"]) == ("Ewan", True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as phone:
        phone.cookies.set(SESSION_COOKIE, (await login(database, "ewan", PASSWORD)).session_token)
        day = starts.astimezone().date().isoformat()
        listed = (await phone.get(f"/api/v1/switchover/visits?engineer=me&on={day}")).json()["items"]
        assert [each["id"] for each in listed] == [visit["id"]]
        assert (await phone.get("/api/v1/switchover/visits?engineer=me&on=2026-01-05")).json()["items"] == []
        calendar = (await phone.get("/api/v1/switchover/visits/calendar.ics?engineer=me")).text
    assert "Swap OLD for NEW" in calendar
    assert "Rennie" not in calendar
    log = (await register.send("GET", f"/switchover/visits/{visit['id']}", status=200))["log"]
    assert log[-1]["text"].startswith("Ewan goes there on ")


async def test_who_may_what(register: Register, programme: dict[str, Any], client_for: ClientFor) -> None:
    operator, engineer = await client_for(UserRole.OPERATOR), await client_for(UserRole.ENGINEER)
    one = f"/api/v1/switchover/programmes/{programme['id']}"
    assert (await engineer.post(f"{one}/find-units")).status_code == 403
    await register.send("POST", f"/switchover/programmes/{programme['id']}/find-units", status=200)
    unit = (await operator.get(f"{one}/units")).json()["items"][0]["id"]
    assert (await operator.post("/api/v1/switchover/visits", json={"unit_id": unit})).status_code == 403
    visit = (await engineer.post("/api/v1/switchover/visits", json={"unit_id": unit})).json()
    voice = await engineer.post(f"/api/v1/switchover/visits/{visit['id']}/evidence/voice", json={})
    # A program has no name of its own: nobody could ask it later what it heard.
    nobody = await operator.post(f"/api/v1/switchover/visits/{visit['id']}/evidence/voice", json={})
    assert (voice.status_code, nobody.status_code) == (403, 403)


async def test_voice_and_an_exception_are_confirmed_by_people_who_are_logged_in(
    register: Register, app: FastAPI, database: Database
) -> None:
    swap = await Swap(database).settle()
    await swap.go_to(S.INSTALLED)
    await swap.arrives()
    one = f"/api/v1/switchover/visits/{swap.visit_id}"

    async def post(who: str, role: UserRole, part: str, body: dict[str, Any]) -> httpx.Response:
        """Log somebody in, who is made on their first appearance, and have them send it."""
        user = {"username": who, "display_name": who.title(), "password": PASSWORD, "role": role, "councils": []}
        await register.client.post("/api/v1/users", json=user)
        entered = await login(database, who, PASSWORD)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as browser:
            browser.cookies.set(SESSION_COOKIE, entered.session_token)
            return await browser.post(f"{one}/{part}", json=body, headers={"X-CSRF-Token": entered.csrf_token})

    spoken = await post("isla", UserRole.OPERATOR, "evidence/voice", {})
    assert spoken.status_code == 200, spoken.text
    (by,) = await swap.sql("SELECT by FROM visit_evidence WHERE kind = 'voice'")
    assert by[0] == "Isla"
    version = (await swap.visit()).version
    wish = {"items": ["backup_path"], "why": "no second network here", "retest_on": "2099-01-31", "as_of": version}
    past = await post("mhairi", UserRole.ENGINEER, "exception", {**wish, "retest_on": "2020-01-31"})
    strange = await post("mhairi", UserRole.ENGINEER, "exception", {**wish, "items": ["weather"]})
    assert [(past.status_code, past.json()["errors"][0]["where"]), strange.status_code] == [
        (422, "body.retest_on"), 422,
    ]  # fmt: skip
    asked = await post("mhairi", UserRole.ENGINEER, "exception", wish)
    assert (asked.status_code, asked.json()["exception_items"]) == (200, ["backup_path"])
    as_of = {"as_of": asked.json()["version"]}
    alone = await post("mhairi", UserRole.ENGINEER, "exception/confirm", as_of)
    assert (alone.status_code, "somebody else" in alone.json()["detail"]) == (409, True)
    second = await post("donald", UserRole.SUPERVISOR, "exception/confirm", as_of)
    assert (second.status_code, second.json()["exception_second"]) == (200, "user:donald")
