"""The demo: a whole system with a fictional fleet, and simulators that move it.

Two free ports are all it needs. Everything it keeps is in one directory, and it starts again on it with nothing lost.
"""

import asyncio
import contextlib
import errno
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.repository import ContactPointRepository
from devices.jobs.patterns import Rules
from devices.registry.seed import SeededHub
from simulators.provider.desk import ACCOUNT_SID, API_KEY, AUTH_TOKEN, CALLBACK_TOKEN
from simulators.provider.simulator import ProviderSimulator
from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.embedded.firmware import add_images
from telecare.embedded.lab import HOST, Lab
from telecare.embedded.people import USERS
from telecare.embedded.policies import add_policy
from telecare.embedded.ports import FREE_WITHIN_S, PortInUseError, wait_for_port
from telecare.embedded.postgres import EmbeddedPostgres
from telecare.embedded.secrets import write_private
from telecare.embedded.simulators import COLLEAGUES, simulator, write_colleagues
from telecare.embedded.switchover import add_switchover
from telecare.embedded.telemetry import seed_telemetry
from telecare.kernel.db import Database
from telecare.kernel.errors import UnavailableError
from telecare.kernel.logging import get_logger
from telecare.protection.jobs import reconcile

log = get_logger("demo")

FLEET = "fleet.json"
PARTNER = "Partner control room (demo)"
LISTED_AFTER_S = 100.0
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class DemoOptions:
    """What `telecare demo` may be asked for."""

    data_dir: Path
    hubs: int = 1200
    http_port: int = 8080
    mqtt_port: int = 1883
    simulate: bool = True


async def run_demo(options: DemoOptions, say: Callable[[str], None], stop: asyncio.Event) -> int:
    """Run the demo until `stop` is set; return the exit code. UnavailableError says what keeps it from running."""
    try:
        return await _run(options, say, stop)
    except OSError as error:
        if error.filename is None and error.errno not in NO_SPACE:
            raise
        where = error.filename or options.data_dir
        raise UnavailableError(f"{where}: {error.strerror}. Another place for the data: --data-dir") from error


async def _run(options: DemoOptions, say: Callable[[str], None], stop: asyncio.Event) -> int:
    folder = options.data_dir.resolve()
    # What a killed predecessor started ends with it, in a moment; whoever else has a port keeps it: no use in waiting.
    patience_s = FREE_WITHIN_S if EmbeddedPostgres(folder / "postgres").is_left_behind else 0.0
    for name, port in (("--http-port", options.http_port), ("--mqtt-port", options.mqtt_port)):
        await check_port(name, port, patience_s)
    folder.mkdir(parents=True, exist_ok=True)
    announcement = folder / "demo.json"
    async with contextlib.AsyncExitStack() as stack:
        mail = await stack.enter_async_context(SmtpSink(path=folder / "mail.jsonl"))
        hook = await stack.enter_async_context(WebhookSink(path=folder / "webhooks.jsonl"))
        callbacks = f"http://{HOST}:{options.http_port}"
        provider = await stack.enter_async_context(
            ProviderSimulator(notify_callback=f"{callbacks}/api/v1/callbacks/notify")
        )
        lab = Lab(
            folder,
            homes=options.hubs,
            http_port=options.http_port,
            mqtt_port=options.mqtt_port,
            settings={
                "SMTP_URL": f"smtp://{HOST}:{mail.port}",
                "EMAIL_PROVIDERS": "smtp",
                "UNCLAIMED_LIMIT": "200",
                "JOBS_EVERY_S": "10",
                "CALLBACK_URL": callbacks,
                "NOTIFY_URL": provider.url,
                "NOTIFY_API_KEY": API_KEY,
                "NOTIFY_SMS_TEMPLATE": "demo",
                "NOTIFY_CALLBACK_TOKEN": CALLBACK_TOKEN,
                "TWILIO_URL": provider.url,
                "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
                "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
                "TWILIO_VOICE_FROM": "+441315550100",
                "WATCHDOG_SMTP_URL": f"smtp://{HOST}:{mail.port}",
                "WATCHDOG_MAIL_TO": "on-call@control-room.example",
                "WATCHDOG_WEBHOOK_URL": f"{hook.url}watchdog",
            },
            watched=True,
            stale=announcement,
            say=say,
        )
        starting = asyncio.ensure_future(stack.enter_async_context(lab))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return 0
        starting.result()
        await _put_contact_points(lab, hook.url)
        write_private(announcement, json.dumps(_document(lab), indent=2))
        _write_rosters(lab)
        await _make_up_a_past(lab)
        if options.simulate:
            await stack.enter_async_context(_simulators(lab))
        say(_welcome(lab, simulated=options.simulate))
        reconciling = asyncio.ensure_future(_reconcile_soon(lab))
        await stopping
        reconciling.cancel()
        say("Stopping …")
    return 0


