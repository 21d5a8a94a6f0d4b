"""The demo: the whole service with its own PostgreSQL and broker, a fictional fleet, and simulators that move.

Two free ports are all it needs. Everything it keeps is in one directory, and it starts again on it with nothing lost.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from devices.registry.seed import SeededHub, seed_fleet
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.repository import ContactPointRepository
from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.access.accounts import create_user
from telecare.access.broker import BrokerRole, set_broker_account
from telecare.access.domain import UserRole
from telecare.access.models import ApiToken
from telecare.access.repository import ApiTokenRepository, UserRepository
from telecare.access.service import token_hash
from telecare.embedded import EmbeddedBroker, EmbeddedPostgres
from telecare.embedded.secrets import DemoSecrets, load_or_make, write_private
from telecare.kernel.db import Database
from telecare.kernel.errors import UnavailableError
from telecare.kernel.ids import new_id
from telecare.kernel.logging import configure_logging
from telecare.kernel.schema import upgrade
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
from telecare.serve import serve

READY_WITHIN_S = 120.0
HOST = "127.0.0.1"
SERVICE_ACCOUNT = "telecare-service"
GATEWAY_ACCOUNT = "telecare-gateway"

USERS = (
    ("fiona", "Fiona Ross", UserRole.OPERATOR),
    ("calum", "Calum Reid", UserRole.OPERATOR),
    ("sheila", "Sheila Munro", UserRole.SUPERVISOR),
    ("ewan", "Ewan Baird", UserRole.ENGINEER),
    ("admin", "Ailsa Grant", UserRole.ADMINISTRATOR),
)


@dataclass(frozen=True)
class DemoOptions:
    """What `telecare demo` may be asked for."""

    data_dir: Path
    hubs: int = 1200
    http_port: int = 8080
    mqtt_port: int = 1883
    simulate: bool = True


class Demo:
    """One run of the demo; `say` gets the lines for the terminal."""

    def __init__(self, options: DemoOptions, say: Callable[[str], None]) -> None:
        self.options = options
        self.say = say
        self.dir = options.data_dir.resolve()
        self.url = f"http://{HOST}:{options.http_port}"

    async def run(self, stop: asyncio.Event) -> int:
        """Run until `stop` is set; return the exit code."""
        for name, port in (("--http-port", self.options.http_port), ("--mqtt-port", self.options.mqtt_port)):
            check_port(name, port)
        self.dir.mkdir(parents=True, exist_ok=True)
        secrets = load_or_make(self.dir / "secrets.json")
        (self.dir / "demo.json").unlink(missing_ok=True)
        self.say("Starting PostgreSQL …")
        async with contextlib.AsyncExitStack() as stack:
            postgres = EmbeddedPostgres(self.dir / "postgres")
            await postgres.start()
            stack.push_async_callback(postgres.stop)
            mail = await stack.enter_async_context(SmtpSink(path=self.dir / "mail.jsonl"))
            hook = await stack.enter_async_context(WebhookSink(path=self.dir / "webhooks.jsonl"))
            settings = self._settings(postgres.url, secrets, mail.port)
            hubs = await self._prepare(settings, secrets, hook.url)
            self.say("Starting the broker …")
            broker = EmbeddedBroker(postgres.url, port=self.options.mqtt_port, host=HOST)
            await broker.start()
            stack.push_async_callback(broker.stop)
            return await self._serve(stack, settings, secrets, hubs, stop)

    async def _serve(
        self,
        stack: contextlib.AsyncExitStack,
        settings: Settings,
        secrets: DemoSecrets,
        hubs: list[SeededHub],
        stop: asyncio.Event,
    ) -> int:
        self.say("Starting the service …")
        log = stack.enter_context((self.dir / "telecare.log").open("a", encoding="utf-8", buffering=1))
        configure_logging(settings, log)
        service = asyncio.create_task(serve(settings, stop))
        try:
            if not await self._ready(service, stop):
                return await service
            self._announce(settings, secrets, hubs)
            simulators = self._simulators(hubs[1:]) if self.options.simulate else contextlib.nullcontext()
            async with simulators:
                return await asyncio.shield(service)
        finally:
            stop.set()
            await asyncio.wait([service], timeout=20)

    def _settings(self, database_url: str, secrets: DemoSecrets, smtp_port: int) -> Settings:
        return Settings(
            database_url=SecretStr(database_url),
            mqtt_url=SecretStr(f"mqtt://{SERVICE_ACCOUNT}:{secrets.service_password}@{HOST}:{self.options.mqtt_port}"),
            http_host=HOST,
            http_port=self.options.http_port,
            public_url=self.url,
            seal_key=SecretStr(secrets.seal_key),
            smtp_url=SecretStr(f"smtp://{HOST}:{smtp_port}"),
            webhook_secret=SecretStr(secrets.webhook_secret),
            mail_from="telecare@control-room.example",
        )

    async def _prepare(self, settings: Settings, secrets: DemoSecrets, webhook_url: str) -> list[SeededHub]:
        """Bring the schema up to date and put in who and what the demo needs; return the hubs that speak MQTT."""
        database = Database(settings)
        try:
            await upgrade(database.engine)
            self.say(f"Seeding a fictional fleet of {self.options.hubs:,} homes …")
            async with database.transaction() as session:
                hubs = await seed_fleet(session, Sealer(settings), secrets.fleet_secret, homes=self.options.hubs)
                await add_people(session, secrets)
                await set_broker_account(session, SERVICE_ACCOUNT, secrets.service_password, BrokerRole.SERVICE)
                await set_broker_account(session, GATEWAY_ACCOUNT, secrets.gateway_password, BrokerRole.GATEWAY)
                await add_contact_points(session, webhook_url)
        finally:
            await database.dispose()
        return list(hubs)

    async def _ready(self, service: "asyncio.Task[int]", stop: asyncio.Event) -> bool:
        """Wait for `/readyz`; False when the service ended or was told to stop first."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client, asyncio.timeout(READY_WITHIN_S):
            while not service.done() and not stop.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/readyz")).status_code == httpx.codes.OK:
                        return True
                await asyncio.sleep(0.1)
        return False

    def _announce(self, settings: Settings, secrets: DemoSecrets, hubs: list[SeededHub]) -> None:
        first = hubs[0]
        document = {
            "url": self.url,
            "api_token": secrets.api_token,
            "mqtt": {"host": HOST, "port": self.options.mqtt_port},
            "operator": {"username": USERS[0][0], "password": secrets.operator_password},
            "hub": {"hub_id": first.hub_id, "username": first.hub_id, "password": first.password},
            "database_url": settings.database_url.get_secret_value(),
        }
        write_private(self.dir / "demo.json", json.dumps(document, indent=2))
        names = ", ".join(f"{username} ({role})" for username, _, role in USERS)
        self.say(
            f"\n  Telecare is ready.\n\n"
            f"  Open      {self.url}\n"
            f"  Log in    {USERS[0][0]} / {secrets.operator_password}\n"
            f"            the same password for {names}\n"
            f"  MQTT      {HOST}:{self.options.mqtt_port}; a hub's credential is in {self.dir / 'demo.json'}\n"
            f"  Log       {self.dir / 'telecare.log'}\n\n"
            f"  Press a pendant yourself:\n"
            f"    mosquitto_pub -h {HOST} -p {self.options.mqtt_port} -u {first.hub_id} -P {first.password} -q 1 \\\n"
            f'      -t telecare/v1/{first.hub_id}/alarm -m \'{{"event_id":"x1","type":"pendant"}}\'\n\n'
            f"  Stop with Ctrl-C; the same command goes on where it stopped.\n"
        )

    @asynccontextmanager
    async def _simulators(self, hubs: list[SeededHub]) -> AsyncIterator[None]:
        """Run the fleet's simulators as a process of their own while the block lasts."""
        fleet = self.dir / "fleet.json"
        write_private(fleet, json.dumps({"hubs": [hub.for_simulator() for hub in hubs]}))
        command = [
            sys.executable, "-m", "simulators.fleet", "--file", str(fleet), "--mqtt", f"mqtt://{HOST}:{self.options.mqtt_port}",
            "--profile", "demo", "--parent-pipe", "--progress-s", "0", "--seed", "1",
        ]  # fmt: skip
        with (self.dir / "simulators.log").open("a", encoding="utf-8") as log:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 5)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def add_people(session: AsyncSession, secrets: DemoSecrets) -> None:
    """Put in who logs in, once, and the token of demo.json."""
    users = UserRepository(session)
    for username, display_name, role in USERS:
        if await users.by_username(username) is None:
            await create_user(
                session, username=username, display_name=display_name, password=secrets.operator_password, role=role
            )
    tokens = ApiTokenRepository(session)
    if await tokens.find(token_hash(secrets.api_token)) is None:
        await tokens.add(
            ApiToken(
                id=new_id(), token_hash=token_hash(secrets.api_token), name="demo", role=UserRole.ADMINISTRATOR,
                councils=[],
            )
        )  # fmt: skip


async def add_contact_points(session: AsyncSession, webhook_url: str) -> None:
    """Put addresses behind the targets; the local sink that receives them has a new port at each start."""
    points = ContactPointRepository(session)
    for point in await points.page((), None, 500):
        if point.channel == Channel.WEBHOOK and point.label == "Partner control room (demo)":
            await points.delete(point.id)
    supervisor = ("supervisor@control-room.example", "Sheila Munro, supervisor")
    manager = ("duty@control-room.example", "Duty manager (demo)")
    await points.create(None, ContactTarget.SUPERVISOR, Channel.EMAIL, *supervisor)
    await points.create(None, ContactTarget.DUTY_MANAGER, Channel.EMAIL, *manager)
    await points.create(None, ContactTarget.PARTNER_ARC, Channel.WEBHOOK, webhook_url, "Partner control room (demo)")


def check_port(option: str, port: int) -> None:
    """Raise UnavailableError when somebody has the port: a clear word now beats a hang later."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = os.strerror(error.errno or 0)
            words = f"Port {port} is not to be had ({why}): stop what has it, or choose another with {option}"
            raise UnavailableError(words) from error
