"""`telecare bench`: measured figures. Ratios within one run travel between machines; absolute times do not."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import typer

from telecare.cli.common import run_command, say
from telecare.kernel.logging import configure_logging
from telecare.kernel.settings import Settings

app = typer.Typer(no_args_is_help=True)


Mosquitto = Annotated[bool, typer.Option("--mosquitto", help="with this machine's Mosquitto for a broker")]


def let_others_through(folder: str) -> None:
    """Let the embedded database's user pass: as root it runs as another one."""
    Path(folder).chmod(0o755)


@app.callback()
def quiet() -> None:
    """Measured figures, as ratios within one run."""
    # What the code under measurement logs belongs to nobody's figures; by default it would go among them.
    configure_logging(Settings.model_validate({"log_level": "WARNING"}))


@app.command()
def crash(
    seconds: Annotated[float, typer.Option(min=5, help="how long alarms are raised and processes killed")] = 300.0,
    alarms_per_s: Annotated[float, typer.Option(min=0.1)] = 10.0,
    homes: Annotated[int, typer.Option(min=1, help="homes of the fleet; about half of the hubs speak MQTT")] = 200,
    seed: Annotated[int, typer.Option(help="the same seed kills in the same order")] = 1,
    mosquitto: Mosquitto = False,
) -> None:
    """Kill service, broker and database at random while alarms are raised; then compare the books. Exit 1 on any loss.

    Example: telecare bench crash --seconds 60
    """
    from telecare.bench.crash import CrashOptions, crash_run  # noqa: PLC0415 - embedded engines are an extra
    from telecare.embedded.lab import Lab  # noqa: PLC0415 - the same
    from telecare.embedded.ports import free_port  # noqa: PLC0415 - the same

    async def run() -> int:
        with tempfile.TemporaryDirectory(prefix="telecare-crash-") as folder:
            let_others_through(folder)
            options = CrashOptions(seconds, alarms_per_s, seed=seed)
            async with Lab(
                Path(folder),
                homes=homes,
                http_port=free_port(),
                mqtt_port=free_port(),
                mosquitto=mosquitto,
                say=say,
            ) as lab:
                report = await crash_run(lab, options, say)
        for line in report.lines():
            say(line)
        return 1 if report.faults else 0

    run_command(lambda: asyncio.run(run()))


