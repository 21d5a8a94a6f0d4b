"""A whole system on one machine: PostgreSQL, broker and service, each its own process, watched and started again.

The demo is one with a fleet that moves; the crash test and the benches are ones whose processes are killed or measured.
"""

import asyncio
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

import httpx

from devices.registry.seed import SeededHub, seed_fleet
from telecare.access.broker import BrokerRole, set_broker_account
from telecare.embedded.broker import EmbeddedBroker
from telecare.embedded.mosquitto import Mosquitto
from telecare.embedded.people import add_people
from telecare.embedded.ports import free_port
from telecare.embedded.postgres import EmbeddedPostgres
from telecare.embedded.process import StartError, Supervised
from telecare.embedded.responders import add_responders
from telecare.embedded.secrets import DemoSecrets, load_or_make
from telecare.kernel.db import Database
from telecare.kernel.schema import upgrade
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient
from telecare.wire.topics import CANARY_HUB

HOST = "127.0.0.1"
SERVICE_ACCOUNT = "telecare-service"
GATEWAY_ACCOUNT = "telecare-gateway"


ALL_IN_ONE = {"service": "web,ingest,engine"}
APART = {"web": "web", "ingest": "ingest", "engine-1": "engine", "engine-2": "engine"}
"""The service as four processes; each engine has a sender of its own."""


