"""Imports as programs see them, and what is taken."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from devices.registry.fields import Input, Name, Output
from devices.switchover.importing.columns import title
from devices.switchover.importing.domain import FileKind, FileState, RowStatus
from devices.switchover.importing.models import ImportFile


class ColumnOut(Output):
    """A column of a file: what it was taken for, null when left out, and how: remembered, known, similar, said."""

    heading: str
    field: str | None
    title: str | None
    how: str
    samples: list[str]


class ImportFileOut(Output):
    """An import. `done` of `rows` are through with the present step; `said` is why the last step came to nothing."""

    id: UUID
    version: int
    council_id: str | None
    kind: FileKind
    name: str
    state: FileState
    said: str | None
    notes: list[str]
    columns: list[ColumnOut]
    objections: Annotated[list[str], Field(description="why the columns cannot be used so")]
    rows: int
    done: int
    counts: dict[str, int]
    uploaded_by: str
    uploaded_at: datetime
    checked_at: datetime | None
    live_at: datetime | None


class ImportRowOut(Output):
    """What becomes of a row, in words; `row` is its number in a spreadsheet program."""

    row: int
    status: RowStatus | None
    known_as: str
    outcome: str
    refused_because: str
    mended: str
    remarks: str


class ColumnsIn(Input):
    """What columns are, by the file's heading: the name of one of ours, or null to leave it out."""

    columns: Annotated[dict[Name, Name | None], Field(max_length=250)]
    as_of: Annotated[int, Field(ge=1)] | None = None


class StepIn(Input):
    """The version that was looked at."""

    as_of: Annotated[int, Field(ge=1)] | None = None


def show_import(file: ImportFile, objections: Sequence[str], samples: Sequence[list[str]] = ()) -> ImportFileOut:
    """Return an import as programs see it."""
    kind = FileKind(file.kind)
    columns = [
        ColumnOut(
            heading=heading,
            field=column["field"],
            title=title(kind, column["field"]) if column["field"] else None,
            how=column["how"],
            samples=list(samples[at]) if at < len(samples) else [],
        )
        for at, (heading, column) in enumerate(zip(file.headings, file.columns, strict=False))
    ]
    return ImportFileOut(
        id=file.id, version=file.version, council_id=file.council_id, kind=kind, name=file.name,
        state=FileState(file.state), said=file.said, notes=file.notes, columns=columns,
        objections=list(objections) if file.columns else [], rows=file.rows, done=file.done, counts=file.counts,
        uploaded_by=file.uploaded_by, uploaded_at=file.uploaded_at, checked_at=file.checked_at, live_at=file.live_at,
    )  # fmt: skip
