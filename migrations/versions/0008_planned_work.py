"""Planned work: windows in which alarms that are not life-safety tell nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planned_work",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True, comment="empty: all councils"),
        sa.Column("hub_id", sa.String(), nullable=True, comment="empty: all hubs of the council"),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "ends_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="as it is planned now; moving it changes this",
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="ended by somebody before its time"),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_planned_work_ends_at")),
        sa.CheckConstraint("ends_at <= starts_at + interval '14 days'", name=op.f("ck_planned_work_longest")),
        sa.CheckConstraint("hub_id IS NULL OR council_id IS NOT NULL", name=op.f("ck_planned_work_hub_has_council")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_planned_work_ended")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_planned_work_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_work")),
    )
    op.create_index(
        "ix_planned_work_ends_at", "planned_work", ["ends_at"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index("ix_planned_work_council_id", "planned_work", ["council_id"])

    op.add_column(
        "alarm",
        sa.Column(
            "quiet_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="planned work: nobody is told before",
        ),
    )


def downgrade() -> None:
    op.drop_column("alarm", "quiet_until")
    op.drop_table("planned_work")
