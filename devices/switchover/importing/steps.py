"""The steps that the service does by itself: a file is read, tried out, made live. Any process does any of them.

What a step writes for people to see (progress, what becomes of rows) is committed as it goes; what it does to the
register is one transaction, of which nothing is seen until its end, and nothing is left when it does not get there.
"""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.importing.plan import Tools
from devices.registry.importing.repository import ImportRepository
from devices.switchover.importing.columns import DAYS
from devices.switchover.importing.days import NO_EVIDENCE
from devices.switchover.importing.domain import REFUSED, FileKind, FileState, MendedRow, RowStatus
from devices.switchover.importing.headings import normal
from devices.switchover.importing.homes import HomesImport
from devices.switchover.importing.installer import InstallerImport
from devices.switchover.importing.mapping import guess
from devices.switchover.importing.menders import Setting
from devices.switchover.importing.mending import council_of, mend_row
from devices.switchover.importing.models import ImportFile
from devices.switchover.importing.outcome import RowOutcome, digest, told
from devices.switchover.importing.reading import reading
from devices.switchover.importing.repository import FirstRows, ImportFileRepository, Told
from devices.switchover.importing.table import NotATableError
from devices.switchover.importing.telco import TelcoImport
from telecare.kernel.ahead import ahead
from telecare.kernel.audits import Audits
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import ConflictError, ProblemError
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.sealing import Sealer

log = get_logger("import")

BATCH = 500
"""Rows in one go: what is in memory, and how long a thread is busy, do not grow with the file."""

AuditsOf = Callable[[AsyncSession], Audits]
Progress = Callable[[str, int, int], None]
"""Is told the state, how many rows are done, and of how many."""


class KindImport(Protocol):
    """How rows of one kind of file are taken, in one transaction."""

    async def begin(self) -> None:
        """Prepare the transaction."""

    async def take(
        self, rows: Sequence[tuple[int, MendedRow]], firsts: Mapping[str, tuple[int, str]], digests: Mapping[int, str]
    ) -> list[RowOutcome]:
        """Take a batch of rows."""

    async def end(self) -> None:
        """Do what is left for the end."""


_IMPORTS: Mapping[FileKind, Callable[[AsyncSession, Tools, ImportFile], KindImport]] = {
    FileKind.HOMES: HomesImport,
    FileKind.INSTALLER: InstallerImport,
    FileKind.TELCO: TelcoImport,
}


class LostError(Exception):
    """Somebody else works on the file by now."""


@dataclass(frozen=True)
class Task:
    """A step of a file that is ours."""

    file: ImportFile
    attempt: int


