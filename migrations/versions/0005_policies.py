"""Escalation policies and their versions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="the newest version, which new alarms go by"),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_policy_version")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_policy_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
    )
    op.create_index(
        "uq_policy_key",
        "policy",
        ["council_id", "key"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "policy_version",
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("text", sa.Text(), nullable=False, comment="as it was written"),
        sa.Column("document", postgresql.JSONB(none_as_null=True), nullable=False, comment="as it was read"),
        sa.Column(
            "outlook",
            postgresql.JSONB(none_as_null=True),
            nullable=False,
            comment="the longest time until a human, when it was saved",
        ),
        sa.Column("note", sa.String(), nullable=False, comment="why it was changed, in words"),
        sa.Column("created_by", sa.String(), nullable=False, comment="who saved it, by name"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_policy_version_policy_id")),
        sa.PrimaryKeyConstraint("policy_id", "version", name=op.f("pk_policy_version")),
    )
    # What an alarm was raised with must stay as it was.
    op.execute(
        "CREATE TRIGGER policy_version_append_only BEFORE UPDATE OR DELETE ON policy_version "
        "FOR EACH ROW EXECUTE FUNCTION append_only()"
    )

    op.add_column(
        "alarm", sa.Column("tier", sa.String(), nullable=True, comment="the person's risk tier when it opened")
    )


def downgrade() -> None:
    op.drop_column("alarm", "tier")
    op.drop_table("policy_version")
    op.drop_table("policy")
