"""Commands from the API to a hub and back, over a real broker; also when the hub, or the service, is away."""

import asyncio
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from devices.registry.seed import SeededHub
from simulators.broker import Broker
from simulators.hub.client import HubClient
from simulators.hub.link import Login
from simulators.hub.model import HubConfig
from telecare.embedded.lab import Lab, wait_for_up
from tests.conftest import run_sql
from tests.e2e.conftest import LIMIT_S, until
from tests.wire import WireHub

_numbers = itertools.count(1)


@pytest.fixture
def hub(lab: Lab) -> SeededHub:
    """A hub that no other test has used."""
    return lab.hubs[next(_numbers)]


@asynccontextmanager
async def simulated(lab: Lab, hub: SeededHub) -> AsyncIterator[HubClient]:
    with ThreadPoolExecutor(1) as pool:
        config = HubConfig(hub.hub_id, heartbeat_s=3600.0)
        login = Login(hub.hub_id, hub.hub_id, hub.password)
        client = HubClient(config, Broker("127.0.0.1", lab.mqtt_port), login, pool)
        client.start()
        try:
            await asyncio.wait_for(client.online.wait(), LIMIT_S)
            yield client
        finally:
            await client.stop()


@asynccontextmanager
async def wire_hub(lab: Lab, hub: SeededHub) -> AsyncIterator[WireHub]:
    """A hub that does nothing of itself: the test answers for it."""
    async with WireHub(lab.mqtt_port, hub.hub_id, hub.password) as client:
        await client.subscribe(f"telecare/v1/{hub.hub_id}/command")
        yield client


async def ask(api: httpx.AsyncClient, hub: SeededHub, command: str, **body: Any) -> dict[str, Any]:
    reply = await api.post(f"/api/v1/hubs/{hub.hub_id}/commands", json={"command": command, **body})
    assert reply.status_code == 201, reply.text
    asked: dict[str, Any] = reply.json()
    return asked


async def reaches(api: httpx.AsyncClient, hub: SeededHub, command_id: str, state: str) -> dict[str, Any]:
    """Wait until a command is in a state."""

    async def look() -> dict[str, Any] | None:
        items = (await api.get(f"/api/v1/hubs/{hub.hub_id}/commands")).json()["items"]
        return next((item for item in items if item["id"] == command_id and item["state"] == state), None)

    found: dict[str, Any] = await until(look)
    return found


async def hear(client: WireHub) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_S):
        _, payload = await client.heard.get()
    body: dict[str, Any] = json.loads(payload)
    return body


async def say(client: WireHub, hub: SeededHub, body: dict[str, Any]) -> None:
    await client.publish(f"telecare/v1/{hub.hub_id}/result", body)


@asynccontextmanager
async def refusing(lab: Lab, state: str) -> AsyncIterator[None]:
    """Let the database refuse each command that would become this."""
    make = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$"
    when = f"FOR EACH ROW WHEN (NEW.state = '{state}') EXECUTE FUNCTION refuse()"
    await run_sql(lab.postgres.url, make, f"CREATE TRIGGER refuse BEFORE UPDATE ON hub_command {when}")
    yield
    await run_sql(lab.postgres.url, "DROP TRIGGER refuse ON hub_command")


async def timeline(api: httpx.AsyncClient, hub: SeededHub) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = (await api.get(f"/api/v1/hubs/{hub.hub_id}/events")).json()["items"]
    return events


async def results_kept(api: httpx.AsyncClient, hub: SeededHub, count: int) -> bool:
    return sum(event["treatment"] == "result" for event in await timeline(api, hub)) == count


async def test_a_hub_does_what_it_is_asked_and_says_so(lab: Lab, api: httpx.AsyncClient, hub: SeededHub) -> None:
    async with simulated(lab, hub) as client:
        test = await ask(api, hub, "test")
        done = await reaches(api, hub, test["id"], "done")
        assert done["result"]["status"] == "done"
        assert done["created_at"] <= done["sent_at"]
        assert done["note"] == "The hub has done it"

        async def proven() -> bool:
            return any(event["treatment"] == "test" for event in await timeline(api, hub))

        await until(proven)
        interval = await ask(api, hub, "set_interval", args={"interval_s": 77})
        await reaches(api, hub, interval["id"], "done")
        assert client.state.interval_s == 77
        beat = await ask(api, hub, "heartbeat")
        await reaches(api, hub, beat["id"], "done")

        async def beats() -> bool:
            return bool((await api.get(f"/api/v1/hubs/{hub.hub_id}")).json()["heartbeat_interval_s"] <= 77)

        await until(beats)
        reboot = await ask(api, hub, "reboot")
        await reaches(api, hub, reboot["id"], "done")
        assert client.state.boot == 2


