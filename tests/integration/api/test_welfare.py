"""Welfare campaigns over the API: made, given out, written down, exported; who may do what, what the audit keeps."""

import csv
import io
from typing import Any

import httpx
import pytest

from telecare.access.domain import UserRole
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FIFE, GLASGOW, Register

CAMPAIGNS = "/api/v1/welfare/campaigns"


@pytest.fixture
async def people(register: Register) -> list[str]:
    """Two people of Fife with a hub each, the graver one second."""
    found = []
    for tier in ("C", "A"):
        person = await register.person(
            given_name=f"=Jean{tier}", risk_tier=tier, phone="+447700900123", hazards="a dog"
        )
        premises = await register.premises()
        await register.install(await register.hub(), person_id=person, premises_id=premises)
        contact = {"name": "Bob", "relation": "son", "phone": "07700 900456", "holds_key": True, "minutes_away": 5}
        await register.send("PUT", f"/people/{person}/contacts", [contact], 200)
        found.append(person)
    return found


async def made(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    reply = await client.post(CAMPAIGNS, json={"council_id": FIFE, "reason": "the exchange burnt down", **body})
    assert reply.status_code == 201, reply.text
    shown: dict[str, Any] = reply.json()
    return shown


async def test_a_list_from_the_first_person_to_the_last(people: list[str], client_for: ClientFor) -> None:
    boss, fiona = await client_for(UserRole.SUPERVISOR, FIFE), await client_for(UserRole.OPERATOR, FIFE)
    campaign = await made(boss)
    assert (campaign["people"], campaign["left"], campaign["percent"], campaign["cause"]) == (2, 2, 0, "by_hand")
    one = f"{CAMPAIGNS}/{campaign['id']}"
    person = (await fiona.post(f"{one}/next")).json()["person"]
    assert (person["person_id"], person["tier"], person["phone"]) == (people[1], "A", "+447700900123")
    assert (person["contacts"][0]["name"], person["hazards"]) == ("Bob", "a dog")
    assert (await boss.post(f"{one}/people/{people[1]}/take")).status_code == 409
    attempts = f"{one}/people/{people[1]}/attempts"
    assert (await boss.post(attempts, json={"outcome": "safe"})).status_code == 409
    reply = await fiona.post(attempts, json={"channel": "contact", "outcome": "safe", "note": "her son is with her"})
    assert (reply.status_code, reply.json()["by_name"]) == (201, "a test's operator")
    shown = (await fiona.get(one)).json()
    assert (shown["percent"], shown["counts"]["safe"], shown["closed_at"]) == (50, 1, None)
    listed = (await fiona.get(f"{one}/people", params={"state": ["to_check", "trying"]})).json()["items"]
    assert [each["person_id"] for each in listed] == [people[0]]
    await fiona.post(f"{one}/people/{people[0]}/attempts", json={"outcome": "no_answer"})
    waits = (await fiona.post(f"{one}/next")).json()
    assert waits["person"] is None
    assert waits["again_at"] is not None
    unreachable = {"outcome": "unreachable", "note": "in hospital, says the ward"}
    assert (await fiona.post(f"{one}/people/{people[0]}/attempts", json=unreachable)).status_code == 403
    assert (await boss.post(f"{one}/people/{people[0]}/attempts", json=unreachable)).status_code == 201
    over = (await fiona.get(one)).json()
    assert (over["percent"], over["closed_by"], over["left"]) == (100, "system", 0)
    assert len((await fiona.get(f"{one}/people/{people[0]}")).json()["log"]) == 2


async def test_the_spreadsheet_has_all_that_one_needs_and_begins_no_formula(
    people: list[str], client_for: ClientFor
) -> None:
    boss = await client_for(UserRole.SUPERVISOR, FIFE)
    campaign = await made(boss)
    one = f"{CAMPAIGNS}/{campaign['id']}"
    await boss.post(f"{one}/people/{people[1]}/attempts", json={"outcome": "no_answer", "note": "rang twice"})
    reply = await boss.get(f"{one}/export.csv")
    rows = list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))
    assert [(row["rank"], row["name"], row["phone"]) for row in rows] == [
        ("1", "'=JeanA Rennie", "07700 900123"),
        ("2", "'=JeanC Rennie", "07700 900123"),
    ]
    assert rows[0]["contacts"] == "Bob (son) 07700 900456, 5 min away, holds a key"
    assert "no_answer: rang twice" in rows[0]["last_attempt"]


async def test_who_may_do_what(people: list[str], client_for: ClientFor) -> None:
    engineer, fiona = await client_for(UserRole.ENGINEER, FIFE), await client_for(UserRole.OPERATOR, FIFE)
    boss, glasgow = await client_for(UserRole.SUPERVISOR, FIFE), await client_for(UserRole.SUPERVISOR, GLASGOW)
    body = {"council_id": FIFE, "reason": "a flood"}
    assert (await fiona.post(CAMPAIGNS, json=body)).status_code == 403
    assert (await glasgow.post(CAMPAIGNS, json=body)).status_code == 403
    one = f"{CAMPAIGNS}/{(await made(boss))['id']}"
    assert (await engineer.get(one)).status_code == 200
    assert (await engineer.post(f"{one}/next")).status_code == 403
    assert (await fiona.post(f"{one}/finish", json={"reason": "end of shift"})).status_code == 403
    assert (await glasgow.get(one)).status_code == 404
    assert (await glasgow.get(CAMPAIGNS)).json()["items"] == []
    assert (await boss.post(f"{one}/finish", json={"reason": "the wardens go from door to door"})).status_code == 200
    assert (await fiona.post(f"{one}/next")).status_code == 409
    assert (await boss.get(CAMPAIGNS, params={"open": "true"})).json()["items"] == []
    assert people


async def test_each_look_at_people_is_in_the_audit(people: list[str], client_for: ClientFor) -> None:
    boss = await client_for(UserRole.SUPERVISOR, FIFE)
    one = f"{CAMPAIGNS}/{(await made(boss))['id']}"
    for path in ("people", f"people/{people[0]}", "export.csv"):
        await boss.get(f"{one}/{path}")
    await boss.post(f"{one}/next")
    await boss.post(f"{one}/people/{people[1]}/attempts", json={"outcome": "safe"})
    entries = (await boss.get("/api/v1/audit", params={"limit": 100})).json()["items"]
    actions = {entry["action"] for entry in entries if entry["council_id"] == FIFE}
    wanted = {"welfare_made", "welfare_viewed", "person_viewed", "welfare_exported", "welfare_taken", "welfare_attempt"}
    assert wanted <= actions


async def test_the_metrics_count_who_is_left(people: list[str], client_for: ClientFor) -> None:
    boss = await client_for(UserRole.SUPERVISOR)
    await made(boss)
    text = (await boss.get("/metrics")).text
    assert f'telecare_welfare_people{{state="to_check"}} {len(people)}.0' in text