async def _reconcile_soon(lab: Lab) -> None:
    """Compare register and hubs once each hub has listed what is paired to it: nobody waits here for the night."""
    await asyncio.sleep(LISTED_AFTER_S)
    database = Database(lab.settings())
    try:
        async with database.transaction() as session:
            await reconcile(session, Rules(), ())
    except Exception as error:  # noqa: BLE001 - a demo that is just being stopped; the night comes anyway
        log.warning("not_reconciled", error=repr(error)[:200])
    finally:
        await database.dispose()


async def check_port(option: str, port: int, patience_s: float) -> None:
    """Raise UnavailableError when somebody has the port."""
    try:
        await wait_for_port(HOST, port, patience_s)
    except PortInUseError as error:
        raise UnavailableError(f"{error.detail}: stop what has it, or choose another with {option}") from error


async def _put_contact_points(lab: Lab, webhook_url: str) -> None:
    """Put addresses behind the targets; the local sink that receives them has a new port at each start."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        points = ContactPointRepository(session)
        for point in await points.page((), None, 500):
            if point.label == PARTNER:
                await points.delete(point.id)
        supervisor = ("supervisor@control-room.example", "Sheila Munro, supervisor")
        manager = ("duty@control-room.example", "Duty manager (demo)")
        await points.create(None, ContactTarget.SUPERVISOR, Channel.EMAIL, *supervisor)
        await points.create(None, ContactTarget.DUTY_MANAGER, Channel.EMAIL, *manager)
        await points.create(None, ContactTarget.PARTNER_ARC, Channel.WEBHOOK, webhook_url, PARTNER)
        await add_policy(session)
        await add_images(session)
    await database.dispose()


async def _make_up_a_past(lab: Lab) -> None:
    """Give the fleet's charts a past and its switchover some visits; after all is ready: it takes a second or two."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        await seed_telemetry(session)
    async with database.transaction() as session:
        await add_switchover(session)
    await database.dispose()


def _quiet_hub(lab: Lab) -> SeededHub:
    """Return the hub of demo.json: no simulator moves it, it is the visitor's own."""
    return lab.hubs[0]


def _document(lab: Lab) -> dict[str, object]:
    hub = _quiet_hub(lab)
    return {
        "url": lab.url,
        "api_token": lab.secrets.api_token,
        "mqtt": {"host": HOST, "port": lab.mqtt_port},
        "operator": {"username": USERS[0][0], "password": lab.secrets.operator_password},
        "hub": {"hub_id": hub.hub_id, "username": hub.hub_id, "password": hub.password},
        "database_url": lab.postgres.url,
    }


def _write_rosters(lab: Lab) -> None:
    """Write who simulated hubs and colleagues are, also for whoever starts simulators by hand."""
    hubs = [hub.for_simulator() for hub in lab.hubs if hub != _quiet_hub(lab)]
    write_private(lab.folder / FLEET, json.dumps({"hubs": hubs}))
    write_colleagues(lab)


def _welcome(lab: Lab, *, simulated: bool) -> str:
    hub = _quiet_hub(lab)
    moves = (
        "Alarms come from simulated homes. What nobody has taken after a minute, simulated colleagues take."
        if simulated
        else f"""Nothing moves by itself. To move the fleet, and to have colleagues:
    telecare simulate fleet --file {lab.folder / FLEET} --mqtt {lab.mqtt_url}
    telecare simulate operators --tokens {lab.folder / COLLEAGUES} --url {lab.url}"""
    )
    names = ", ".join(f"{username} ({role})" for username, _, role in USERS[1:])
    return f"""
  Telecare is ready.

  Open      {lab.url}
  Log in    {USERS[0][0]} / {lab.secrets.operator_password}
            or with the same password: {names}
  MQTT      {HOST}:{lab.mqtt_port}; a hub's credential is in {lab.folder / "demo.json"}
  Log       {lab.log}

  {moves}

  Press a pendant yourself:
    mosquitto_pub -h {HOST} -p {lab.mqtt_port} -u {hub.hub_id} -P {hub.password} -q 1 \\
      -t telecare/v1/{hub.hub_id}/alarm -m "{{\\"event_id\\":\\"$(date +%s)\\",\\"type\\":\\"pendant\\"}}"

  Stop with Ctrl-C; the same command goes on where it stopped.
"""


@asynccontextmanager
async def _simulators(lab: Lab) -> AsyncIterator[None]:
    """Run the fleet and the colleagues of the control room, each as a process of its own, while the block lasts."""
    log_file, seed = lab.folder / "simulators.log", ("--seed", "1")
    async with contextlib.AsyncExitStack() as stack:
        if len(lab.hubs) > 1:
            moves = (
                "--file",
                str(lab.folder / FLEET),
                "--mqtt",
                lab.mqtt_url,
                "--profile",
                "demo",
                "--progress-s",
                "0",
            )
            await stack.enter_async_context(simulator(log_file, "simulators.fleet", *moves, *seed))
        handle = ("--url", lab.url, "--tokens", str(lab.folder / COLLEAGUES))
        await stack.enter_async_context(simulator(log_file, "simulators.operator", *handle, *seed))
        yield