async def test_a_hub_that_is_away_gets_it_when_it_connects_again(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub
) -> None:
    async with simulated(lab, hub) as client:
        client.link.forbid("cable")

        async def gone() -> bool:
            return any(event["payload"] == {"text": "offline"} for event in await timeline(api, hub))

        await until(gone)
        asked = await ask(api, hub, "ping")
        sent = await reaches(api, hub, asked["id"], "sent")
        assert sent["result"] is None
        client.link.allow("cable")
        await reaches(api, hub, asked["id"], "done")


async def test_an_answer_in_another_word_is_a_failure_and_repeats_are_kept_only(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub
) -> None:
    async with wire_hub(lab, hub) as client:
        asked = await ask(api, hub, "ping")
        assert await hear(client) == {"command_id": asked["id"], "command": "ping"}
        await say(client, hub, {"command_id": asked["id"], "status": "unsupported", "reason": "firmware 1.0"})
        failed = await reaches(api, hub, asked["id"], "failed")
        assert failed["note"] == "The hub did not do it: “unsupported”, firmware 1.0"
        await say(client, hub, {"command_id": asked["id"], "status": "done"})
        await say(client, hub, {"command_id": "0199a1b2-0000-7000-8000-000000000001", "status": "done"})
        await client.publish(f"telecare/v1/{hub.hub_id}/result", b"\xff no answer")
        await until(lambda: results_kept(api, hub, 4))
        assert await reaches(api, hub, asked["id"], "failed") == failed


async def test_another_hub_cannot_answer_for_it(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub, gateway: WireHub
) -> None:
    other = lab.hubs[next(_numbers)]
    async with wire_hub(lab, hub) as client:
        asked = await ask(api, hub, "ping")
        await hear(client)
        await gateway.publish(f"telecare/v1/{other.hub_id}/result", {"command_id": asked["id"], "status": "done"})
        await until(lambda: results_kept(api, other, 1))
        await reaches(api, hub, asked["id"], "sent")


async def test_what_is_not_answered_expires_and_a_late_answer_is_shown(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub
) -> None:
    async with wire_hub(lab, hub) as client:
        asked = await ask(api, hub, "ping", expires_in_s=5)
        await hear(client)
        expired = await reaches(api, hub, asked["id"], "expired")
        assert expired["finished_at"] >= expired["expires_at"]
        await say(client, hub, {"command_id": asked["id"], "status": "done"})
        await until(lambda: results_kept(api, hub, 1))
        late = await reaches(api, hub, asked["id"], "expired")
        assert late["note"] == "The hub answered too late: “done”"
        assert late["finished_at"] == expired["finished_at"]


async def test_an_answer_that_the_database_will_not_take_is_kept_and_blocks_nothing(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub
) -> None:
    async with wire_hub(lab, hub) as client, refusing(lab, "done"):
        asked = await ask(api, hub, "ping")
        await hear(client)
        await say(client, hub, {"command_id": asked["id"], "status": "done"})
        await until(lambda: results_kept(api, hub, 1))
        await reaches(api, hub, asked["id"], "sent")
        await say(client, hub, {"command_id": asked["id"], "status": "failed"})
        await reaches(api, hub, asked["id"], "failed")


async def test_what_the_broker_has_not_acknowledged_is_not_called_sent(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub
) -> None:
    assert lab.broker.pid is not None
    os.kill(lab.broker.pid, signal.SIGSTOP)
    try:
        asked = await ask(api, hub, "ping", expires_in_s=5)
        expired = await reaches(api, hub, asked["id"], "expired")
    finally:
        os.kill(lab.broker.pid, signal.SIGCONT)
    assert expired["sent_at"] is None
    assert "did not reach the broker in time" in expired["note"]

    async def noted() -> bool:
        return (await reaches(api, hub, asked["id"], "expired"))["sent_at"] is not None

    await until(noted)


async def test_what_is_asked_while_the_broker_is_away_is_sent_when_it_is_back(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub
) -> None:
    lab.broker.kill()
    asked = await ask(api, hub, "ping")
    await reaches(api, hub, asked["id"], "sent")


async def test_a_service_killed_between_the_publish_and_its_note_publishes_again(
    lab: Lab, api: httpx.AsyncClient, hub: SeededHub
) -> None:
    """The database refuses the note until the service has been killed: so the kill falls exactly in between."""
    async with wire_hub(lab, hub) as client:
        async with refusing(lab, "sent"):
            asked = await ask(api, hub, "reboot")
            first = await hear(client)
            lab.service.kill()
        await wait_for_up(lab.service)
        assert await hear(client) == first == {"command_id": asked["id"], "command": "reboot"}
        await reaches(api, hub, asked["id"], "sent")
        await say(client, hub, {"command_id": asked["id"], "status": "done"})
        await reaches(api, hub, asked["id"], "done")
