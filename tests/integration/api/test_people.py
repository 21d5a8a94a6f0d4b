"""People, premises and key safes over the API: who sees them, what is written down, what is never shown."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from devices.registry.models import Premises
from telecare.access.domain import UserRole
from telecare.access.models import AuditEntry, IdempotentReply
from telecare.kernel.db import Database
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
CODE = "4711X"


async def audited(database: Database, subject_id: str) -> list[tuple[str, str | None]]:
    async with database.transaction() as session:
        query = select(AuditEntry.action, AuditEntry.reason).where(AuditEntry.subject_id == subject_id)
        return [(row.action, row.reason) for row in await session.execute(query.order_by(AuditEntry.id))]


async def everything_stored(database: Database) -> str:
    """Return the rows in which a secret could have been left behind, as text."""
    async with database.transaction() as session:
        found = [str((await session.execute(text(f"SELECT * FROM {table}"))).all()) for table in ("audit", "premises")]  # noqa: S608
        found += [str(body) for body in (await session.execute(select(IdempotentReply.body))).scalars()]
    return "\n".join(found)


async def all_pages(client: httpx.AsyncClient, path: str, limit: int = 2) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params: dict[str, Any] | None = {"limit": limit}
    while params:
        page = (await client.get(f"/api/v1{path}", params=params)).json()
        found += page["items"]
        params = {"limit": limit, "cursor": page["next"]} if page["next"] else None
    return found


async def test_a_person_is_added_read_and_changed_and_each_is_written_down(
    register: Register, database: Database
) -> None:
    person = await register.person(
        phone="01334 123456", risk_tier="B", date_of_birth="1938-02-11", hazards="Dog\r\nbig"
    )
    shown = await register.send("GET", f"/people/{person}", status=200)
    assert (shown["phone"], shown["risk_tier"], shown["hazards"]) == ("+441334123456", "B", "Dog\nbig")
    changed = await register.send("PATCH", f"/people/{person}", {"hazards": None, "given_name": "Jeanie"}, 200)
    assert changed == {**shown, "hazards": None, "given_name": "Jeanie"}
    assert [action for action, _ in await audited(database, person)] == [
        "person_added", "person_viewed", "person_changed",
    ]  # fmt: skip
    async with database.transaction() as session:
        details = (await session.execute(select(AuditEntry.details).where(AuditEntry.action == "person_changed"))).one()
    assert details == ({"fields": ["given_name", "hazards"]},)  # which, and not what: the audit is no second register


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"given_name": "  "}, "body.given_name"),
        ({"given_name": "Jean\nRennie"}, "body.given_name"),
        ({"given_name": None}, "body.given_name"),
        ({"given_name": "x" * 101}, "body.given_name"),
        ({"hazards": "a\x00b"}, "body"),
        ({"phone": "999"}, "body.phone"),
        ({"phone": "0131 496"}, "body.phone"),
        ({"risk_tier": "E"}, "body.risk_tier"),
        ({"date_of_birth": "11/02/1938"}, "body.date_of_birth"),
        ({"date_of_birth": "0038-02-11"}, "body.date_of_birth"),
        ({"date_of_birth": "2138-02-11"}, "body.date_of_birth"),
        ({"council_id": GLASGOW}, "body.council_id"),
    ],
)
async def test_what_is_wrong_is_named_by_field_and_nothing_changes(
    register: Register, change: dict[str, Any], where: str
) -> None:
    person = await register.person()
    before = await register.send("GET", f"/people/{person}", status=200)
    refused = await register.send("PATCH", f"/people/{person}", {"lives_alone": True, **change}, 422)
    assert [error["where"] for error in refused["errors"]] == [where]
    assert await register.send("GET", f"/people/{person}", status=200) == before


async def test_nobody_is_added_who_is_not_born_yet(register: Register) -> None:
    row = {"council_id": FIFE, "given_name": "Jean", "family_name": "Rennie", "date_of_birth": "2138-02-11"}
    refused = await register.send("POST", "/people", row, 422)
    assert refused["errors"] == [{"where": "body.date_of_birth", "what": "this day has not come"}]


async def test_people_are_listed_by_name_page_by_page(register: Register) -> None:
    """Beyond ASCII, too: the database's order decides, and no page loses or repeats anybody."""
    names = [("Ross", "Ann"), ("ross", "Bob"), ("Ørsted", "Cai"), ("İnan", "Deniz"), ("Ross", "Ann"), ("MacRae", "Eve")]
    added = {await register.person(family_name=family, given_name=given) for family, given in names}
    found = await all_pages(register.client, "/people")
    assert len(found) == len(names)
    assert {item["id"] for item in found} == added
    assert found == (await register.send("GET", "/people?limit=50", status=200))["items"]
    assert [item["given_name"] for item in found if item["family_name"].lower() == "ross"] == ["Ann", "Ann", "Bob"]


