"""Imports of what councils have: files, their rows, and what columns were taken for; IMEI and SIM of a hub."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

KINDS = "kind IN ('homes', 'installer', 'telco')"


def council(*, comment: str | None = None) -> sa.Column[str]:
    return sa.Column("council_id", sa.String(length=9), nullable=True, comment=comment)


def upgrade() -> None:
    op.create_table(
        "import_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "version", sa.Integer(), server_default="1", nullable=False, comment="what commands refer to as as_of"
        ),
        council(comment="whose rows these are; empty: the rows say it, of any council"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="of the file, as sent"),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), server_default="reading", nullable=False),
        sa.Column("said", sa.String(), nullable=True, comment="why the last step came to nothing, in a sentence"),
        sa.Column("notes", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("headings", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "columns",
            postgresql.JSONB(),
            server_default="[]",
            nullable=False,
            comment="what each heading was taken for, and how",
        ),
        sa.Column("rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "done",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="rows that the present step is through with",
        ),
        sa.Column(
            "counts",
            postgresql.JSONB(),
            server_default="{}",
            nullable=False,
            comment="rows by what becomes of them",
        ),
        sa.Column("uploaded_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column(
            "uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_by", sa.String(), nullable=True, comment="who asked to make it live, as in the audit"),
        sa.Column("live_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "attempt",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="whoever works on it knows it by this number",
        ),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="until then whoever works on it is believed to live",
        ),
        sa.CheckConstraint(KINDS, name=op.f("ck_import_file_kind")),
        sa.CheckConstraint(
            "state IN ('reading', 'read', 'checking', 'checked', 'committing', 'live', 'refused', 'discarded')",
            name=op.f("ck_import_file_state"),
        ),
        sa.CheckConstraint("(state = 'live') = (live_at IS NOT NULL)", name=op.f("ck_import_file_live_at")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_import_file_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_file")),
    )
    op.create_index("ix_import_file_uploaded_at", "import_file", ["uploaded_at"])
    op.create_table(
        "import_chunk",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        council(),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["import_file.id"], name=op.f("fk_import_chunk_file_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "seq", name=op.f("pk_import_chunk")),
    )
    op.create_table(
        "import_row",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="as a spreadsheet program shows it"),
        council(),
        sa.Column("sealed", sa.String(), nullable=False, comment="its cells"),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column(
            "key",
            sa.String(),
            nullable=True,
            comment="what tells it from others: the hub, or the number of the line",
        ),
        sa.Column("digest", sa.String(), nullable=True, comment="of what it says: the same twice is no contradiction"),
        sa.Column("told_sealed", sa.String(), nullable=True, comment="what was mended, what changes, what is wrong"),
        sa.Column("planned_on", sa.Date(), nullable=True, comment="when the telco means to migrate this line"),
        sa.Column("line_id", sa.Uuid(), nullable=True, comment="the line that it is about"),
        sa.CheckConstraint(
            "status IN ('created', 'updated', 'unchanged', 'unmatched', 'ambiguous', 'error')",
            name=op.f("ck_import_row_status"),
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["import_file.id"], name=op.f("fk_import_row_file_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "number", name=op.f("pk_import_row")),
    )
    op.create_index("ix_import_row_key", "import_row", ["file_id", "key"])
    op.create_index("ix_import_row_status", "import_row", ["file_id", "status", "number"])
    op.create_table(
        "import_mapping",
        sa.Column("id", sa.Uuid(), nullable=False),
        council(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("heading", sa.String(), nullable=False, comment="in small letters, without signs"),
        sa.Column("field", sa.String(), nullable=True, comment="empty: it is left out"),
        sa.CheckConstraint(KINDS, name=op.f("ck_import_mapping_kind")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_import_mapping_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_mapping")),
        sa.UniqueConstraint(
            "council_id",
            "kind",
            "heading",
            name=op.f("uq_import_mapping_council_id_kind_heading"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_person_date_of_birth", "person", ["date_of_birth"])
    op.create_index("ix_line_number", "line", ["number"])
    op.create_index("ix_hub_serial", "hub", ["serial"])
    op.add_column("hub", sa.Column("imei", sa.String(), nullable=True))
    op.add_column("hub", sa.Column("iccid", sa.String(), nullable=True, comment="the number of its SIM"))


def downgrade() -> None:
    op.drop_column("hub", "iccid")
    op.drop_column("hub", "imei")
    op.drop_index("ix_hub_serial", "hub")
    op.drop_index("ix_line_number", "line")
    op.drop_index("ix_person_date_of_birth", "person")
    for table in ("import_mapping", "import_row", "import_chunk", "import_file"):
        op.drop_table(table)
