"""A calendar that is read by its address may be of a user's visits too."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calendar_feed", sa.Column("user_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_calendar_feed_user_id"), "calendar_feed", "app_user", ["user_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index("ix_calendar_feed_user_id", "calendar_feed", ["user_id"])
    op.drop_constraint("subject", "calendar_feed", type_="check")
    op.create_check_constraint("subject", "calendar_feed", "num_nonnulls(rota_id, responder_id, user_id) = 1")


def downgrade() -> None:
    op.execute("DELETE FROM calendar_feed WHERE user_id IS NOT NULL")
    op.drop_constraint("subject", "calendar_feed", type_="check")
    op.create_check_constraint("subject", "calendar_feed", "num_nonnulls(rota_id, responder_id) = 1")
    op.drop_index("ix_calendar_feed_user_id", "calendar_feed")
    op.drop_constraint(op.f("fk_calendar_feed_user_id"), "calendar_feed", type_="foreignkey")
    op.drop_column("calendar_feed", "user_id")