async def test_no_page_loses_anybody_when_the_last_of_a_page_gets_another_name(register: Register) -> None:
    for given in ("Ann", "Bob", "Cai"):
        await register.person(given_name=given)
    first = await register.send("GET", "/people?limit=1", status=200)
    await register.send("PATCH", f"/people/{first['items'][0]['id']}", {"family_name": "Zander"}, 200)
    second = await register.send("GET", f"/people?limit=5&cursor={first['next']}", status=200)
    assert [item["given_name"] for item in second["items"]] == ["Bob", "Cai", "Ann"]


async def test_a_page_may_end_with_the_longest_name(register: Register) -> None:
    for _ in range(3):
        await register.person(family_name="\N{GRINNING FACE}" * 100, given_name="\N{GRINNING FACE}" * 100)
    assert len(await all_pages(register.client, "/people", 1)) == 3


async def test_people_are_found_by_each_of_their_names(register: Register) -> None:
    person = await register.person(given_name="Margaret", family_name="O'Neil", preferred_name="Peggy_")
    await register.person(given_name="Peggy", family_name="Other")
    for q in ("margaret", "o'neil", "Margaret O'Neil", "peggy_ o'neil", "y_"):
        page = (await register.client.get("/api/v1/people", params={"q": q})).json()
        assert [item["id"] for item in page["items"]] == [person], q


async def test_who_looked_for_whom_is_written_down(register: Register, client_for: ClientFor) -> None:
    """A list has dates of birth, five hundred at a time: nobody harvests it unseen."""
    await register.person(family_name="Rennie")
    fife = await client_for(UserRole.SUPERVISOR, FIFE)
    await fife.get("/api/v1/people?q=ren")
    (entry,) = (await fife.get("/api/v1/audit?action=people_listed")).json()["items"]
    assert (entry["council_id"], entry["details"]) == (FIFE, {"q": "ren", "found": 1})
    await fife.get("/search?q=rennie")  # the console's
    assert len((await fife.get("/api/v1/audit?action=people_listed")).json()["items"]) == 2


async def test_a_list_tells_one_from_the_other_and_no_more(register: Register) -> None:
    await register.person(hazards="Oxygen", phone="01334 123456")
    (item,) = (await register.send("GET", "/people", status=200))["items"]
    assert set(item) == {
        "id", "council_id", "given_name", "family_name", "preferred_name", "date_of_birth", "risk_tier",
    }  # fmt: skip


async def test_contacts_keep_their_order_and_are_replaced_together(register: Register) -> None:
    person = await register.person()
    path = f"/people/{person}/contacts"
    first = [{"name": "Ann", "phone": "07700 900001"}, {"name": "Bob", "email": "bob@family.example"}]
    await register.send("PUT", path, first, 200)
    second = [{"name": "Cai", "phone": "07700 900002", "relation": "niece", "holds_key": True}, *reversed(first)]
    stored = (await register.send("PUT", path, second, 200))["items"]
    assert [(item["position"], item["name"]) for item in stored] == [(1, "Cai"), (2, "Bob"), (3, "Ann")]
    assert (await register.send("GET", path, status=200))["items"] == stored
    refused = await register.send("PUT", path, [first[0], {"name": "Nobody"}], 422)
    assert refused["errors"][0]["where"] == "body.1"
    assert (await register.send("GET", path, status=200))["items"] == stored
    assert (await register.send("PUT", path, [], 200))["items"] == []


