"""Planning visits: where homes are, who can be sent, what binds visits, and the plans."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "engineer_profile",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("base_latitude", sa.Double(), nullable=False, comment="where their day begins and ends"),
        sa.Column("base_longitude", sa.Double(), nullable=False),
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), nullable=False, comment="on which they work; Monday is 0"),
        sa.Column("starts_at", sa.Integer(), nullable=False, comment="minutes since local midnight"),
        sa.Column("ends_at", sa.Integer(), nullable=False),
        sa.Column("skills", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "van",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment="what it holds, by item",
        ),
        sa.CheckConstraint(
            "base_latitude BETWEEN 49 AND 62 AND base_longitude BETWEEN -14 AND 3",
            name=op.f("ck_engineer_profile_base"),
        ),
        sa.CheckConstraint(
            "ends_at > starts_at AND starts_at >= 0 AND ends_at <= 1440", name=op.f("ck_engineer_profile_hours")
        ),
        sa.CheckConstraint(
            "weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]", name=op.f("ck_engineer_profile_weekdays")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_engineer_profile_council_id")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_engineer_profile_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "council_id", name=op.f("pk_engineer_profile")),
    )
    op.create_table(
        "planning_rules",
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("document", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_planning_rules_council_id")),
        sa.PrimaryKeyConstraint("council_id", name=op.f("pk_planning_rules")),
    )
    op.create_table(
        "switchover_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column(
            "replaces_id", sa.Uuid(), nullable=True, comment="the plan that it was made from when something had changed"
        ),
        sa.Column("seconds", sa.Double(), nullable=False, comment="of search for each week"),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False, comment="0 to 1"),
        sa.Column("progress_words", sa.String(), server_default="", nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True, comment="when who makes it was last heard"),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("failed_why", sa.String(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.CheckConstraint(
            "(state = 'accepted') = (num_nulls(accepted_at, accepted_by) = 0)", name=op.f("ck_switchover_plan_accepted")
        ),
        sa.CheckConstraint("(state = 'failed') = (failed_why IS NOT NULL)", name=op.f("ck_switchover_plan_failed")),
        sa.CheckConstraint(
            "(state IN ('ready', 'accepted')) = (result IS NOT NULL)", name=op.f("ck_switchover_plan_result")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'ready', 'failed', 'accepted')", name=op.f("ck_switchover_plan_state")
        ),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_switchover_plan_days")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_switchover_plan_council_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["switchover_plan.id"], name=op.f("fk_switchover_plan_replaces_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switchover_plan")),
    )
    op.create_index("ix_switchover_plan_council", "switchover_plan", ["council_id", "made_at"], unique=False)
    op.create_index(
        "ix_switchover_plan_waiting",
        "switchover_plan",
        ["made_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "engineer_absence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("from_minute", sa.Integer(), server_default="0", nullable=False, comment="of the first day"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.CheckConstraint("from_minute BETWEEN 0 AND 1439", name=op.f("ck_engineer_absence_from_minute")),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_engineer_absence_days")),
        sa.ForeignKeyConstraint(
            ["user_id", "council_id"],
            ["engineer_profile.user_id", "engineer_profile.council_id"],
            name=op.f("fk_engineer_absence_user_id_council_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engineer_absence")),
    )
    op.create_index("ix_engineer_absence_council", "engineer_absence", ["council_id", "last_on"], unique=False)
    op.create_table(
        "visit_need",
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("people", sa.Integer(), server_default="1", nullable=False, comment="who must be there at least"),
        sa.Column("minutes", sa.Integer(), nullable=True, comment="empty: as long as such a swap usually takes"),
        sa.Column("skills", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "open",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="when the household is there; none: always",
        ),
        sa.Column(
            "busy",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="carers, dialysis, day centre",
        ),
        sa.CheckConstraint("minutes BETWEEN 10 AND 480", name=op.f("ck_visit_need_minutes")),
        sa.CheckConstraint("people BETWEEN 1 AND 2", name=op.f("ck_visit_need_people")),
        sa.ForeignKeyConstraint(
            ["premises_id", "council_id"],
            ["premises.id", "premises.council_id"],
            name=op.f("fk_visit_need_premises_id_council_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("premises_id", name=op.f("pk_visit_need")),
    )
    op.add_column("premises", sa.Column("latitude", sa.Double(), nullable=True, comment="WGS 84, in degrees"))
    op.add_column("premises", sa.Column("longitude", sa.Double(), nullable=True))
    op.create_check_constraint(op.f("ck_premises_coordinates"), "premises", "num_nulls(latitude, longitude) IN (0, 2)")
    op.create_check_constraint(
        op.f("ck_premises_in_britain"), "premises", "latitude BETWEEN 49 AND 62 AND longitude BETWEEN -14 AND 3"
    )


def downgrade() -> None:
    op.drop_column("premises", "longitude")
    op.drop_column("premises", "latitude")
    op.drop_table("visit_need")
    op.drop_index("ix_engineer_absence_council", table_name="engineer_absence")
    op.drop_table("engineer_absence")
    op.drop_index(
        "ix_switchover_plan_waiting",
        table_name="switchover_plan",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index("ix_switchover_plan_council", table_name="switchover_plan")
    op.drop_table("switchover_plan")
    op.drop_table("planning_rules")
    op.drop_table("engineer_profile")
