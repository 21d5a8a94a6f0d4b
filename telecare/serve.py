"""The composition root: one process that does what its roles say, until it is told to stop."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from datetime import timedelta

import uvicorn
from fastapi import FastAPI

from alarms.cover.tasks import CoverWatch
from alarms.handling.domain import CANARY_CHANNEL
from alarms.handling.engine import Engine
from alarms.handling.reported import Reported
from alarms.handling.repository import BOARD_CHANNEL
from alarms.handling.tasks import NoticeWatch
from alarms.notify.callbacks import HeldReports
from alarms.notify.channels import channels
from alarms.notify.delivery import Provider
from alarms.notify.sender import Sender
from alarms.responders.objections import objection
from alarms.rota.tasks import HandoverNotices
from devices.commands.repository import COMMAND_CHANNEL
from devices.commands.tasks import CommandExpiry
from devices.presence.keeper import PresenceKeeper
from devices.presence.telemetry_tasks import HourlyTelemetry
from devices.switchover.awards.tasks import AwardCount
from devices.switchover.importing.tasks import ImportWorker
from telecare.access.repository import AuditRepository
from telecare.api.deps import Services
from telecare.api.feed import BoardFeed
from telecare.app import create_app
from telecare.connections import BoundedProtocol
from telecare.contacts import contacts_by
from telecare.firmware.waves import FirmwareWaves
from telecare.housekeeping import Housekeeping
from telecare.ingest.messages import USUAL
from telecare.ingest.service import Ingest
from telecare.kernel.collector import settle
from telecare.kernel.db import ALARM_PATH, INTAKE, Database
from telecare.kernel.listen import Listener
from telecare.kernel.logging import get_logger
from telecare.kernel.schema import SchemaGate
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Role, Settings
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of
from telecare.protection.deafness import DeafnessWatch
from telecare.protection.incidents import incident_rule
from telecare.protection.jobs import JobWatch
from telecare.protection.keeper import ProtectionKeeper
from telecare.protection.silence import SilenceWatch
from telecare.protection.welfare import WelfareWatch
from telecare.switchover.exposure import ExposureWatch
from telecare.switchover.liveness import LivenessWatch
from telecare.switchover.plan_runner import PlanRunner
from telecare.switchover.promises import PromiseWatch
from telecare.switchover.proving import ProvingWatch
from telecare.watch.canary import CanarySender, CanarySink, record_result

log = get_logger("serve")

ENGINE_WORKERS = 2
SCHEMA_WAIT_S = 1.0
SCHEMA_CHECK_S = 10.0
THREADS_TURN_S = 0.002
"""So long at most the thread that speaks to the broker waits for the one that works, with a hub's ack in its hand: by
default it is 5 ms, each time. Still shorter turns cost heartbeats."""

Work = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set."""