async def test_premises_are_kept_in_their_form(register: Register) -> None:
    premises = await register.premises(uprn="000012345", postcode="ky154aa", address=" 3 The Wynd ")
    shown = await register.send("GET", f"/premises/{premises}", status=200)
    assert (shown["uprn"], shown["postcode"], shown["address"]) == ("12345", "KY15 4AA", "3 The Wynd")
    row = {"council_id": FIFE, "address": "4 The Wynd", "town": "Cupar", "postcode": "KY15 4AA"}
    for field, value in (("postcode", "KY15"), ("postcode", "1234 5AA"), ("uprn", "12a"), ("uprn", "1" * 13)):
        refused = await register.send("POST", "/premises", {**row, field: value}, 422)
        assert refused["errors"][0]["where"] == f"body.{field}"


async def test_a_council_has_a_uprn_once(register: Register) -> None:
    """Whoever is refused learns which premises have it, and can go on with those."""
    there = await register.premises(uprn="1")
    await register.premises(GLASGOW, uprn="1")
    other = await register.premises(uprn="2")
    row = {"council_id": FIFE, "address": "4 The Wynd", "town": "Cupar", "postcode": "KY15 4AA", "uprn": "01"}
    assert (await register.send("POST", "/premises", row, 409))["premises_id"] == there
    assert (await register.send("PATCH", f"/premises/{other}", {"uprn": "1"}, 409))["premises_id"] == there
    await register.send("PATCH", f"/premises/{other}", {"uprn": "2", "town": "Ceres"}, 200)


async def test_premises_are_found_and_listed_by_postcode(register: Register) -> None:
    for number, postcode in enumerate(("KY15 4AB", "KY15 4AA", "KY1 1AA", "KY15 4AA"), 1):
        await register.premises(address=f"{number} Shore Road", postcode=postcode, uprn=str(number))
    found = await all_pages(register.client, "/premises")
    assert [item["postcode"] for item in found] == ["KY1 1AA", "KY15 4AA", "KY15 4AA", "KY15 4AB"]
    for q, uprns in (("shore road, cup", 4), ("ky154aa", 2), ("KY15 4AA", 2), ("3", 1), ("9", 0)):
        page = (await register.client.get("/api/v1/premises", params={"q": q})).json()
        assert len(page["items"]) == uprns, q


async def test_the_list_of_premises_tells_no_way_in_and_looking_closer_is_written_down(
    register: Register, database: Database
) -> None:
    premises = await register.premises(access_notes="Back door is open")
    await register.send("PUT", f"/premises/{premises}/key-safe", {"location": "Left of the door", "code": CODE}, 200)
    (item,) = (await register.send("GET", "/premises", status=200))["items"]
    assert set(item) == {"id", "council_id", "uprn", "address", "town", "postcode"}
    await register.send("GET", f"/premises/{premises}", status=200)
    await register.send("GET", f"/premises/{premises}/lines", status=200)
    assert [action for action, _ in await audited(database, premises)] == [
        "premises_added", "key_safe_set", "premises_viewed", "lines_viewed",
    ]  # fmt: skip


async def test_lines_are_replaced_by_what_was_found(register: Register) -> None:
    premises = await register.premises()
    path = f"/premises/{premises}/lines"
    found = [{"kind": "pstn", "number": "01334 123456", "provider": "Anyco"}, {"kind": "none"}]
    lines = (await register.send("PUT", path, found, 200))["items"]
    assert [(line["kind"], line["number"]) for line in lines] == [("pstn", "+441334123456"), ("none", None)]
    assert (await register.send("GET", path, status=200))["items"] == lines
    await register.send("PUT", path, [{"kind": "isdn"}], 422)


async def test_a_key_safe_code_is_sealed_and_leaves_on_demand_only(register: Register, database: Database) -> None:
    premises = await register.premises()
    safe = {"location": "Left of the door", "code": CODE}
    stored = await register.send("PUT", f"/premises/{premises}/key-safe", safe, 200)
    assert (stored["key_safe_location"], stored["key_safe_has_code"]) == ("Left of the door", True)
    assert stored["key_safe_checked_on"] is not None
    for path in ("/premises", f"/premises/{premises}", f"/premises/{premises}/lines"):
        assert CODE not in (await register.client.get(f"/api/v1{path}")).text
    reason = {"reason": "Fallen, no answer"}
    opened = await register.client.post(
        f"/api/v1/premises/{premises}/key-safe/reveal", json=reason, headers={"Idempotency-Key": "k-1"}
    )
    assert opened.json() == {"location": "Left of the door", "code": CODE}
    assert opened.headers["cache-control"] == "no-store"
    assert (await audited(database, premises))[-1] == ("key_safe_revealed", "Fallen, no answer")
    assert CODE not in await everything_stored(database)