@app.command()
def alarm(
    alarms: Annotated[int, typer.Option(min=20, help="in each phase")] = 100,
    per_s: Annotated[float, typer.Option(min=0.1, help="alarms a second, at random moments")] = 4.0,
    heartbeats_per_s: Annotated[float, typer.Option(min=1, help="the load of the second phase")] = 2000.0,
    consoles: Annotated[int, typer.Option(min=1, help="event streams that follow the board")] = 20,
    homes: Annotated[int, typer.Option(min=1, help="homes of the fleet; about half of the hubs speak MQTT")] = 1200,
    under: Annotated[
        list[str] | None, typer.Option(help="what they are raised under: load, saturation, storm; repeatable")
    ] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="with the embedded broker, also where Mosquitto is installed")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Measure publish → commit → board, idle and under heartbeats; median and p99, and broker and database alone.

    Example: telecare bench alarm --alarms 50 --under load --under saturation --under storm --homes 2800
    """
    from telecare.bench.alarm import CONDITIONS, AlarmOptions, alarm_run  # noqa: PLC0415 - embedded engines are an extra
    from telecare.embedded.lab import Lab  # noqa: PLC0415 - the same
    from telecare.embedded.mosquitto import find_mosquitto  # noqa: PLC0415 - the same
    from telecare.embedded.ports import free_port  # noqa: PLC0415 - the same

    async def run() -> int:
        mosquitto = not embedded and find_mosquitto() is not None
        if wrong := set(under or ()) - set(CONDITIONS):
            raise typer.BadParameter(f"there is no {', '.join(sorted(wrong))}: {', '.join(CONDITIONS)}")
        tell = (lambda _: None) if as_json else say
        with tempfile.TemporaryDirectory(prefix="telecare-bench-") as folder:
            let_others_through(folder)
            options = AlarmOptions(alarms, per_s, heartbeats_per_s, consoles, under=tuple(under or ("load",)))
            async with Lab(
                Path(folder), homes=homes, http_port=free_port(), mqtt_port=free_port(), mosquitto=mosquitto, say=tell
            ) as lab:
                report = await alarm_run(lab, options, "Mosquitto" if mosquitto else "embedded (amqtt)", tell)
        _tell(report, as_json=as_json)
        return 0

    run_command(lambda: asyncio.run(run()))


@app.command()
def ingest(
    messages: Annotated[int, typer.Option(min=1000, help="heartbeats in each pour")] = 40_000,
    rounds: Annotated[int, typer.Option(min=1, help="turns of counting subscriber and service")] = 3,
    most: Annotated[int, typer.Option(min=1000, help="the largest fleet")] = 100_000,
    part: Annotated[
        list[str] | None, typer.Option(help="only this one of heartbeats, growth, share, node-red, alarm; repeatable")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="see that it runs and counts right: no figures")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Measure durable heartbeats a second, beside a subscriber that only counts, bare SQL and Node-RED.

    Also with 1,000, 10,000 and 100,000 hubs, with one, two and four processes, and how long an alarm takes under all
    that, as `telecare bench alarm` does. It needs Mosquitto.

    Example: telecare bench ingest --part heartbeats --rounds 5
    """
    from telecare.bench.ingest import PARTS, QUICK, IngestOptions, ingest_run  # noqa: PLC0415 - embedded engines: an extra
    from telecare.embedded.mosquitto import find_mosquitto  # noqa: PLC0415 - the same

    async def run() -> int:
        if find_mosquitto() is None:
            say("Mosquitto is not installed: apt-get install mosquitto")
            return 1
        if wrong := set(part or ()) - set(PARTS):
            raise typer.BadParameter(f"there is no part {', '.join(sorted(wrong))}: {', '.join(PARTS)}")
        fleets = tuple(hubs for hubs in (1_000, 10_000, 100_000) if hubs <= most)
        options = IngestOptions(messages, rounds=rounds, fleets=fleets, parts=tuple(part or PARTS))
        with tempfile.TemporaryDirectory(prefix="telecare-bench-") as folder:
            let_others_through(folder)
            report = await ingest_run(Path(folder), QUICK if quick else options, (lambda _: None) if as_json else say)
        _tell(report, as_json=as_json)
        return 0

    run_command(lambda: asyncio.run(run()))


