"""`telecare jobs`: what somebody must look at in homes, and the comparison of register and units on demand."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.repository import JobFilter, JobRepository
from devices.jobs.schemas import JobOut, ReconcileOut, show_job
from devices.registry.councils import UnknownCouncilError, present_code
from telecare.access.repository import AuditRepository
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.db import database_now
from telecare.kernel.settings import Settings
from telecare.protection.jobs import reconcile as reconcile_now
from telecare.protection.jobs import rules_of

app = typer.Typer(no_args_is_help=True, help="What somebody must look at in homes.")

CouncilOption = Annotated[str | None, typer.Option(help="only of this council: a GSS code or a name")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
MOST = 5000


@app.command()
def reconcile(council: CouncilOption = None, as_json: AsJson = False) -> None:
    """Compare the register, what units list and what was proven, now; code 1 when they do not agree somewhere.

    Example: telecare jobs reconcile --council Fife
    """
    code = _code(council)

    async def work(session: AsyncSession) -> ReconcileOut:
        done = await reconcile_now(session, rules_of(Settings()), {code} if code else ())
        figures = ReconcileOut(hubs=done.hubs, disagree=done.disagree, **vars(done.outcome))
        await AuditRepository(session).add(
            "system", "fleet_reconciled", "fleet", "reconciliation", code, details=figures.model_dump()
        )
        return figures

    def run() -> int:
        figures = in_transaction(work)
        if as_json:
            say(figures.model_dump_json())
        else:
            say(f"{figures.hubs} hubs looked at; {figures.disagree} do not agree with the register")
            say(f"jobs opened: {figures.opened}, with more evidence: {figures.added}, to confirm: {figures.gone}")
        return 1 if figures.disagree else 0

    run_command(run)


@app.command("list")
def list_jobs(
    council: CouncilOption = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="only what should have been done by now")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is to be done, the first due first; code 1 when something is overdue.

    Example: telecare jobs list --overdue
    """
    wanted = JobFilter(council=_code(council), overdue=True if overdue else None, done=False)

    async def work(session: AsyncSession) -> list[JobOut]:
        now = await database_now(session)
        return [show_job(job, now) for job in await JobRepository(session).page(wanted, now, None, MOST)]

    def run() -> int:
        jobs = in_transaction(work)
        for job in jobs:
            late = "OVERDUE: " if job.overdue else ""
            due = f"due {job.due_at:%Y-%m-%d %H:%M} UTC, {job.owner or 'nobody has it'}"
            say(job.model_dump_json() if as_json else f"{late}{job.hub_id}: {job.words}, {due}")
        if not jobs and not as_json:
            say("Nothing is to be done.")
        return 1 if any(job.overdue for job in jobs) else 0

    run_command(run)


def _code(council: str | None) -> str | None:
    try:
        return None if council is None else present_code(council)
    except UnknownCouncilError as error:
        raise typer.BadParameter(str(error)) from error
