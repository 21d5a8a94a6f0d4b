"""`telecare simulate switchover`: whole programmes on a clock of their own, to see that nobody is ever unprotected."""

import json
from datetime import date, datetime
from statistics import median
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress

from telecare.bench.programme.run import Options, Report, simulate
from telecare.cli.common import run_command, say

DEADLINE = date(2027, 1, 31)
BAR = 50


def switchover(
    homes: Annotated[int, typer.Option(min=1, max=20_000)] = 1200,
    engineers: Annotated[int, typer.Option(min=1, max=200)] = 6,
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="so many programmes, each with its own luck")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="the first; the same seed gives the same programme")] = 1,
    no_access: Annotated[float, typer.Option(min=0.01, max=0.8, help="share of visits that find nobody in")] = 0.15,
    start: Annotated[str | None, typer.Option(help="the first day, as 2026-11-30; today unless given")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Simulate programmes until the analogue network closes; nobody may be unprotected, and the forecast must hold.

    Code 1 when somebody was unprotected at any instant, or the forecast's ranges hold more or less than they promise.

    Example: telecare simulate switchover --homes 600 --engineers 3 --seeds 20
    """
    try:
        first = datetime.now(ZoneInfo("Europe/London")).date() if start is None else date.fromisoformat(start)
    except ValueError as error:
        raise typer.BadParameter(f"{start} is no day: write it as 2026-11-30") from error
    if first >= DEADLINE:
        raise typer.BadParameter(f"{first} is not before {DEADLINE}: give an earlier day with --start")
    options = Options(homes, engineers, seeds, seed, first, DEADLINE, no_access)

    def run() -> int:
        with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
            task = progress.add_task(f"{seeds} programmes", total=seeds)
            report = Report(options)
            for so_far in simulate(options):
                report = so_far
                progress.advance(task)
        if as_json:
            say(json.dumps(report.data()))
        else:
            for line in lines(report):
                say(line)
        return 1 if report.faults else 0

    run_command(run)


def lines(report: Report) -> list[str]:
    """Return a report in words."""
    options = report.options
    said = [
        f"{options.seeds} programmes of {options.homes:,} homes and {options.engineers} engineers",
        f"{options.first} to {options.last}, {report.speed:,.0f} times faster than real time",
        "",
        "Homes that remained (of 10 programmes, 8 lay between):",
    ]
    for day, counts in report.curve.items():
        ordered = sorted(counts)
        low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
        bar = "█" * round(BAR * median(ordered) / options.homes)
        said.append(f"{day}  {bar:<{BAR}}  {median(ordered):5.0f}  ({low} to {high})")
    happened = ", ".join(f"{count:,} {what}" for what, count in sorted(report.happened.items()))
    refused = ", ".join(f"{count:,} to {to}" for to, count in report.refused.most_common())
    said += [
        "",
        f"What happened: {happened}",
        f"Steps tried: {report.steps:,}; refused by the rules: {refused or 'none'}",
        f"Looked at a home {report.looks:,} times: {report.minutes_unprotected:,.0f} minutes unprotected",
        f"Hubs accepted that had not shown everything: {report.unproven}",
        "",
        f"The forecast, asked {report.calibration.forecasts} times on the way, and what came:",
    ]
    for level, share in report.calibration.observed.items():
        tolerance = report.calibration.tolerance[level]
        said.append(
            f"  the {level:.0%} range held the outcome in {share:.1%} (tolerance ± {100 * tolerance:.0f} points)"
        )
    return [
        *said,
        "",
        *(report.faults or ["Nobody was unprotected, and the forecast's ranges hold what they promise."]),
    ]
