"""`telecare report`: figures for managers and auditors, each of which can be traced to its rows."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.rota.domain import LONDON
from devices.registry.councils import UnknownCouncilError, present_code
from devices.switchover.awards.report import SUMS, SwitchoverReportOut, TotalOut
from devices.switchover.awards.schemas import CouncilReportOut
from devices.switchover.awards.service import AwardService
from telecare.api.endpoints import switchover_report
from telecare.api.endpoints.protection import lost_between, lost_protection
from telecare.cli.common import in_transaction, run_command, say
from telecare.console.awards_view import held, pounds
from telecare.kernel.errors import InvalidError
from telecare.protection.schemas import LossOut, ProtectionReportOut

app = typer.Typer(no_args_is_help=True, help="Figures that can be traced to their rows.")
EVERYWHERE: frozenset[str] = frozenset()


@app.command("protection")
def protection(
    begin: Annotated[
        str | None, typer.Option("--from", help="a moment such as 2026-11-01, London's time; else 30 days before")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="likewise; else now")] = None,
    council: Annotated[str | None, typer.Option(help="a GSS code or a name; else all")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="every loss that the figures count, one a line")] = False,
) -> None:
    """Say how many minutes of protection were lost, by risk tier, from when each person was last proven to have it.

    Example: telecare report protection --from 2026-11-01 --to 2026-12-01 --csv > losses.csv
    """

    async def work(session: AsyncSession) -> str | ProtectionReportOut:
        code = _code(council)
        if as_csv:
            _, _, found = await lost_between(session, EVERYWHERE, _moment(begin), _moment(end), code)
            return _csv([LossOut.of(loss) for loss in found])
        return await lost_protection(session, EVERYWHERE, _moment(begin), _moment(end), code)

    def run() -> int:
        if as_json and as_csv:
            raise typer.BadParameter("take one of --json and --csv")
        found = in_transaction(work)
        if isinstance(found, str):
            typer.echo(found, nl=False)
        elif as_json:
            typer.echo(found.model_dump_json(by_alias=True))
        else:
            _show(found)
        return 0

    run_command(run)


@app.command("switchover")
def switchover(
    council: Annotated[str | None, typer.Option(help="a GSS code or a name; else all")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="a council a line")] = False,
    xlsx: Annotated[Path | None, typer.Option(help="write a workbook there")] = None,
) -> None:
    """Say how far councils are with the switchover: progress, awards, cost and benefit.

    Example: telecare report switchover --council Moray --xlsx moray.xlsx
    """

    async def work(session: AsyncSession) -> SwitchoverReportOut:
        return await AwardService(session).report(_code(council))

    def run() -> int:
        if as_json and as_csv:
            raise typer.BadParameter("take one of --json and --csv")
        found = in_transaction(work)
        if xlsx is not None:
            with switchover_report.as_book(found).close() as book:
                xlsx.write_bytes(book.read())
            say(f"{xlsx}: {len(found.councils)} councils")
        elif as_csv:
            typer.echo(switchover_report.as_csv(found), nl=False)
        elif as_json:
            typer.echo(found.model_dump_json())
        else:
            _show_switchover(found)
        return 0

    run_command(run)


def _show_switchover(found: SwitchoverReportOut) -> None:
    if not found.councils:
        say("Nothing has been counted yet: the service counts each quarter of an hour.")
        return
    counts = Table("Council", "Users", "Digital-ready", "Live digital", "Exposed", "Swaps", "Award now")
    money = Table("Council", *(name.capitalize() for name in SUMS))
    several, all_ = len(found.councils) > 1, found.total
    rows: list[tuple[str, CouncilReportOut | TotalOut, str]]
    rows = [(one.name, one, str(one.highest or "none")) for one in found.councils]
    if several:
        rows.append((f"All {all_.councils}", all_, held(all_)))
    for name, one, award in rows:
        figures = (one.users, one.digital_ready, one.live_digital, one.exposed, one.swaps)
        counts.add_row(name, *(f"{figure:,}" for figure in figures), award)
        money.add_row(name, *(pounds(getattr(one.money, amount)) for amount in SUMS))
    console = Console(highlight=False)
    console.print(counts)
    console.print(money)
    for words in (all_.note if several else "", found.absent):
        if words:
            say(words)


def _show(report: ProtectionReportOut) -> None:
    say(f"Protection lost from {_local(report.begin)} to {_local(report.end)}")
    table = Table("Tier", "People", "Lost any", "Minutes", "p95", "The most")
    for tier in report.tiers:
        most = f"{tier.worst[0].person_name}: {tier.worst[0].minutes:,.0f}" if tier.worst else "nobody"
        figures = (f"{tier.people:,}", f"{tier.affected:,}", f"{tier.minutes:,.0f}", f"{tier.p95:,.0f}")
        table.add_row(tier.tier, *figures, most)
    Console(highlight=False).print(table)
    if report.our_gaps:
        say(f"We could not hear any unit for {report.our_gap_minutes:,.0f} minutes of it; nobody is judged by them.")


def _csv(found: list[LossOut]) -> str:
    text = io.StringIO()
    rows = csv.DictWriter(text, list(LossOut.model_fields))
    rows.writeheader()
    for loss in found:
        rows.writerow(loss.model_dump(mode="json"))
    return text.getvalue()


def _code(council: str | None) -> str | None:
    try:
        return present_code(council) if council else None
    except UnknownCouncilError as error:
        raise InvalidError(f"There is no council {council}") from error


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(LONDON))).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidError(f"{text} is no moment such as 2026-11-01 or 2026-11-01T09:00") from error


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(LONDON)):%a %d %b %Y %H:%M %Z}"
