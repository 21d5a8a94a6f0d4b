"""`telecare notices`: what will hurt unless somebody mends it."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.limit import Level
from alarms.handling.lookout import Lookout
from alarms.handling.notices import Notice
from alarms.handling.schemas import NoticeList, NoticeOut
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.settings import Settings


def notices(as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Say what will hurt unless somebody mends it; code 1 when an alarm that comes now would meet it.

    Example: telecare notices --json
    """

    async def work(session: AsyncSession) -> tuple[Notice, ...]:
        return await Lookout(session, Settings().unclaimed_limit).look(frozenset())

    def run() -> int:
        found = in_transaction(work)
        if as_json:
            say(NoticeList(items=[NoticeOut.model_validate(notice) for notice in found]).model_dump_json())
        else:
            for notice in found:
                of = f"{notice.council_id}: " if notice.council_id else ""
                say(f"{notice.level.upper()}: {of}{notice.what}. {notice.mend}. {notice.link}")
            if not found:
                say("Nothing is to be mended.")
        return 1 if any(notice.level is Level.ERROR for notice in found) else 0

    run_command(run)
