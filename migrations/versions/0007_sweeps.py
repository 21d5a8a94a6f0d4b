"""Indexes by which housekeeping finds what is old; where a hub is; whose alarm of a call for several is had."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "of one in a bundle that has left: since when somebody has its alarm"
    op.add_column("outbox", sa.Column("released_at", sa.DateTime(timezone=True), nullable=True, comment=comment))
    op.create_index("ix_installation_hub_id", "installation", ["hub_id"])
    settled, ended = sa.text("status <> 'held'"), sa.text("finished_at IS NOT NULL")
    op.create_index("ix_delivery_report_settled", "delivery_report", ["received_at"], postgresql_where=settled)
    op.create_index("ix_hub_command_ended", "hub_command", ["finished_at"], postgresql_where=ended)
    codes = sa.text("target = 'verification' AND message #>> '{data,code}' IS NOT NULL")
    op.create_index("ix_outbox_codes", "outbox", ["subject_id"], postgresql_where=codes)


def downgrade() -> None:
    op.drop_index("ix_outbox_codes", "outbox")
    op.drop_index("ix_hub_command_ended", "hub_command")
    op.drop_index("ix_delivery_report_settled", "delivery_report")
    op.drop_index("ix_installation_hub_id", "installation")
    op.drop_column("outbox", "released_at")
