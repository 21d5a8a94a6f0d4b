"""The floor under the figures: what broker and database alone need, on this machine, in this run.

At the pace at which the alarms come: one after the other without a pause all is warm, and a third as long.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from telecare.embedded.lab import GATEWAY_ACCOUNT, HOST, SERVICE_ACCOUNT, Lab
from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.ids import new_id

LIMIT_S = 10.0
WARM_UP = 10

Pause = Callable[[], Awaitable[None]]
"""Waits until the next alarm would come."""

_TABLES = {
    "event": "SELECT to_jsonb(t) FROM event t WHERE alarm_id = $1 ORDER BY received_at LIMIT 1",
    "alarm": "SELECT to_jsonb(t) FROM alarm t WHERE id = $1",
    "alarm_log": "SELECT to_jsonb(t) FROM alarm_log t WHERE alarm_id = $1 AND seq = 1",
    "board_change": "SELECT to_jsonb(t) FROM board_change t WHERE alarm_id = $1 ORDER BY seq LIMIT 1",
    "trigger_proof": "SELECT to_jsonb(t) FROM trigger_proof t JOIN event e ON e.id = t.event_id WHERE e.alarm_id = $1",
}


class _Ear:
    """One client on the broker that notes when it hears something."""

    def __init__(self, lab: Lab, account: str, password: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.heard: asyncio.Queue[float] = asyncio.Queue()
        self.ready = asyncio.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"bench-{account}")
        self.client.username_pw_set(account, password)
        self.client.on_message = self._on_message
        self.client.on_subscribe = self._on_subscribe
        self.client.on_connect = lambda client, *_: client.subscribe(f"telecare/v1/{lab.hubs[0].hub_id}/command", 1)
        self.client.connect(HOST, lab.mqtt_port)
        self.client.loop_start()

    async def leave(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)

    def _on_message(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self.heard.put_nowait, time.time())

    def _on_subscribe(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self.ready.set)


async def broker_hops(lab: Lab, count: int, pause: Pause) -> list[float]:
    """Return how long a QoS 1 message takes from one client to another, in seconds: one hop, nothing behind it."""
    hub = lab.hubs[0]
    ear = _Ear(lab, GATEWAY_ACCOUNT, lab.secrets.gateway_password)
    mouth = _Ear(lab, SERVICE_ACCOUNT, lab.secrets.service_password)
    took: list[float] = []
    try:
        async with asyncio.timeout(LIMIT_S):
            await ear.ready.wait()
            await mouth.ready.wait()
        for number in range(WARM_UP + count):
            await pause()
            sent = time.time()
            mouth.client.publish(f"telecare/v1/{hub.hub_id}/command", b'{"command":"none"}', qos=1)
            async with asyncio.timeout(LIMIT_S):
                heard = await ear.heard.get()
            if number >= WARM_UP:
                took.append(heard - sent)
    finally:
        await ear.leave()
        await mouth.leave()
    return took


async def transactions(lab: Lab, alarm_id: UUID, count: int, pause: Pause) -> list[float]:
    """Return how long one transaction takes that writes the rows of a new alarm, by bare SQL, in seconds.

    Into copies of the tables with all their indexes and checks, so that nobody sees an alarm that is none.
    """
    connection = await asyncpg.connect(asyncpg_dsn(lab.postgres.url))
    took: list[float] = []
    try:
        rows = {table: json.loads(await connection.fetchval(sql, alarm_id)) for table, sql in _TABLES.items()}
        await connection.execute("CREATE SCHEMA bare; CREATE TABLE bare.board_head AS SELECT * FROM board_head")
        for table in _TABLES:
            await connection.execute(f"CREATE TABLE bare.{table} (LIKE {table} INCLUDING ALL)")
        for number in range(WARM_UP + count):
            await pause()
            started = time.perf_counter()
            await _write(connection, rows, number)
            if number >= WARM_UP:
                took.append(time.perf_counter() - started)
        await connection.execute("DROP SCHEMA bare CASCADE")
    finally:
        await connection.close()
    return took


async def _write(connection: Any, rows: dict[str, dict[str, Any]], number: int) -> None:
    fresh = str(new_id())
    changes: dict[str, dict[str, Any]] = {
        "event": {"id": str(new_id()), "alarm_id": fresh, "dedup_key": fresh},
        "alarm": {"id": fresh, "case_id": fresh},
        "alarm_log": {"alarm_id": fresh},
        "board_change": {"alarm_id": fresh, "seq": number + 1},
        "trigger_proof": {"hub_id": fresh},
    }
    async with connection.transaction():
        for table, own in changes.items():
            row = json.dumps(rows[table] | own)
            await connection.execute(
                f"INSERT INTO bare.{table} SELECT * FROM jsonb_populate_record(NULL::bare.{table}, $1::jsonb)",  # noqa: S608 - names of ours
                row,
            )
        await connection.execute("UPDATE bare.board_head SET seq = seq + 1")
