"""Responders and teams over the API: ways to reach them, rules, codes."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text

from alarms.escalation.domain import Ladder, Step
from alarms.escalation.inputs import Rerouted
from alarms.handling.domain import Subject
from telecare.kernel.db import Database
from telecare.kernel.outbox import OutboxMessage
from tests.integration.alarms.world import World
from tests.integration.api.desk import Desk
from tests.integration.api.register import FIFE, GLASGOW, Register

BOT = "tgram://123456:very-secret/42"


@pytest.fixture
def desk(register: Register) -> Desk:
    return Desk(register)


async def sent_code(database: Database, method_id: str) -> str:
    async with database.transaction() as session:
        statement = select(OutboxMessage).where(OutboxMessage.subject_id == UUID(method_id))
        messages = (await session.execute(statement.order_by(OutboxMessage.id))).scalars().all()
    assert messages[-1].message["data"]["code"] in messages[-1].message["text"]
    return str(messages[-1].message["data"]["code"])


async def age_code(database: Database, minutes: int) -> None:
    async with database.transaction() as session:
        change = text("UPDATE contact_method SET code_expires_at = code_expires_at - make_interval(mins => :minutes)")
        await session.execute(change, {"minutes": minutes})


async def whole(client: httpx.AsyncClient, responder_id: str) -> dict[str, Any]:
    reply = await client.get(f"/api/v1/responders/{responder_id}")
    assert reply.status_code == 200, reply.text
    shown: dict[str, Any] = reply.json()
    return shown


async def test_a_responder_has_methods_in_their_order_and_rules(administrator: httpx.AsyncClient, desk: Desk) -> None:
    isla = await desk.responder("isla", quiet_hours={"from": "22:00", "to": "07:00"})
    sms = await desk.method(isla, "sms", "07700 900123")
    mail = await desk.method(isla, "email", "isla@fife.example", label="Isla at work")
    rules = [{"method_id": mail, "after_s": 60}, {"method_id": sms}, {"method_id": mail, "urgency": "other"}]
    put = await administrator.put(f"/api/v1/responders/{isla}/rules", json=rules)
    assert put.status_code == 200, put.text
    shown = await whole(administrator, isla)
    assert [(each["address"], each["label"], each["verified_at"]) for each in shown["methods"]] == [
        ("+447700900123", "Isla, sms", None), ("isla@fife.example", "Isla at work", None),
    ]  # fmt: skip
    assert [(rule["urgency"], rule["after_s"], rule["method_id"]) for rule in shown["rules"]] == [
        ("life_safety", 0, sms), ("life_safety", 60, mail), ("other", 0, mail),
    ]  # fmt: skip
    assert shown["quiet_hours"] == {"from": "22:00", "to": "07:00"}


async def test_the_key_to_an_account_is_never_shown_whole(administrator: httpx.AsyncClient, desk: Desk) -> None:
    isla = await desk.responder("isla")
    await desk.method(isla, "apprise", BOT)
    shown = await administrator.get(f"/api/v1/responders/{isla}")
    assert shown.json()["methods"][0]["address"] == "tgram://…"
    audit = await administrator.get("/api/v1/audit")
    assert "very-secret" not in shown.text + audit.text


@pytest.mark.parametrize(
    ("channel", "address"), [("sms", "12"), ("email", "isla"), ("apprise", "nothing"), ("fax", "0131 496 0000")]
)
async def test_what_is_no_address_is_refused(desk: Desk, register: Register, channel: str, address: str) -> None:
    isla = await desk.responder("isla")
    await register.send("POST", f"/responders/{isla}/methods", {"channel": channel, "address": address}, 422)


async def test_the_same_address_twice_is_a_conflict_however_it_is_written(desk: Desk, register: Register) -> None:
    isla = await desk.responder("isla")
    await desk.method(isla, "sms", "07700 900123")
    again = {"channel": "sms", "address": "+44 7700 900 123"}
    await register.send("POST", f"/responders/{isla}/methods", again, 409)


async def test_a_key_is_free_again_once_its_responder_is_removed(desk: Desk, register: Register) -> None:
    isla = await desk.responder("isla")
    await register.send("POST", "/responders", {"key": "isla", "name": "I", "council_id": FIFE}, 409)
    await desk.responder("isla", GLASGOW)
    await register.send("DELETE", f"/responders/{isla}", status=204)
    await desk.responder("isla")


async def test_a_code_proves_an_address(administrator: httpx.AsyncClient, desk: Desk, database: Database) -> None:
    isla = await desk.responder("isla")
    method = await desk.method(isla, "email", "isla@fife.example")
    address = f"/api/v1/responders/{isla}/methods/{method}"
    assert (await administrator.post(f"{address}/verify", json={"code": "123456"})).json()["verified"] is False
    assert (await administrator.post(f"{address}/code")).status_code == 202
    assert (await administrator.post(f"{address}/code")).status_code == 409, "once a minute"
    code = await sent_code(database, method)
    reply = await administrator.post(f"{address}/verify", json={"code": code})
    assert (reply.status_code, reply.json()["verified"]) == (200, True)
    assert (await whole(administrator, isla))["methods"][0]["verified_at"] is not None
    assert (await administrator.post(f"{address}/verify", json={"code": code})).json()["verified"] is False, "once"


async def test_no_code_stays_in_the_outbox_once_it_was_used_or_replaced(
    administrator: httpx.AsyncClient, desk: Desk, database: Database
) -> None:
    isla = await desk.responder("isla")
    method = await desk.method(isla, "email", "isla@fife.example")
    address = f"/api/v1/responders/{isla}/methods/{method}"

    async def stored() -> list[tuple[str, str | None, str]]:
        query = "SELECT state, message #>> '{data,code}', message::text FROM outbox ORDER BY created_at"
        async with database.transaction() as session:
            return [(row[0], row[1], row[2]) for row in await session.execute(text(query))]

    await administrator.post(f"{address}/code")
    ((_, first, _),) = await stored()
    await age_code(database, 2)
    assert (await administrator.post(f"{address}/code")).status_code == 202
    (old, new) = await stored()
    assert old[:2] == ("cancelled", None), "it no longer counts, so it does not leave"
    assert first is not None
    assert new[1] is not None
    assert first not in old[2]
    assert (await administrator.post(f"{address}/verify", json={"code": new[1]})).json()["verified"] is True
    for _, code, whole_message in await stored():
        assert code is None
        assert new[1] not in whole_message
        assert "is not kept" in whole_message


async def test_wrong_codes_are_counted_though_the_request_succeeds(
    administrator: httpx.AsyncClient, desk: Desk, database: Database
) -> None:
    isla = await desk.responder("isla")
    method = await desk.method(isla, "email", "isla@fife.example")
    address = f"/api/v1/responders/{isla}/methods/{method}"
    await administrator.post(f"{address}/code")
    code = await sent_code(database, method)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    left = [
        (await administrator.post(f"{address}/verify", json={"code": wrong})).json()["tries_left"] for _ in range(5)
    ]
    assert left == [4, 3, 2, 1, 0]
    reply = await administrator.post(f"{address}/verify", json={"code": code})
    assert reply.json()["verified"] is False
    await age_code(database, 2)
    assert (await administrator.post(f"{address}/code")).status_code == 202
    fresh = await sent_code(database, method)
    assert (await administrator.post(f"{address}/verify", json={"code": fresh})).json()["verified"] is True


async def test_a_code_expires(administrator: httpx.AsyncClient, desk: Desk, database: Database) -> None:
    isla = await desk.responder("isla")
    method = await desk.method(isla, "email", "isla@fife.example")
    address = f"/api/v1/responders/{isla}/methods/{method}"
    await administrator.post(f"{address}/code")
    await age_code(database, 16)
    reply = await administrator.post(f"{address}/verify", json={"code": await sent_code(database, method)})
    assert reply.json()["note"] == "the code has expired: send another"


async def test_a_method_is_switched_off_with_a_reason_and_on_again(
    administrator: httpx.AsyncClient, desk: Desk
) -> None:
    isla = await desk.responder("isla")
    address = f"/api/v1/responders/{isla}/methods/{await desk.method(isla, 'sms', '07700 900123')}"
    off = (await administrator.patch(address, json={"disabled": True, "why": "on leave"})).json()
    assert (off["disabled_why"], off["disabled_at"] is None) == ("on leave", False)
    assert (await administrator.post(f"{address}/code")).status_code == 409
    on = (await administrator.patch(address, json={"disabled": False})).json()
    assert (on["disabled_why"], on["disabled_at"]) == (None, None)


async def test_a_rule_names_a_method_of_the_same_responder(desk: Desk, register: Register) -> None:
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    other = await desk.method(rory, "sms", "07700 900123")
    await register.send("PUT", f"/responders/{isla}/rules", [{"method_id": other}], 422)
    await register.send("PUT", f"/responders/{rory}/rules", [{"method_id": other, "after_s": 7201}], 422)


async def test_a_rule_that_is_made_while_an_alarm_is_open_counts_for_it(
    administrator: httpx.AsyncClient, desk: Desk, database: Database
) -> None:
    isla = await desk.responder("isla")
    sms, mail = await desk.method(isla, "sms", "07700 900123"), await desk.method(isla, "email", "isla@fife.example")
    await administrator.put(f"/api/v1/responders/{isla}/rules", json=[{"method_id": sms}])
    world = World(database)
    alarm_id = await world.raise_alarm(subject=Subject(council_id=FIFE))
    ladder = Ladder("wardens", 1, (Step(("responder:isla",), 600),), ("queue",), 600, 300, 60)
    await world.feed(alarm_id, Rerouted(ladder, "Moved"))
    await world.drive()
    assert await world.sent_to(alarm_id) == ["+447700900123"]
    assert (await world.get(alarm_id)).state["rounds"][0]["next_at"] is None
    rules = [{"method_id": sms}, {"method_id": mail, "after_s": 300}]
    await administrator.put(f"/api/v1/responders/{isla}/rules", json=rules)
    assert (await world.get(alarm_id)).next_step == "Isla told"
    await administrator.patch(f"/api/v1/responders/{isla}/methods/{mail}", json={"disabled": True, "why": "holiday"})
    assert (await world.get(alarm_id)).state["rounds"][0]["next_at"] is None
    await administrator.delete(f"/api/v1/responders/{isla}/methods/{mail}")
    assert sum("Contact rules have changed" in line for line in await world.log(alarm_id)) == 3


async def test_a_team_has_its_members_in_their_order(
    administrator: httpx.AsyncClient, desk: Desk, register: Register
) -> None:
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    team = await desk.team("wardens", rory, isla)
    shown = (await administrator.get("/api/v1/teams")).json()["items"][0]
    assert [member["key"] for member in shown["members"]] == ["rory", "isla"]
    changed = await register.send("PATCH", f"/teams/{team}", {"members": [isla]}, 200)
    assert [member["key"] for member in changed["members"]] == ["isla"]
    theirs = await desk.responder("ali", GLASGOW)
    await register.send("PATCH", f"/teams/{team}", {"members": [theirs]}, 422)
    await register.send("DELETE", f"/teams/{team}", status=204)
    assert (await administrator.get(f"/api/v1/teams/{team}")).status_code == 404
