"""What the bench of the ingest pours, and what it is measured against."""

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulators.fleet.pour import PASSWORD_VARIABLE, Words, hub_name
from telecare.embedded.lab import GATEWAY_ACCOUNT, HOST, SERVICE_ACCOUNT, Lab
from telecare.kernel.errors import UnavailableError
from telecare.kernel.ids import new_id

BATCH = 2_000
"""As many as the service takes at once when many wait."""
COUNTED_WITHIN_S = 120.0
_ACCEPTED = 'telecare_messages_total{lane="heartbeat",status="accepted"}'

_LIVE = ("seq", "boot_id", "battery_pct", "mains", "signal_dbm", "path", "firmware", "interval_s", "peripherals")
_BARE = f"""
    INSERT INTO hub_live (hub_id, last_seen_at, {", ".join(_LIVE)})
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::text[], $5::int[], $6::boolean[], $7::int[],
                         $8::text[], $9::text[], $10::int[], $11::jsonb[]) ORDER BY 1
    ON CONFLICT (hub_id) DO UPDATE SET
        last_seen_at = excluded.last_seen_at, {", ".join(f"{name} = excluded.{name}" for name in _LIVE)}
"""  # noqa: S608 - names of ours


async def poured(lab: Lab, hubs: int, messages: int, seed: int = 1) -> dict[str, Any]:
    """Have so many heartbeats published by a process of its own, as fast as the broker takes them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.fleet.pour", "--mqtt", lab.mqtt_url, "--user", GATEWAY_ACCOUNT,
        "--hubs", str(hubs), "--count", str(messages), "--seed", str(seed),
        env={**os.environ, PASSWORD_VARIABLE: lab.secrets.gateway_password}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    words, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the broker did not take all heartbeats: {words.decode()}")
    done: dict[str, Any] = json.loads(words)
    return done


async def counted(lab: Lab, hubs: int, messages: int, seed: int = 1) -> float:
    """Return how many heartbeats a second a subscriber gets that only counts, and acks each by hand."""
    address = f"mqtt://{SERVICE_ACCOUNT}:{lab.secrets.service_password}@{HOST}:{lab.mqtt_port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "telecare.bench.counting", str(messages),
        env={**os.environ, "BENCH_MQTT_URL": address}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if process.stdout is None:
        raise RuntimeError("no pipe")
    try:
        async with asyncio.timeout(COUNTED_WITHIN_S):
            await process.stdout.readline()  # it is subscribed
            done = await poured(lab, hubs, messages, seed)
            ended = float(await process.stdout.readline())
            await process.wait()
    except TimeoutError as error:
        process.kill()
        raise UnavailableError(f"The counting subscriber had not all within {COUNTED_WITHIN_S:.0f} s") from error
    return messages / (ended - float(done["began"]))


async def bare_rows(database: asyncpg.Connection, hubs: int, messages: int) -> float:
    """Return how many heartbeats a second bare SQL writes as the service does: by COPY, and one row a hub and batch.

    One connection, one transaction a batch; all words are read beforehand, and nothing is asked of the rows.
    """
    words = Words(hubs, 1, "bare")
    at = datetime.now(UTC)
    batches = []
    for begin in range(0, messages, BATCH):
        said = [words.next(at.isoformat()) for _ in range(min(BATCH, messages - begin))]
        log = [(new_id(), hub_name(hub), at, payload) for hub, payload in said]
        last = {hub_name(hub): json.loads(payload) for hub, payload in said}
        live = [[body[name] for body in last.values()] for name in _LIVE[:-1]]
        peripherals = [json.dumps(body["peripherals"]) for body in last.values()]
        batches.append((log, (list(last), [at] * len(last), *live, peripherals)))
    began = time.perf_counter()
    for log, live_rows in batches:
        async with database.transaction():
            await database.copy_records_to_table(
                "heartbeat", records=log, columns=("id", "hub_id", "received_at", "payload")
            )
            await database.execute(_BARE, *live_rows)
    return messages / (time.perf_counter() - began)


async def count_durable(database: asyncpg.Connection) -> int:
    """Return how many heartbeats are written down."""
    return int(await database.fetchval("SELECT count(*) FROM heartbeat"))


async def shares_of(lab: Lab) -> dict[str, int]:
    """Return how many heartbeats each process has taken, by its own count."""
    took = {}
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        for name, port in lab.ports.items():
            if name.startswith("ingest"):
                text = (await client.get(f"http://{HOST}:{port}/metrics")).text
                lines = (line for line in text.splitlines() if line.startswith(_ACCEPTED))
                took[name] = int(float(next(lines, "0").rpartition(" ")[2]))
    return took


async def end_session(lab: Lab, client_id: str) -> None:
    """Let the broker forget a session and what waits in it."""

    def end() -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        client.username_pw_set(SERVICE_ACCOUNT, lab.secrets.service_password)
        client.on_connect = lambda client, *_: client.disconnect()
        client.connect(HOST, lab.mqtt_port)
        client.loop_forever()

    await asyncio.to_thread(end)


def memory_mib(pid: int | None) -> float | None:
    """Return how much memory a process has in use; None where the system does not say so in a file."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), None)
