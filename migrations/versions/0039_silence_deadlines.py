"""A council says by when a human must see to a silent hub, by risk tier."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "silence_deadlines",
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("minutes_a", sa.Integer(), nullable=False),
        sa.Column("minutes_b", sa.Integer(), nullable=False),
        sa.Column("minutes_c", sa.Integer(), nullable=False),
        sa.Column("minutes_d", sa.Integer(), nullable=True, comment="empty: the next working morning"),
        sa.Column("set_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column(
            "applied_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when what was open had been looked at anew",
        ),
        sa.CheckConstraint(
            "5 <= minutes_a AND minutes_a <= minutes_b AND minutes_b <= minutes_c AND minutes_c <= 1440"
            " AND (minutes_d IS NULL OR minutes_d BETWEEN minutes_c AND 10080)",
            name=op.f("ck_silence_deadlines_minutes"),
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_silence_deadlines_council_id")),
        sa.PrimaryKeyConstraint("council_id", "set_at", name=op.f("pk_silence_deadlines")),
    )


def downgrade() -> None:
    op.drop_table("silence_deadlines")
