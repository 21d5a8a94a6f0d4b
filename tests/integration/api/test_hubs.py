"""Hubs over the API: the list and its filters, places, messages, credentials, and who sees which."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import Range

from alarms.intake.repository import IntakeRepository
from devices.presence.domain import HeartbeatRow, Presence
from devices.presence.keeper import PresenceKeeper
from devices.presence.repository import PresenceRepository
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.models import DeviceModel, Hub, Installation
from telecare.access.domain import UserRole
from telecare.access.models import AuditEntry, IdempotentReply
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.pure.mqtt_credentials import verify
from tests.integration.api.register import FALKIRK, FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]


async def beat(database: Database, hub_id: str, ago: timedelta = timedelta(0), **told: Any) -> None:
    """Let a hub have been heard so long ago."""
    async with database.transaction() as session:
        at = await database_now(session) - ago
        await PresenceRepository(session).record([HeartbeatRow(new_id(), hub_id, at, b'{"seq": 1}', **told)])


async def message(database: Database, hub_id: str, payload: bytes, **columns: Any) -> None:
    row = {"id": new_id(), "lane": "alarm", "topic": f"telecare/v1/{hub_id}/alarm", "treatment": "opened", **columns}
    async with database.transaction() as session:
        row.setdefault("received_at", await database_now(session))
        await IntakeRepository(session).add_event(hub_id=hub_id, payload=payload, payload_size=len(payload), **row)


async def listed(client: httpx.AsyncClient, query: str = "") -> list[str]:
    reply = await client.get(f"/api/v1/hubs?{query}")
    assert reply.status_code == 200, reply.text
    return [item["hub_id"] for item in reply.json()["items"]]


async def audited(database: Database, subject_id: str) -> list[str]:
    async with database.transaction() as session:
        query = select(AuditEntry.action).where(AuditEntry.subject_id == subject_id).order_by(AuditEntry.id)
        return list((await session.execute(query)).scalars())


async def test_a_hub_is_registered_in_stock_as_its_model_is_connected(register: Register, database: Database) -> None:
    model = await register.model(make="Skerry", name="Halo")
    hub = await register.send(
        "POST", "/hubs", {"hub_id": "SK-1", "council_id": FIFE, "model": "skerry halo", "serial": " S-1 "}
    )
    assert hub == await register.send("GET", "/hubs/SK-1", status=200)
    assert hub == {
        "hub_id": "SK-1", "council_id": FIFE, "model": "Skerry Halo", "model_id": model["id"],
        "connection": "digital", "status": "stock", "serial": "S-1", "mobile_network": None, "imei": None,
        "iccid": None,
        "presence": "never_seen",
        "presence_since": None, "away_until": None, "last_seen_at": None,
        "heartbeat_interval_s": 300, "person_id": None, "premises_id": None, "person_name": None, "place": None,
        "firmware": None, "battery_pct": None, "mains": None, "signal_dbm": None, "path": None,
        "credential_issued_at": None,
        "certificate_expires_on": None,
        "battery_due_on": None,
        "failed_handshakes": None, "handshakes_until": None, "handshakes_told_at": None, "handshakes_told_by": None,
    }  # fmt: skip
    assert await audited(database, "SK-1") == ["hub_registered"]


async def test_a_hub_id_is_taken_once_and_in_its_form(register: Register) -> None:
    model = (await register.model())["id"]
    row = {"hub_id": "SK-1", "council_id": FIFE, "model_id": model}
    await register.send("POST", "/hubs", row)
    await register.send("POST", "/hubs", row, 409)
    for hub_id in ("", "-1", "a/b", "a+", "a" * 65, "a\n", "é", "a b"):
        refused = await register.send("POST", "/hubs", {**row, "hub_id": hub_id}, 422)
        assert refused["errors"][0]["where"] == "body.hub_id", hub_id


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"model": "No such"}, "body.model"),
        ({"connection": "digital"}, "body.connection"),
        ({"connection": "carrier pigeon"}, "body.connection"),
        ({"council_id": "S12000099"}, "body.council_id"),
        ({"heartbeat_interval_s": 29}, "body.heartbeat_interval_s"),
        ({"serial": "a\u0000"}, "body"),
        ({"colour": "white"}, "body.colour"),
    ],
)
async def test_what_cannot_be_is_refused_by_field(register: Register, change: dict[str, Any], where: str) -> None:
    await register.model(make="Clachan", name="Bridge", connection="digital_ready")
    row = {"hub_id": "CL-1", "council_id": FIFE, "model": "Clachan Bridge", **change}
    refused = await register.send("POST", "/hubs", row, 422)
    assert [error["where"] for error in refused["errors"]] == [where]


async def test_former_codes_and_names_of_councils_are_understood(register: Register) -> None:
    await register.hub("F-1", "S12000015")
    await register.hub("G-1", "Glasgow City Council")
    for asked in ("S12000015", FIFE, "fife"):
        assert await listed(register.client, f"council={asked}") == ["F-1"]
    assert (await register.client.get("/api/v1/hubs?council=Narnia")).status_code == 422


async def test_the_list_is_paged_by_id_and_narrowed(register: Register) -> None:
    halo = await register.model(make="Skerry", name="Halo")
    for number in range(5):
        await register.hub(f"H-{number}", model_id=halo["id"])
    await register.hub("X_1", serial="100%", connection="analogue")
    found: list[str] = []
    query = "limit=2"
    while query:
        page = (await register.client.get(f"/api/v1/hubs?{query}")).json()
        found += [item["hub_id"] for item in page["items"]]
        query = f"limit=2&cursor={page['next']}" if page["next"] else ""
    assert found == ["H-0", "H-1", "H-2", "H-3", "H-4", "X_1"]
    assert await listed(register.client, "model=SKERRY halo") == found[:5]
    assert await listed(register.client, "connection=analogue") == ["X_1"]
    assert await listed(register.client, "q=_") == ["X_1"]
    assert await listed(register.client, "q=100%25") == ["X_1"]
    assert await listed(register.client, "q=h-3") == ["H-3"]


async def test_failed_handshakes_of_an_analogue_unit_are_written_down_up_to_a_day(
    register: Register, database: Database
) -> None:
    hub_id = await register.hub(connection="analogue")
    path = f"/hubs/{hub_id}/failed-handshakes"
    shown = await register.send("PUT", path, {"count": 29, "until": "2026-10-31"}, 200)
    assert (shown["failed_handshakes"], shown["handshakes_until"]) == (29, "2026-10-31")
    assert shown["handshakes_told_at"] is not None
    assert shown["handshakes_told_by"].startswith("token:")
    assert (await register.send("PUT", path, {"count": 0, "until": "2026-09-30"}, 200))["failed_handshakes"] == 0
    for body, where in (
        ({"count": -1, "until": "2026-10-31"}, "body.count"),
        ({"count": 3, "until": "2099-12-31"}, "body.until"),
        ({"count": 3}, "body.until"),
    ):
        assert (await register.send("PUT", path, body, 422))["errors"][0]["where"] == where
    refused = await register.send(
        "PUT", f"/hubs/{await register.hub()}/failed-handshakes", {"count": 1, "until": "2026-10-31"}, 409
    )
    assert "its calls have no tones" in refused["detail"]
    assert await audited(database, hub_id) == ["hub_registered", "failed_handshakes_told", "failed_handshakes_told"]


async def test_a_unit_has_its_dated_reasons_and_the_programmes_that_take_it(register: Register) -> None:
    model = await register.model()
    hub_id = await register.hub(model_id=model["id"], certificate_expires_on="2028-03-01")
    assert (await register.send("GET", f"/hubs/{hub_id}/retirement", status=200))["reasons"] == []
    await register.install(hub_id, **await register.home(), since="2022-11-03T10:00:00Z")
    changed = await register.send("PATCH", f"/device-models/{model['id']}", {"battery_years": 5}, 200)
    assert changed["battery_years"] == 5
    programme = {"name": "Batteries", "cause": "battery", "deadline": "2027-12-31", "councils": [FIFE]}
    made = (await register.send("POST", "/switchover/programmes", programme))["id"]
    await register.send("POST", f"/switchover/programmes/{made}/find-units", status=200)
    shown = await register.send("GET", f"/hubs/{hub_id}/retirement", status=200)
    assert [(each["kind"], each["on"]) for each in shown["reasons"]] == [
        ("battery", "2027-11-03"), ("certificate", "2028-03-01"),
    ]  # fmt: skip
    assert shown["programmes"] == [{"programme_id": made, "name": "Batteries", "due_on": "2027-11-03", "wave": None}]
    await register.send("PATCH", f"/hubs/{hub_id}", {"battery_due_on": "2027-05-01"}, 200)
    await register.send("POST", f"/switchover/programmes/{made}/find-units", status=200)
    (unit,) = (await register.send("GET", f"/switchover/programmes/{made}/units", status=200))["items"]
    assert (unit["due_on"], unit["reasons"][0]["words"]) == ("2027-05-01", "Its battery must be replaced")


async def test_people_and_places_are_found_by_what_the_list_shows(register: Register) -> None:
    """What an operator reads in the list is what they type into its search."""
    await register.hub("H-1")
    person = await register.person(given_name="Margaret", family_name="Ross", preferred_name="Peggy")
    place = await register.premises(address="7 Shore Road", town="Anstruther", postcode="ky103aa")
    await register.install("H-1", person_id=person, premises_id=place)
    shown = await register.send("GET", "/hubs/H-1", status=200)
    assert (shown["person_name"], shown["place"]) == ("Peggy Ross", "7 Shore Road, Anstruther KY10 3AA")
    for q in ("margaret ross", "peggy ross", "shore road", "anstruther", "KY10 3AA", "ky103aa"):
        assert await listed(register.client, f"q={q}") == ["H-1"], q


async def judged(database: Database) -> None:
    """Let every hub be looked at, as the service does each second while it hears."""
    async with database.transaction() as session:
        await VerdictRepository(session).hear("main")
    await PresenceKeeper(database).step()


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(seconds=0), Presence.ONLINE),
        (timedelta(seconds=100), Presence.LATE),
        (timedelta(seconds=150), Presence.SUSPECT),
        (timedelta(seconds=300), Presence.OFFLINE),
        (timedelta(hours=25), Presence.LOST),
    ],
)
async def test_presence_is_shown_and_found(
    register: Register, database: Database, ago: timedelta, expected: Presence
) -> None:
    await register.hub("H-1", heartbeat_interval_s=60)
    await register.hub("H-2")
    await beat(database, "H-1", ago, battery_pct=81, mains=False, path="lte", firmware="2.1", signal_dbm=-91)
    await judged(database)
    shown = await register.send("GET", "/hubs/H-1", status=200)
    assert shown["presence"] == expected
    assert (shown["battery_pct"], shown["mains"], shown["path"]) == (81, False, "lte")
    found = {presence: await listed(register.client, f"presence={presence}") for presence in Presence}
    assert found == {**{presence: [] for presence in Presence}, expected: ["H-1"], Presence.NEVER_SEEN: ["H-2"]}


async def test_a_hub_is_installed_ended_and_moved(register: Register, database: Database) -> None:
    hub, first, second = await register.hub(), await register.home(), await register.home()
    placed = await register.install(hub, **first)
    shown = await register.send("GET", f"/hubs/{hub}", status=200)
    assert (shown["status"], shown["person_id"]) == ("in_service", first["person_id"])
    moved = await register.install(hub, **second, move=True)
    history = await register.send("GET", f"/hubs/{hub}/installations", status=200)
    assert [place["id"] for place in history["items"]] == [moved["id"], placed["id"]]
    assert history["items"][1]["until"] == moved["since"]
    ended = await register.send("POST", f"/hubs/{hub}/installations/end", {}, 200)
    assert ended["until"] is not None
    shown = await register.send("GET", f"/hubs/{hub}", status=200)
    assert (shown["status"], shown["person_id"], shown["place"]) == ("stock", None, None)
    await register.send("POST", f"/hubs/{hub}/installations/end", {}, 404)
    changes = [action for action in await audited(database, hub) if action != "hub_viewed"]
    assert changes == ["hub_registered", "hub_installed", "hub_installed", "installation_ended"]


async def test_moments_are_answered_in_utc_however_they_were_sent(register: Register) -> None:
    hub, home = await register.hub(), await register.home()
    placed = await register.install(hub, **home, since="2026-06-01T10:00:00+01:00")
    assert placed["since"] == "2026-06-01T09:00:00Z"
    end = {"until": "2026-06-02T10:00:00.5+01:00"}
    assert (await register.send("POST", f"/hubs/{hub}/installations/end", end, 200))["until"] == (
        "2026-06-02T09:00:00.500000Z"
    )


async def test_a_second_place_is_refused_with_the_name_of_the_first(register: Register) -> None:
    hub, first = await register.hub(), await register.home()
    await register.install(hub, **first)
    other = {"person_id": await register.person(family_name="Other"), "premises_id": await register.premises()}
    refused = await register.send("POST", f"/hubs/{hub}/installations", other, 409)
    assert "Jean Rennie, 1 High Street, Cupar KY15 4AA" in refused["detail"]
    assert (await register.send("GET", f"/hubs/{hub}", status=200))["person_id"] == first["person_id"]


async def test_of_two_who_install_one_hub_at_once_exactly_one_wins(register: Register, database: Database) -> None:
    hub, homes = await register.hub(), [await register.home() for _ in range(6)]
    address = f"/api/v1/hubs/{hub}/installations"
    replies = await asyncio.gather(*(register.client.post(address, json=home) for home in homes))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 5
    async with database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(Installation))).scalar_one() == 1


async def test_the_database_itself_keeps_a_hub_in_one_place(register: Register, database: Database) -> None:
    """Whoever writes past the service, two at once and unseen by each other, meets the constraint."""
    hub, homes = await register.hub(), [await register.home() for _ in range(2)]

    async def insert(home: dict[str, str]) -> None:
        period = Range(datetime(2026, 1, 1, tzinfo=UTC), None, bounds="[)")
        async with database.transaction() as session:
            session.add(Installation(hub_id=hub, council_id=FIFE, period=period, **home))
            await session.flush()
            await session.execute(text("SELECT pg_sleep(0.1)"))

    first, second = await asyncio.gather(*map(insert, homes), return_exceptions=True)
    assert [first, second].count(None) == 1
    assert "one_place_at_a_time" in str(first or second)


async def test_places_do_not_overlap_in_the_past_either(register: Register) -> None:
    hub, home = await register.hub(), await register.home()
    now = datetime.now(UTC)

    def at(days: int) -> str:
        return (now - timedelta(days=days)).isoformat()

    await register.install(hub, **home, since=at(9))
    await register.send("POST", f"/hubs/{hub}/installations/end", {"until": at(10)}, 409)
    await register.send("POST", f"/hubs/{hub}/installations/end", {"until": at(5)}, 200)
    await register.send("POST", f"/hubs/{hub}/installations", {**home, "since": at(7)}, 409)
    await register.install(hub, **home, since=at(5))
    later = {**home, "since": (now + timedelta(days=1)).isoformat(), "move": True}
    refused = await register.send("POST", f"/hubs/{hub}/installations", later, 422)
    assert refused["errors"][0]["where"] == "body.since"


async def test_a_move_that_fails_leaves_the_hub_where_it_is(register: Register) -> None:
    hub, first, second = await register.hub(), await register.home(), await register.home()
    placed = await register.install(hub, **first)
    before = {**second, "move": True, "since": "2020-01-01T00:00:00Z"}
    await register.send("POST", f"/hubs/{hub}/installations", before, 409)
    history = await register.send("GET", f"/hubs/{hub}/installations", status=200)
    assert history["items"] == [placed]


async def test_hub_person_and_premises_are_of_one_council(register: Register) -> None:
    hub, home = await register.hub(), await register.home(GLASGOW)
    await register.send("POST", f"/hubs/{hub}/installations", home, 409)


async def test_an_installed_hub_is_not_retired_and_a_retired_one_not_installed(register: Register) -> None:
    hub, home = await register.hub(), await register.home()
    await register.install(hub, **home)
    await register.send("PATCH", f"/hubs/{hub}", {"status": "retired"}, 409)
    await register.send("POST", f"/hubs/{hub}/installations/end", {}, 200)
    assert (await register.send("PATCH", f"/hubs/{hub}", {"status": "retired"}, 200))["status"] == "retired"
    await register.send("POST", f"/hubs/{hub}/installations", home, 409)


async def test_only_an_installation_puts_a_hub_in_service(register: Register) -> None:
    hub, home = await register.hub(), await register.home()
    refused = await register.send("PATCH", f"/hubs/{hub}", {"status": "in_service"}, 409)
    assert "install it" in refused["detail"]
    await register.install(hub, **home)
    await register.send("PATCH", f"/hubs/{hub}", {"status": "in_service"}, 200)


async def test_a_model_has_one_name_in_whatever_capitals(register: Register, database: Database) -> None:
    await register.model(make="Skerry", name="Halo Plus")
    for make, name in (("skerry", "HALO plus"), ("Skerry Halo", "Plus")):
        row = {"make": make, "name": name, "connection": "digital"}
        await register.send("POST", "/device-models", row, 409)
    async with database.transaction() as session:  # as it was before that was so
        session.add(DeviceModel(make="skerry", name="halo plus", connection="digital"))
    row = {"hub_id": "SK-1", "council_id": FIFE, "model": "skerry halo plus"}
    assert (await register.send("POST", "/hubs", row))["model"] == "Skerry Halo Plus"


async def test_a_patch_changes_what_it_names(register: Register) -> None:
    hub = await register.hub(serial="S-1", heartbeat_interval_s=60)
    changed = await register.send("PATCH", f"/hubs/{hub}", {"serial": None, "heartbeat_interval_s": 120}, 200)
    assert (changed["serial"], changed["heartbeat_interval_s"], changed["connection"]) == (None, 120, "digital")
    await register.send("PATCH", f"/hubs/{hub}", {"connection": None}, 422)
    await register.send("PATCH", f"/hubs/{hub}", {"hub_id": "other"}, 422)
    best = await register.model(connection="analogue")
    refused = await register.send("PATCH", f"/hubs/{hub}", {"model_id": best["id"]}, 422)
    assert refused["errors"][0]["where"] == "body.connection"


async def test_looking_at_whom_a_hub_serves_and_at_what_it_sent_is_written_down(
    register: Register, database: Database
) -> None:
    hub, home = await register.hub(), await register.home()
    await register.send("GET", f"/hubs/{hub}", status=200)  # in stock it tells of nobody
    await register.install(hub, **home)
    await register.send("GET", f"/hubs/{hub}", status=200)
    await register.send("GET", f"/hubs/{hub}/events", status=200)
    assert (await audited(database, hub))[1:] == ["hub_installed", "hub_viewed", "messages_viewed"]
    entries = (await register.send("GET", f"/audit?council={FIFE}&action=hub_viewed", status=200))["items"]
    assert [entry["details"] for entry in entries] == [{"person_id": home["person_id"]}]


async def test_peripherals_are_paired_once_and_changed(register: Register) -> None:
    hub = await register.hub()
    first = await register.send("POST", f"/hubs/{hub}/peripherals", {"device_id": "p1", "kind": "pendant"})
    again = await register.send("POST", f"/hubs/{hub}/peripherals", {"device_id": "p1", "kind": "fall", "room": "Hall"})
    assert (again["id"], again["kind"], again["room"]) == (first["id"], "fall", "Hall")
    assert (await register.send("GET", f"/hubs/{hub}/peripherals", status=200))["items"] == [again]
    await register.send("DELETE", f"/hubs/{hub}/peripherals/p1", status=204)
    await register.send("DELETE", f"/hubs/{hub}/peripherals/p1", status=404)


async def test_every_message_is_on_the_timeline_newest_first(register: Register, database: Database) -> None:
    hub = await register.hub()
    payloads = [b'{"event_id": "e1", "type": "pendant"}', b"help me", b"\xff\xfe", b"[1]", b'{"a": NaN}', b'"\\ud800"']
    for payload in payloads:
        await message(database, hub, payload)
        await beat(database, hub)
    found: list[dict[str, Any]] = []
    query = "limit=5"
    while query:
        page = await register.send("GET", f"/hubs/{hub}/events?{query}", status=200)
        found += page["items"]
        query = f"limit=5&cursor={page['next']}" if page["next"] else ""
    assert [item["lane"] for item in found] == ["heartbeat", "alarm"] * 6
    assert [item["payload"] for item in found[:0:-2]] == [
        {"event_id": "e1", "type": "pendant"}, {"text": "help me"}, {"base64": "//4="}, {"text": "[1]"},
        {"text": '{"a": NaN}'}, {"text": '"\\ud800"'},
    ]  # fmt: skip
    assert found == sorted(found, key=lambda item: (item["received_at"], item["id"]), reverse=True)
    assert found[0] == {
        "id": found[0]["id"], "received_at": found[0]["received_at"], "lane": "heartbeat", "event_id": None,
        "type": None, "treatment": "heartbeat", "alarm_id": None, "device_at": None, "payload": {"seq": 1},
        "payload_size": 10, "notes": [],
    }  # fmt: skip


async def test_messages_of_an_unknown_hub_are_shown_to_who_sees_all_councils(
    register: Register, database: Database, client_for: ClientFor
) -> None:
    await message(database, "WHO-1", b"{}", council_id=None)
    assert len((await register.send("GET", "/hubs/WHO-1/events", status=200))["items"]) == 1
    await register.send("GET", "/hubs/WHO-2/events", status=404)
    ours = await client_for(UserRole.ADMINISTRATOR, FIFE)
    assert (await ours.get("/api/v1/hubs/WHO-1/events")).status_code == 404


async def test_heartbeats_of_an_unknown_hub_are_shown_too(register: Register, database: Database) -> None:
    await beat(database, "WHO-1")
    assert len((await register.send("GET", "/hubs/WHO-1/events", status=200))["items"]) == 1


async def test_a_credential_is_shown_once_and_replaces_the_old_one(register: Register, database: Database) -> None:
    hub = await register.hub()
    headers = {"Idempotency-Key": "k-1"}
    replies = [await register.client.post(f"/api/v1/hubs/{hub}/credential", headers=headers) for _ in range(2)]
    first, second = [reply.json() for reply in replies]
    assert first["username"] == second["username"] == hub
    assert first["password"] != second["password"]
    assert len(first["password"]) == 22  # 128 bits in base64
    async with database.transaction() as session:
        stored = (await session.execute(select(Hub.mqtt_credential).where(Hub.hub_id == hub))).scalar_one()
        kept = (await session.execute(select(IdempotentReply.body))).scalars().all()
    assert stored is not None
    assert verify(second["password"], stored)
    assert not verify(first["password"], stored)
    assert not any(first["password"].encode() in body for body in kept)
    assert "credential" not in (await register.client.get(f"/api/v1/hubs/{hub}")).text.replace("credential_issued", "")
    assert (await audited(database, hub))[-2:] == ["credential_issued"] * 2


async def test_another_councils_hub_is_not_there_whatever_one_does(register: Register, client_for: ClientFor) -> None:
    hub, home = await register.hub("F-1"), await register.home()
    await register.hub("G-1", GLASGOW)
    theirs = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    assert await listed(theirs) == ["G-1"]
    assert await listed(theirs, f"council={FIFE}") == []
    requests: list[tuple[str, str, Any]] = [
        ("GET", "", None), ("PATCH", "", {"serial": "x"}), ("GET", "/events", None), ("GET", "/peripherals", None),
        ("POST", "/peripherals", {"device_id": "p1", "kind": "pendant"}), ("DELETE", "/peripherals/p1", None),
        ("GET", "/installations", None), ("POST", "/installations", home), ("POST", "/installations/end", {}),
        ("POST", "/credential", None),
    ]  # fmt: skip
    for method, path, body in requests:
        reply = await theirs.request(method, f"/api/v1/hubs/{hub}{path}", json=body)
        assert reply.status_code == 404, (method, path, reply.text)
    row = {"hub_id": "F-2", "council_id": FIFE, "model_id": (await register.model())["id"]}
    assert (await theirs.post("/api/v1/hubs", json=row)).status_code == 403


@pytest.mark.parametrize("role", [UserRole.OPERATOR, UserRole.SUPERVISOR])
async def test_who_may_not_edit_the_fleet_does_not(register: Register, client_for: ClientFor, role: UserRole) -> None:
    hub, home = await register.hub(), await register.home()
    client = await client_for(role)
    assert (await client.get(f"/api/v1/hubs/{hub}")).status_code == 200
    for path, body in (("", {"hub_id": "H-9"}), (f"/{hub}/installations", home), (f"/{hub}/credential", None)):
        assert (await client.post(f"/api/v1/hubs{path}", json=body)).status_code == 403


async def test_models_are_added_once_and_listed_by_name(register: Register) -> None:
    row = {"make": "Skerry", "name": "Halo", "connection": "digital", "radio": "4g", "retires_on": "2033-12-31"}
    model = await register.send("POST", "/device-models", row)
    await register.send("POST", "/device-models", row, 409)
    await register.model(make="Clachan", name="400")
    listed = (await register.send("GET", "/device-models", status=200))["items"]
    assert [item["name"] for item in listed] == ["400", "Halo"]
    assert listed[1] == model


async def test_the_32_councils_come_with_their_former_codes(register: Register) -> None:
    items = (await register.send("GET", "/councils", status=200))["items"]
    former = {item["code"]: item["former_codes"] for item in items}
    assert len(items) == 32
    glasgow = ["S12000016", "S12000037", "S12000043", "S12000046"]
    assert (former[FIFE], former[GLASGOW], former[FALKIRK]) == (["S12000015"], glasgow, [])


async def test_nothing_of_a_hub_goes_with_its_register(register: Register, database: Database) -> None:
    """A hub that was ever installed is never deleted: its history is evidence."""
    hub, home = await register.hub(), await register.home()
    await register.install(hub, **home)
    async with database.transaction() as session:
        with pytest.raises(Exception, match="installation"):
            async with session.begin_nested():
                await session.execute(delete(Hub).where(Hub.hub_id == hub))


async def test_was_this_hub_alive_then_is_answered_for_any_instant(register: Register, database: Database) -> None:
    await register.hub("H-1", heartbeat_interval_s=60)
    await beat(database, "H-1", timedelta(seconds=300))
    await judged(database)
    pages = await register.send("GET", "/hubs/H-1/presence/history?limit=3", status=200)
    rest = await register.send("GET", f"/hubs/H-1/presence/history?cursor={pages['next']}", status=200)
    periods = pages["items"] + rest["items"]
    assert [one["state"] for one in periods] == ["offline", "suspect", "late", "online"]
    for one in periods:
        at = quote(one["started_at"])
        said = await register.send("GET", f"/hubs/H-1/presence?at={at}", status=200)
        assert said["period"] == one
        assert said["our_gap"] is None
    before = await register.send("GET", "/hubs/H-1/presence?at=2020-01-01T00:00:00Z", status=200)
    assert before["period"] is None


async def test_an_absence_is_planned_and_ended(register: Register, database: Database) -> None:
    await register.hub("H-1", heartbeat_interval_s=60)
    await beat(database, "H-1", timedelta(seconds=300))
    await judged(database)
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    await register.send("PUT", "/hubs/H-1/absence", {"until": until, "why": "in hospital"}, 200)
    await judged(database)
    shown = await register.send("GET", "/hubs/H-1", status=200)
    assert (shown["presence"], shown["away_until"] is not None) == ("dormant", True)
    await register.send("DELETE", "/hubs/H-1/absence", status=204)
    await judged(database)
    shown = await register.send("GET", "/hubs/H-1", status=200)
    assert (shown["presence"], shown["away_until"]) == ("late", None)  # expected, with a whole interval to be heard
    past = {"until": "2020-01-01T00:00:00Z", "why": "x"}
    assert "ends in the next" in (await register.send("PUT", "/hubs/H-1/absence", past, 422))["errors"][0]["what"]
