"""How many calls of an analogue unit failed on its tones, as its receiving centre counted them."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "hub",
        sa.Column(
            "failed_handshakes",
            sa.Integer(),
            nullable=True,
            comment="calls that failed on its tones, as its receiving centre counted them",
        ),
    )
    op.add_column(
        "hub", sa.Column("handshakes_until", sa.Date(), nullable=True, comment="the last day of what was counted")
    )
    op.add_column(
        "hub",
        sa.Column(
            "handshakes_told_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when that was written down",
        ),
    )
    op.add_column("hub", sa.Column("handshakes_told_by", sa.String(), nullable=True, comment="as in the audit"))
    op.create_check_constraint("failed_handshakes", "hub", "failed_handshakes >= 0")
    op.create_check_constraint(
        "handshakes",
        "hub",
        "num_nulls(failed_handshakes, handshakes_until, handshakes_told_at, handshakes_told_by) IN (0, 4)",
    )


def downgrade() -> None:
    for name in ("handshakes_told_by", "handshakes_told_at", "handshakes_until", "failed_handshakes"):
        op.drop_column("hub", name)
