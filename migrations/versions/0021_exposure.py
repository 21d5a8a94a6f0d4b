"""The exposure list: analogue units on lines that are digital already."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exposure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "version", sa.Integer(), server_default="1", nullable=False, comment="what commands refer to as as_of"
        ),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("installation_id", sa.Uuid(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("line_kind", sa.String(), nullable=False, comment="as the register had it when it was found"),
        sa.Column("provider", sa.String(), nullable=True, comment="of that line"),
        sa.Column(
            "known_since",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="its age counts from here, over replaced units too",
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(), nullable=True, comment="who has it, by name"),
        sa.Column("next_action", sa.String(), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="from then on a human is told"),
        sa.Column(
            "overdue_told_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a human was told that it is overdue",
        ),
        sa.Column("gone", sa.String(), nullable=True, comment="it is not so any more, in words; a person confirms it"),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True, comment="as in the audit; empty: by the facts"),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "cause IN ('digital_unit', 'service_ended', 'replaced', 'line_corrected', 'other_line')",
            name=op.f("ck_exposure_cause"),
        ),
        sa.CheckConstraint(
            "cause IS NULL OR cause NOT IN ('line_corrected', 'other_line') OR num_nulls(closed_by, reason, owner) = 0",
            name=op.f("ck_exposure_closed_by"),
        ),
        sa.CheckConstraint(
            "line_kind IN ('pstn', 'voip_router', 'voip_ata', 'none')", name=op.f("ck_exposure_line_kind")
        ),
        sa.CheckConstraint("(closed_at IS NULL) = (cause IS NULL)", name=op.f("ck_exposure_closed_at")),
        sa.CheckConstraint(
            "num_nulls(owner, next_action, next_on) IN (0, 3) OR cause IS NOT NULL",
            name=op.f("ck_exposure_next_action"),
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_exposure_council_id")),
        sa.ForeignKeyConstraint(
            ["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], name=op.f("fk_exposure_hub_id_council_id")
        ),
        sa.ForeignKeyConstraint(
            ["installation_id"], ["installation.id"], name=op.f("fk_exposure_installation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "council_id"],
            ["person.id", "person.council_id"],
            name=op.f("fk_exposure_person_id_council_id"),
        ),
        sa.ForeignKeyConstraint(
            ["premises_id", "council_id"],
            ["premises.id", "premises.council_id"],
            name=op.f("fk_exposure_premises_id_council_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exposure")),
    )
    op.create_index(
        "ix_exposure_due",
        "exposure",
        ["council_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_exposure_hub_id", "exposure", ["hub_id"], unique=False)
    op.create_index("ix_exposure_person_id", "exposure", ["person_id"], unique=False)
    op.create_index(
        "uq_exposure_open", "exposure", ["installation_id"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "exposure_log",
        sa.Column("exposure_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_exposure_log_seq")),
        sa.ForeignKeyConstraint(
            ["exposure_id"], ["exposure.id"], name=op.f("fk_exposure_log_exposure_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("exposure_id", "seq", name=op.f("pk_exposure_log")),
    )


def downgrade() -> None:
    op.drop_table("exposure_log")
    op.drop_table("exposure")
