"""By when a battery must be replaced: how long those of a model are good for, or a day that is entered for a unit."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "device_model",
        sa.Column("battery_years", sa.Integer(), nullable=True, comment="how long its battery is good for"),
    )
    op.create_check_constraint("battery_years", "device_model", "battery_years BETWEEN 1 AND 30")
    op.add_column(
        "hub",
        sa.Column(
            "battery_due_on",
            sa.Date(),
            nullable=True,
            comment="by when its battery must be replaced, as entered; empty: by its age and model",
        ),
    )


def downgrade() -> None:
    op.drop_column("hub", "battery_due_on")
    op.drop_column("device_model", "battery_years")
