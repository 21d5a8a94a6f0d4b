"""`telecare switchover import`: a council's own spreadsheet, tried out first, then made live as one act."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from devices.registry.councils import UnknownCouncilError, present_code
from devices.switchover.importing.columns import title
from devices.switchover.importing.domain import REFUSED, FileKind, FileState
from devices.switchover.importing.models import ImportFile
from devices.switchover.importing.report import OWN, rows_of, write_csv, write_xlsx
from devices.switchover.importing.repository import ImportFileRepository
from devices.switchover.importing.schemas import show_import
from devices.switchover.importing.service import ImportFileService, objections
from devices.switchover.importing.steps import ImportSteps
from telecare.access.repository import AuditRepository
from telecare.cli.common import complain, run_command, say
from telecare.kernel.db import Database
from telecare.kernel.errors import InvalidError, ProblemError
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings

SHOWN = 50
"""So many refused rows are told on a terminal; the report has all."""

_WORDS = {"reading": "Reading", "checking": "Trying out", "committing": "Making live"}


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for."""

    file: Path
    kind: FileKind
    council: str | None
    columns: dict[str, str]
    dry_run: bool
    report: Path | None


def import_table(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="XLSX, XLS, ODS or CSV; see docs/import.md")
    ],
    kind: Annotated[FileKind, typer.Option(help="what its rows are about")] = FileKind.HOMES,
    council: Annotated[str | None, typer.Option(help="whose rows these are: a GSS code or a name")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help='what a column is: "Post Code=postcode"; nothing behind the = leaves it out'),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen, and do nothing")] = False,
    report: Annotated[
        Path | None, typer.Option(help="write what became of each row to this .xlsx or .csv file")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON, and nothing else")] = False,
) -> None:
    """Import a council's own list: mended where it can be told how, refused row by row where not; code 1 if any is.

    Example: telecare switchover import users.xlsx --council Fife --map "Ref=hub_id" --dry-run --report back.xlsx
    """
    run_command(
        lambda: asyncio.run(_run(_wanted(file, kind, council, columns or [], dry_run, report), as_json=as_json))
    )


def _wanted(
    file: Path,
    kind: FileKind,
    council: str | None,
    columns: list[str],
    dry_run: bool,
    report: Path | None,
) -> Wanted:
    said: dict[str, str] = {}
    for words in columns:
        heading, sign, name = words.rpartition("=")
        if not sign or not heading.strip():
            raise InvalidError(f"--map {words!r}: write the file's heading, =, and our column: “Post Code=postcode”")
        said[heading.strip()] = name.strip()
    if report is not None and report.suffix.lower() not in {".xlsx", ".csv"}:
        raise InvalidError(f"--report {report}: its name ends in .xlsx or .csv")
    # Asked now: the report is written when the list is live already.
    if report is not None and (report.is_dir() or not os.access(report.parent, os.W_OK)):
        raise InvalidError(f"--report {report}: nothing can be written there; name a file in a folder that there is")
    try:
        code = present_code(council) if council else None
    except UnknownCouncilError as error:
        raise InvalidError(f"--council: {error}") from error
    return Wanted(file, kind, code, said, dry_run, report)


async def _run(wanted: Wanted, *, as_json: bool) -> int:
    settings = Settings()
    async with AsyncExitStack() as stack:
        database = Database(settings)
        stack.push_async_callback(database.dispose)
        bar = stack.enter_context(
            Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True,
            )
        )  # fmt: skip
        import_ = _Import(database, Sealer(settings), bar)
        file, refused = await import_.do(wanted)
        bar.stop()
        shown = show_import(file, objections(file))
        if as_json:
            sys.stdout.write(shown.model_dump_json() + "\n")
        else:
            _tell(file, refused)
    if file.state == FileState.REFUSED:
        return 1
    return 1 if sum(file.counts.get(str(status), 0) for status in REFUSED) else 0


class _Import:
    """A file on its way, step by step in this process."""

    def __init__(self, database: Database, sealer: Sealer, bar: Progress) -> None:
        self.database = database
        self.sealer = sealer
        self.bar = bar
        self.tasks: dict[str, Any] = {}
        self.steps = ImportSteps(database, sealer, AuditRepository, self._progress)

    async def do(self, wanted: Wanted) -> tuple[ImportFile, list[list[str]]]:
        """Take a file as far as is wanted; return it, with the first rows that were refused."""
        raw = await asyncio.to_thread(wanted.file.read_bytes)
        async with self.database.transaction() as session:
            service = ImportFileService(session, self.sealer)
            file = await service.receive(raw, wanted.file.name, wanted.kind, wanted.council, "system")
        del raw
        file = await self._step(file)
        if file.state == FileState.REFUSED:
            return file, []
        async with self.database.transaction() as session:
            service = ImportFileService(session, self.sealer)
            await service.map(file.id, wanted.columns)
            await service.ask(file.id, FileState.CHECKING, "system")
        file = await self._step(file)
        if file.state == FileState.CHECKED and not wanted.dry_run:
            async with self.database.transaction() as session:
                await ImportFileService(session, self.sealer).ask(file.id, FileState.COMMITTING, "system")
            file = await self._step(file)
        if file.state not in {FileState.CHECKED, FileState.LIVE} or (file.said and not wanted.dry_run):
            raise ProblemError(file.said or "It came to nothing: somebody else works on this file. Try again")
        refused = [row async for batch in rows_of(self.database, self.sealer, file, REFUSED) for row in batch[:SHOWN]]
        if wanted.report is not None:
            write = write_csv if wanted.report.suffix.lower() == ".csv" else write_xlsx
            await write(rows_of(self.database, self.sealer, file), wanted.report)
        return file, refused[1 : SHOWN + 1]

    async def _step(self, file: ImportFile) -> ImportFile:
        await self.steps.next(file.id)
        async with self.database.transaction() as session:
            return await ImportFileRepository(session).require(file.id)

    def _progress(self, state: str, done: int, of: int) -> None:
        if state not in self.tasks:
            self.tasks[state] = self.bar.add_task(_WORDS.get(state, state), total=of)
        self.bar.update(self.tasks[state], completed=done, total=of)


def _tell(file: ImportFile, refused: list[list[str]]) -> None:
    if file.state == FileState.REFUSED:
        complain(f"{file.name}: {file.said}")
        return
    for note in file.notes:
        say(note)
    kind = FileKind(file.kind)
    for heading, column in zip(file.headings, file.columns, strict=True):
        taken = f"{title(kind, column['field'])} ({column['how']})" if column["field"] else "left out"
        say(f"  {heading or '(no heading)'}: {taken}")
    for row in refused:
        say(f"Row {row[0]} {row[len(OWN) - 1]}: {row[2]}")
    counted = ", ".join(f"{count:,} {status}" for status, count in file.counts.items() if count)
    say(f"{'Done' if file.state == FileState.LIVE else 'Would be'}: {counted or 'nothing'}.")
