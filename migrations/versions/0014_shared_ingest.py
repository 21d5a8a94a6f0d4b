"""Heartbeats shared by several processes: whose load a place shares, and since when a hub's boot is the present one."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "listening",
        sa.Column(
            "share_of", sa.String(), nullable=True, comment="whose load it shares with others; empty: it hears all"
        ),
    )
    op.add_column(
        "hub_live",
        sa.Column("boot_since", sa.DateTime(timezone=True), nullable=True, comment="when it replaced the one before"),
    )


def downgrade() -> None:
    op.drop_column("hub_live", "boot_since")
    op.drop_column("listening", "share_of")
