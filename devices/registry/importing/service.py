"""Imports a file of homes: good rows are taken, bad ones reported; a dry run does all of it and takes nothing.

The same file again changes nothing.
"""

import asyncio
import csv
import io
from collections import Counter
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.importing.plan import Outcome, Tools, plan
from devices.registry.importing.repository import ImportRepository
from devices.registry.importing.rows import read_fleet
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError
from telecare.kernel.ids import new_id
from telecare.kernel.sealing import Sealer


@dataclass(frozen=True)
class ImportReport:
    """What became of a file, row by row."""

    dry_run: bool
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rows were created, updated, unchanged and wrong."""
        counted = Counter(outcome.status for outcome in self.outcomes)
        return {status: counted[status] for status in ("created", "updated", "unchanged", "error")}

    @property
    def changed(self) -> dict[str, list[str]]:
        """Return the hubs of the homes that were created or updated, by council."""
        found: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            if outcome.council is not None and outcome.status != "unchanged":
                found.setdefault(outcome.council, []).append(outcome.hub_id)
        return found


async def import_fleet(
    session: AsyncSession, sealer: Sealer, raw: bytes, *, dry_run: bool, councils: frozenset[str] = frozenset()
) -> ImportReport:
    """Import a CSV file into these councils (none means all).

    InvalidError when it is no table of homes, ConflictError when another import runs or the register changed under it;
    nothing has been written then. Reading and planning take seconds for a large file: they run in a thread, for this
    process may be the one that takes alarms.
    """
    repository = ImportRepository(session)
    if not await repository.lock():
        raise ConflictError("Another import is running: try again when it has ended")
    fleet = await asyncio.to_thread(read_fleet, raw)
    tools = Tools(await database_now(session), new_id, sealer.seal, sealer.open)
    known = await repository.known([row.home for row in fleet.rows if row.home is not None])
    outcomes, writes = await asyncio.to_thread(plan, fleet.rows, known, councils, tools)
    try:
        async with session.begin_nested() as attempt:
            await repository.write(writes)
            if dry_run:
                await attempt.rollback()
    except IntegrityError as error:
        words = "The register was changed while the file was read; nothing was imported. Send it again"
        raise ConflictError(words) from error
    return ImportReport(dry_run, tuple(outcomes), fleet.notes)


def report_csv(report: ImportReport) -> str:
    """Return the report as CSV that a spreadsheet program shows and never computes."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("row", "hub_id", "status", "column", "what"))
    for outcome in report.outcomes:
        head = (outcome.number, outcome.hub_id, outcome.status)
        lines = [(fault.column, fault.what) for fault in outcome.faults]
        lines += [("", words) for words in (*outcome.changes, *outcome.remarks)]
        for line in lines or [("", "")]:
            writer.writerow([inert(str(cell)) for cell in (*head, *line)])
    return out.getvalue()


def inert(cell: str) -> str:
    """Return a cell that begins no formula: `=HYPERLINK(…)` in a name must stay a name."""
    return f"'{cell}" if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) else cell
