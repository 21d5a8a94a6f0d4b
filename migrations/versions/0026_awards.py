"""Awards counted day by day, what people attest, what councils enter as costs."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "award_day",
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("users", sa.Integer(), nullable=False),
        sa.Column("digital_ready", sa.Integer(), nullable=False),
        sa.Column("live_digital", sa.Integer(), nullable=False),
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="later than the day: by the installations as they were then",
        ),
        sa.CheckConstraint(
            "0 <= live_digital AND live_digital <= digital_ready AND digital_ready <= users",
            name=op.f("ck_award_day_counts"),
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_award_day_council_id")),
        sa.PrimaryKeyConstraint("council_id", "day", name=op.f("pk_award_day")),
    )
    op.create_table(
        "award_attestation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("criterion", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("met_on", sa.Date(), nullable=False, comment="since when it is so, as they say"),
        sa.Column("attested_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("attested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.Column("withdrawn_why", sa.String(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(withdrawn_at, withdrawn_by, withdrawn_why) IN (0, 3)",
            name=op.f("ck_award_attestation_withdrawn"),
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_award_attestation_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_attestation")),
    )
    op.create_index(
        "uq_award_attestation_criterion",
        "award_attestation",
        ["council_id", "criterion"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "switchover_cost",
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("pence", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False, comment="where the council has it from"),
        sa.Column("entered_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "item IN ('device', 'swap', 'visit', 'sim_month', 'line_month', 'calls_month')",
            name=op.f("ck_switchover_cost_item"),
        ),
        sa.CheckConstraint("pence >= 0", name=op.f("ck_switchover_cost_pence")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_switchover_cost_council_id")),
        sa.PrimaryKeyConstraint("council_id", "item", name=op.f("pk_switchover_cost")),
    )


def downgrade() -> None:
    for table in ("switchover_cost", "award_attestation", "award_day"):
        op.drop_table(table)
