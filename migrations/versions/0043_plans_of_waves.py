"""A plan may be of one programme or one wave of it."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "switchover_plan",
        sa.Column(
            "programme_id",
            sa.Uuid(),
            nullable=True,
            comment="only homes of this programme; empty: all that are due",
        ),
    )
    op.add_column(
        "switchover_plan", sa.Column("wave_id", sa.Uuid(), nullable=True, comment="only homes of this wave of it")
    )
    op.create_foreign_key(
        op.f("fk_switchover_plan_programme_id_switchover_programme"),
        "switchover_plan",
        "switchover_programme",
        ["programme_id"],
        ["id"],
    )
    op.create_foreign_key(
        "fk_switchover_plan_wave",
        "switchover_plan",
        "switchover_wave",
        ["wave_id", "programme_id"],
        ["id", "programme_id"],
    )
    op.create_check_constraint("wave", "switchover_plan", "wave_id IS NULL OR programme_id IS NOT NULL")


def downgrade() -> None:
    op.drop_column("switchover_plan", "wave_id")
    op.drop_column("switchover_plan", "programme_id")
