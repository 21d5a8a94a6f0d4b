"""Invitations: who was asked to come, and how they can answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alarm_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("effect_key", sa.String(), nullable=False, comment="of the message in the outbox that asked"),
        sa.Column(
            "target",
            sa.String(),
            nullable=False,
            comment="behind which target they stood: a contact sees less than a responder",
        ),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("party_name", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("code BETWEEN 1 AND 999", name=op.f("ck_invitation_code")),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"], name=op.f("fk_invitation_alarm_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("effect_key", name=op.f("uq_invitation_effect_key")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_index("ix_invitation_alarm_id", "invitation", ["alarm_id"])
    op.create_index("ix_invitation_address", "invitation", ["channel", "address", "created_at"])


def downgrade() -> None:
    op.drop_table("invitation")