@app.command()
def escalation(
    workers: Annotated[int, typer.Option(min=1, help="workers, of the engine and of bare SQL")] = 4,
    processes: Annotated[int, typer.Option(min=1, help="processes that have them; the service has two in each")] = 2,
    steps: Annotated[int, typer.Option(min=10, help="steps in each turn")] = 1000,
    turns: Annotated[int, typer.Option(min=1, help="turns that count; one more is for warming up")] = 4,
    most: Annotated[int, typer.Option(min=100, help="the most open alarms with which a step is timed")] = 100_000,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Measure steps of the ladder a second, as a ratio to bare SQL, and what a step costs with very many open alarms.

    Example: telecare bench escalation --steps 500 --most 10000
    """
    from telecare.bench.escalation import EscalationOptions, escalation_run  # noqa: PLC0415 - embedded engines: an extra

    async def run() -> int:
        tell = (lambda _: None) if as_json else say
        open_alarms = tuple(count for count in (100, 1_000, 10_000, 100_000, 1_000_000) if count <= most)
        options = EscalationOptions(workers, processes, steps, turns, open_alarms=open_alarms)
        async with _own_postgres() as url:
            report = await escalation_run(url, options, tell)
        _tell(report, as_json=as_json)
        return 0

    run_command(lambda: asyncio.run(run()))


@app.command()
def silence(
    hubs: Annotated[int, typer.Option(min=20, help="that fall silent; a tenth as many stay alive")] = 20_000,
    spread_s: Annotated[float, typer.Option(min=1, help="seconds over which their deadlines lie")] = 120.0,
    pendants: Annotated[int, typer.Option(min=1, help="pressed before, and again meanwhile")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Let very many hubs fall silent: how late verdicts are, what humans are told, what a pendant waits meanwhile.

    Exit 1 when a verdict is more than 10 s late, humans are told of more than the one cause, or the p99 of pendants is
    more than a second longer than when all is quiet.

    Example: telecare bench silence --hubs 3000
    """
    from telecare.bench.silence import SilenceOptions, silence_run  # noqa: PLC0415 - embedded engines are an extra

    async def run() -> int:
        tell = (lambda _: None) if as_json else say
        async with _own_postgres() as url:
            report = await silence_run(url, SilenceOptions(hubs, spread_s, pendants=pendants), tell)
        _tell(report, as_json=as_json)
        return 0 if report.holds() else 1

    run_command(lambda: asyncio.run(run()))


@app.command("import")
def imports(
    homes: Annotated[int, typer.Option(min=100, help="of the larger lists; the smaller ones have a tenth")] = 50_000,
    form: Annotated[list[str] | None, typer.Option(help="CSV or XLSX; both when left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Import lists of homes: how long, in how much memory, and what an alarm waits meanwhile.

    Example: telecare bench import --homes 5000 --form XLSX
    """
    from telecare.bench.imports import WRITERS, imports_run  # noqa: PLC0415 - embedded engines are an extra

    async def run() -> int:
        tell = (lambda _: None) if as_json else say
        forms = [each.upper() for each in form or WRITERS]
        if unknown := sorted(set(forms) - WRITERS.keys()):
            raise typer.BadParameter(f"{', '.join(unknown)} is none of {', '.join(WRITERS)}", param_hint="--form")
        async with _own_postgres() as url:
            report = await imports_run(url, (homes // 10, homes), tell, forms)
        _tell(report, as_json=as_json)
        return 0

    run_command(lambda: asyncio.run(run()))


@app.command("export")
def exports(
    hubs: Annotated[int, typer.Option(min=100, help="of the larger list; the smaller one has a tenth")] = 100_000,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Take lists of the fleet out, as workbook and as CSV: how long, and in how much memory.

    Example: telecare bench export --hubs 20000
    """
    from telecare.bench.exports import exports_run  # noqa: PLC0415 - embedded engines are an extra

    async def run() -> int:
        tell = (lambda _: None) if as_json else say
        async with _own_postgres() as url:
            report = await exports_run(url, hubs, tell)
        _tell(report, as_json=as_json)
        return 0

    run_command(lambda: asyncio.run(run()))


@app.command()
def escalation_crash(
    duration: Annotated[
        float, typer.Option(min=5, help="seconds in which alarms are raised and processes killed")
    ] = 600.0,
    alarms_per_s: Annotated[float, typer.Option(min=0.1)] = 10.0,
    homes: Annotated[int, typer.Option(min=1, help="homes of the fleet; about half of the hubs speak MQTT")] = 400,
    seed: Annotated[int, typer.Option(help="the same seed kills in the same order")] = 1,
    broker: Annotated[bool, typer.Option("--broker", help="kill the broker too")] = False,
    postgres: Annotated[bool, typer.Option("--postgres", help="kill the database too")] = False,
    mosquitto: Mosquitto = False,
) -> None:
    """Kill web, ingest and two engines, each a process, every 1-5 s; count what was handed over. Exit 1 on any loss.

    Example: telecare bench escalation-crash --duration 60 --postgres
    """
    from telecare.bench.escalation_crash import (  # noqa: PLC0415 - embedded engines are an extra
        EscalationCrashOptions,
        escalation_crash_run,
    )
    from telecare.embedded.lab import APART, Lab  # noqa: PLC0415 - the same
    from telecare.embedded.ports import free_port  # noqa: PLC0415 - the same

    async def run() -> int:
        with tempfile.TemporaryDirectory(prefix="telecare-crash-") as folder:
            let_others_through(folder)
            options = EscalationCrashOptions(duration, alarms_per_s, (1.0, 5.0), seed, broker, postgres)
            async with Lab(
                Path(folder),
                homes=homes,
                http_port=free_port(),
                mqtt_port=free_port(),
                mosquitto=mosquitto,
                roles=APART,
                say=say,
            ) as lab:
                report = await escalation_crash_run(lab, options, say)
        for line in report.lines():
            say(line)
        return 1 if report.faults else 0

    run_command(lambda: asyncio.run(run()))


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=1, help="how long the fleet goes on")] = 60.0,
    hubs: Annotated[int, typer.Option(min=1, help="simulated hubs")] = 1000,
    alarms_per_minute: Annotated[float, typer.Option(min=0)] = 30.0,
    faults_per_minute: Annotated[
        float, typer.Option(min=0, help="broken links, reboots, lost clocks, nonsense")
    ] = 60.0,
    seed: Annotated[int, typer.Option(help="the same seed has the same happen")] = 1,
    mosquitto: Mosquitto = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Run a fleet with faults, a line a minute. Exit 1 when memory or dead rows grow, or an event is lost.

    Example: telecare bench soak --minutes 5 --hubs 200
    """
    from telecare.bench.soak import HOMES_PER_HUB, SoakOptions, soak_run  # noqa: PLC0415 - embedded engines: an extra
    from telecare.embedded.lab import Lab  # noqa: PLC0415 - the same
    from telecare.embedded.ports import free_port  # noqa: PLC0415 - the same

    async def run() -> int:
        tell = (lambda _: None) if as_json else say
        with tempfile.TemporaryDirectory(prefix="telecare-soak-") as folder:
            let_others_through(folder)
            options = SoakOptions(minutes, hubs, alarms_per_minute, faults_per_minute, seed)
            homes = int(hubs * HOMES_PER_HUB) + 5
            async with Lab(
                Path(folder), homes=homes, http_port=free_port(), mqtt_port=free_port(), mosquitto=mosquitto, say=tell
            ) as lab:
                report = await soak_run(lab, options, tell)
        for line in [msgspec.json.encode(report.values()).decode()] if as_json else report.lines():
            say(line)
        return 1 if report.faults else 0

    run_command(lambda: asyncio.run(run()))


class _Report(Protocol):
    def values(self) -> dict[str, Any]: ...

    def lines(self) -> list[str]: ...


@asynccontextmanager
async def _own_postgres() -> AsyncIterator[str]:
    """Yield the address of a database of the bench's own, with the schema in it."""
    from telecare.embedded import EmbeddedPostgres  # noqa: PLC0415 - embedded engines are an extra
    from telecare.kernel.db import Database  # noqa: PLC0415 - the same
    from telecare.kernel.schema import upgrade  # noqa: PLC0415 - the same

    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as folder:
        let_others_through(folder)
        async with EmbeddedPostgres(Path(folder) / "postgres") as postgres:
            database = Database(Settings.model_validate({"database_url": postgres.url}))
            await upgrade(database.engine)
            await database.dispose()
            yield postgres.url


def _tell(report: _Report, *, as_json: bool) -> None:
    """Print what was measured, for a program or for a reader."""
    for line in [msgspec.json.encode(report.values()).decode()] if as_json else report.lines():
        say(line)


@app.command()
def plan(
    homes: Annotated[list[int] | None, typer.Option(min=1, help="so many homes; repeatable")] = None,
    engineers: Annotated[int | None, typer.Option(min=1, help="one for each 200 homes when left out")] = None,
    days: Annotated[int, typer.Option(min=3, help="working days")] = 45,
    seconds: Annotated[float, typer.Option(min=0.1, help="of each search at most")] = 4.0,
    iterations: Annotated[
        int, typer.Option(min=1, help="of each search at most; the same on every machine")
    ] = 1_000_000,
    seed: Annotated[int, typer.Option(help="the same seed makes the same homes")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Plan visits for a fictional council; compare with the nearest-neighbour plan; plan anew; Solomon's instances.

    Exit 1 when a plan breaks a hard constraint (a validator looks that shares no code with the planner), does not avoid
    more harm on less road than the nearest home first, or takes 10 s or more to be made anew.

    Example: telecare bench plan --homes 1200
    """
    from telecare.bench.planning import PlanOptions, plan_run  # noqa: PLC0415 - the routing library loads slowly

    def run() -> int:
        sizes = tuple(homes) if homes else PlanOptions().homes
        options = PlanOptions(sizes, engineers, days, seconds, iterations, seed=seed)
        report = plan_run(options, (lambda _: None) if as_json else say)
        _tell(report, as_json=as_json)
        return 1 if report.failings else 0

    run_command(run)
