"""`telecare switchover plan`: who visits whom, when."""

import asyncio
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.progress import Progress
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.councils import UnknownCouncilError, present_code
from devices.switchover.planning.changes import Order
from devices.switchover.planning.domain import PlanState
from devices.switchover.planning.problem import Plan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.programmes.domain import Part
from devices.switchover.programmes.repository import ProgrammeRepository
from telecare.access.repository import AuditRepository
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.db import database_now
from telecare.switchover.plan_runner import carry_out
from telecare.switchover.planning import Known, as_result, problem_of

WEEKS = timedelta(weeks=9)
NAMED = 20


def plan(
    council: Annotated[str, typer.Option(help="a GSS code or a name")],
    first: Annotated[
        str | None, typer.Option("--from", help="the first day, YYYY-MM-DD; tomorrow when left out")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="the last day; nine weeks later when left out")] = None,
    programme: Annotated[str | None, typer.Option(help="only homes of this programme: its id")] = None,
    wave: Annotated[str | None, typer.Option(help="only homes of this wave: its id")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="of each search; nine weeks of six people: thirty")] = 8.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what the plan would be and keep nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Plan who visits whom, when. The plan is kept for somebody to look at and accept; nobody is told of anything.

    Code 1 when homes could not be planned; each is named with the reason.

    Example: telecare switchover plan --council Fife --from 2026-12-01 --to 2027-01-29 --dry-run
    """
    code, wanted = _code(council), (_day(first, "--from"), _day(last, "--to"))
    named = (id_of(programme, "--programme"), id_of(wave, "--wave"))

    async def look(session: AsyncSession) -> tuple[Known, date, date, Part | None]:
        today = (await database_now(session)).date()
        begins = wanted[0] or today + timedelta(days=1)
        ends = wanted[1] or begins + WEEKS
        part = await ProgrammeRepository(session).part(*named)
        return await problem_of(session, code, begins, ends, today, part=part), begins, ends, part

    def run() -> int:
        known, begins, ends, part = in_transaction(look)
        made = _make(known, seconds, quiet=as_json)
        result = as_result(known, made)
        if not dry_run:
            in_transaction(lambda session: _keep(session, code, (begins, ends), part, seconds, result))
        if as_json:
            say(msgspec.json.encode(result).decode())
        else:
            _show(result, dry_run=dry_run)
        return 1 if result["unplanned"] or result["faults"] else 0

    run_command(run)


def _make(known: Known, seconds: float, *, quiet: bool) -> Plan:
    with Progress(transient=True, disable=quiet) as bar:
        task = bar.add_task("Planning", total=1.0)

        async def tell(share: float, words: str) -> None:
            bar.update(task, completed=share, description=f"Planning: {words}")

        return asyncio.run(carry_out(Order(known.problem, seconds), tell)).plan


async def _keep(
    session: AsyncSession, council: str, days: tuple[date, date], part: Part | None, seconds: float,
    result: dict[str, Any],
) -> None:  # fmt: skip
    of = {} if part is None else {"programme_id": part.programme_id, "wave_id": part.wave_id}
    row = await PlanningRepository(session).add(
        council_id=council, state=PlanState.READY, first_on=days[0], last_on=days[1], seconds=seconds, progress=1.0,
        result=result, made_by="system", **of,
    )  # fmt: skip
    await AuditRepository(session).add("system", "plan_made", "switchover_plan", row.id, council)


def _show(result: dict[str, Any], *, dry_run: bool) -> None:
    figures = result["figures"]
    day = ""
    for each in result["appointments"]:
        if each["day"] != day:
            day = each["day"]
            say(f"\n{date.fromisoformat(day):%A %d %B %Y}")
        start, end = (f"{at // 60:02d}:{at % 60:02d}" for at in (each["start"], each["end"]))
        guessed = f" ({each['guessed']})" if each["guessed"] else ""
        say(f"  {start}-{end}  {' and '.join(each['engineers'])}: {each['hub_id']}, {each['area']}{guessed}")
    for each in result["unplanned"][:NAMED]:
        say(f"not planned: {each['home_id']}: {each['why']}")
    if len(result["unplanned"]) > NAMED:
        say(f"not planned: {len(result['unplanned']) - NAMED} more; --json has them all")
    for fault in result["faults"]:
        say(f"BROKEN RULE: {fault}")
    say(
        f"\n{figures['visits']} visits, {figures['left_out']} homes left out; {figures['share']:.0%} of the harm"
        f" avoided that could be; {figures['kilometres']:.0f} km on {figures['engineer_days']} days of engineers"
    )
    say(
        "Nothing was kept."
        if dry_run
        else "The plan is kept, for telecare switchover away to plan anew from. Nothing is booked by it."
    )


def _code(council: str) -> str:
    try:
        return present_code(council)
    except UnknownCouncilError as error:
        raise typer.BadParameter(str(error)) from error


def _day(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is a day such as 2026-12-01") from error


def id_of(text: str | None, option: str) -> UUID | None:
    """Return an id that was typed, or raise what tells that it is none."""
    try:
        return None if text is None else UUID(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is an id, as the API and the address of its page have it") from error
