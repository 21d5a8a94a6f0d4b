"""Covers: whose control room stands in for whose, and each time that it did."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cover_agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False, comment="who is covered"),
        sa.Column("partner_id", sa.String(length=9), nullable=False, comment="who covers"),
        sa.Column(
            "after_s", sa.Integer(), server_default="120", nullable=False, comment="it begins by itself above this lag"
        ),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("partner_id <> council_id", name=op.f("ck_cover_agreement_two_councils")),
        sa.CheckConstraint("after_s BETWEEN 60 AND 3600", name=op.f("ck_cover_agreement_after_s")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_cover_agreement_ended")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_cover_agreement_council_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["council.code"], name=op.f("fk_cover_agreement_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cover_agreement")),
    )
    op.create_index(
        "uq_cover_agreement_live",
        "cover_agreement",
        ["council_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_cover_agreement_partner_id", "cover_agreement", ["partner_id"])
    op.create_table(
        "cover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("partner_id", sa.String(length=9), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("lag_s", sa.Integer(), nullable=True, comment="how long an alarm had waited when it began"),
        sa.Column("reason", sa.String(), nullable=True, comment="in the words of who began it"),
        sa.Column("started_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "back",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="somebody of the council has taken a case since",
        ),
        sa.Column(
            "calm_since", sa.DateTime(timezone=True), nullable=True, comment="since when nothing has waited long"
        ),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.String(), nullable=True),
        sa.CheckConstraint("why IN ('lag', 'declared', 'exercise')", name=op.f("ck_cover_why")),
        sa.CheckConstraint("(why = 'lag') = (lag_s IS NOT NULL)", name=op.f("ck_cover_lag_s")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_cover_ended")),
        sa.ForeignKeyConstraint(["agreement_id"], ["cover_agreement.id"], name=op.f("fk_cover_agreement_id")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_cover_council_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["council.code"], name=op.f("fk_cover_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cover")),
    )
    op.create_index(
        "uq_cover_running", "cover", ["agreement_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index("ix_cover_running_partner", "cover", ["partner_id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("ix_cover_agreement_id_started_at", "cover", ["agreement_id", "started_at"])


def downgrade() -> None:
    op.drop_table("cover")
    op.drop_table("cover_agreement")
