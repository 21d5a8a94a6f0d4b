"""Simulated colleagues on the running service: what waits is handled to its end, what a person has is left."""

import asyncio
import random
from typing import Any

import httpx

from simulators.operator.run import Operator, OperatorOptions
from telecare.embedded.lab import Lab
from telecare.embedded.people import simulated_tokens
from tests.e2e.conftest import until
from tests.wire import WireHub


async def raised(gateway: WireHub, lab: Lab, number: int) -> str:
    event_id = f"sim{number}"
    await gateway.publish(f"telecare/v1/{lab.hubs[number].hub_id}/alarm", {"event_id": event_id, "type": "pendant"})
    alarm_id: str = (await gateway.ack(event_id))["alarm_id"]
    return alarm_id


async def test_what_has_waited_is_handled_and_what_a_person_has_is_left(
    lab: Lab, gateway: WireHub, api: httpx.AsyncClient
) -> None:
    mine, waiting = await raised(gateway, lab, 1), await raised(gateway, lab, 2)

    async def claimed() -> bool:  # the first step of its ladder may come between
        version = (await api.get(f"/api/v1/alarms/{mine}")).json()["version"]
        return (await api.post(f"/api/v1/alarms/{mine}/ack", json={"as_of": version})).status_code == 200

    await until(claimed)
    said: list[str] = []
    token = simulated_tokens(lab.secrets)["Isla (simulated)"]
    operator = Operator(lab.url, token, OperatorOptions(patience_s=0, pace=200), random.Random(1), said.append)
    at_work = asyncio.create_task(operator.work())

    async def handled() -> dict[str, Any] | None:
        shown: dict[str, Any] = (await api.get(f"/api/v1/alarms/{waiting}")).json()
        return shown if shown["handling"] == "closed" else None

    closed = await until(handled)
    at_work.cancel()
    assert {"acked", "note", "closed"} <= {line["kind"] for line in closed["log"]}
    assert "Isla (simulated)" in {line["actor"] for line in closed["log"]}
    assert (await api.get(f"/api/v1/alarms/{mine}")).json()["assigned_name"] == "demo"
    assert said == []
