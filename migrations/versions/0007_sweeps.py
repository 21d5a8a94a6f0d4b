"""Indexes by which housekeeping finds what is old: settled reports, ended commands, and codes in messages."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settled, ended = sa.text("status <> 'held'"), sa.text("finished_at IS NOT NULL")
    op.create_index("ix_delivery_report_settled", "delivery_report", ["received_at"], postgresql_where=settled)
    op.create_index("ix_hub_command_ended", "hub_command", ["finished_at"], postgresql_where=ended)
    codes = sa.text("target = 'verification' AND message #>> '{data,code}' IS NOT NULL")
    op.create_index("ix_outbox_codes", "outbox", ["subject_id"], postgresql_where=codes)


def downgrade() -> None:
    op.drop_index("ix_outbox_codes", "outbox")
    op.drop_index("ix_hub_command_ended", "hub_command")
    op.drop_index("ix_delivery_report_settled", "delivery_report")
