"""Policies over the API: saved or refused whole, pinned by open alarms, tried out before they are live."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Closed
from telecare.access.domain import UserRole
from telecare.kernel.db import Database
from tests.integration.alarms.world import World, opens
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]

POLICIES = "/api/v1/policies"

TEXT = """\
key: wardens
name: Wardens
for: {classes: [L]}
steps:
  - {tell: [queue], wait: 30s}
  - {tell: [supervisor], wait: 60s}
catch_all: {tell: [queue], every: 60s}
"""


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def save(client: httpx.AsyncClient, words: str = TEXT) -> dict[str, Any]:
    reply = await client.post(POLICIES, json={"text": words, "note": "the first one"})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def test_a_policy_is_saved_with_its_text_and_how_long_it_can_take(administrator: httpx.AsyncClient) -> None:
    saved = await save(administrator)
    shown = (await administrator.get(f"{POLICIES}/{saved['id']}")).json()
    assert (shown["text"], shown["version"], shown["note"]) == (TEXT, 1, "the first one")
    assert shown["outlook"]["worst_human"]["human_s"] == 0
    assert shown["outlook"]["worst_last_resort"]["last_resort_s"] == 30  # nobody stands behind the supervisor
    listed = (await administrator.get(POLICIES)).json()["items"]
    assert [(one["key"], one["version"]) for one in listed] == [("wardens", 1)]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[supervisor]", '["rota:nights"]', 6, "there is no rota “nights”"),
        ("wait: 60s", "wait: 600s", 4, "it can take"),
        ("every: 60s}", "every: 60s}\nloops: forever", 8, "loops without exit"),
        ("[supervisor]", "[supervisr]", 6, "is nobody that a step can tell"),
    ],
)
async def test_a_bad_policy_is_refused_with_its_line_and_nothing_is_live(
    administrator: httpx.AsyncClient, world: World, old: str, new: str, line: int, words: str
) -> None:
    await world.put_behind_supervisor("sue")
    reply = await administrator.post(POLICIES, json={"text": TEXT.replace(old, new)})
    assert reply.status_code == 422
    error = reply.json()["errors"][0]
    assert error["line"] == line
    assert words in error["what"]
    assert error["mend"]
    assert (await administrator.get(POLICIES)).json()["items"] == []


async def test_the_next_alarm_goes_by_a_new_version_and_an_open_one_keeps_its_own(
    administrator: httpx.AsyncClient, world: World
) -> None:
    saved = await save(administrator)
    first = await world.raise_alarm()
    change = {"text": TEXT.replace("wait: 30s", "wait: 20s"), "as_of": 1, "note": "sooner"}
    reply = await administrator.put(f"{POLICIES}/{saved['id']}", json=change)
    assert reply.status_code == 200, reply.text
    assert (await administrator.put(f"{POLICIES}/{saved['id']}", json=change)).status_code == 409
    second = await world.raise_alarm(hub_id="other")
    assert [(await world.get(one)).state["ladder"]["version"] for one in (first, second)] == [1, 2]
    history = (await administrator.get(f"{POLICIES}/{saved['id']}/versions")).json()
    assert [(one["version"], one["note"]) for one in history] == [(2, "sooner"), (1, "the first one")]
    old = (await administrator.get(f"{POLICIES}/{saved['id']}", params={"version": 1})).json()
    assert old["text"] == TEXT


async def test_open_alarms_are_moved_to_the_version_of_now_on_demand_one_by_one(
    administrator: httpx.AsyncClient, world: World
) -> None:
    saved = await save(administrator)
    alarms = [await world.raise_alarm(hub_id=name) for name in "ab"]
    await world.drive()
    change = {"text": TEXT.replace("wait: 30s", "wait: 20s"), "as_of": 1}
    await administrator.put(f"{POLICIES}/{saved['id']}", json=change)
    moved = (await administrator.post(f"{POLICIES}/{saved['id']}/reroute")).json()
    assert sorted(moved["alarms"]) == sorted(str(one) for one in alarms)
    alarm = await world.get(alarms[0])
    assert (alarm.state["ladder"]["version"], alarm.state["step"]) == (2, 0)
    again = await administrator.post(
        f"/api/v1/alarms/{alarms[0]}/reroute", json={"as_of": alarm.version, "reason": "once more"}
    )
    assert again.status_code == 409
    assert "runs on the policy that fits it now" in again.json()["detail"]


async def test_a_policy_is_not_retired_under_an_open_alarm(administrator: httpx.AsyncClient, world: World) -> None:
    saved = await save(administrator)
    alarm_id = await world.raise_alarm()
    reply = await administrator.delete(f"{POLICIES}/{saved['id']}")
    assert reply.status_code == 409
    assert "1 open alarms run on this policy" in reply.json()["detail"]
    await world.feed(alarm_id, Closed(Holder(str(alarm_id), "Ann"), "reassured"))
    assert (await administrator.delete(f"{POLICIES}/{saved['id']}")).status_code == 204
    assert (await administrator.get(POLICIES)).json()["items"] == []
    assert (await administrator.get(f"{POLICIES}/{saved['id']}")).json()["retired_at"] is not None


async def test_what_would_happen_is_told_with_the_people_of_now_and_a_picture(
    administrator: httpx.AsyncClient, world: World
) -> None:
    await world.put_behind_supervisor("sue")
    await save(administrator)
    asked = {"at": "2027-01-03T03:12:00+00:00", "type": "pendant", "minutes": 5}
    shown = (await administrator.post(f"{POLICIES}/simulate", json=asked)).json()
    assert [(one["after_s"], one["who"], one["channel"]) for one in shown["told"]] == [(30.0, "sue", "email")]
    assert shown["ladder"] == "Wardens, version 1"
    assert shown["picture"].startswith("<svg")
    answered = (await administrator.post(f"{POLICIES}/simulate", json={**asked, "answered_at_step": 1})).json()
    assert answered["told"] == []
    draft = {**asked, "text": TEXT.replace("wait: 30s", "wait: 10s")}
    assert (await administrator.post(f"{POLICIES}/simulate", json=draft)).json()["told"][0]["after_s"] == 10.0


async def test_what_would_happen_to_a_person_goes_by_their_own_council_tier_and_contacts(
    administrator: httpx.AsyncClient, register: Register
) -> None:
    person = await register.person(risk_tier="A")
    contact = {"name": "Mairead", "email": "mairead@shop.example"}
    assert (await administrator.put(f"/api/v1/people/{person}/contacts", json=[contact])).status_code == 200
    theirs = TEXT.replace("for: {classes: [L]}", "for: {tiers: [A]}").replace("[supervisor]", "[contacts]")
    await save(administrator, theirs + f"council: {FIFE}\n")
    asked = {"at": "2027-01-03T03:12:00+00:00", "type": "pendant", "minutes": 5, "person_id": person}
    shown = (await administrator.post(f"{POLICIES}/simulate", json=asked)).json()
    assert shown["ladder"] == "Wardens, version 1"
    assert shown["told"][0]["who"] == "Mairead"
    other = await administrator.post(f"{POLICIES}/simulate", json={**asked, "tier": "D"})
    assert other.json()["ladder"] != "Wardens, version 1", "a tier that is said counts"
    wrong = await administrator.post(f"{POLICIES}/simulate", json={**asked, "council_id": GLASGOW})
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "body.person_id")


async def test_a_scenario_file_is_run_and_its_faults_are_told(administrator: httpx.AsyncClient) -> None:
    scenario = """\
