"""The whole system watched: a canary over the wires, and a watchdog that outlives what it watches (R18, C26)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.embedded.lab import Lab
from telecare.embedded.ports import free_port
from telecare.kernel.db import asyncpg_dsn
from telecare.wire.topics import CANARY_HUB
from tests.e2e.conftest import until
from tests.wire import WireHub

PAGED_WITHIN_S = 120.0


@pytest.fixture(scope="module")
async def smtp() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as sink:
        yield sink


@pytest.fixture(scope="module")
async def hook() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as sink:
        yield sink


@pytest.fixture(scope="module")
async def lab(lab_folder: Path, smtp: SmtpSink, hook: WebhookSink) -> AsyncIterator[Lab]:
    settings = {
        "CANARY_EVERY_S": "1",
        "CANARY_WITHIN_S": "20",
        "WATCHDOG_SMTP_URL": f"smtp://127.0.0.1:{smtp.port}",
        "WATCHDOG_MAIL_TO": "on-call@council.example",
        "DEADMAN_URL": f"{hook.url}ping",
    }
    ports = {"http_port": free_port(), "mqtt_port": free_port()}
    async with Lab(lab_folder, homes=12, settings=settings, watched=True, **ports) as lab:
        yield lab


@pytest.fixture
async def sql(lab: Lab) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(asyncpg_dsn(lab.postgres.url))
    yield connection
    await connection.close()


async def test_canaries_come_through_in_less_than_five_seconds_and_end(sql: asyncpg.Connection) -> None:
    async def three() -> Any:
        return await sql.fetchval("SELECT count(*) >= 3 FROM canary WHERE arrived_at < sent_at + interval '5 s'")

    await until(three)
    ended = "SELECT count(*) FROM alarm WHERE class = 'C' AND outcome = 'technical_auto' AND hub_id = $1"
    assert await sql.fetchval(ended, CANARY_HUB) >= 1


async def test_operators_see_an_alarm_of_a_person_and_no_canary(
    lab: Lab, api: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    hub = lab.hubs[0]
    async with WireHub(lab.mqtt_port, hub.hub_id, hub.password) as wire:
        await wire.subscribe(f"telecare/v1/{hub.hub_id}/ack")
        await wire.publish(f"telecare/v1/{hub.hub_id}/alarm", {"event_id": "one", "type": "pendant"})
        ack = await wire.ack("one")
    assert await sql.fetchval("SELECT count(*) FROM alarm WHERE class = 'C'") >= 1
    shown = (await api.get("/api/v1/alarms", params={"limit": 200})).json()["items"]
    assert [alarm["id"] for alarm in shown] == [ack["alarm_id"]]
    # The board's change log is what the live feed, and with it every operator's sound, comes from.
    changed = "SELECT count(*) FROM board_change JOIN alarm ON alarm.id = alarm_id WHERE class = 'C'"
    assert await sql.fetchval(changed) == 0
    metrics = (await api.get("/metrics")).text
    assert 'telecare_alarms_open{class="C"' not in metrics
    assert 'telecare_messages_total{lane="alarm",status="accepted"} 1.0' in metrics
    assert float(metrics.partition("\ntelecare_canary_seconds ")[2].partition("\n")[0]) < 20


async def test_the_same_type_from_a_hub_reaches_a_human_and_nobody_else_may_speak_as_the_canary(
    lab: Lab, api: httpx.AsyncClient, gateway: WireHub
) -> None:
    hub = lab.hubs[1]
    # What the broker refuses is in order before what it takes: when the second is answered, the first has had its turn.
    await gateway.publish(f"telecare/v1/{CANARY_HUB}/alarm", {"event_id": "forged", "type": "pendant"}, qos=0)
    await gateway.publish(f"telecare/v1/{hub.hub_id}/alarm", {"event_id": "odd", "type": "canary"})
    ack = await gateway.ack("odd")
    alarm = (await api.get(f"/api/v1/alarms/{ack['alarm_id']}")).json()
    assert (alarm["class"], alarm["hub_id"]) == ("L", hub.hub_id)
    assert (await api.get("/api/v1/alarms", params={"hub_id": CANARY_HUB})).json()["items"] == []


async def test_a_real_alarm_from_the_canarys_account_reaches_a_human(lab: Lab, api: httpx.AsyncClient) -> None:
    async with WireHub(lab.mqtt_port, CANARY_HUB, lab.canary_password, client_id="a-test") as wire:
        await wire.subscribe(f"telecare/v1/{CANARY_HUB}/ack")
        await wire.publish(f"telecare/v1/{CANARY_HUB}/alarm", {"event_id": "real", "type": "smoke"})
        ack = await wire.ack("real")
    alarm = (await api.get(f"/api/v1/alarms/{ack['alarm_id']}")).json()
    assert (alarm["class"], alarm["handling"]) == ("L", "raised")


async def test_the_watchdog_outlives_the_service_and_pages(lab: Lab, smtp: SmtpSink, hook: WebhookSink) -> None:
    """The last test of this lab: the service is stopped for good."""
    await hook.wait_for(1)
    assert {request.path for request in hook.requests} == {"/ping"}
    assert smtp.messages == []
    await lab.service.stop()
    await smtp.inbox.wait_for(1, PAGED_WITHIN_S)
    assert lab.watchdog.pid is not None
    assert smtp.messages[0].subject.startswith("Telecare is NOT WELL")
    await until(lambda: _pinged_fail(hook))


async def _pinged_fail(hook: WebhookSink) -> bool:
    return [request.path for request in hook.requests][-1] == "/ping/fail"
