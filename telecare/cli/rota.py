"""`telecare rota`: who is on call, where nobody is, and rotas from a file."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.rota.domain import LONDON, Shift
from alarms.rota.import_service import Imported, import_rotas
from alarms.rota.models import RotaPlan
from alarms.rota.schemas import OnCallList, OnCallOut
from alarms.rota.service import RotaService
from telecare.api.endpoints.rota_files import note_import
from telecare.api.endpoints.rotas import MOST_DAYS, gaps_of, on_call_now
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="Who is on call.")

AsJson = Annotated[bool, typer.Option("--json", help="for programs")]


@app.command("on-call")
def on_call(
    at: Annotated[str | None, typer.Option(help="a moment such as 2026-12-25T03:00; London's time; else now")] = None,
    as_json: AsJson = False,
) -> None:
    """Say who is on call by each rota, and when that changes next.

    Example: telecare rota on-call --at 2026-12-25T03:00
    """

    async def work(session: AsyncSession) -> list[OnCallOut]:
        moment = await database_now(session) if at is None else _moment(at)
        return await on_call_now(session, frozenset(), moment)

    def run() -> int:
        found = in_transaction(work)
        if as_json:
            say(OnCallList(items=found, next=None).model_dump_json())
        else:
            for each in found:
                say(_line(each))
        return 1 if any(each.error for each in found) else 0

    run_command(run)


@app.command("gaps")
def gaps(
    key: str,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="how far to look")] = MOST_DAYS,
    as_json: AsJson = False,
) -> None:
    """Say when nobody is on call in the days to come, by every rota with this key; code 1 when there is such a time.

    Example: telecare rota gaps out-of-hours --days 400
    """

    async def work(session: AsyncSession) -> list[tuple[RotaPlan, Sequence[Shift]]]:
        plans = await RotaService(session).rotas.with_key(key, ())
        if not plans:
            raise NotFoundError(f"There is no rota {key}")
        now = await database_now(session)
        return [(plan, await gaps_of(session, plan, now, now + timedelta(days=days))) for plan in plans]

    def run() -> int:
        found = in_transaction(work)
        if as_json:
            say(json.dumps([_as_json(plan, holes) for plan, holes in found]))
        else:
            for plan, holes in found:
                of = f" of {plan.council_id}" if plan.council_id else ""
                for hole in holes:
                    say(f"{plan.key}{of}: nobody from {_local(hole.start)} until {_local(hole.end)}")
                if not holes:
                    say(f"{plan.key}{of}: somebody is on at every moment of the next {days} days.")
        return 1 if any(holes for _, holes in found) else 0

    run_command(run)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML, as a rota's export writes it")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen, and do nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Import rotas: all of the file, or nothing of it when it has a fault; then code 1.

    Example: telecare rota import rotas.yaml --dry-run
    """

    async def work(session: AsyncSession) -> Imported:
        done = await import_rotas(session, file.read_bytes(), dry_run=dry_run)
        await note_import(session, "system", done)
        return done

    def run() -> int:
        report = in_transaction(work).report
        if as_json:
            say(report.model_dump_json())
        else:
            for fault in report.faults:
                say(f"Line {fault.line}: {fault.what}: {fault.mend}")
            for rota in report.rotas:
                say(f"{rota.key} {rota.council_id or '(all councils)'}: {'would be ' if dry_run else ''}{rota.status}")
            if report.faults:
                say("Nothing was imported.")
        return 1 if report.faults else 0

    run_command(run)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(LONDON))).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidError(f"{text} is no moment such as 2026-12-25T03:00") from error


def _line(shown: OnCallOut) -> str:
    who = ", ".join(member.name for member in shown.members) or "NOBODY"
    if shown.error is not None:
        who = f"CANNOT BE READ: {shown.error}"
    of = f" of {shown.council_id}" if shown.council_id else ""
    following = f"; changes at {_local(shown.next.at)}" if shown.next else ""
    return f"{shown.key}{of}: {who}{following}"


def _as_json(plan: RotaPlan, holes: Sequence[Shift]) -> dict[str, object]:
    gaps_shown = [{"starts_at": hole.start.isoformat(), "ends_at": hole.end.isoformat()} for hole in holes]
    return {"rota_id": str(plan.id), "key": plan.key, "council_id": plan.council_id, "gaps": gaps_shown}


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(LONDON)):%a %d %b %Y %H:%M %Z}"
