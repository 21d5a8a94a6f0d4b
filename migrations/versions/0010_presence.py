"""Presence: where hubs stand and stood, and when we could hear."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATES = "'never_seen', 'online', 'late', 'suspect', 'offline', 'lost', 'dormant'"
RULED = ("council", "device_model", "hub")
COMMENTS = {
    "heartbeat_grace_s": "overrides the model's, and that the council's",
    "miss_limit": "offline from so many missed beats on; overrides likewise",
}


def upgrade() -> None:
    for table in RULED:
        for column, comment in COMMENTS.items():
            op.add_column(
                table, sa.Column(column, sa.Integer(), nullable=True, comment=comment if table == "hub" else None)
            )
        op.create_check_constraint("heartbeat_grace_s", table, "heartbeat_grace_s >= 0")
        op.create_check_constraint("miss_limit", table, "miss_limit BETWEEN 1 AND 100")
    op.add_column(
        "hub_live",
        sa.Column(
            "left_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the broker last spoke its last will: a hint",
        ),
    )
    op.create_table(
        "hub_presence",
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="never_seen", nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when its deadline passed, not when somebody looked",
        ),
        sa.Column(
            "last_proof",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the last sign of life that has been judged",
        ),
        sa.Column(
            "good",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="heartbeats in a row while it is not online",
        ),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True, comment="when silence would change it next"),
        sa.Column("away_until", sa.DateTime(timezone=True), nullable=True, comment="the end of a planned absence"),
        sa.Column("away_why", sa.String(), nullable=True),
        sa.Column("told_alarm_id", sa.Uuid(), nullable=True, comment="the alarm that says that it is offline"),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_hub_presence_state")),
        sa.CheckConstraint("(state = 'never_seen') = (since IS NULL)", name=op.f("ck_hub_presence_since")),
        sa.CheckConstraint("state <> 'dormant' OR away_until IS NOT NULL", name=op.f("ck_hub_presence_dormant")),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.hub_id"], name=op.f("fk_hub_presence_hub_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hub_id", name=op.f("pk_hub_presence")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "ix_hub_presence_look_at", "hub_presence", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL")
    )
    op.create_index(
        "ix_hub_presence_not_online", "hub_presence", ["state"], postgresql_where=sa.text("state <> 'online'")
    )
    op.create_index(
        "ix_hub_presence_told",
        "hub_presence",
        ["told_alarm_id"],
        postgresql_where=sa.text("told_alarm_id IS NOT NULL"),
    )
    op.create_table(
        "presence_period",
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_presence_period_state")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_presence_period_ended_at")),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.hub_id"], name=op.f("fk_presence_period_hub_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hub_id", "started_at", name=op.f("pk_presence_period")),
    )
    op.create_index(
        "uq_presence_period_open",
        "presence_period",
        ["hub_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "listening",
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_listening")),
    )
    op.create_table(
        "deaf_period",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_deaf_period_ended_at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deaf_period")),
    )
    op.create_index("ix_deaf_period_ended_at", "deaf_period", ["ended_at"])


def downgrade() -> None:
    for table in ("deaf_period", "listening", "presence_period", "hub_presence"):
        op.drop_table(table)
    op.drop_column("hub_live", "left_at")
    for table in RULED:
        for column in COMMENTS:
            op.drop_constraint(column, table, type_="check")
            op.drop_column(table, column)
