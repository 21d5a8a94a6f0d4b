"""Nothing of a council is there for who is bound to another: no operation, list or search, no page of the console."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from alarms.intake.repository import IntakeRepository
from devices.jobs.domain import Finding, Item, JobKind, Look
from devices.jobs.repository import JobFilter
from devices.jobs.service import JobService
from devices.presence.verdict_repository import VerdictRepository
from devices.switchover.awards.tasks import AwardCount
from devices.switchover.exposure.service import ExposureService
from telecare.access.accounts import create_user
from telecare.access.domain import UserRole
from telecare.access.service import SESSION_COOKIE, login
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.protection.keeper import ProtectionKeeper
from tests.integration.api.desk import Desk
from tests.integration.api.register import FALKIRK, FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
MARK = "Zaphodia"
"""Part of every text of theirs: wherever it shows, something leaks."""

TIMES = {"starts_at": "2026-11-02T09:00:00Z", "ends_at": "2026-11-03T09:00:00Z"}
SWAP = {"kind": "add", "member_id": str(UUID(int=1)), "why": "curious", **TIMES}

POLICY = """\
key: {mark}
name: Wardens of {mark}
council: {council}
steps:
  - {{tell: [queue], wait: 30s}}
catch_all: {{tell: [queue], every: 60s}}
""".format(mark=MARK.lower(), council=FIFE)

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "ack"): {"as_of": 1},
    ("POST", "renew"): {},
    ("POST", "attend"): {"as_of": 1, "who": "x"},
    ("POST", "hold"): {"as_of": 1},
    ("POST", "release"): {"as_of": 1},
    ("POST", "escalate"): {"as_of": 1},
    ("POST", "shelve"): {"as_of": 1, "minutes": 60, "reason": "curious"},
    ("POST", "no-speech"): {},
    ("POST", "reroute"): {"as_of": 1},
    ("POST", "note"): {"text": "x"},
    ("POST", "contact-attempt"): {"contact": "x", "reached": True},
    ("POST", "close"): {"as_of": 1, "outcome": "reassured"},
    ("POST", "attempts"): {"outcome": "safe"},
    ("POST", "finish"): {"reason": "curious"},
    ("POST", "assign"): {},
    ("POST", "withdraw"): {"reason": "curious"},
    ("POST", "batches"): {"purpose": "identify"},
    ("POST", "matches"): {"matches": []},
    ("POST", "rung"): {"answered": True},
    ("POST", "lift"): {"reason": "curious"},
    ("POST", "plan"): {"next_action": "curious", "next_on": "2026-12-31"},
    ("POST", "commands"): {"command": "ping"},
    ("POST", "test-window"): {"reason": "curious"},
    ("POST", "peripherals"): {"device_id": "p2", "kind": "pendant"},
    ("POST", "end"): {},
    ("POST", "reveal"): {"reason": "curious"},
    ("PUT", "columns"): {"columns": {}},
    ("POST", "check"): {},
    ("POST", "commit"): {},
    ("POST", "discard"): {},
    ("PUT", "absence"): {"until": "2026-12-31T09:00:00Z", "why": "curious"},
    ("PUT", "contacts"): [],
    ("PUT", "lines"): [],
    ("PUT", "needs"): {},
    ("PUT", "key-safe"): {"location": None, "code": None},
    ("PUT", "failed-handshakes"): {"count": 1, "until": "2026-10-31"},
    ("PUT", "heartbeat-rule"): {"reason": "curious"},
    ("PUT", "silence-deadlines"): {"a": 5, "b": 5, "c": 5, "reason": "curious"},
    ("PUT", "password"): {"password": "a long password"},
    ("PATCH", "{hub_id}"): {"serial": "x"},
    ("PATCH", "{model_id}"): {"battery_years": 5},
    ("POST", "block"): {"reason": "curious"},
    ("POST", "pause"): {"reason": "curious"},
    ("POST", "resume"): {"reason": "curious"},
    ("POST", "cancel"): {"reason": "curious"},
    ("POST", "methods"): {"channel": "sms", "address": "07700 900123"},
    ("POST", "verify"): {"code": "123456"},
    ("PUT", "rules"): [],
    ("PUT", "{rota_id}"): {"as_of": 1, "name": "x", "layers": []},
    ("POST", "overrides"): SWAP,
    ("POST", "temporary-schedules"): {**TIMES, "turns": [], "why": "curious"},
    ("PUT", "{policy_id}"): {"as_of": 1, "text": POLICY},
    ("PATCH", "{responder_id}"): {"active": False},
    ("PATCH", "{method_id}"): {"label": "x"},
    ("PATCH", "{team_id}"): {"members": []},
    ("PATCH", "{person_id}"): {"hazards": "x"},
    ("PATCH", "{premises_id}"): {"town": "x"},
    ("PATCH", "{user_id}"): {"active": False},
    ("PATCH", "{work_id}"): {"ends_at": TIMES["ends_at"]},
}
"""What each operation on a thing takes, by its method and the last part of its path."""

SWITCHOVER: dict[str, Any] = {
    "steps": {"to": "data_validated", "as_of": 1},
    "contacts": {"channel": "phone", "outcome": "reached"},
    "cancel": {"reason": "curious", "as_of": 1},
    "evidence/voice": {},
    "exception": {"items": ["voice"], "why": "curious", "retest_on": "2030-01-01", "as_of": 1},
    "exception/confirm": {"as_of": 1},
    "waves": {"name": "x"},
    "end": {"as_of": 1},
    "accept": {"day": "2030-01-07"},
    "answers": {"hub_id": f"{MARK}-1", "answer": "not_reached"},
    "/api/v1/switchover/engineers/{user_id}": {"council_id": FIFE, "base_latitude": 56.2, "base_longitude": -3.1},
    "/api/v1/switchover/rules/{council}": {},
    "absences": {"council_id": FIFE, "first_on": "2030-01-07", "last_on": "2030-01-07", "reason": "curious"},
}
"""The same for what is of the switchover."""


@pytest.fixture
async def theirs(register: Register, database: Database) -> dict[str, str]:
    """One of everything, of Fife."""
    hub_id = await register.hub(f"{MARK}-1", serial=f"{MARK}-S")
    person = await register.person(given_name=MARK, hazards=f"{MARK} dog")
    premises = await register.premises(address=f"1 {MARK} Street", access_notes=MARK)
    await register.install(hub_id, person_id=person, premises_id=premises)
    await register.send("POST", f"/hubs/{hub_id}/peripherals", {"device_id": "p1", "kind": "pendant", "room": MARK})
    await register.send("PUT", f"/people/{person}/contacts", [{"name": MARK, "phone": "07700 900123"}], 200)
    await register.send("PUT", f"/premises/{premises}/key-safe", {"location": MARK, "code": "4711"}, 200)
    user = {"username": MARK, "display_name": MARK, "password": "a long password", "role": "operator"}
    token = {"name": MARK, "role": "operator", "councils": [FIFE]}
    point = {"target": "supervisor", "channel": "email", "address": f"{MARK}@x.example", "label": MARK}
    ahead = datetime.now(UTC) + timedelta(hours=1)
    work = {"hub_id": hub_id, "ends_at": ahead.isoformat(), "reason": f"{MARK} works"}
    await register.send("POST", f"/hubs/{hub_id}/test-window", {"reason": f"{MARK} tries"})
    desk = Desk(register)
    responder = await desk.responder("zaphod", name=MARK)
    rota = await desk.rota("theirs", responder, name=MARK)
    swap = {**SWAP, "member_id": responder, "why": MARK}
    storm = {**TIMES, "turns": [], "why": MARK}
    agreed = {"council_id": FIFE, "partner_id": FALKIRK}
    agreement = (await register.send("POST", "/covers/agreements", agreed))["id"]
    model = (await register.send("GET", f"/hubs/{hub_id}", status=200))["model_id"]
    image = await register.image(model)
    rollout = {"image_id": image, "council_id": FIFE, "reason": f"{MARK} rolls"}
    cover = {"agreement_id": agreement, "why": "exercise", "reason": MARK}
    check = {"council_id": FIFE, "reason": f"{MARK} flood"}
    await stands(database)
    line = {"kind": "voip_ata", "number": "01632 960123", "provider": MARK}
    await register.send("PUT", f"/premises/{premises}/lines", [line], 200)
    await register.send("PATCH", f"/hubs/{hub_id}", {"certificate_expires_on": "2027-03-01"}, 200)
    retirement = {"name": MARK, "cause": "certificate", "deadline": "2027-06-30", "councils": [FIFE]}
    programme = (await register.send("POST", "/switchover/programmes", retirement))["id"]
    await register.send("POST", f"/switchover/programmes/{programme}/find-units", status=200)
    (unit,) = (await register.send("GET", f"/switchover/programmes/{programme}/units", status=200))["items"]
    return {
        "programme_id": programme,
        "visit_id": (await register.send("POST", "/switchover/visits", {"unit_id": unit["id"]}))["id"],
        "campaign_id": (await register.send("POST", "/welfare/campaigns", check))["id"],
        "agreement_id": agreement,
        "cover_id": (await register.send("POST", "/covers", cover))["id"],
        "responder_id": responder,
        "method_id": await desk.method(responder, "email", f"{MARK}@x.example", label=MARK),
        "team_id": await desk.team(MARK.lower(), responder),
        "rota_id": rota["id"],
        "override_id": (await register.send("POST", f"/rotas/{rota['id']}/overrides", swap))["id"],
        "schedule_id": (await register.send("POST", f"/rotas/{rota['id']}/temporary-schedules", storm))["id"],
        "policy_id": (await register.send("POST", "/policies", {"text": POLICY}))["id"],
        "work_id": (await register.send("POST", "/planned-work", work))["id"],
        "job_id": await job(database, hub_id),
        "exposure_id": await exposed(database, hub_id),
        **await telco(register, database, hub_id),
        **await planned(register),
        "attestation_id": await attested(register, database),
        "image_id": image,
        "import_id": (await register.send("POST", f"/switchover/import?council={FIFE}", {"list": MARK}))["id"],
        "rollout_id": (await register.send("POST", "/firmware/rollouts", rollout))["id"],
        "hub_id": hub_id,
        "person_id": person,
        "premises_id": premises,
        "device_id": "p1",
        "model_id": model,
        "user_id": (await register.send("POST", "/users", {**user, "councils": [FIFE]}))["id"],
        "token_id": (await register.send("POST", "/tokens", token))["id"],
        "point_id": (await register.send("POST", "/contact-points", {**point, "council_id": FIFE}))["id"],
        "alarm_id": (alarm_id := await alarm(database, hub_id, FIFE, person)),
        "incident_id": await incident(database, hub_id, person, alarm_id),
    }


async def stands(database: Database) -> None:
    """Let it be known whether they are protected."""
    async with database.transaction() as session:
        await VerdictRepository(session).hear("1")
    assert await ProtectionKeeper(database, timedelta(hours=1)).look() == 1


async def job(database: Database, hub_id: str) -> str:
    look = Look(hub_id, JobKind.FACTORY_RESET, Finding(JobKind.FACTORY_RESET, (Item(MARK, MARK),)))
    async with database.transaction() as session:
        service = JobService(session)
        await service.follow([look], await database_now(session))
        return str((await service.jobs.page(JobFilter(hub_id=hub_id), await database_now(session), None, 1))[0].id)


async def exposed(database: Database, hub_id: str) -> str:
    """Let their unit be analogue for a moment, so that it is on the list."""
    async with database.transaction() as session:
        await session.execute(text("UPDATE hub SET connection = 'analogue'"))
        await ExposureService(session).look()
        found = await session.execute(text("SELECT id FROM exposure WHERE hub_id = :hub_id"), {"hub_id": hub_id})
        await session.execute(text("UPDATE hub SET connection = 'digital'"))
        return str(found.scalar_one())


async def telco(register: Register, database: Database, hub_id: str) -> dict[str, str]:
    """An agreement, a batch, a notice with a check, and a hold."""
    terms = {"council_id": FIFE, "provider": MARK, "legal_basis": MARK, "dpia_reference": MARK}
    days = {"starts_on": "2026-01-01", "review_on": "2099-01-01"}
    agreement = (await register.send("POST", "/switchover/telco/agreements", {**terms, **days}))["id"]
    one = f"/switchover/telco/agreements/{agreement}/batches"
    batch = (await register.send("POST", one, {"purpose": "identify"}))["id"]
    notice = {"number": "01632 960123", "planned_at": "2029-01-01T09:00:00Z"}
    body = {"council_id": FIFE, "provider": MARK, "notices": [notice]}
    await register.send("POST", "/switchover/telco/notices", body, 200)
    hold = {"council_id": FIFE, "number": "01632 960123", "reason": f"{MARK} has no signal"}
    held = (await register.send("POST", "/switchover/telco/holds", hold))["id"]
    insert = text(
        "INSERT INTO telco_check (id, council_id, notice_id, hub_id, planned_at, state, look_at)"
        " SELECT gen_random_uuid(), council_id, id, :hub_id, now(), 'to_ring', now() FROM telco_notice RETURNING id"
    )
    async with database.transaction() as session:
        check = str((await session.execute(insert, {"hub_id": hub_id})).scalar_one())
    return {"telco_agreement_id": agreement, "batch_id": batch, "check_id": check, "hold_id": held}


async def planned(register: Register) -> dict[str, str]:
    """A plan, and somebody who is away."""
    user = {"username": f"{MARK}-e", "display_name": MARK, "password": "a long password", "role": "engineer"}
    engineer = (await register.send("POST", "/users", {**user, "councils": [FIFE]}))["id"]
    base = {"council_id": FIFE, "base_latitude": 56.2, "base_longitude": -3.1}
    await register.send("PUT", f"/switchover/engineers/{engineer}", base, 200)
    days = {"council_id": FIFE, "first_on": "2030-01-07", "last_on": "2030-01-11"}
    plan = await register.send("POST", "/switchover/plans", days, 202)
    away = await register.send("POST", f"/switchover/engineers/{engineer}/absences", {**days, "reason": MARK})
    return {"plan_id": plan["id"], "absence_id": away["absence"]["id"], "council": FIFE}


async def attested(register: Register, database: Database) -> str:
    """What was counted, attested and entered."""
    await AwardCount(database).count()
    costs = {"council_id": FIFE, "items": {"device": 100}, "source": MARK}
    await register.send("PUT", "/switchover/costs", costs, 200)
    body = {"council_id": FIFE, "criterion": "silver_arc", "evidence": MARK, "met_on": "2026-01-05"}
    return str((await register.send("POST", "/switchover/attestations", body))["id"])


async def alarm(database: Database, hub_id: str, council: str | None, person_id: str | None) -> str:
    columns = {"hub_id": hub_id, "council_id": council, "person_id": person_id, "name": person_id and MARK}
    insert = text(
        "INSERT INTO alarm (id, version, case_id, hub_id, council_id, person_id, person_name, type, family, class,"
        " rank, words, condition, handling, events, raised_at, last_event_at, next_due_at, state, log_seq) VALUES"
        " (gen_random_uuid(), 1, gen_random_uuid(), :hub_id, :council_id, CAST(:person_id AS uuid), :name, 'smoke',"
        " 'fire', 'L', 0, 'Smoke', 'active', 'raised', 1, now(), now(), now() + interval '1 h',"
        " '{\"hub_cancelled\": false}', 1) RETURNING id"
    )
    async with database.transaction() as session:
        return str((await session.execute(insert, columns)).scalar_one())


async def incident(database: Database, hub_id: str, person_id: str, alarm_id: str) -> str:
    """One of a group that no other council has a home in."""
    columns = {"key": MARK, "hub_id": hub_id, "council": FIFE, "person_id": person_id, "alarm_id": alarm_id}
    insert = text(
        "WITH one AS (INSERT INTO incident (id, kind, key, size, opened_at, last_joined_at, last_moved_at)"
        " VALUES (gen_random_uuid(), 'exchange', :key, 1, now(), now(), now()) RETURNING id),"
        " told AS (INSERT INTO incident_council SELECT id, :council, CAST(:alarm_id AS uuid) FROM one),"
        " member AS (INSERT INTO incident_member (incident_id, hub_id, council_id, person_id, joined_at, offline_since)"
        " SELECT id, :hub_id, :council, CAST(:person_id AS uuid), now(), now() FROM one) SELECT id FROM one"
    )
    async with database.transaction() as session:
        return str((await session.execute(insert, columns)).scalar_one())


async def test_no_operation_reaches_a_thing_of_another_council(
    app: FastAPI, theirs: dict[str, str], client_for: ClientFor, database: Database
) -> None:
    client = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    before = await everything(database)
    for path, operations in app.openapi()["paths"].items():
        if "{" not in path:
            continue
        for method in map(str.upper, operations):
            body = BODIES.get((method, path.rpartition("/")[2]))
            if "/switchover/" in path:
                body = SWITCHOVER.get(path.rpartition("_id}/")[2], body)
            if path.endswith("/installations") and method == "POST":
                body = {name: theirs[name] for name in ("person_id", "premises_id")}
            if path.endswith("/agreements/{telco_agreement_id}/end"):
                body = {"reason": "curious"}
            if path.endswith("/exposure/{exposure_id}/close"):
                body = {"as_of": 1, "cause": "other_line", "reason": "curious"}
            if path.endswith("/jobs/{job_id}/close"):
                body = {"as_of": 1, "reason": "curious"}
            reply = await client.request(method, path.format(**theirs), json=body)
            assert reply.status_code in {403, 404}, (method, path, reply.text)
    assert await everything(database) == before


async def everything(database: Database) -> str:
    """All rows of theirs, to see that none has changed."""
    tables = ("hub", "person", "premises", "contact", "line", "peripheral", "installation", "app_user", "api_token")
    tables += ("contact_point", "alarm", "alarm_log", "responder", "contact_method", "contact_rule", "team", "rota")
    tables += ("rota_override", "rota_temporary", "calendar_feed", "policy", "policy_version", "planned_work")
    tables += ("incident", "incident_council", "incident_member")
    tables += ("cover", "cover_agreement", "person_protection", "protection_period", "job", "job_log")
    tables += ("switchover_programme", "switchover_wave", "switchover_unit", "visit", "visit_log", "visit_contact")
    tables += ("welfare_campaign", "campaign_person", "campaign_attempt", "test_window", "exposure", "exposure_log")
    tables += (
        "visit_need",
        "telco_agreement",
        "telco_batch",
        "telco_batch_number",
        "telco_notice",
        "telco_hold",
        "telco_check",
    )
    tables += ("engineer_profile", "engineer_absence", "planning_rules", "switchover_plan")
    tables += ("silence_deadlines",)
    tables += ("award_day", "award_attestation", "switchover_cost")
    async with database.transaction() as session:
        queries = [f"SELECT * FROM {table} ORDER BY 1, 2, 3" for table in tables]  # noqa: S608
        found = [(await session.execute(text(query))).all() for query in queries]
    return repr([[row for row in rows if "a test's" not in repr(row)] for rows in found])


async def test_no_list_shows_a_thing_of_another_council(
    app: FastAPI, theirs: dict[str, str], client_for: ClientFor
) -> None:
    client = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    lists = [path for path, found in app.openapi()["paths"].items() if "get" in found and "{" not in path]
    queries: list[dict[str, str]] = [{}, {"council": FIFE}, {"council_id": FIFE}, {"q": MARK[:-1]}]
    queries += [{name: theirs[name]} for name in ("hub_id", "person_id")] + [{"subject_id": theirs["person_id"]}]
    # A forecast is a question about one programme and no list: whose it is not gets a 403 or 404 (test_forecast.py).
    for path in sorted({*lists} - {"/api/v1/stream", "/readyz", "/api/v1/switchover/forecast"}):
        for query in queries:
            reply = await client.get(path, params=query)
            assert reply.status_code == 200, (path, query, reply.text)
            for secret in (MARK, theirs["person_id"], theirs["alarm_id"]):
                assert secret not in reply.text, (path, query)


async def test_no_page_of_the_console_shows_a_thing_of_another_council(
    theirs: dict[str, str], anonymous: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as session:
        await create_user(
            session, username="ali", display_name="Ali", password="a long password", role=UserRole.ADMINISTRATOR,
            councils=[GLASGOW],
        )  # fmt: skip
    anonymous.cookies.set(SESSION_COOKIE, (await login(database, "ali", "a long password")).session_token)
    for path in (
        "/alarms/{alarm_id}",
        "/alarms/{alarm_id}/live",
        "/fleet/{hub_id}",
        "/people/{person_id}",
        "/incidents/{incident_id}",
        "/incidents/{incident_id}/live",
        "/jobs/{job_id}",
        "/switchover/exposure/{exposure_id}",
    ):
        reply = await anonymous.get(path.format(**theirs))
        assert reply.status_code == 404, path
    part = MARK[:-1]
    for path in (
        "/",
        "/board/lanes",
        "/board/tests",
        "/board/figures",
        "/incidents",
        "/work",
        "/protection",
        f"/protection?council={FIFE}",
        "/jobs",
        "/switchover/exposure",
        "/switchover/telco",
        "/switchover/awards",
        "/switchover/report",
        "/switchover/notices",
        f"/switchover/exposure?council={FIFE}",
        f"/jobs?council={FIFE}",
        "/jobs?state=open",
        "/fleet",
        f"/fleet?council={FIFE}",
        f"/fleet?q={part}",
        "/fleet?format=csv",
        "/fleet/health",
        f"/fleet/health?council={FIFE}",
        f"/search?q={part}",
    ):
        reply = await anonymous.get(path)
        assert reply.status_code == 200, path
        assert MARK not in reply.text, path


async def test_the_alarm_of_a_hub_that_nobody_knew_is_everybodys_and_what_is_known_of_the_hub_since_is_not(
    theirs: dict[str, str], anonymous: httpx.AsyncClient, database: Database, client_for: ClientFor
) -> None:
    """It came before the hub was registered; then it got a person, and proofs of its triggers."""
    before = await alarm(database, theirs["hub_id"], None, None)
    event_id, row = new_id(), {"lane": "alarm", "topic": "t", "treatment": "test", "payload": b"", "payload_size": 0}
    async with database.transaction() as session:
        now = await database_now(session)
        await IntakeRepository(session).add_event(
            id=event_id, received_at=now, hub_id=theirs["hub_id"], council_id=FIFE, **row
        )
        IntakeRepository(session).stamp_proof(
            hub_id=theirs["hub_id"], device_id="proof-zz", path=None, council_id=FIFE, event_id=event_id,
            alarm_at=None, test_at=now,
        )  # fmt: skip
        await create_user(
            session, username="ali", display_name="Ali", password="a long password", role=UserRole.OPERATOR,
            councils=[GLASGOW],
        )  # fmt: skip
    client = await client_for(UserRole.OPERATOR, GLASGOW)
    listed = (await client.get("/api/v1/alarms")).json()["items"]
    assert [item["id"] for item in listed] == [before]
    assert (await client.post(f"/api/v1/alarms/{before}/note", json={"text": "x"})).status_code != 404
    anonymous.cookies.set(SESSION_COOKIE, (await login(database, "ali", "a long password")).session_token)
    shown = await anonymous.get(f"/alarms/{before}")
    assert shown.status_code == 200
    assert "proof-zz" not in shown.text
    assert theirs["person_id"] not in shown.text


async def test_the_live_part_of_a_case_leaves_a_line_in_the_audit_too(
    theirs: dict[str, str], anonymous: httpx.AsyncClient, database: Database, client_for: ClientFor
) -> None:
    """It shows the person as the page does, and nobody must open the page to ask for it."""
    async with database.transaction() as session:
        await create_user(
            session, username="fi", display_name="Fi", password="a long password", role=UserRole.OPERATOR,
            councils=[FIFE],
        )  # fmt: skip
    anonymous.cookies.set(SESSION_COOKIE, (await login(database, "fi", "a long password")).session_token)
    assert (await anonymous.get(f"/alarms/{theirs['alarm_id']}/live")).status_code == 200

    auditor = await client_for(UserRole.SUPERVISOR, FIFE)
    entries = (await auditor.get(f"/api/v1/audit?subject_id={theirs['alarm_id']}&actor=user:fi")).json()["items"]
    assert [entry["action"] for entry in entries] == ["alarm_viewed"]
