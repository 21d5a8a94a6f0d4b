"""`telecare simulate` and `telecare import`: simulated hubs, and a fleet from a spreadsheet."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.importing.schemas import ImportOut
from devices.registry.importing.service import ImportReport, import_fleet, report_csv
from simulators.fleet.incidents import Service
from simulators.fleet.run import FleetOptions
from simulators.fleet.storms.kinds import StormKind
from simulators.main import run_fleet, run_hub, run_operators
from simulators.operator.run import OperatorOptions
from telecare.api.endpoints.fleet_import import note_import
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings

simulate = typer.Typer(no_args_is_help=True, help="Hubs that behave like real ones, over the wire contract only.")
imports = typer.Typer(no_args_is_help=True, help="Data from other systems.")

Mqtt = Annotated[str, typer.Option(help="mqtt://host:port or mqtts://host:port")]
CaFile = Annotated[str | None, typer.Option(help="whom to trust for mqtts, a PEM file; else the system's")]
FleetFile = Annotated[Path, typer.Option(help="the fleet file, such as .demo/fleet.json")]
Hubs = Annotated[int | None, typer.Option(min=1, help="only the first so many hubs of the file")]
Ledger = Annotated[Path | None, typer.Option(help="append what happened to this JSON-lines file")]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON, and nothing else")]


@simulate.command("hub")
def hub(
    hub_id: str,
    mqtt: Mqtt,
    password: Annotated[str, typer.Option(envvar="HUB_PASSWORD", help="or HUB_PASSWORD in the environment")],
    press: Annotated[str | None, typer.Option(help="set off this trigger once connected, such as pendant")] = None,
    pre_alarm_s: Annotated[float, typer.Option(min=0, help="seconds in which the user may cancel")] = 10.0,
    stay: Annotated[bool, typer.Option("--stay", help="go on after the ack")] = False,
    timeout_s: Annotated[float | None, typer.Option(min=0, help="give up the wait for the ack after this")] = None,
    ca_file: CaFile = None,
    as_json: AsJson = False,
) -> None:
    """Run one hub and tell what happens until its alarm is acked; code 1 when it is not, or the hub is refused.

    Example: HUB_PASSWORD=… telecare simulate hub SK-00001 --mqtt mqtt://127.0.0.1:1883 --press pendant --pre-alarm-s 0

    (hub and password from .demo/demo.json; the hubs of .demo/fleet.json are taken while the demo's own fleet runs)
    """

    def run() -> int:
        return run_hub(
            mqtt, hub_id, password, press=press, pre_alarm_s=pre_alarm_s, stay=stay, timeout_s=timeout_s,
            ca_file=ca_file, as_json=as_json,
        )  # fmt: skip

    run_command(run)


@simulate.command("fleet")
def fleet(
    file: FleetFile,
    mqtt: Mqtt,
    hubs: Hubs = None,
    seed: Annotated[int, typer.Option(help="the same seed gives the same happenings")] = 1,
    alarms_per_minute: Annotated[float | None, typer.Option(min=0, help="for the whole fleet")] = None,
    duration: Annotated[float | None, typer.Option(min=0, help="seconds; without it until Ctrl-C")] = None,
    ledger: Ledger = None,
    ca_file: CaFile = None,
    as_json: AsJson = False,
) -> None:
    """Run a fleet of hubs, each with its own connection; code 1 when an event is never acked or none can connect.

    Example: telecare simulate fleet --file .demo/fleet.json --mqtt mqtt://127.0.0.1:1883 --duration 60

    (on a demo that runs with --no-simulate: two fleets with the same hubs throw each other out)
    """
    options = FleetOptions(
        seed=seed, alarms_per_minute=alarms_per_minute, duration_s=duration, ledger=ledger, as_json=as_json
    )
    run_command(lambda: run_fleet(file, mqtt, options, ca_file=ca_file, hubs=hubs))


@simulate.command("storm")
def storm(
    file: FleetFile,
    mqtt: Mqtt,
    kind: Annotated[StormKind, typer.Option(help="what befalls it, see above")] = StormKind.WHOLE,
    hubs: Hubs = None,
    seed: Annotated[int, typer.Option(help="the same seed gives the same storm")] = 1,
    duration: Annotated[float, typer.Option(min=1, help="seconds from the first loss to the last return")] = 60.0,
    pendants: Annotated[int, typer.Option(min=1, help="how many people press in it, and as many before it")] = 20,
    calm: Annotated[float, typer.Option(min=0, help="seconds before it, to compare with")] = 20.0,
    grace: Annotated[float, typer.Option(min=0, help="seconds to wait for the last acks after it")] = 120.0,
    url: Annotated[str | None, typer.Option(help="the service, to be asked in the end for its incidents")] = None,
    token: Annotated[str | None, typer.Option(envvar="API_TOKEN", help="or API_TOKEN in the environment")] = None,
    ledger: Ledger = None,
    ca_file: CaFile = None,
    as_json: AsJson = False,
) -> None:
    """Something befalls the whole fleet, with pendants pressed among it; --kind says what.

    whole: all hubs lose their mains, fall silent and come back, except those whose owners press.

    blackout: six hours in the time of --duration. Mains fail postcode sector by sector, then masts as their batteries
    are empty; power comes back in any order, and to a few not at all.

    network: one mobile network fails for most of an hour. Hubs with a second path say so, the others are silent.

    batteries: a month in which batteries hold less and less, then a power cut of twelve hours.

    Says in the end what failed and how fast the pendants were acked: before the storm, in it, and those that had to
    wait for a path. Code 1 when an event never was, unless its hub stays cut off by the story.

    Example: telecare simulate storm --file .demo/fleet.json --mqtt mqtt://127.0.0.1:1883 --kind blackout --hubs 1000

    (on a demo that runs with --no-simulate: two fleets with the same hubs throw each other out. With --url
    http://127.0.0.1:8080 and the token of .demo/demo.json it says which incidents were opened meanwhile)
    """
    if (url is None) != (token is None):
        raise typer.BadParameter("--url and --token (or API_TOKEN) go together")
    options = FleetOptions(
        profile="storm", storm=kind, seed=seed, duration_s=duration, grace_s=grace, pendants=pendants, calm_s=calm,
        service=Service(url, token) if url and token else None, ledger=ledger, as_json=as_json,
    )  # fmt: skip
    run_command(lambda: run_fleet(file, mqtt, options, ca_file=ca_file, hubs=hubs))


@simulate.command("operators")
def operators(
    url: Annotated[str, typer.Option(help="the service, such as http://127.0.0.1:8080")],
    tokens: Annotated[Path, typer.Option(help="the tokens file, such as .demo/operators.json")],
    patience_s: Annotated[float, typer.Option(min=0, help="how long an alarm is left to the people")] = 60.0,
) -> None:
    """Colleagues who take what has waited and handle it, over the HTTP API, until Ctrl-C.

    Example: telecare simulate operators --url http://127.0.0.1:8080 --tokens .demo/operators.json
    """
    run_command(lambda: run_operators(url, tokens, OperatorOptions(patience_s=patience_s)))


@imports.command("fleet")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, one home a row; see docs/import.md")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen, and do nothing")] = False,
    report: Annotated[Path | None, typer.Option(help="write what became of each row to this CSV file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the whole report as JSON")] = False,
) -> None:
    """Import homes from a spreadsheet: good rows are taken, bad ones reported; code 1 when there are any.

    Example: telecare import fleet homes.csv --dry-run --report report.csv
    """

    async def work(session: AsyncSession) -> ImportReport:
        done = await import_fleet(session, Sealer(Settings()), file.read_bytes(), dry_run=dry_run)
        if not dry_run:
            await note_import(session, "system", done)
        return done

    def run() -> int:
        done = in_transaction(work)
        if report is not None:
            report.write_text(report_csv(done), encoding="utf-8-sig", newline="")
        if as_json:
            say(ImportOut.model_validate(done).model_dump_json())
        else:
            _tell(done)
        return 1 if done.counts["error"] else 0

    run_command(run)


def _tell(done: ImportReport) -> None:
    for note in done.notes:
        say(note)
    for outcome in done.outcomes:
        for fault in outcome.faults:
            say(f"Row {outcome.number} {outcome.hub_id}: {fault.column}: {fault.what}")
    counted = ", ".join(f"{count} {status}" for status, count in done.counts.items())
    say(f"{'Would be' if done.dry_run else 'Done'}: {counted}.")
