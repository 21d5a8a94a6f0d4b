"""`telecare simulate` and `telecare import`: simulated hubs, and a fleet from a spreadsheet."""

from pathlib import Path
from typing import Annotated

import typer

from simulators.fleet.run import FleetOptions
from simulators.main import run_fleet, run_hub
from telecare.cli.common import run_command

simulate = typer.Typer(no_args_is_help=True, help="Hubs that behave like real ones, over the wire contract only.")
imports = typer.Typer(no_args_is_help=True, help="Data from other systems.")

Mqtt = Annotated[str, typer.Option(help="mqtt://host:port or mqtts://host:port")]


@simulate.command("hub")
def hub(
    hub_id: str,
    mqtt: Mqtt,
    password: Annotated[str, typer.Option(envvar="HUB_PASSWORD", help="or HUB_PASSWORD in the environment")],
    press: Annotated[str | None, typer.Option(help="set off this trigger once connected, such as pendant")] = None,
    pre_alarm_s: Annotated[float, typer.Option(min=0, help="seconds in which the user may cancel")] = 10.0,
    stay: Annotated[bool, typer.Option("--stay", help="go on after the ack")] = False,
) -> None:
    """Run one hub and tell what happens until its alarm is acked.

    Example: telecare simulate hub HUB-0001 --mqtt mqtt://127.0.0.1:1883 --press pendant --pre-alarm-s 0
    """
    run_command(lambda: run_hub(mqtt, hub_id, password, press=press, pre_alarm_s=pre_alarm_s, stay=stay))


@simulate.command("fleet")
def fleet(
    file: Annotated[Path, typer.Option(help="the fleet file, such as .demo/fleet.json")],
    mqtt: Mqtt,
    seed: Annotated[int, typer.Option(help="the same seed gives the same happenings")] = 1,
    alarms_per_minute: Annotated[float | None, typer.Option(min=0, help="for the whole fleet")] = None,
    duration: Annotated[float | None, typer.Option(min=0, help="seconds; without it until Ctrl-C")] = None,
    ledger: Annotated[Path | None, typer.Option(help="append what happened to this JSON-lines file")] = None,
) -> None:
    """Run a fleet of hubs, each with its own connection.

    Example: telecare simulate fleet --file .demo/fleet.json --mqtt mqtt://127.0.0.1:1883 --duration 60
    """
    options = FleetOptions(seed=seed, alarms_per_minute=alarms_per_minute, duration_s=duration, ledger=ledger)
    run_command(lambda: run_fleet(file, mqtt, options))


@simulate.command("storm")
def storm(
    file: Annotated[Path, typer.Option(help="the fleet file, such as .demo/fleet.json")],
    mqtt: Mqtt,
    seed: Annotated[int, typer.Option(help="the same seed gives the same storm")] = 1,
    duration: Annotated[float, typer.Option(min=1, help="seconds")] = 60.0,
) -> None:
    """The whole fleet loses mains, falls silent and comes back, with pendants pressed among it.

    Example: telecare simulate storm --file .demo/fleet.json --mqtt mqtt://127.0.0.1:1883
    """
    options = FleetOptions(profile="storm", seed=seed, duration_s=duration)
    run_command(lambda: run_fleet(file, mqtt, options))
