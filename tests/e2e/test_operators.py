"""Operators on one alarm: who has it is never in doubt, and closing asks for what a person in need is owed."""

import asyncio
import itertools
import json
from typing import Any

import httpx
import pytest

from telecare.embedded.lab import Lab
from tests.e2e.conftest import until
from tests.wire import WireHub

_numbers = itertools.count(1)


async def logged_in(lab: Lab, role: str) -> httpx.AsyncClient:
    """A client with a token of its own, as another person."""
    admin = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    async with httpx.AsyncClient(base_url=lab.url, headers=admin, trust_env=False) as client:
        body = {"name": f"{role} {next(_numbers)}", "role": role}
        token = (await client.post("/api/v1/tokens", json=body)).json()["token"]
    return httpx.AsyncClient(base_url=lab.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


@pytest.fixture
async def alarm(lab: Lab, gateway: WireHub, api: httpx.AsyncClient) -> dict[str, Any]:
    number = next(_numbers)
    hub_id = lab.hubs[number].hub_id
    await gateway.publish(f"telecare/v1/{hub_id}/alarm", {"event_id": f"op{number}", "type": "pendant"})
    ack = await gateway.ack(f"op{number}")
    return await settled(api, ack["alarm_id"])


async def settled(api: httpx.AsyncClient, alarm_id: str) -> dict[str, Any]:
    """The alarm once the engine has run its first step, so that its version stands for a while."""

    async def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = (await api.get(f"/api/v1/alarms/{alarm_id}")).json()
        return shown if shown["version"] >= 2 else None

    found: dict[str, Any] = await until(look)
    return found


async def give(client: httpx.AsyncClient, alarm: dict[str, Any], command: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/alarms/{alarm['id']}/{command}", json={"as_of": alarm["version"], **body})


async def test_of_two_who_claim_at_once_one_gets_it_and_the_other_is_told_who(lab: Lab, alarm: dict[str, Any]) -> None:
    fiona, calum = await logged_in(lab, "operator"), await logged_in(lab, "operator")
    replies = await asyncio.gather(give(fiona, alarm, "ack"), give(calum, alarm, "ack"))
    assert sorted(reply.status_code for reply in replies) == [200, 409]
    won, lost = sorted(replies, key=lambda reply: reply.status_code)
    assert won.json()["handling"] == "acked"
    problem = lost.json()
    assert won.json()["assigned_name"] in problem["detail"]
    assert problem["assigned_to"] == won.json()["assigned_name"]
    assert problem["version"] == won.json()["version"]
    await fiona.aclose()
    await calum.aclose()


async def test_claim_renew_note_contact_attend_and_close(
    lab: Lab, api: httpx.AsyncClient, alarm: dict[str, Any]
) -> None:
    fiona = await logged_in(lab, "operator")
    held = (await give(fiona, alarm, "ack")).json()
    renewed = (await give(fiona, held, "renew")).json()
    assert renewed["ack_expires_at"] > held["ack_expires_at"]
    assert (await give(fiona, renewed, "note", text="She is on the floor, talking")).status_code == 200
    tried = await give(fiona, renewed, "contact-attempt", contact="Una Kerr", reached=False, text="voicemail")
    assert tried.json()["version"] == renewed["version"], "a note does not make a button stale"
    attended = (await give(fiona, renewed, "attend", who="Responder 4", arrive_in_minutes=20)).json()
    assert attended["handling"] == "attending"
    closed = await give(fiona, attended, "close", outcome="responder_attended")
    assert (closed.json()["handling"], closed.json()["next_due_at"]) == ("closed", None)
    log = (await api.get(f"/api/v1/alarms/{alarm['id']}")).json()["log"]
    assert [line["seq"] for line in log] == list(range(1, len(log) + 1))
    assert {"acked", "renewed", "note", "contact_attempt", "attending", "closed"} <= {line["kind"] for line in log}
    again = await give(fiona, closed.json(), "note", text="too late")
    assert again.status_code == 409
    await fiona.aclose()


async def test_a_stale_button_is_refused_and_changes_nothing(lab: Lab, alarm: dict[str, Any]) -> None:
    fiona, calum = await logged_in(lab, "operator"), await logged_in(lab, "operator")
    assert (await give(fiona, alarm, "escalate", reason="nobody near")).status_code == 200
    stale = await give(calum, alarm, "escalate")
    assert stale.status_code == 409
    assert stale.json()["type"].endswith("stale")
    await fiona.aclose()
    await calum.aclose()


@pytest.mark.parametrize(
    ("role", "body", "status"),
    [
        ("operator", {"outcome": "accidental"}, 409),
        ("operator", {"outcome": "accidental", "voice_confirmed": True}, 200),
        ("operator", {"outcome": "test", "reason": "Monthly test, daughter present"}, 200),
        ("operator", {"outcome": "unable_to_reach"}, 409),
        ("supervisor", {"outcome": "unable_to_reach"}, 200),
        ("operator", {"outcome": "technical_auto"}, 409),
        ("operator", {"outcome": "whatever"}, 409),
        ("operator", {"outcome": "duplicate_of"}, 409),
        ("engineer", {"outcome": "reassured"}, 403),
    ],
)
async def test_how_an_alarm_may_end(
    lab: Lab, alarm: dict[str, Any], role: str, body: dict[str, Any], status: int
) -> None:
    client = await logged_in(lab, role)
    reply = await give(client, alarm, "close", **body)
    assert reply.status_code == status, reply.text
    if status == 409:
        assert reply.json()["detail"]
    await client.aclose()


async def test_the_stream_tells_each_change_once_in_order_and_resumes(
    lab: Lab, api: httpx.AsyncClient, alarm: dict[str, Any]
) -> None:
    fiona = await logged_in(lab, "operator")
    async with asyncio.timeout(20):
        async with api.stream("GET", "/api/v1/stream") as live:
            events = _events(live)
            kind, start = await anext(events)
            assert (kind, start["reload"]) == ("snapshot", True)
            held = (await give(fiona, alarm, "ack")).json()
            change = await _change_of(events, alarm["id"])
            assert change["data"]["handling"] == "acked"
        await give(fiona, held, "note", text="one")
        await give(fiona, held, "note", text="two")
        async with api.stream("GET", "/api/v1/stream", params={"after": change["seq"]}) as resumed:
            events = _events(resumed)
            kind, start = await anext(events)
            assert (kind, start["reload"]) == ("snapshot", False)
            first, second = await _change_of(events, alarm["id"]), await _change_of(events, alarm["id"])
            assert change["seq"] < first["seq"] < second["seq"]
        async with api.stream("GET", "/api/v1/stream", params={"after": 10**12}) as unknown:
            events = _events(unknown)
            kind, start = await anext(events)
            assert (kind, start["reload"]) == ("snapshot", True)
    await fiona.aclose()


async def _events(response: httpx.Response) -> Any:
    kind = ""
    async for line in response.aiter_lines():
        if line.startswith("event:"):
            kind = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            yield kind, json.loads(line.removeprefix("data:"))


async def _change_of(events: Any, alarm_id: str) -> dict[str, Any]:
    async for kind, data in events:
        if kind == "change" and data["id"] == alarm_id:
            found: dict[str, Any] = data
            return found
    raise AssertionError("the stream ended")


async def test_the_ladder_tells_the_next_at_its_time_and_an_ack_stops_it(
    lab: Lab, api: httpx.AsyncClient, alarm: dict[str, Any]
) -> None:
    fiona = await logged_in(lab, "operator")
    await give(fiona, alarm, "escalate", reason="test of the ladder")

    async def told() -> bool:
        log = (await api.get(f"/api/v1/alarms/{alarm['id']}")).json()["log"]
        return any(line["text"].startswith("Step 2") for line in log)

    await until(told)
    present = (await api.get(f"/api/v1/alarms/{alarm['id']}")).json()
    held = (await give(fiona, present, "ack")).json()
    assert held["next_due_at"] > present["next_due_at"]
    await fiona.aclose()