def sharing(processes: int) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return `roles` and `own` of a service in which so many processes share the heartbeats."""
    names = [f"ingest-{number}" for number in range(1, processes + 1)]
    own = {name: {"INGEST_SHARE": f"{place}/{processes}"} for place, name in enumerate(names, 1)}
    return {"web": "web,engine", **dict.fromkeys(names, "ingest")}, own


class Lab:
    """A system kept in `folder`. `settings` are further `TELECARE_…` variables of the service, without the prefix.

    `watched`: with a canary and with a watchdog beside the service. `mosquitto`: with the machine's Mosquitto for a
    broker, not the embedded one.

    `stale`: a file of the run before, which goes as soon as the folder is ours alone.

    `roles`: one process of the service for each of these sets of roles, by name; the first one has the web. `own` has
    further variables for single ones of them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        homes: int,
        http_port: int,
        mqtt_port: int,
        settings: Mapping[str, str] | None = None,
        mosquitto: bool = False,
        watched: bool = False,
        roles: Mapping[str, str] = ALL_IN_ONE,
        own: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
        stale: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        self.homes = homes
        self.http_port = http_port
        self.mqtt_port = mqtt_port
        self.say = say
        self.url = f"http://{HOST}:{http_port}"
        self.mqtt_url = f"mqtt://{HOST}:{mqtt_port}"
        self.hubs: list[SeededHub] = []
        self.postgres = EmbeddedPostgres(self.folder / "postgres")
        self.services: dict[str, Supervised] = {}
        self.ports: dict[str, int] = {}
        self._mosquitto = mosquitto
        self._roles = roles
        self._own = own
        self._watched = watched
        self._stale = stale
        self._extra = dict(settings or {})
        self._running = contextlib.AsyncExitStack()
        self._client = httpx.AsyncClient(trust_env=False, timeout=5)

    @property
    def secrets(self) -> DemoSecrets:
        """Return the secrets of this folder, made at its first start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return load_or_make(self.folder / "secrets.json")

    @property
    def service(self) -> Supervised:
        """Return the process that has the web."""
        return next(iter(self.services.values()))

    @property
    def log(self) -> Path:
        """Return where the service logs to."""
        return self.folder / "telecare.log"

    async def start(self) -> None:
        """Start everything; returns when `/readyz` says 200."""
        try:
            self.say("Starting PostgreSQL …")
            await self._enter(self.postgres.start, self.postgres.stop)
            if self._stale is not None:
                self._stale.unlink(missing_ok=True)
            await self._prepare()
            self.say("Starting the broker …")
            self.broker = self._broker()
            await self._enter(self.broker.start, self.broker.stop)
            self.say("Starting the service …")
            for name, roles in self._roles.items():
                self.ports[name] = port = free_port() if self.services else self.http_port
                launch, answers = partial(self._serve, name, roles, port), partial(self._answers, port)
                self.services[name] = service = Supervised(name, launch, answers, self.log, signal.SIGTERM)
                await self._enter(service.start, service.stop)
            if self._watched:
                log_file = self.folder / "watchdog.log"
                self.watchdog = Supervised("watchdog", self._watch, _at_once, log_file, signal.SIGTERM)
                await self._enter(self.watchdog.start, self.watchdog.stop)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, the service first."""
        await self._running.aclose()
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def settings(self) -> Settings:
        """Return the settings with which the service runs here."""
        return Settings.model_validate({name.lower(): value for name, value in self._variables().items()})

    async def _enter(self, start: Callable[[], object], stop: Callable[[], object]) -> None:
        self._running.push_async_callback(stop)  # type: ignore[arg-type]
        await start()  # type: ignore[misc]

    def _broker(self) -> EmbeddedBroker | Mosquitto:
        if self._mosquitto:
            return Mosquitto(self.settings(), self.folder / "mosquitto", port=self.mqtt_port, host=HOST)
        log_file = self.folder / "broker.log"
        return EmbeddedBroker(self.postgres.url, port=self.mqtt_port, host=HOST, log_file=log_file)

    async def _prepare(self) -> None:
        """Bring the schema up to date and put in the fleet, the people and the accounts, once."""
        settings = self.settings()
        database = Database(settings)
        try:
            await upgrade(database.engine)
            self.say(f"Seeding a fictional fleet of {self.homes:,} homes …")
            async with database.transaction() as session:
                self.hubs = await seed_fleet(session, Sealer(settings), self.secrets.fleet_secret, homes=self.homes)
                await add_people(session, self.secrets)
                await add_responders(session)
                await set_broker_account(session, SERVICE_ACCOUNT, self.secrets.service_password, BrokerRole.SERVICE)
                await set_broker_account(session, GATEWAY_ACCOUNT, self.secrets.gateway_password, BrokerRole.GATEWAY)
                await set_broker_account(session, CANARY_HUB, self.canary_password, BrokerRole.CANARY)
        except Exception as error:
            if not is_transient(error):
                raise
            raise StartError(f"The database failed:\n{self.postgres.last_words()}") from error
        finally:
            await database.dispose()

    def _variables(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.postgres.url,
            "MQTT_URL": f"mqtt://{SERVICE_ACCOUNT}:{self.secrets.service_password}@{HOST}:{self.mqtt_port}",
            "HTTP_HOST": HOST,
            "HTTP_PORT": str(self.http_port),
            "PUBLIC_URL": self.url,
            "SEAL_KEY": self.secrets.seal_key,
            "WEBHOOK_SECRET": self.secrets.webhook_secret,
            "MAIL_FROM": "telecare@control-room.example",
            "UNCLAIMED_LIMIT": "1000000",  # tests and benches leave more unclaimed than any council should
            **({"CANARY_MQTT_URL": self._canary_url} if self._watched else {}),
            **self._extra,
        }

    @property
    def canary_password(self) -> str:
        """Return the password of the canary's account; it follows from the folder's secret."""
        return hashlib.sha256(f"{self.secrets.fleet_secret}/canary".encode()).hexdigest()[:32]

    @property
    def _canary_url(self) -> str:
        return f"mqtt://{CANARY_HUB}:{self.canary_password}@{HOST}:{self.mqtt_port}"

    def _serve(self, name: str, roles: str, port: int) -> "subprocess.Popen[bytes]":
        return self._launch("serve", self.log, {"ROLES": roles, "HTTP_PORT": str(port), **self._own.get(name, {})})

    def _watch(self) -> "subprocess.Popen[bytes]":
        return self._launch("watchdog", self.folder / "watchdog.log")

    def _launch(
        self, command: str, log_file: Path, own: Mapping[str, str] = MappingProxyType({})
    ) -> "subprocess.Popen[bytes]":
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TELECARE_")}
        ours = {f"TELECARE_{name}": value for name, value in {**self._variables(), **own}.items()}
        with log_file.open("ab") as log:
            # The pipe closes when we die, however we die: the process ends with us.
            return subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "telecare.cli", command, "--parent-pipe"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**inherited, **ours},
                start_new_session=True,
            )

    async def _answers(self, port: int) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (await self._client.get(f"http://{HOST}:{port}/readyz")).status_code == httpx.codes.OK
        return False


async def _at_once() -> bool:
    """Answer for a process that nobody can ask anything: it is up when it runs."""
    return True


async def wait_for_up(process: Supervised, within_s: float = 60.0) -> None:
    """Wait until a killed process answers again."""
    async with asyncio.timeout(within_s):
        await process.up.wait()
