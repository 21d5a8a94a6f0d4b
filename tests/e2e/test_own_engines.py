"""The same service on a PostgreSQL and a Mosquitto that were started by hand: nothing in it knows the embedded pair."""

import asyncio
import json
import os
import pwd
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from devices.registry.seed import SeededHub, seed_fleet
from telecare.access.accounts import create_api_token
from telecare.access.broker import BrokerRole, set_broker_account
from telecare.access.broker_export import export
from telecare.access.domain import UserRole
from telecare.embedded.home import SERVER_USER, find_home
from telecare.embedded.mosquitto import find_mosquitto
from telecare.embedded.ports import free_port
from telecare.embedded.postgres import installation
from telecare.kernel.db import Database
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
from tests.e2e.conftest import until
from tests.wire import WireHub

MOSQUITTO = find_mosquitto()
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto: apt-get install mosquitto")


def postgres_programs() -> Path:
    """The oldest PostgreSQL that Debian has here and we support, else the wheel's: the server itself is what counts."""
    own = sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin")) + sorted(Path("/usr/lib/postgresql").glob("2?/bin"))
    return own[0] if own else installation() / "bin"


@contextmanager
def started(*command: str, env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A program of its own while the block lasts."""
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-own-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="module")
def postgres_url(folder: Path) -> Iterator[str]:
    """A server on TCP with a password, as a council has one."""
    home = find_home(folder, installation())
    user = {} if home.user is None else {"user": home.user, "group": home.group, "extra_groups": []}
    programs, port, password = postgres_programs(), free_port(), secrets.token_hex(8)
    secret = folder / "password"
    secret.write_text(password, encoding="ascii")
    if home.user is not None:
        os.chown(secret, pwd.getpwnam(SERVER_USER).pw_uid, -1)
    data = home.data / "own"
    init = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "telecare",
        "-A",
        "scram-sha-256",
        f"--pwfile={secret}",
        "-E",
        "UTF8",
    ]
    subprocess.run(init, check=True, capture_output=True, cwd="/", **user)
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", ""],
        cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user,
    )  # fmt: skip
    yield f"postgresql+asyncpg://telecare:{password}@127.0.0.1:{port}/postgres"
    server.send_signal(signal.SIGINT)
    server.wait(30)


@pytest.fixture(scope="module")
async def hub(postgres_url: str, folder: Path) -> AsyncIterator[tuple[SeededHub, str, int, str]]:
    """The service by its own commands on both; a hub, its password, the MQTT port and the address of the API."""
    mqtt_port, http_port, password, seal = (
        free_port(),
        free_port(),
        secrets.token_hex(8),
        Fernet.generate_key().decode(),
    )
    environment = {
        **os.environ,
        "TELECARE_DATABASE_URL": postgres_url,
        "TELECARE_MQTT_URL": f"mqtt://telecare-service:{password}@127.0.0.1:{mqtt_port}",
        "TELECARE_HTTP_PORT": str(http_port),
        "TELECARE_SEAL_KEY": seal,
    }
    command = [sys.executable, "-m", "telecare.cli"]

    async def upgraded() -> bool:
        return await asyncio.to_thread(
            lambda: (
                subprocess.run(
                    [*command, "db", "upgrade"], env=environment, capture_output=True, check=False
                ).returncode
                == 0
            )
        )

    await until(upgraded)
    settings = Settings(database_url=postgres_url, seal_key=seal)
    database = Database(settings)
    async with database.transaction() as session:
        hubs = await seed_fleet(session, Sealer(settings), "11" * 32, homes=3)
        await set_broker_account(session, "telecare-service", password, BrokerRole.SERVICE)
        token = (await create_api_token(session, name="test", role=UserRole.ADMINISTRATOR)).plain
    await export(database, folder / "passwords", folder / "acl")
    await database.dispose()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"listener {mqtt_port} 127.0.0.1\nallow_anonymous false\npersistence false\nmax_inflight_messages 2000\n"
        f"password_file {folder}/passwords\nacl_file {folder}/acl\nuser root\n",
        encoding="utf-8",
    )
    with started(str(MOSQUITTO), "-c", str(configuration)), started(*command, "serve", env=environment) as service:
        yield hubs[0], token, mqtt_port, f"http://127.0.0.1:{http_port}"
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0, "SIGTERM ends the service in order"


async def test_a_press_reaches_the_board_on_engines_of_ones_own(hub: tuple[SeededHub, str, int, str]) -> None:
    own, token, mqtt_port, url = hub
    async with httpx.AsyncClient(base_url=url, trust_env=False, headers={"Authorization": f"Bearer {token}"}) as api:

        async def ready() -> bool:
            try:
                return (await api.get("/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

        await until(ready)
        async with WireHub(mqtt_port, own.hub_id, own.password) as client:
            await client.subscribe(f"telecare/v1/{own.hub_id}/ack")
            await client.publish(f"telecare/v1/{own.hub_id}/alarm", {"event_id": "x1", "type": "pendant"})
            ack = await client.ack("x1")
            await client.publish(f"telecare/v1/{own.hub_id}/heartbeat", {"battery_pct": 70})
        alarms = (await api.get("/api/v1/alarms", params={"handling": "open"})).json()["items"]
        assert [alarm["id"] for alarm in alarms] == [ack["alarm_id"]]
        assert json.loads((await api.get("/readyz")).text)

        async def seen() -> bool:
            return bool((await api.get(f"/api/v1/hubs/{own.hub_id}")).json()["presence"] == "online")

        await until(seen)
