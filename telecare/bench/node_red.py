"""The peer: the same heartbeats into the same PostgreSQL by a Node-RED flow, as a council's own IT would build it.

One function behind one MQTT node, with the `pg` library: for each message an insert into the log and an upsert of the
hub's row, in one statement. npm installs both, into the bench's folder and nowhere else. What it does not do, and the
service does: Node-RED answers the broker before the row is written, so that a kill loses what is on its way.
"""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which
from urllib.parse import parse_qs, urlsplit

import asyncpg

from telecare.bench.pouring import poured
from telecare.embedded.lab import HOST, SERVICE_ACCOUNT, Lab
from telecare.embedded.ports import free_port

PACKAGES = ("node-red@4", "pg@8")
INSTALLED_WITHIN_S = 180.0
CONNECTED_WITHIN_S = 60.0
WRITTEN_WITHIN_S = 120.0

_TABLES = """
    CREATE TABLE IF NOT EXISTS peer_heartbeat (LIKE heartbeat INCLUDING ALL);
    CREATE TABLE IF NOT EXISTS peer_live (hub_id text PRIMARY KEY, last_seen_at timestamptz, boot_id text, seq bigint,
                                          battery_pct int);
    TRUNCATE peer_heartbeat, peer_live
"""
_FUNCTION = """
const hub = msg.topic.split('/')[2], beat = JSON.parse(msg.payload)
global.get('pool').query(
  `WITH log AS (INSERT INTO peer_heartbeat (id, hub_id, received_at, payload)
                VALUES (gen_random_uuid(), $1, clock_timestamp(), $2))
   INSERT INTO peer_live VALUES ($1, clock_timestamp(), $3, $4, $5)
   ON CONFLICT (hub_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, boot_id = excluded.boot_id,
                                      seq = excluded.seq, battery_pct = excluded.battery_pct`,
  [hub, Buffer.from(msg.payload), beat.boot_id, beat.seq, beat.battery_pct]
).catch((error) => node.error(error))
"""
_SETTINGS = """
const pg = require('pg')
module.exports = {{
  userDir: {folder}, flowFile: 'flows.json', uiHost: '127.0.0.1', uiPort: {port}, credentialSecret: false,
  httpAdminRoot: false,
  functionGlobalContext: {{
    pool: new pg.Pool({{ host: {host}, port: {pg_port}, user: {user}, database: {database}, max: 10 }}),
  }},
}}
"""


class NodeRedError(Exception):
    """It cannot be measured here; the text says why."""


async def node_red(lab: Lab, database: asyncpg.Connection, hubs: int, messages: int) -> float:
    """Return how many heartbeats a second Node-RED writes."""
    npm, node = which("npm"), which("node")
    if npm is None or node is None:
        raise NodeRedError("npm is missing: install Node.js")
    folder = lab.folder / "node-red"
    folder.mkdir()
    await _install(npm, folder)
    await database.execute(_TABLES)
    _write_flow(lab, folder)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - a program that npm just installed
            [node, "node_modules/node-red/red.js", "--settings", "settings.js"],
            cwd=folder, env={**os.environ, "PWD": str(folder)}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    try:
        await _until(lambda: b"Connected to broker" in log.read_bytes(), CONNECTED_WITHIN_S, log)
        done = await poured(lab, hubs, messages)
        async with asyncio.timeout(WRITTEN_WITHIN_S):
            while await database.fetchval("SELECT count(*) FROM peer_heartbeat") < messages:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return messages / (time.time() - float(done["began"]))
    except TimeoutError as error:
        raise NodeRedError(f"it lost some: {messages} were sent") from error
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        await asyncio.to_thread(process.wait, 20)


async def _install(npm: str, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, words = await asyncio.wait_for(process.communicate(), INSTALLED_WITHIN_S)
    except TimeoutError as error:
        process.kill()
        raise NodeRedError("npm did not install it in time") from error
    if process.returncode:
        raise NodeRedError(f"npm could not install it: {words.decode(errors='replace')[-300:]}")


def _write_flow(lab: Lab, folder: Path) -> None:
    address = urlsplit(lab.postgres.url)
    asked = parse_qs(address.query)
    settings = _SETTINGS.format(
        folder=json.dumps(str(folder)),
        port=free_port(),
        host=json.dumps(asked["host"][0] if "host" in asked else address.hostname),
        pg_port=int(asked["port"][0]) if "port" in asked else address.port or 5432,
        user=json.dumps(address.username or "telecare"),
        database=json.dumps(address.path.lstrip("/")),
    )
    flow = [
        {"id": "flow", "type": "tab", "label": "heartbeats"},
        {"id": "broker", "type": "mqtt-broker", "broker": HOST, "port": str(lab.mqtt_port), "clientid": "bench-nodered",
         "protocolVersion": "4", "keepalive": "60", "cleansession": True, "autoConnect": True},
        {"id": "in", "type": "mqtt in", "z": "flow", "topic": "telecare/v1/+/heartbeat", "qos": "1", "datatype": "utf8",
         "broker": "broker", "wires": [["write"]]},
        {"id": "write", "type": "function", "z": "flow", "func": _FUNCTION, "outputs": 0, "wires": []},
    ]  # fmt: skip
    login = {"broker": {"user": SERVICE_ACCOUNT, "password": lab.secrets.service_password}}
    for name, words in (
        ("settings.js", settings),
        ("flows.json", json.dumps(flow)),
        ("flows_cred.json", json.dumps(login)),
    ):
        (folder / name).write_text(words, encoding="utf-8")


async def _until(check: Callable[[], bool], within_s: float, log: Path) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not check():  # noqa: ASYNC110 - another program's doing
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise NodeRedError(f"it did not connect: {_end_of(log)}") from error


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-300:]
