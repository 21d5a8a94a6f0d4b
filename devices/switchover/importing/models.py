"""The tables of imports: a file, its bytes until they are read, its rows, and what columns were taken for before.

What is in a file is about people, and codes of key safes may be in it: bytes, cells and reports are sealed.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from devices.switchover.importing.domain import FileKind, FileState, RowStatus
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class ImportFile(Base):
    """One file, from its arrival until it is live, refused or discarded."""

    __tablename__ = "import_file"
    __table_args__ = (
        one_of("kind", FileKind),
        one_of("state", FileState),
        CheckConstraint("(state = 'live') = (live_at IS NOT NULL)", name="live_at"),
        Index("ix_import_file_uploaded_at", "uploaded_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(server_default="1", comment="what commands refer to as as_of")
    council_id: Mapped[str | None] = mapped_column(
        CouncilId, ForeignKey("council.code"), comment="whose rows these are; empty: the rows say it, of any council"
    )
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(comment="of the file, as sent")
    sha256: Mapped[str]
    size: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=FileState.READING)
    said: Mapped[str | None] = mapped_column(comment="why the last step came to nothing, in a sentence")
    notes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    headings: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    columns: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default="[]", comment="what each heading was taken for, and how"
    )
    rows: Mapped[int] = mapped_column(server_default="0")
    done: Mapped[int] = mapped_column(server_default="0", comment="rows that the present step is through with")
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}", comment="rows by what becomes of them")
    uploaded_by: Mapped[str] = mapped_column(comment="as in the audit")
    uploaded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    checked_at: Mapped[datetime | None]
    asked_by: Mapped[str | None] = mapped_column(comment="who asked to make it live, as in the audit")
    live_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0", comment="whoever works on it knows it by this number")
    lease_until: Mapped[datetime | None] = mapped_column(comment="until then whoever works on it is believed to live")


class ImportChunk(Base):
    """A piece of a file that is not read yet."""

    __tablename__ = "import_chunk"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("import_file.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    council_id: Mapped[str | None] = mapped_column(CouncilId)
    sealed: Mapped[str]


class ImportRow(Base):
    """A row of a file: its cells, and what becomes of it."""

    __tablename__ = "import_row"
    __table_args__ = (
        one_of("status", RowStatus),
        Index("ix_import_row_key", "file_id", "key"),
        Index("ix_import_row_status", "file_id", "status", "number"),
    )

    file_id: Mapped[UUID] = mapped_column(ForeignKey("import_file.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, comment="as a spreadsheet program shows it")
    council_id: Mapped[str | None] = mapped_column(CouncilId)
    sealed: Mapped[str] = mapped_column(comment="its cells")
    status: Mapped[str | None]
    key: Mapped[str | None] = mapped_column(comment="what tells it from others: the hub, or the number of the line")
    digest: Mapped[str | None] = mapped_column(comment="of what it says: the same twice is no contradiction")
    told_sealed: Mapped[str | None] = mapped_column(comment="what was mended, what changes, what is wrong")
    planned_on: Mapped[date | None] = mapped_column(comment="when the telco means to migrate this line")
    line_id: Mapped[UUID | None] = mapped_column(comment="the line that it is about")


class ImportMapping(Base):
    """What a heading was taken for when a file went live: the next file of this council and kind begins with it."""

    __tablename__ = "import_mapping"
    __table_args__ = (
        one_of("kind", FileKind),
        UniqueConstraint("council_id", "kind", "heading", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    kind: Mapped[str]
    heading: Mapped[str] = mapped_column(comment="in small letters, without signs")
    field: Mapped[str | None] = mapped_column(comment="empty: it is left out")