class Process:
    """What runs in this process beside the web server, which has `database`; alarms have a pool of their own.

    Nothing is processed on a schema that is not the program's own (R20): the parts wait for it, and when it changes
    under them the process ends, for its keeper to start it anew, or a newer one.
    """

    def __init__(self, settings: Settings, app: FastAPI, database: Database) -> None:
        self.settings = settings
        self.app = app
        self.database = database
        self.intake = Database(settings, INTAKE, USUAL)
        self.alarm_path = Database(settings, ALARM_PATH)
        self.stop = asyncio.Event()
        self.failed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._parts: dict[str, Work] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the parts that the roles name while the block lasts; then stop them, each with its work in hand done."""
        listener = Listener(self.database.url)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.intake.dispose)
            stack.push_async_callback(self.alarm_path.dispose)
            if Role.WEB in self.settings.roles:
                feed: BoardFeed = self.app.state.feed
                listener.on_notice(BOARD_CHANNEL, feed.wake)
                self._parts["feed"] = feed.run
            if Role.INGEST in self.settings.roles:
                ingest = Ingest(self.settings, self.intake)
                listener.on_notice(COMMAND_CHANNEL, ingest.commands.woken.set)
                self.app.state.health.add("broker", ingest.problem)
                self._parts["ingest"] = ingest.run
            if Role.ENGINE in self.settings.roles:
                await self._prepare_engine(stack, listener)
            self._parts["listener"] = listener.run
            self._start("schema", self._work_while_the_schema_fits)
            try:
                yield
            finally:
                self.stop.set()
                for task in self._tasks:
                    task.remove_done_callback(self._ended)
                await asyncio.wait(self._tasks, timeout=10)
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _prepare_engine(self, stack: contextlib.AsyncExitStack, listener: Listener) -> None:
        for number in range(ENGINE_WORKERS):
            engine = Engine(self.alarm_path, contacts_by(self.settings), self.settings.public_url)
            listener.on_notice(BOARD_CHANNEL, engine.woken.set)
            self._parts[f"engine-{number}"] = engine.run
        ways: dict[str, Provider] = {
            **await channels(self.settings, stack),
            CANARY_CHANNEL: CanarySink(self.alarm_path),
        }
        woken = asyncio.Event()
        listener.on_notice(BOARD_CHANNEL, woken.set)
        sender = Sender(self.alarm_path, ways, record_result, pace_s=self.settings.technical_pace_s, check=objection)
        self._parts["sender"] = lambda stop: sender.run(stop, woken)
        self._parts["handover-notices"] = HandoverNotices(self.database).run
        self._parts["notices"] = NoticeWatch(self.database, self.settings.unclaimed_limit).run
        self._parts["cover"] = CoverWatch(self.alarm_path, AuditRepository).run
        self._parts["held-reports"] = HeldReports(self.database, Reported()).run
        if self.settings.canary_mqtt_url is not None:
            url = self.settings.canary_mqtt_url.get_secret_value()
            self._parts["canary"] = CanarySender(self.settings, url, self.database).run
        self._parts["presence"] = PresenceKeeper(self.database).run
        within = timedelta(seconds=self.settings.first_heard_within_s)
        rule = incident_rule(self.settings)
        self._parts["silence"] = SilenceWatch(self.alarm_path, self.settings.public_url, within, rule).run
        self._parts["deafness"] = DeafnessWatch(self.alarm_path).run
        self._parts["protection"] = ProtectionKeeper(self.database, within).run
        welfare = WelfareWatch(self.alarm_path, self.settings.welfare_after_s, self.settings.public_url)
        self._parts["welfare"] = welfare.run
        self._parts["jobs"] = JobWatch(self.database, self.settings).run
        self._parts["planning"] = PlanRunner(self.database).run
        self._parts["promises"] = PromiseWatch(self.database).run
        self._parts["proving"] = ProvingWatch(self.database).run
        self._parts["exposure"] = ExposureWatch(self.database, self.settings.public_url).run
        self._parts["awards"] = AwardCount(self.database).run
        self._parts["liveness"] = LivenessWatch(self.alarm_path, self.settings.public_url).run
        self._parts["firmware"] = FirmwareWaves(self.database, self.settings.public_url).run
        sealer = Sealer(self.settings)
        self._parts["imports"] = ImportWorker(self.database, sealer, AuditRepository).run
        self._parts["command-expiry"] = CommandExpiry(self.database).run
        keep = timedelta(days=self.settings.heartbeat_log_days)
        self._parts["telemetry"] = HourlyTelemetry(self.database, keep).run
        self._parts["housekeeping"] = Housekeeping(self.settings, self.database).run

    async def _work_while_the_schema_fits(self, stop: asyncio.Event) -> None:
        """Start the parts once the schema is the program's own; raise SchemaChangedError when it no longer is."""
        gate, started = SchemaGate(self.database.engine), False
        while not stop.is_set():
            try:
                fits = await gate.look()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("schema_not_read", error=repr(error)[:200])
            else:
                if fits and not started:
                    started = True
                    for name, work in self._parts.items():
                        self._start(name, work)
            await first_of(stop, timeout_s=SCHEMA_CHECK_S if started else SCHEMA_WAIT_S)

    def _start(self, name: str, work: Work) -> None:
        task = asyncio.ensure_future(work(self.stop))
        task.set_name(name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A part that ended by itself is a fault: end the process loudly, so that its keeper starts it anew."""
        if not self.stop.is_set():
            error = None if task.cancelled() else task.exception()
            log.error("part_ended", part=task.get_name(), error=repr(error), exc_info=error)
            self.failed.set()


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: we end the streams first, or a restart would hang on them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to us."""
        yield


def stop_on_signals() -> asyncio.Event:
    """Return an event of the running loop that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def serve(settings: Settings, stop: asyncio.Event) -> int:
    """Run this process until `stop` is set; return its exit code (1 when a part of it failed)."""
    database = Database(settings)
    app = create_app(Services(settings, database, Sealer(settings)))
    process = Process(settings, app, database)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            lifespan="off",
            http=BoundedProtocol,
            ws="none",
        )
    )
    settle()
    sys.setswitchinterval(THREADS_TURN_S)
    try:
        async with process.running():
            web = asyncio.create_task(server.serve(), name="web")
            waits = [asyncio.ensure_future(event.wait()) for event in (stop, process.failed)]
            await asyncio.wait([web, *waits], return_when=asyncio.FIRST_COMPLETED)
            process.stop.set()
            server.should_exit = True
            await asyncio.gather(web, return_exceptions=True)
            for waiting in waits:
                waiting.cancel()
            failed = process.failed.is_set() or not stop.is_set()
    finally:
        await database.dispose()
    return 1 if failed else 0
