"""Channels: what providers report of messages, bundles of technical ones, calls taken back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DUE = sa.text("state IN ('pending', 'sending')")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("provider", sa.String(), nullable=True, comment="who has taken it"))
    op.add_column(
        "outbox",
        sa.Column("provider_ref", sa.String(), nullable=True, comment="how the provider calls it in its reports"),
    )
    op.add_column(
        "outbox",
        sa.Column("delivery", sa.String(), nullable=True, comment="how far it got since; empty where nobody reports"),
    )
    op.add_column("outbox", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "outbox",
        sa.Column("merged_into", sa.Uuid(), nullable=True, comment="the message in whose text this one went out"),
    )
    op.add_column(
        "outbox",
        sa.Column(
            "recall_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a call that should stop ringing: somebody has it",
        ),
    )
    op.create_foreign_key(op.f("fk_outbox_merged_into"), "outbox", "outbox", ["merged_into"], ["id"])
    op.drop_constraint(op.f("ck_outbox_state"), "outbox", type_="check")
    op.create_check_constraint(
        op.f("ck_outbox_state"),
        "outbox",
        "state IN ('pending', 'sending', 'sent', 'failed', 'cancelled', 'merged')",
    )
    op.create_check_constraint(
        op.f("ck_outbox_delivery"),
        "outbox",
        "delivery IN ('handed_over', 'sent', 'failed', 'not_reached', 'delivered')",
    )
    op.create_check_constraint(op.f("ck_outbox_merged"), "outbox", "state <> 'merged' OR merged_into IS NOT NULL")
    op.create_check_constraint(
        op.f("ck_outbox_delivered_at"), "outbox", "(delivery = 'delivered') = (delivered_at IS NOT NULL)"
    )
    op.create_index("ix_outbox_due_by_council", "outbox", ["council_id", "rank", "due_at"], postgresql_where=DUE)
    op.create_index(
        "ix_outbox_provider_ref", "outbox", ["provider_ref"], postgresql_where=sa.text("provider_ref IS NOT NULL")
    )
    op.create_index(
        "ix_outbox_merged_into", "outbox", ["merged_into"], postgresql_where=sa.text("merged_into IS NOT NULL")
    )
    op.create_index("ix_outbox_recall", "outbox", ["recall_at"], postgresql_where=sa.text("recall_at IS NOT NULL"))
    op.create_index(
        "ix_outbox_pace",
        "outbox",
        ["channel", "address", "finished_at"],
        postgresql_where=sa.text("state = 'sent' AND rank >= 40"),
    )
    op.create_table(
        "delivery_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_ref", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False, comment="the provider's own word for what happened"),
        sa.Column("our_key", sa.String(), nullable=True, comment="what we called the message when we handed it over"),
        sa.Column(
            "report",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="as read, for when it is applied later",
        ),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("status IN ('held', 'applied', 'orphan')", name=op.f("ck_delivery_report_status")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_delivery_report_council_id")),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.id"], name=op.f("fk_delivery_report_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_report")),
        sa.UniqueConstraint(
            "provider", "provider_ref", "word", name=op.f("uq_delivery_report_provider_provider_ref_word")
        ),
    )
    op.create_index(
        "ix_delivery_report_held", "delivery_report", ["received_at"], postgresql_where=sa.text("status = 'held'")
    )
    op.create_index("ix_delivery_report_message_id", "delivery_report", ["message_id"])


def downgrade() -> None:
    op.drop_table("delivery_report")
    for index in ("pace", "recall", "merged_into", "provider_ref", "due_by_council"):
        op.drop_index(f"ix_outbox_{index}", table_name="outbox")
    for constraint in ("delivered_at", "merged", "delivery", "state"):
        op.drop_constraint(op.f(f"ck_outbox_{constraint}"), "outbox", type_="check")
    # The older program knows no bundles: their members went out, or go out, in their text.
    op.execute("UPDATE outbox SET state = 'cancelled' WHERE state = 'merged'")
    op.create_check_constraint(
        op.f("ck_outbox_state"), "outbox", "state IN ('pending', 'sending', 'sent', 'failed', 'cancelled')"
    )
    op.drop_constraint(op.f("fk_outbox_merged_into"), "outbox", type_="foreignkey")
    for column in ("recall_at", "merged_into", "delivered_at", "delivery", "provider_ref", "provider"):
        op.drop_column("outbox", column)