class ImportSteps:
    """Does steps; `audits` writes down whose homes were changed."""

    def __init__(
        self, database: Database, sealer: Sealer, audits: AuditsOf, progress: Progress = lambda *_: None
    ) -> None:
        self.database = database
        self.sealer = sealer
        self.audits = audits
        self.progress = progress

    async def next(self, only: UUID | None = None) -> bool:
        """Do the next step that waits, of any file or this one; False when none does."""
        async with self.database.transaction() as session:
            files = ImportFileRepository(session)
            claimed = await files.claim(only)
            if claimed is None:
                return False
            task = Task(await files.require(claimed[0]), claimed[1])
        step: dict[str, Callable[[Task], Awaitable[None]]] = {
            FileState.READING: self._read, FileState.CHECKING: self._try, FileState.COMMITTING: self._try,
        }  # fmt: skip
        before = FileState.CHECKED if task.file.state == FileState.COMMITTING else FileState.READ
        if task.file.state == FileState.READING:
            before = FileState.REFUSED
        try:
            await step[task.file.state](task)
        except LostError:
            log.warning("import_lost", file_id=str(task.file.id))
        except NotATableError as error:
            await self._refuse(task, str(error))
        except ProblemError as error:
            await self._back(task, before, error.detail)
        except Exception as error:  # whatever it is, somebody waits and must be told
            log.exception("import_failed", file_id=str(task.file.id))
            words = "The register could not take it in this moment; nothing was imported. Try again"
            await self._back(task, before, f"{words} ({type(error).__name__})")
        return True

    async def _read(self, task: Task) -> None:
        """Read the file into rows."""
        file = task.file
        with tempfile.TemporaryDirectory(prefix="telecare-import-") as folder:
            path = Path(folder) / "file"
            await self._spool(file.id, path)
            async with self.database.transaction() as session:
                await ImportFileRepository(session).forget_rows(file.id)
            async with reading(path) as reader:
                head = await reader.head()
                rows = 0
                async for batch in reader.batches(BATCH):
                    sealed = await asyncio.to_thread(self._seal_rows, batch)
                    rows += len(batch)
                    async with self.database.transaction() as session:
                        files = ImportFileRepository(session)
                        await files.add_rows(file.id, file.council_id, sealed)
                        self._must(await files.keep(file.id, task.attempt, rows=rows, done=rows))
                    self.progress(file.state, rows, rows)
        async with self.database.transaction() as session:
            files = ImportFileRepository(session)
            await files.look_at_rows()
            kind = FileKind(file.kind)
            columns = guess(kind, head.headings, await files.remembered(kind, file.council_id))
            await files.forget(file.id, rows=False)
            ours = await files.keep(
                file.id, task.attempt, state=FileState.READ, headings=head.headings, notes=head.notes, said=None,
                columns=[vars(column) for column in columns], version=ImportFile.version + 1,
            )  # fmt: skip
            self._must(ours)

    async def _spool(self, file_id: UUID, path: Path) -> None:
        with path.open("wb") as out:
            seq = 0
            while True:
                async with self.database.transaction() as session:
                    sealed = await ImportFileRepository(session).chunk(file_id, seq)
                if sealed is None:
                    return
                out.write(await asyncio.to_thread(self.sealer.open_bytes, sealed))
                seq += 1

    def _seal_rows(self, rows: Sequence[tuple[int, list[str]]]) -> list[tuple[int, str]]:
        return [(number, self.sealer.seal(json.dumps(cells))) for number, cells in rows]

    async def _try(self, task: Task) -> None:
        """Take all rows, then keep that, or take it back when it was to be tried only."""
        file, commit = task.file, task.file.state == FileState.COMMITTING
        async with self.database.sessions() as session:
            transaction = await session.begin()
            try:
                counts = await self._take_all(session, task)
                if commit:
                    await self._go_live(session, task, counts)
                    await transaction.commit()
            except IntegrityError as error:
                words = "The register was changed while the file was taken in; nothing was imported. Try again"
                raise ConflictError(words) from error
            finally:
                if transaction.is_active:
                    await transaction.rollback()
        if not commit:
            async with self.database.transaction() as other:
                checked = await database_now(other)
                ours = await ImportFileRepository(other).keep(
                    file.id, task.attempt, state=FileState.CHECKED, counts=counts, said=None, checked_at=checked,
                    version=ImportFile.version + 1,
                )  # fmt: skip
                self._must(ours)

    async def _take_all(self, session: AsyncSession, task: Task) -> dict[str, int]:
        file, kind = task.file, FileKind(task.file.kind)
        register = ImportRepository(session)
        if not await register.lock():
            raise ConflictError("Another import is running: try again when it has ended")
        now = await database_now(session)
        fields = [column["field"] for column in file.columns]
        setting = await self._setting(file, fields, now.date())
        tools = Tools(now, new_id, self.sealer.seal, self.sealer.open)
        taking = _IMPORTS[kind](session, tools, file)
        firsts = FirstRows(session)
        await firsts.begin()
        await taking.begin()
        counts: Counter[str] = Counter()
        done = 0
        # While the database takes a batch the next one is read.
        async for mended in ahead(self._mended(file.id, kind, fields, setting)):
            digests = {number: digest(row) for number, row in mended}
            outcomes = await taking.take(mended, await firsts.of(mended), digests)
            await firsts.keep(outcomes, digests)
            by_number = dict(mended)
            counts.update(outcome.status for outcome in outcomes)
            counts["mended"] += sum(bool(by_number[outcome.number].mends) for outcome in outcomes)
            kept = await asyncio.to_thread(self._kept, outcomes, by_number, digests, file.council_id)
            if done == 0:
                await register.look_at()
            done += len(mended)
            async with self.database.transaction() as beside:
                files = ImportFileRepository(beside)
                await files.tell(file.id, kept)
                self._must(await files.keep(file.id, task.attempt, done=done))
            if file.state == FileState.COMMITTING:
                await self._note_homes(session, file, outcomes)
            self.progress(file.state, done, file.rows)
        await taking.end()
        return {**{str(status): counts[status] for status in RowStatus}, "mended": counts["mended"]}

    async def _setting(self, file: ImportFile, fields: Sequence[str | None], today: date) -> Setting:
        """Look through the columns with days first: how certain ones are written tells how to read the others."""
        columns = [(at, field) for at, field in enumerate(fields) if field in DAYS]
        evidence = dict.fromkeys((field for _, field in columns if field), NO_EVIDENCE)
        if columns:
            async for batch in self._batches(file.id):
                for _, cells in batch:
                    for at, field in columns:
                        if field is not None and at < len(cells):
                            evidence[field] = evidence[field].seen(cells[at])
        return Setting(today, evidence, file.council_id or "")

    async def _mended(
        self, file_id: UUID, kind: FileKind, fields: Sequence[str | None], setting: Setting
    ) -> AsyncIterator[list[tuple[int, MendedRow]]]:
        async for batch in self._batches(file_id):
            yield await asyncio.to_thread(_mended, kind, fields, batch, setting)

    async def _batches(self, file_id: UUID) -> AsyncIterator[list[tuple[int, list[str]]]]:
        after = 0
        while True:
            async with self.database.transaction() as session:
                sealed = await ImportFileRepository(session).cells(file_id, after, BATCH)
            if not sealed:
                return
            yield await asyncio.to_thread(self._opened, sealed)
            after = sealed[-1][0]

    def _opened(self, sealed: Sequence[tuple[int, str]]) -> list[tuple[int, list[str]]]:
        return [(number, json.loads(self.sealer.open(cells))) for number, cells in sealed]

    def _kept(
        self,
        outcomes: Sequence[RowOutcome],
        rows: Mapping[int, MendedRow],
        digests: Mapping[int, str],
        whose: str | None,
    ) -> list[Told]:
        kept = []
        for outcome in outcomes:
            row = rows[outcome.number]
            words = self.sealer.seal(json.dumps(told(outcome, row.mends)))
            number = outcome.number
            kept.append(
                Told(
                    number, outcome.status, outcome.key[:100], digests[number], whose or council_of(row.values), words,
                    outcome.planned_on, outcome.line_id,
                )
            )  # fmt: skip
        return kept

    async def _note_homes(self, session: AsyncSession, file: ImportFile, outcomes: Sequence[RowOutcome]) -> None:
        changed: dict[str, list[str]] = {}
        for outcome in outcomes:
            if outcome.council and outcome.status not in {*REFUSED, RowStatus.UNCHANGED}:
                changed.setdefault(outcome.council, []).append(outcome.key)
        for council, keys in changed.items():
            details = {"import_id": str(file.id), "kind": file.kind, "keys": keys}
            await self.audits(session).add(
                file.asked_by or file.uploaded_by, "homes_imported", "council", council, council, details=details
            )

    async def _go_live(self, session: AsyncSession, task: Task, counts: dict[str, int]) -> None:
        """Say that it is live, in the transaction that makes it so, if it is still ours."""
        file, kind = task.file, FileKind(task.file.kind)
        files = ImportFileRepository(session)
        fields = {normal(heading): column["field"] for heading, column in zip(file.headings, file.columns, strict=True)}
        await files.remember(kind, file.council_id, fields)
        by = file.asked_by or file.uploaded_by
        audits = self.audits(session)
        await audits.add(by, "fleet_imported", "import", file.id, file.council_id, details=dict(counts))
        now = await database_now(session)
        ours = await files.keep(
            file.id, task.attempt, state=FileState.LIVE, live_at=now, counts=counts, said=None,
            version=ImportFile.version + 1,
        )  # fmt: skip
        self._must(ours)

    async def _refuse(self, task: Task, words: str) -> None:
        async with self.database.transaction() as session:
            files = ImportFileRepository(session)
            if await files.keep(
                task.file.id, task.attempt, state=FileState.REFUSED, said=words, version=ImportFile.version + 1
            ):
                await files.forget(task.file.id, rows=True)

    async def _back(self, task: Task, state: FileState, words: str) -> None:
        async with self.database.transaction() as session:
            await ImportFileRepository(session).keep(
                task.file.id, task.attempt, state=state, said=words, version=ImportFile.version + 1
            )

    def _must(self, ours: bool) -> None:
        if not ours:
            raise LostError


def _mended(
    kind: FileKind, fields: Sequence[str | None], batch: Sequence[tuple[int, list[str]]], setting: Setting
) -> list[tuple[int, MendedRow]]:
    return [(number, mend_row(kind, fields, cells, setting)) for number, cells in batch]