async def test_a_reason_is_needed_and_a_refused_reveal_shows_nothing(register: Register, client_for: ClientFor) -> None:
    premises = await register.premises()
    path = f"/premises/{premises}/key-safe"
    await register.send("POST", f"{path}/reveal", {"reason": "Fallen"}, 404)
    await register.send("PUT", path, {"location": None, "code": CODE}, 200)
    for reason in ({}, {"reason": ""}, {"reason": "  x  "}, {"reason": "a\nb c"}):
        await register.send("POST", f"{path}/reveal", reason, 422)
    engineer = await client_for(UserRole.ENGINEER)
    assert (await engineer.post(f"/api/v1{path}/reveal", json={"reason": "Curious"})).status_code == 403
    await register.send("PUT", path, {"location": None, "code": None}, 200)
    await register.send("POST", f"{path}/reveal", {"reason": "Fallen"}, 404)


async def test_a_code_sealed_with_another_key_is_said_to_be_so(register: Register, database: Database) -> None:
    premises = await register.premises()
    await register.send("PUT", f"/premises/{premises}/key-safe", {"location": None, "code": CODE}, 200)
    async with database.transaction() as session:
        (row,) = (await session.execute(select(Premises))).scalars()
        row.key_safe_code_sealed = "gAAAAA-of-another-key"
    refused = await register.send("POST", f"/premises/{premises}/key-safe/reveal", {"reason": "Fallen"}, 503)
    assert "another key" in refused["detail"]


async def test_another_councils_people_and_premises_are_not_there(
    register: Register, client_for: ClientFor, database: Database
) -> None:
    home = await register.home()
    person, premises = f"/people/{home['person_id']}", f"/premises/{home['premises_id']}"
    theirs = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    requests: list[tuple[str, str, Any]] = [
        ("GET", person, None), ("PATCH", person, {"hazards": "x"}), ("GET", f"{person}/contacts", None),
        ("PUT", f"{person}/contacts", []), ("GET", premises, None), ("PATCH", premises, {"town": "x"}),
        ("GET", f"{premises}/lines", None), ("PUT", f"{premises}/lines", []),
        ("PUT", f"{premises}/key-safe", {"location": None, "code": "1"}),
        ("POST", f"{premises}/key-safe/reveal", {"reason": "Curious"}),
    ]  # fmt: skip
    for method, path, body in requests:
        reply = await theirs.request(method, f"/api/v1{path}", json=body)
        assert reply.status_code == 404, (method, path, reply.text)
    for path in ("/people", "/premises", f"/people?council={FIFE}", f"/premises?council={FIFE}"):
        assert (await theirs.get(f"/api/v1{path}")).json()["items"] == []
    assert [action for action, _ in await audited(database, home["person_id"])] == ["person_added"]
    row = {"council_id": FIFE, "given_name": "Jean", "family_name": "Rennie"}
    assert (await theirs.post("/api/v1/people", json=row)).status_code == 403


@pytest.mark.parametrize(
    ("role", "people", "lines"),
    [(UserRole.OPERATOR, 403, 403), (UserRole.ENGINEER, 403, 200), (UserRole.SUPERVISOR, 200, 403)],
)
async def test_roles(register: Register, client_for: ClientFor, role: UserRole, people: int, lines: int) -> None:
    home = await register.home()
    client = await client_for(role)
    person = f"/api/v1/people/{home['person_id']}"
    assert (await client.get(person)).status_code == 200
    assert (await client.patch(person, json={"lives_alone": True})).status_code == people
    assert (await client.put(f"/api/v1/premises/{home['premises_id']}/lines", json=[])).status_code == lines
