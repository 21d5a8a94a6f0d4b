"""Test windows: an engineer tries out triggers of a hub."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "test_window",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column(
            "devices",
            sa.ARRAY(sa.Text()),
            nullable=False,
            comment="ids on the wire; the empty one is the unit itself",
        ),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("opened_name", sa.String(), nullable=False, comment="as operators read it"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="ended by somebody before its time"),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.CheckConstraint("cardinality(devices) > 0", name=op.f("ck_test_window_devices")),
        sa.CheckConstraint(
            "ends_at > starts_at AND ends_at <= starts_at + interval '2 hours'", name=op.f("ck_test_window_ends_at")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_test_window_ended")),
        sa.CheckConstraint("ended_at BETWEEN starts_at AND ends_at", name=op.f("ck_test_window_ended_at")),
        sa.ForeignKeyConstraint(
            ["hub_id", "council_id"],
            ["hub.hub_id", "hub.council_id"],
            name=op.f("fk_test_window_hub_id_council_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_window")),
        postgresql.ExcludeConstraint(
            (sa.column("hub_id"), "="),
            (sa.text("tstzrange(starts_at, COALESCE(ended_at, ends_at))"), "&&"),
            name="one_window_at_a_time",
            using="gist",
        ),
    )
    op.create_index(
        "ix_test_window_hub_id", "test_window", ["hub_id", "ends_at"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index("ix_test_window_ends_at", "test_window", ["ends_at"], postgresql_where=sa.text("ended_at IS NULL"))


def downgrade() -> None:
    op.drop_table("test_window")
