"""`telecare switchover needs`: what binds the visits of a home, shown and entered."""

from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.repository import HubRepository
from devices.switchover.planning.needs import VisitNeeds
from devices.switchover.planning.schemas import NeedIn, NeedOut
from devices.switchover.planning.spans import read_span, show_span
from telecare.access.repository import AuditRepository
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.errors import RefusedError

EVERYWHERE = frozenset[str]()


def needs(
    hub_id: Annotated[str, typer.Argument(help="the unit whose home it is")],
    people: Annotated[int | None, typer.Option(min=1, max=2, help="who must be there")] = None,
    minutes: Annotated[int | None, typer.Option(min=10, max=480)] = None,
    skill: Annotated[list[str] | None, typer.Option(help="repeatable")] = None,
    busy: Annotated[list[str] | None, typer.Option(help='"mon-fri 09:00-10:00 the carer"; repeatable')] = None,
    only: Annotated[list[str] | None, typer.Option(help='"daily 08:00-12:30"; repeatable')] = None,
) -> None:
    """Show what binds the visits of a home; with any option, put that in place of what was.

    Example: telecare switchover needs CL-00021 --people 2 --busy "mon,wed,fri 00:00-24:00 dialysis"
    """
    given = any(each is not None for each in (people, minutes, skill, busy, only))
    try:
        spans = {"busy": [read_span(line) for line in busy or ()], "open": [read_span(line) for line in only or ()]}
        body = NeedIn(people=people or 1, minutes=minutes, skills=skill or (), **spans)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(str(fault["msg"]) for fault in error.errors())) from error
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error

    async def work(session: AsyncSession) -> NeedOut:
        home = await HubRepository(session, EVERYWHERE).require(hub_id)
        if home["premises_id"] is None:
            raise RefusedError(f"Hub {hub_id} is in no home", field="hub_id")
        kept = VisitNeeds(session, EVERYWHERE)
        if not given:
            return await kept.show(home["premises_id"])
        shown = await kept.put(home["premises_id"], body)
        details = {"hub_id": hub_id}
        await AuditRepository(session).add(
            "system", "visit_needs_changed", "premises", shown.premises_id, shown.council_id, details=details
        )
        return shown

    def run() -> int:
        shown = in_transaction(work)
        said = "" if shown.said else " (nobody has said anything: the usual)"
        say(f"{hub_id}: people {shown.people}, minutes {shown.minutes or 'as usual'}{said}")
        for word, lines in (
            ("skill", shown.skills),
            ("busy", map(show_span, shown.busy)),
            ("only", map(show_span, shown.open)),
        ):
            for line in lines:
                say(f"  {word}: {line}")
        return 0

    run_command(run)
