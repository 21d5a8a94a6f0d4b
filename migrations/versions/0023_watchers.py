"""When each task that looks at intervals last got through: a task that only fails is noticed by who reads this."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watcher",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("every_s", sa.Float(), nullable=False, comment="between two rounds"),
        sa.Column("looked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "succeeded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="at first: when it was begun",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watcher")),
    )


def downgrade() -> None:
    op.drop_table("watcher")
