"""What people do with a file: send it, say what its columns are, have it tried out, made live, or thrown away."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.importing.columns import COLUMNS
from devices.switchover.importing.domain import BEFORE, ENDED, MOST_BYTES, FileKind, FileState
from devices.switchover.importing.mapping import faults, known_column, said
from devices.switchover.importing.mending import HIDDEN
from devices.switchover.importing.models import ImportFile
from devices.switchover.importing.repository import ImportFileRepository
from telecare.kernel.errors import ConflictError, InvalidError, RefusedError
from telecare.kernel.sealing import Sealer

CHUNK = 512 * 1024
SAMPLES = 3
SAMPLE = 60


def objections(file: ImportFile) -> list[str]:
    """Return why the columns of a file cannot be used, in words."""
    fields = [column["field"] for column in file.columns]
    return faults(FileKind(file.kind), fields, council=file.council_id is not None)


class StaleImportError(ConflictError):
    """The command was given on an older version of the import than the present one."""

    slug, title = "stale", "The import has changed"


class ImportFileService:
    """Files in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, sealer: Sealer, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.sealer = sealer
        self.councils = councils
        self.files = ImportFileRepository(session, councils)

    async def receive(self, raw: bytes, name: str, kind: FileKind, council: str | None, by: str) -> ImportFile:
        """Take a file in; the same one that has not ended is not taken twice."""
        council = self._whose(council)
        if len(raw) > MOST_BYTES:
            raise InvalidError(f"At most {MOST_BYTES // 1024**2} MiB are read: split the file")
        sha256 = hashlib.sha256(raw).hexdigest()
        there = await self.files.same(sha256, kind, council)
        if there is not None:
            return there
        sealed = await asyncio.to_thread(
            lambda: [self.sealer.seal_bytes(raw[at : at + CHUNK]) for at in range(0, len(raw), CHUNK)]
        )
        return await self.files.add(
            sealed, name=name[:200] or "unnamed", kind=kind, council_id=council, sha256=sha256, size=len(raw),
            uploaded_by=by,
        )  # fmt: skip

    def _whose(self, council: str | None) -> str | None:
        if council is None and len(self.councils) == 1:
            return next(iter(self.councils))
        if self.councils and council not in self.councils:
            what = "say whose file this is: it must be one of your councils"
            raise InvalidError(what[:1].upper() + what[1:], errors=[{"where": "query.council", "what": what}])
        return council

    async def map(self, file_id: UUID, words: Mapping[str, str], as_of: int | None = None) -> ImportFile:
        """Say what columns are, by heading: the name of one of ours, or nothing. What was tried out is so no more."""
        file = await self._lock(file_id, as_of)
        if file.state not in {FileState.READ, FileState.CHECKED}:
            raise RefusedError("Its columns can be said when it has been read, and before it is made live")
        kind = FileKind(file.kind)
        try:
            chosen = said(kind, file.headings, words)
        except ValueError as error:
            text = str(error)
            raise InvalidError(
                "The columns cannot be used so", errors=[{"where": "body.columns", "what": text}]
            ) from error
        return await self._mapped(file, chosen)

    async def map_by_place(self, file_id: UUID, fields: Sequence[str], as_of: int | None = None) -> ImportFile:
        """Say what all columns are, in their order, as a form does."""
        file = await self._lock(file_id, as_of)
        if file.state not in {FileState.READ, FileState.CHECKED}:
            raise RefusedError("Its columns can be said when it has been read, and before it is made live")
        kind = FileKind(file.kind)
        chosen: dict[int, str | None] = {}
        for at, name in enumerate(fields[: len(file.headings)]):
            chosen[at] = known_column(kind, name) if name in COLUMNS[kind] else None
        return await self._mapped(file, chosen)

    async def _mapped(self, file: ImportFile, chosen: Mapping[int, str | None]) -> ImportFile:
        """Keep what was said; a column of ours that is given to another one is taken from where it was guessed."""
        wanted = set(chosen.values()) - {None}
        columns = [
            {"field": None, "how": "said"} if at not in chosen and column["field"] in wanted else dict(column)
            for at, column in enumerate(file.columns)
        ]
        for at, field in chosen.items():
            if columns[at]["field"] != field:
                columns[at] = {"field": field, "how": "said"}
        if columns != file.columns:
            file.columns, file.state, file.version = columns, FileState.READ, file.version + 1
            file.counts = {}
            await self.session.flush()
        return file

    async def ask(self, file_id: UUID, state: FileState, by: str, as_of: int | None = None) -> ImportFile:
        """Ask for a step: to try the file out, make it live, or throw it away. Asked for twice it is done once."""
        file = await self.files.require(file_id, lock=True)
        if file.state == state or (file.state == FileState.LIVE and state == FileState.COMMITTING):
            return file
        self._check(file, as_of)
        if file.state not in BEFORE[state]:
            raise RefusedError(_NOT_NOW[state])
        if state == FileState.CHECKING and (wrong := objections(file)):
            errors = [{"where": "columns", "what": each} for each in wrong]
            raise InvalidError(f"Its columns do not say enough: {wrong[0]}", errors=errors)
        if state == FileState.DISCARDED:
            await self.files.forget(file.id, rows=True)
        if state == FileState.COMMITTING:
            file.asked_by = by
        file.state, file.version, file.said, file.done, file.lease_until = state, file.version + 1, None, 0, None
        await self.session.flush()
        return file

    async def samples(self, file: ImportFile) -> list[list[str]]:
        """Return the first things that stand in each column; codes of key safes are not shown."""
        rows = await self.files.rows(file.id, 0, 40)
        cells = [json.loads(self.sealer.open(row.sealed)) for row in rows]
        found: list[list[str]] = []
        for at, column in enumerate(file.columns):
            filled = [row[at].strip() for row in cells if at < len(row) and row[at].strip()]
            shown = list(dict.fromkeys(value[:SAMPLE] for value in filled))[:SAMPLES]
            secret = column["field"] is not None and COLUMNS[FileKind(file.kind)][column["field"]].secret
            found.append([HIDDEN] * min(1, len(shown)) if secret else shown)
        return found

    async def _lock(self, file_id: UUID, as_of: int | None) -> ImportFile:
        file = await self.files.require(file_id, lock=True)
        self._check(file, as_of)
        return file

    def _check(self, file: ImportFile, as_of: int | None) -> None:
        if as_of is not None and as_of != file.version:
            raise StaleImportError("The import has changed since you saw it: look and try again", version=file.version)
        if file.state in ENDED and file.state != FileState.REFUSED:
            raise RefusedError(f"This import is {file.state}: send the file again if it is needed")


_NOT_NOW = {
    FileState.CHECKING: "It can be tried out when it has been read",
    FileState.COMMITTING: "It can be made live when it has been tried out: nothing is taken that nobody has looked at",
    FileState.DISCARDED: "It cannot be thrown away while it is tried out or made live",
}