name: one
until: 1h
profile: peer
policies:
  - {key: p, steps: [{tell: ["responder:u1"], wait: 30m}]}
people: {u1: sms@0}
events: [{at: 0, raise: pendant}]
expect: [0 u1.sms, 5m u1.sms]
"""
    shown = (await administrator.post(f"{POLICIES}/simulate", json={"scenario": scenario})).json()
    assert shown["differences"] == ["not sent: 5m00s u1.sms of alarm 1"]
    reply = await administrator.post(f"{POLICIES}/simulate", json={"scenario": scenario.replace("sms@0", "fax@0")})
    assert reply.status_code == 422
    assert "line 6" in reply.json()["errors"][0]["where"]


async def test_looking_a_policy_through_saves_nothing(administrator: httpx.AsyncClient) -> None:
    looked = (await administrator.post(f"{POLICIES}/lint", json={"text": TEXT})).json()
    assert looked["ok"]
    assert "nobody stands behind the supervisor" in looked["faults"][0]["what"]
    assert (await administrator.get(POLICIES)).json()["items"] == []


async def test_who_may_do_what(client_for: ClientFor) -> None:
    operator, fife = await client_for(UserRole.OPERATOR), await client_for(UserRole.ADMINISTRATOR, FIFE)
    assert (await operator.post(POLICIES, json={"text": TEXT})).status_code == 403
    assert (await fife.post(POLICIES, json={"text": TEXT})).status_code == 403
    assert (await fife.post(POLICIES, json={"text": f"council: {GLASGOW}\n{TEXT}"})).status_code == 403
    own = await save(fife, f"council: {FIFE}\n{TEXT}")
    glasgow = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    assert (await glasgow.get(f"{POLICIES}/{own['id']}")).status_code == 404
    assert (await operator.get(f"{POLICIES}/{own['id']}")).status_code == 200


async def test_a_version_is_never_changed_not_even_by_sql(administrator: httpx.AsyncClient, world: World) -> None:
    await save(administrator)
    with pytest.raises(DBAPIError, match="append-only"):
        await world.sql("UPDATE policy_version SET text = 'another'")


async def test_a_document_that_this_release_cannot_read_keeps_no_alarm_from_opening(
    administrator: httpx.AsyncClient, world: World, database: Database
) -> None:
    saved = await save(administrator)
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO policy_version (policy_id, version, text, document, outlook, note, created_by)"
                " VALUES (:id, 2, '', '{\"of\": \"the future\"}', '{}', '', 'x')"
            ),
            {"id": saved["id"]},
        )
        await session.execute(text("UPDATE policy SET version = 2"))
    alarm = await world.get(await world.raise_alarm())
    assert alarm.state["ladder"]["name"] == "default life-safety"
    assert [one.words for one in await world.about_us()] == ["The policy “wardens” cannot be read"]
    assert opens("pendant").class_ == "L"


async def test_an_alarm_goes_by_a_policy_with_hours(administrator: httpx.AsyncClient, world: World) -> None:
    hours = '{days: [mon-sun], from: "00:00", until: "24:00"}'
    await save(administrator, TEXT.replace("wait: 30s}", f"wait: 30s, only: {hours}, otherwise: [duty_manager]}}"))
    alarm = await world.get(await world.raise_alarm())
    assert (alarm.state["ladder"]["policy"], alarm.state["ladder"]["steps"][0]["hours"]["since"]) == ("wardens", 0)


async def test_what_a_live_policy_names_is_not_removed_under_it(administrator: httpx.AsyncClient) -> None:
    """S13."""
    responder = (await administrator.post("/api/v1/responders", json={"key": "bob", "name": "Bob"})).json()
    team = await administrator.post("/api/v1/teams", json={"key": "north", "name": "North", "members": []})
    rota = await administrator.post("/api/v1/rotas", json={"key": "nights", "name": "Nights", "layers": []})
    named = '["responder:bob", "team:north", "rota:nights", queue]'
    saved = await save(administrator, TEXT.replace("[supervisor]", named))
    paths = [f"responders/{responder['id']}", f"teams/{team.json()['id']}", f"rotas/{rota.json()['id']}"]
    for path in paths:
        reply = await administrator.delete(f"/api/v1/{path}")
        assert reply.status_code == 409, path
        assert "The policies “wardens” name" in reply.json()["detail"]
    assert (await administrator.delete(f"{POLICIES}/{saved['id']}")).status_code == 204
    assert [(await administrator.delete(f"/api/v1/{path}")).status_code for path in paths] == [204] * 3
