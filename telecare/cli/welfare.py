"""`telecare welfare`: lists of people who must be accounted for, seen, made and taken along without a browser."""

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.policy.calendar import at_words
from alarms.welfare.repository import WelfareRepository
from alarms.welfare.schemas import CampaignOut, figures
from telecare.api.endpoints.responders import require_council
from telecare.api.endpoints.welfare import spreadsheet
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.errors import NotFoundError
from telecare.kernel.settings import Settings
from telecare.protection.welfare import make_by_hand

app = typer.Typer(no_args_is_help=True, help="Who must be accounted for after a gap of ours.")

AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
LISTED = 100


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="those that are closed too")] = False,
    as_json: AsJson = False,
) -> None:
    """List welfare campaigns, newest first; code 1 when people are left in one of them.

    Example: telecare welfare list --json
    """

    async def work(session: AsyncSession) -> list[CampaignOut]:
        campaigns = WelfareRepository(session)
        is_open = None if everything else True
        rows = await campaigns.page((), council_id=None, is_open=is_open, before=None, limit=LISTED)
        progress = await campaigns.progress([row.id for row in rows])
        return [CampaignOut.model_validate(figures(row, progress[row.id])) for row in rows]

    def run() -> int:
        found = in_transaction(work)
        if as_json:
            say(json.dumps([each.model_dump(mode="json") for each in found]))
        else:
            for each in found:
                done = f"{each.percent} % of {each.people}"
                over = f", closed: {each.closed_why}" if each.closed_at else f", {each.left} left"
                say(f"{each.id} {each.council_id} {at_words(each.made_at)}: {done}{over}. {each.reason}")
            if not found:
                say("Nobody is to be checked on.")
        return 1 if any(each.left and each.closed_at is None for each in found) else 0

    run_command(run)


@app.command("make")
def make(
    council: Annotated[str, typer.Option(help="GSS code, such as S12000035")],
    reason: Annotated[str, typer.Option(min=3, help="why; everybody who works on it reads this")],
    hub: Annotated[list[str] | None, typer.Option(help="only whom this hub serves; may be given several times")] = None,
    hubs_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="only whom these hubs serve, one id a line")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have people checked on by hand: all of a council whom a hub serves now, or those of some hubs.

    Example: telecare welfare make --council S12000035 --reason "the telephone exchange burnt down"
    """
    hub_ids = [*(hub or ())]
    if hubs_file is not None:
        hub_ids += [line.strip() for line in hubs_file.read_text(encoding="utf-8").splitlines() if line.strip()]

    async def work(session: AsyncSession) -> CampaignOut:
        await require_council(session, council)
        named = hub_ids if hub_ids or hubs_file else None
        campaign = await make_by_hand(
            session, council_id=council, reason=reason, by="system", hub_ids=named, public_url=Settings().public_url
        )
        progress = await WelfareRepository(session).progress([campaign.id])
        return CampaignOut.model_validate(figures(campaign, progress[campaign.id]))

    def run() -> int:
        made = in_transaction(work)
        say(
            made.model_dump_json()
            if as_json
            else f"Made {made.id}: {made.people} people. Work on it at /welfare/{made.id}"
        )
        return 0

    run_command(run)


@app.command("export")
def export(
    campaign: Annotated[UUID, typer.Argument(help="id of the campaign")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="CSV file to write; it holds personal data")],
) -> None:
    """Write the whole list of a campaign with telephone numbers, for the day on which the network is down.

    Example: telecare welfare export 0198f2c6-… list.csv
    """

    async def work(session: AsyncSession) -> str:
        found = await WelfareRepository(session).get(campaign)
        if found is None:
            raise NotFoundError(f"There is no welfare campaign {campaign}")
        return await spreadsheet(session, found, "system")

    def run() -> int:
        text = in_transaction(work)
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8-sig", newline="")
        say(f"Wrote {file}.")
        return 0

    run_command(run)
