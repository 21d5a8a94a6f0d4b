"""`telecare bench`: measured figures. Ratios within one run travel between machines; absolute times do not."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from telecare.cli.common import run_command, say

app = typer.Typer(no_args_is_help=True, help="Measured figures, as ratios within one run.")


def let_others_through(folder: str) -> None:
    """Let the embedded database's user pass: as root it runs as another one."""
    Path(folder).chmod(0o755)


@app.command()
def crash(
    seconds: Annotated[float, typer.Option(min=5, help="how long alarms are raised and processes killed")] = 300.0,
    alarms_per_s: Annotated[float, typer.Option(min=0.1)] = 10.0,
    homes: Annotated[int, typer.Option(min=1, help="homes of the fleet; about half of the hubs speak MQTT")] = 200,
    seed: Annotated[int, typer.Option(help="the same seed kills in the same order")] = 1,
) -> None:
    """Kill service, broker and database at random while alarms are raised; then compare the books. Exit 1 on any loss.

    Example: telecare bench crash --seconds 60
    """
    from telecare.embedded.crash import CrashOptions, crash_run  # noqa: PLC0415 - embedded engines are an extra
    from telecare.embedded.lab import Lab, free_port  # noqa: PLC0415 - the same

    async def run() -> int:
        with tempfile.TemporaryDirectory(prefix="telecare-crash-") as folder:
            let_others_through(folder)
            options = CrashOptions(seconds, alarms_per_s, seed=seed)
            async with Lab(Path(folder), homes=homes, http_port=free_port(), mqtt_port=free_port(), say=say) as lab:
                report = await crash_run(lab, options, say)
        for line in report.lines():
            say(line)
        return 1 if report.faults else 0

    run_command(lambda: asyncio.run(run()))
