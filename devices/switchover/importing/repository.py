"""All queries on files of an import, their rows, and what columns were taken for before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.councils import COUNCILS
from devices.switchover.importing.domain import ENDED, STEPS, FileKind, MendedRow, RowStatus
from devices.switchover.importing.models import ImportChunk, ImportFile, ImportMapping, ImportRow
from devices.switchover.importing.outcome import RowOutcome
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id

LEASE = text("clock_timestamp() + interval '30 seconds'")

# What a batch tells of its rows is written in one go.
_TELL = text(
    """
    UPDATE import_row r
       SET status = t.status, key = t.key, digest = t.digest, council_id = t.council_id, told_sealed = t.told_sealed,
           planned_on = t.planned_on, line_id = t.line_id
      FROM unnest(CAST(:number AS integer[]), CAST(:status AS text[]), CAST(:key AS text[]), CAST(:digest AS text[]),
                  CAST(:council_id AS text[]), CAST(:told_sealed AS text[]), CAST(:planned_on AS date[]),
                  CAST(:line_id AS uuid[]))
        AS t(number, status, key, digest, council_id, told_sealed, planned_on, line_id)
     WHERE r.file_id = :file_id AND r.number = t.number
    """
)
_ADD_ROWS = text(
    """
    INSERT INTO import_row (file_id, council_id, number, sealed)
    SELECT :file_id, :council_id, * FROM unnest(CAST(:numbers AS integer[]), CAST(:sealed AS text[]))
    """
)
# Which row said first what a hub or a line is; it lives as long as the transaction that takes the rows.
_FIRSTS = (
    "CREATE TEMPORARY TABLE import_first (key text PRIMARY KEY, number integer NOT NULL, digest text NOT NULL)"
    " ON COMMIT DROP"
)
_FIRSTS_OF = text("SELECT key, number, digest FROM import_first WHERE key = ANY(CAST(:keys AS text[]))")
_KEEP_FIRSTS = text(
    """
    INSERT INTO import_first
    SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:numbers AS integer[]), CAST(:digests AS text[]))
    ON CONFLICT (key) DO NOTHING
    """
)
_CLAIM = text(
    """
    UPDATE import_file SET attempt = attempt + 1, done = 0, lease_until = clock_timestamp() + interval '30 seconds'
     WHERE id = (
        SELECT id FROM import_file
         WHERE state IN ('reading', 'checking', 'committing')
           AND (lease_until IS NULL OR lease_until < clock_timestamp())
           AND (CAST(:only AS uuid) IS NULL OR id = :only)
         ORDER BY uploaded_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, attempt
    """
)


@dataclass(frozen=True)
class Told:
    """What is kept of a row when it was looked at."""

    number: int
    status: RowStatus
    key: str
    digest: str
    council_id: str | None
    told_sealed: str
    planned_on: date | None = None
    line_id: UUID | None = None


class ImportFileRepository:
    """Reads and writes in the transaction of `session`; `councils` empty means all.

    A file whose rows may be of any council is the business of those only who see all of them.
    """

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def page(self, after: UUID | None, limit: int, kind: FileKind | None = None) -> list[ImportFile]:
        """Return files, the latest first."""
        statement = select(ImportFile).where(self._mine()).order_by(ImportFile.id.desc()).limit(limit)
        if kind is not None:
            statement = statement.where(ImportFile.kind == kind)
        if after is not None:
            statement = statement.where(ImportFile.id < after)
        return list((await self.session.execute(statement)).scalars())

    async def require(self, file_id: UUID, *, lock: bool = False) -> ImportFile:
        """Return a file, locked when it is to be changed, or raise NotFoundError."""
        statement = select(ImportFile).where(ImportFile.id == file_id, self._mine())
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        found: ImportFile | None = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no import {file_id}")
        return found

    async def same(self, sha256: str, kind: FileKind, council_id: str | None) -> ImportFile | None:
        """Return the import of the same file that has not ended, if there is one."""
        statement = select(ImportFile).where(
            self._mine(), ImportFile.sha256 == sha256, ImportFile.kind == kind, ImportFile.state.not_in(ENDED),
            ImportFile.council_id.is_not_distinct_from(council_id),
        )  # fmt: skip
        found: ImportFile | None = (await self.session.execute(statement.limit(1))).scalar_one_or_none()
        return found

    async def add(self, chunks: Sequence[str], **columns: Any) -> ImportFile:
        """Add a file with its sealed pieces."""
        file = ImportFile(id=new_id(), **columns)
        self.session.add(file)
        await self.session.flush()
        for seq, sealed in enumerate(chunks):
            row = {"file_id": file.id, "seq": seq, "council_id": file.council_id, "sealed": sealed}
            await self.session.execute(insert(ImportChunk).values(**row))
        await self.session.refresh(file)
        return file

    async def chunk(self, file_id: UUID, seq: int) -> str | None:
        """Return a sealed piece of a file, None behind the last one."""
        statement = select(ImportChunk.sealed).where(ImportChunk.file_id == file_id, ImportChunk.seq == seq)
        found: str | None = (await self.session.execute(statement)).scalar_one_or_none()
        return found

    async def forget(self, file_id: UUID, *, rows: bool) -> None:
        """Remove the pieces of a file, and its rows."""
        await self.session.execute(delete(ImportChunk).where(ImportChunk.file_id == file_id))
        if rows:
            await self.forget_rows(file_id)

    async def forget_rows(self, file_id: UUID) -> None:
        """Remove the rows of a file: it is read anew."""
        await self.session.execute(delete(ImportRow).where(ImportRow.file_id == file_id))

    async def forget_old(self, days: int) -> int:
        """Remove files that came so many days ago: what they say is about people, and in the register or never."""
        since = func.clock_timestamp() - func.make_interval(0, 0, 0, days)
        statement = delete(ImportFile).where(ImportFile.uploaded_at < since, ImportFile.state.not_in(STEPS))
        return int(getattr(await self.session.execute(statement), "rowcount", 0))

    async def claim(self, only: UUID | None = None) -> tuple[UUID, int] | None:
        """Take the next file that waits for a step, and its attempt; another one's when its lease has ended."""
        found = (await self.session.execute(_CLAIM, {"only": only})).one_or_none()
        return None if found is None else (found.id, found.attempt)

    async def keep(self, file_id: UUID, attempt: int, **columns: Any) -> bool:
        """Change a file that is ours and say that we live; False when somebody else has it by now."""
        statement = (
            update(ImportFile)
            .where(ImportFile.id == file_id, ImportFile.attempt == attempt, ImportFile.state.in_(STEPS))
            .values(lease_until=None if "state" in columns else LEASE, **columns)
            .execution_options(synchronize_session=False)
        )
        return bool(getattr(await self.session.execute(statement), "rowcount", 0))

    async def add_rows(self, file_id: UUID, council_id: str | None, rows: Sequence[tuple[int, str]]) -> None:
        """Add rows by their numbers and sealed cells."""
        arrays = {"numbers": [number for number, _ in rows], "sealed": [sealed for _, sealed in rows]}
        await self.session.execute(_ADD_ROWS, {"file_id": file_id, "council_id": council_id, **arrays})

    async def look_at_rows(self) -> None:
        """Have the database count the rows of files: it would go on planning for as many as there were before."""
        await self.session.execute(text("ANALYZE (SKIP_LOCKED) import_row"))

    async def cells(self, file_id: UUID, after: int, limit: int) -> list[tuple[int, str]]:
        """Return the numbers and sealed cells of rows after a number, in their order."""
        statement = select(ImportRow.number, ImportRow.sealed).where(
            ImportRow.file_id == file_id, ImportRow.number > after
        )
        found = await self.session.execute(statement.order_by(ImportRow.number).limit(limit))
        return [(number, sealed) for number, sealed in found]

    async def rows(
        self, file_id: UUID, after: int, limit: int, statuses: Sequence[RowStatus] | None = None
    ) -> list[ImportRow]:
        """Return rows after a number, in their order."""
        statement = select(ImportRow).where(ImportRow.file_id == file_id, ImportRow.number > after)
        if statuses is not None:
            statement = statement.where(ImportRow.status.in_(statuses))
        return list((await self.session.execute(statement.order_by(ImportRow.number).limit(limit))).scalars())

    async def tell(self, file_id: UUID, rows: Sequence[Told]) -> None:
        """Keep what becomes of rows."""
        arrays = {each.name: [getattr(row, each.name) for row in rows] for each in fields(Told)}
        await self.session.execute(_TELL, {"file_id": file_id, **arrays})

    async def remembered(self, kind: FileKind, council_id: str | None) -> dict[str, str | None]:
        """Return what headings were taken for in the last files of this council and kind."""
        statement = select(ImportMapping.heading, ImportMapping.field).where(
            ImportMapping.kind == kind, ImportMapping.council_id.is_not_distinct_from(council_id)
        )
        rows = await self.session.execute(statement)
        return {str(heading): field for heading, field in rows}

    async def remember(self, kind: FileKind, council_id: str | None, fields: Mapping[str, str | None]) -> None:
        """Keep what headings were taken for."""
        rows = [
            {"id": new_id(), "council_id": council_id, "kind": kind, "heading": heading, "field": field}
            for heading, field in fields.items()
            if heading
        ]
        if rows:
            statement = upsert(ImportMapping).values(rows)
            statement = statement.on_conflict_do_update(
                index_elements=["council_id", "kind", "heading"], set_={"field": statement.excluded.field}
            )
            await self.session.execute(statement)

    def _mine(self) -> ColumnElement[bool]:
        if not self.councils:
            return or_(ImportFile.council_id.is_(None), ImportFile.council_id.in_(COUNCILS))
        return ImportFile.council_id.in_(self.councils)


class FirstRows:
    """Which row of a file was the first about a hub or a line, in the transaction that takes its rows."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def begin(self) -> None:
        """Prepare the transaction."""
        await self.session.execute(text(_FIRSTS))

    async def of(self, rows: Sequence[tuple[int, MendedRow]]) -> dict[str, tuple[int, str]]:
        """Return the rows of batches before that have the keys of these, by key: number and digest."""
        keys = [value for _, row in rows for name in _KEYS if (value := row.values.get(name))]
        found = await self.session.execute(_FIRSTS_OF, {"keys": keys})
        return {key: (number, digest) for key, number, digest in found}

    async def keep(self, outcomes: Sequence[RowOutcome], digests: Mapping[int, str]) -> None:
        """Keep the rows of a batch, for those to come."""
        kept = [(each.key, each.number, digests[each.number]) for each in outcomes if each.key]
        arrays = zip(*kept, strict=True) if kept else ((), (), ())
        names = ("keys", "numbers", "digests")
        values = {name: list(array) for name, array in zip(names, arrays, strict=True)}
        await self.session.execute(_KEEP_FIRSTS, values)


_KEYS = ("hub_id", "serial", "line_number")
