"""From a hub's message to an alarm that operators see, over a real broker and a real database."""

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from telecare.embedded.lab import Lab
from tests.e2e.conftest import until
from tests.wire import WireHub

_numbers = itertools.count(1)


@pytest.fixture
def hub_id(hub_ids: list[str]) -> str:
    """A hub that no other test has used."""
    return hub_ids[next(_numbers)]


async def send(gateway: WireHub, hub_id: str, body: Any, lane: str = "alarm") -> dict[str, Any]:
    await gateway.publish(f"telecare/v1/{hub_id}/{lane}", body)
    return await gateway.ack(body["event_id"] if isinstance(body, dict) else None)


async def alarms_of(api: httpx.AsyncClient, hub_id: str, **query: str) -> list[dict[str, Any]]:
    reply = await api.get("/api/v1/alarms", params={"hub_id": hub_id, "handling": "open", **query})
    assert reply.status_code == 200, reply.text
    items: list[dict[str, Any]] = reply.json()["items"]
    return items


async def events_of(api: httpx.AsyncClient, hub_id: str) -> list[dict[str, Any]]:
    reply = await api.get(f"/api/v1/hubs/{hub_id}/events")
    assert reply.status_code == 200, reply.text
    items: list[dict[str, Any]] = reply.json()["items"]
    return items


