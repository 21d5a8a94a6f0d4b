"""A whole rollout over simulated hubs and a real broker: it comes to all of them, or halts when one does not return."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from devices.registry.seed import SeededHub
from simulators.broker import Broker
from simulators.fleet.fleet import Fleet, Manner
from simulators.fleet.roster import Member
from simulators.hub.model import HubConfig
from telecare.embedded.lab import Lab
from tests.e2e.conftest import until

FIRMWARE = "/api/v1/firmware"
HUBS = 8
_numbers = itertools.count(1)


def of_one_model(hubs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the digital hubs that serve somebody, of the model that has most of them."""
    by_model: dict[str, list[dict[str, Any]]] = {}
    for hub in hubs:
        if hub["connection"] == "digital" and hub["person_id"] is not None:
            by_model.setdefault(hub["model_id"], []).append(hub)
    return max(by_model.values(), key=len)


class Models:
    """Gives each test hubs of one model that no other test has."""

    def __init__(self, api: httpx.AsyncClient, lab: Lab) -> None:
        self.api = api
        self.seeded: dict[str, SeededHub] = {hub.hub_id: hub for hub in lab.hubs}
        self.free: Iterator[dict[str, Any]] | None = None

    async def take(self, count: int) -> list[dict[str, Any]]:
        if self.free is None:
            listed = (await self.api.get("/api/v1/hubs?limit=500")).json()["items"]
            self.free = iter([hub for hub in of_one_model(listed) if hub["hub_id"] in self.seeded])
        return list(itertools.islice(self.free, count))


_models: dict[int, Models] = {}


@asynccontextmanager
async def fleet(lab: Lab, api: httpx.AsyncClient) -> AsyncIterator[tuple[Fleet, str, str]]:
    """Run hubs of one model with a firmware that no others tell, until they are online; with model and firmware."""
    models = _models.setdefault(id(lab), Models(api, lab))
    hubs = await models.take(HUBS)
    firmware = f"e2e-{next(_numbers)}"
    members = [Member(hub["hub_id"], hub["hub_id"], models.seeded[hub["hub_id"]].password) for hub in hubs]
    base = HubConfig("", firmware=firmware, update_s=0.2)
    async with Fleet(Broker("127.0.0.1", lab.mqtt_port), members, Manner(base, interval_s=0.5)) as running:

        async def online() -> bool:
            shown = [(await api.get(f"/api/v1/hubs/{member.hub_id}")).json() for member in members]
            return all((hub["presence"], hub["firmware"]) == ("online", firmware) for hub in shown)

        await until(online)
        yield running, str(hubs[0]["model_id"]), firmware


async def start(api: httpx.AsyncClient, model_id: str, firmware: str, **body: Any) -> dict[str, Any]:
    image = {"model_id": model_id, "version": f"{firmware}-new", "url": "https://firmware.example/x"}
    made = (await api.post(f"{FIRMWARE}/images", json=image | {"sha256": "0" * 64})).json()
    await api.post(f"{FIRMWARE}/images/{made['id']}/release")
    plan = {"image_id": made["id"], "reason": "mends the clock", "from_versions": [firmware], "shares": [25, 100]}
    plan |= {"soak_s": 0, "at_night": True, **body}
    rollout = await api.post(f"{FIRMWARE}/rollouts", json=plan)
    assert rollout.status_code == 201, rollout.text
    started = await api.post(f"{FIRMWARE}/rollouts/{rollout.json()['id']}/start")
    assert started.status_code == 200, started.text
    shown: dict[str, Any] = started.json()
    return shown


async def comes_to(api: httpx.AsyncClient, rollout: dict[str, Any], state: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = (await api.get(f"{FIRMWARE}/rollouts/{rollout['id']}")).json()
        return shown if shown["state"] == state else None

    found: dict[str, Any] = await until(look, 60)
    return found


async def test_a_firmware_comes_to_the_whole_fleet_in_waves(lab: Lab, api: httpx.AsyncClient) -> None:
    async with fleet(lab, api) as (running, model_id, firmware):
        done = await comes_to(api, await start(api, model_id, firmware), "done")
        assert [wave["hubs"] for wave in done["waves"]] == [{"done": 2}, {"done": HUBS - 2}]
        assert all(hub.state.firmware == f"{firmware}-new" for hub in running.hubs)
        hub_id = running.hubs[0].config.hub_id
        events = (await api.get(f"/api/v1/hubs/{hub_id}/events?lane=event")).json()["items"]
        assert any(event["type"] == "firmware_changed" for event in events)
        (command,) = (await api.get(f"/api/v1/hubs/{hub_id}/commands")).json()["items"]
        assert (command["state"], command["step"]) == ("done", "updating")
        assert command["note"].endswith(f"its heartbeat tells {firmware}-new")
        alarms = (await api.get("/api/v1/alarms?handling=open")).json()["items"]
        assert not [alarm for alarm in alarms if alarm["type"] == "firmware_halted"]


async def test_a_hub_of_the_second_wave_that_never_comes_back_halts_it(lab: Lab, api: httpx.AsyncClient) -> None:
    async with fleet(lab, api) as (running, model_id, firmware):
        draft = await start(api, model_id, firmware, at_once=2, halt={"back_within_s": 6})
        members = (await api.get(f"{FIRMWARE}/rollouts/{draft['id']}/hubs?limit=500")).json()["items"]
        second = [member["hub_id"] for member in members if member["wave"] == 1]
        for hub in running.hubs:
            if hub.config.hub_id in second:
                hub.config = replace(hub.config, update_fault="brick")
        halted = await comes_to(api, draft, "halted")
        assert "not heard again within 6 s" in halted["halted_why"]
        first_wave, second_wave = (wave["hubs"] for wave in halted["waves"])
        assert first_wave == {"done": 2}
        assert 1 <= second_wave["failed"] <= 2
        assert second_wave["pending"] == HUBS - 4
        alarms = (await api.get("/api/v1/alarms?handling=open")).json()["items"]
        (alarm,) = [alarm for alarm in alarms if alarm["type"] == "firmware_halted"]
        assert (alarm["class"], f"/firmware/{draft['id']}" in alarm["notes"][1]) == ("U", True)
        asked = [member for member in second if (await api.get(f"/api/v1/hubs/{member}/commands")).json()["items"]]
        assert len(asked) == 2
