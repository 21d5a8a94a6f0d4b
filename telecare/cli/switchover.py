"""`telecare switchover`: programmes that take homes off lines and devices that retire."""

from datetime import date
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.councils import COUNCILS, UnknownCouncilError, present_code
from devices.switchover.forecast.schemas import ForecastOut, ForecastQuestion
from devices.switchover.forecast.service import ForecastService
from telecare.cli.common import in_transaction, run_command, say
from telecare.cli.switchover_engineers import away, engineer, rules
from telecare.cli.switchover_import import import_table
from telecare.cli.switchover_needs import needs
from telecare.cli.switchover_plan import id_of, plan
from telecare.kernel.db import database_now

app = typer.Typer(no_args_is_help=True, help="Homes off lines and devices that retire, nobody unprotected on the way.")
for command in (plan, engineer, away, rules, needs):
    app.command()(command)
app.command("import")(import_table)

BAR = 50
EVERY = 7
Days = Annotated[list[str] | None, typer.Option(help="a day as 2026-12-24, repeatable")]


@app.command()
def forecast(
    council: Annotated[str | None, typer.Option(help="only of this council: a GSS code or a name")] = None,
    programme: Annotated[str | None, typer.Option(help="its id; the one with the first deadline unless named")] = None,
    wave: Annotated[str | None, typer.Option(help="only the homes of this wave: its id")] = None,
    engineers: Annotated[
        float | None, typer.Option(min=0, max=500, help="so many a day instead of those there are")
    ] = None,
    pace: Annotated[float | None, typer.Option(min=0.1, max=20, help="visits by engineer and day")] = None,
    no_access: Annotated[float | None, typer.Option(min=0, max=0.9, help="share of first visits, such as 0.15")] = None,
    day_off: Days = None,
    saturday: Days = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Say how many homes remain on each day until the deadline, and what it takes; code 1 when some will.

    Example: telecare switchover forecast --council Fife --engineers 7
    """
    try:
        question = ForecastQuestion(
            programme=id_of(programme, "--programme"),
            wave=id_of(wave, "--wave"),
            council=None if council is None else present_code(council),
            engineers=engineers,
            pace=pace,
            no_access=no_access,
            days_off=[date.fromisoformat(day) for day in day_off or ()],
            saturdays=[date.fromisoformat(day) for day in saturday or ()],
        )
    except ValidationError as error:
        raise typer.BadParameter("; ".join(fault["msg"] for fault in error.errors())) from error
    except (UnknownCouncilError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error

    async def work(session: AsyncSession) -> ForecastOut:
        return await ForecastService(session).ask(question, await database_now(session))

    def run() -> int:
        found = in_transaction(work)
        if as_json:
            say(found.model_dump_json())
        else:
            _tell(found)
        return 1 if found.middle or found.programme_id is None else 0

    run_command(run)


def _tell(found: ForecastOut) -> None:
    of = f"{found.programme}, wave {found.wave}" if found.wave else found.programme
    say(f"{of}, {COUNCILS[found.council_id] if found.council_id else 'all councils'}, {found.made_on}")
    who = f"{found.engineers:g} engineers, {found.pace:g} visits each a day"
    say(f"{found.done:,} of {found.homes:,} homes are done; {who}")
    for sentence in found.sentences:
        say(sentence)
    if not found.bands:
        return
    most = max(1, found.remaining)
    shown = found.bands[::EVERY]
    for band in [*shown, *([] if shown[-1] == found.bands[-1] else [found.bands[-1]])]:
        low, high = round(BAR * band.low / most), round(BAR * band.high / most)
        say(f"{band.day}  {'█' * low}{'░' * (high - low):<{BAR - low}}  {band.low}-{band.middle}-{band.high}")
    for each in found.councils if len(found.councils) > 1 else ():
        say(f"{COUNCILS[each.council_id]}: {each.remaining} now, at the deadline {each.low}-{each.middle}-{each.high}")