async def test_a_pendant_press_is_an_alarm_with_person_and_place(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    ack = await send(gateway, hub_id, {"event_id": "x1", "type": "pendant", "device": {"id": "p1"}})
    assert ack["status"] == "accepted"
    (alarm,) = await alarms_of(api, hub_id)
    assert alarm["id"] == ack["alarm_id"]
    assert (alarm["type"], alarm["class"], alarm["handling"]) == ("pendant", "L", "raised")
    assert alarm["person_name"]
    assert alarm["place"]
    assert alarm["next_due_at"]


async def test_a_hub_hears_its_own_ack_and_no_other(lab: Lab, gateway: WireHub, hub_id: str, hub_ids: list[str]):
    own = next(hub for hub in lab.hubs if hub.hub_id == hub_id)
    other = next(each for each in hub_ids if each != hub_id)
    async with WireHub(lab.mqtt_port, own.hub_id, own.password) as hub:
        for topic in ("telecare/v1/+/ack", f"telecare/v1/{other}/ack", f"telecare/v1/{hub_id}/ack"):
            await hub.subscribe(topic)
        await hub.publish(f"telecare/v1/{other}/alarm", {"event_id": "forged", "type": "pendant"})
        await send(gateway, other, {"event_id": "theirs", "type": "test"})
        await hub.publish(f"telecare/v1/{hub_id}/alarm", {"event_id": "mine", "type": "pendant"})
        topic, payload = await hub.heard.get()
        assert topic == f"telecare/v1/{hub_id}/ack"
        assert json.loads(payload)["event_id"] == "mine"
        assert hub.heard.empty()


async def test_a_forged_alarm_is_stored_nowhere(lab: Lab, api: httpx.AsyncClient, hub_id: str):
    other = lab.hubs[0]
    async with WireHub(lab.mqtt_port, other.hub_id, other.password) as hub:
        await hub.publish(f"telecare/v1/{hub_id}/alarm", {"event_id": "forged", "type": "pendant"})
        await hub.publish(f"telecare/v1/{other.hub_id}/event", {"event_id": "after", "type": "test"})
    await until(lambda: _has(api, other.hub_id, "after"))
    assert await alarms_of(api, hub_id) == []


async def _has(api: httpx.AsyncClient, hub_id: str, event_id: str) -> bool:
    return any(event["event_id"] == event_id for event in await events_of(api, hub_id))


async def test_the_same_message_again_is_a_duplicate_and_is_kept(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    first = await send(gateway, hub_id, {"event_id": "d1", "type": "fall"})
    second = await send(gateway, hub_id, {"event_id": "d1", "type": "fall", "attempt": 2})
    assert (second["status"], second["alarm_id"]) == ("duplicate", first["alarm_id"])
    (alarm,) = await alarms_of(api, hub_id)
    assert alarm["events"] == 1
    assert sorted(event["treatment"] for event in await events_of(api, hub_id)) == ["alarm", "duplicate"]


async def test_an_event_id_counted_anew_after_a_reboot_is_a_real_press(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str
):
    await send(gateway, hub_id, {"event_id": "1", "boot_id": "a", "type": "pendant"})
    again = await send(gateway, hub_id, {"event_id": "1", "boot_id": "b", "type": "pendant"})
    assert again["status"] == "accepted"
    (alarm,) = await alarms_of(api, hub_id)
    assert alarm["events"] == 2


async def test_a_repeat_press_joins_and_raises_and_smoke_gets_its_own_line(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str
):
    first = await send(gateway, hub_id, {"event_id": "r1", "type": "pendant"})
    before = (await alarms_of(api, hub_id))[0]["rank"]
    second = await send(gateway, hub_id, {"event_id": "r2", "type": "unit_button"})
    assert second["alarm_id"] == first["alarm_id"]
    fire = await send(gateway, hub_id, {"event_id": "r3", "type": "smoke", "device": {"id": "s", "room": "kitchen"}})
    assert fire["alarm_id"] != first["alarm_id"]
    smoke, personal = await alarms_of(api, hub_id)
    assert (smoke["type"], smoke["room"]) == ("smoke", "kitchen")
    assert personal["events"] == 2
    assert personal["rank"] < before
    assert smoke["case_id"] == personal["case_id"]


async def test_a_cancel_annotates_and_never_closes_a_life_safety_alarm(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str
):
    first = await send(gateway, hub_id, {"event_id": "c1", "type": "pendant"})
    cancel = await send(gateway, hub_id, {"event_id": "c2", "type": "cancel"})
    assert cancel["alarm_id"] == first["alarm_id"]
    (alarm,) = await alarms_of(api, hub_id)
    assert alarm["handling"] == "raised"
    log = (await api.get(f"/api/v1/alarms/{alarm['id']}")).json()["log"]
    assert "hub_cancelled" in [line["kind"] for line in log]
    assert [line["seq"] for line in log] == list(range(1, len(log) + 1))


async def test_mains_fail_opens_a_technical_alarm_and_mains_restored_ends_it(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str
):
    lost = await send(gateway, hub_id, {"event_id": "m1", "type": "mains_fail"}, "event")
    (alarm,) = await alarms_of(api, hub_id)
    assert (alarm["class"], alarm["id"]) == ("T", lost["alarm_id"])
    await send(gateway, hub_id, {"event_id": "m2", "type": "mains_restored"}, "event")
    closed = (await api.get(f"/api/v1/alarms/{alarm['id']}")).json()
    assert (closed["condition"], closed["handling"], closed["outcome"]) == ("cleared", "closed", "technical_auto")


async def test_heat_that_clears_before_anyone_looked_stays(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    await send(gateway, hub_id, {"event_id": "h1", "type": "pendant"})
    await send(gateway, hub_id, {"event_id": "h2", "type": "reset"})
    (alarm,) = await alarms_of(api, hub_id)
    assert alarm["handling"] == "raised"


async def test_a_test_call_proves_the_trigger_and_opens_nothing(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    assert (await send(gateway, hub_id, {"event_id": "t1", "type": "test"}))["status"] == "test"
    flagged = {"event_id": "t2", "type": "pendant", "test": True, "path": "lte", "device": {"id": "p1"}}
    assert (await send(gateway, hub_id, flagged))["status"] == "test"
    assert await alarms_of(api, hub_id) == []
    assert [event["treatment"] for event in await events_of(api, hub_id)] == ["test", "test"]


async def test_an_unknown_type_reaches_a_human(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    await send(gateway, hub_id, {"event_id": "u1", "type": "quantum_flux"})
    (alarm,) = await alarms_of(api, hub_id)
    assert (alarm["type"], alarm["class"]) == ("quantum_flux", "L")


async def test_codes_name_the_type_whatever_their_width(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    body = {"event_id": "k1", "codes": {"dty": "03", "stc": "10", "lco": "011"}}
    assert (await send(gateway, hub_id, body))["status"] == "accepted"
    (alarm,) = await alarms_of(api, hub_id)
    assert (alarm["type"], alarm["room"]) == ("pendant", "bathroom")


async def test_a_heartbeat_with_an_alarm_code_is_no_alarm(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    await send(gateway, hub_id, {"event_id": "p1", "codes": {"mty": "PI", "dty": "0002", "stc": "0009"}})
    assert await alarms_of(api, hub_id) == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff\xfe\x00", b"[" * 5000, b'"text"', b'{"type": "pendant"}', b'{"event_id": 5.5}', b"\x00" * 100],
    ids=["empty", "no text", "deep", "no object", "no id", "no type", "zeros"],
)
async def test_an_unreadable_message_is_an_alarm_with_its_bytes(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str, payload: bytes
):
    await gateway.publish(f"telecare/v1/{hub_id}/alarm", payload)
    assert (await gateway.ack(None))["status"] == "unreadable"
    (alarm,) = await alarms_of(api, hub_id)
    assert (alarm["type"], alarm["class"]) == ("unreadable", "L")
    (event,) = await events_of(api, hub_id)
    assert event["treatment"] == "alarm"
    assert event["payload_size"] == len(payload)


async def test_a_payload_that_is_too_long_is_read_and_kept_by_its_beginning(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str
):
    body = {"event_id": "o1", "type": "pendant", "text": "x" * 100_000}
    assert (await send(gateway, hub_id, body))["status"] == "accepted"
    (alarm,) = await alarms_of(api, hub_id)
    assert any("too long" in note for note in alarm["notes"])
    (event,) = await events_of(api, hub_id)
    assert event["payload_size"] > 100_000
    kept = event["payload"].get("text") or base64.b64decode(event["payload"]["base64"]).decode()
    assert len(kept) == 64 * 1024


async def test_text_that_no_database_stores_is_cleaned_and_the_alarm_stands(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str
):
    await gateway.publish(
        f"telecare/v1/{hub_id}/alarm", b'{"event_id":"z1","type":"pendant","text":"a\\u0000b\\ud800","seq":-1,"at":7}'
    )
    assert (await gateway.ack("z1"))["status"] == "accepted"
    (alarm,) = await alarms_of(api, hub_id)
    assert alarm["type"] == "pendant"
    assert any("seq" in note for note in alarm["notes"])


@pytest.mark.parametrize("year", [1970, 1926, 2099], ids=["1970", "decades old", "future"])
async def test_a_wrong_clock_leaves_the_alarm_alone_and_makes_a_job(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str, year: int
):
    await send(gateway, hub_id, {"event_id": "w1", "type": "pendant", "at": f"{year}-01-01T00:00:00Z"})
    pendant, job = await alarms_of(api, hub_id)
    assert (pendant["type"], job["type"], job["class"]) == ("pendant", "clock_wrong", "T")
    raised_at = datetime.fromisoformat(pendant["raised_at"])
    assert datetime.now(UTC) - raised_at < timedelta(minutes=5)


async def test_a_late_message_is_opened_at_once_and_says_so(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    at = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    await send(gateway, hub_id, {"event_id": "l1", "type": "pendant", "at": at})
    (alarm,) = await alarms_of(api, hub_id)
    assert any("Late by 3 h" in note for note in alarm["notes"])


@pytest.mark.parametrize("claimed", ["STRANGER-1", "no such hub", "x" * 100], ids=["unknown", "spaces", "too long"])
async def test_a_hub_that_nobody_knows_reaches_a_human(gateway: WireHub, api: httpx.AsyncClient, claimed: str):
    await gateway.publish(f"telecare/v1/{claimed}/alarm", {"event_id": "s1", "type": "smoke"})
    (alarm,) = await until(lambda: alarms_of(api, claimed))
    assert (alarm["type"], alarm["class"], alarm["council_id"]) == ("unknown_hub", "L", None)
    assert "Smoke" in alarm["words"]
    assert alarm["rank"] == 0


async def test_heartbeats_are_seen_and_strange_ones_do_not_vanish(
    gateway: WireHub, api: httpx.AsyncClient, hub_id: str
):
    beat = {"seq": 1, "boot_id": "b", "battery_pct": 81, "mains": True, "path": "lte"}
    await gateway.publish(f"telecare/v1/{hub_id}/heartbeat", beat)
    await gateway.publish(f"telecare/v1/{hub_id}/heartbeat", b"no heartbeat")
    await gateway.publish(f"telecare/v1/{hub_id}/heartbeat", {}, qos=0)
    await until(lambda: _count(api, hub_id, 3))
    hub = await until(lambda: _online(api, hub_id))
    assert (hub["battery_pct"], hub["mains"]) == (81, True)
    (job,) = await alarms_of(api, hub_id)
    assert (job["type"], job["class"]) == ("unreadable_event", "T")


async def _online(api: httpx.AsyncClient, hub_id: str) -> dict[str, Any] | None:
    hub: dict[str, Any] = (await api.get(f"/api/v1/hubs/{hub_id}")).json()
    return hub if hub["presence"] == "online" else None


async def _count(api: httpx.AsyncClient, hub_id: str, wanted: int) -> bool:
    return len(await events_of(api, hub_id)) >= wanted


async def test_two_hubs_with_one_id_reach_a_human(gateway: WireHub, api: httpx.AsyncClient, hub_id: str):
    for seq, boot in enumerate(("boot-a", "boot-b", "boot-a")):
        await gateway.publish(f"telecare/v1/{hub_id}/heartbeat", {"seq": seq, "boot_id": boot})
        await until(lambda wanted=seq + 1: _count(api, hub_id, wanted))
    (alarm,) = await until(lambda: alarms_of(api, hub_id))
    assert (alarm["type"], alarm["class"]) == ("duplicate_id", "L")
