"""Responders and how they are told, teams, rotas; the channels that reach them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


FIRST_CHANNELS = "channel IN ('email', 'webhook')"
CHANNELS = "channel IN ('email', 'webhook', 'sms', 'voice', 'push', 'apprise')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_contact_point_channel"), "contact_point", type_="check")
    op.create_check_constraint(op.f("ck_contact_point_channel"), "contact_point", CHANNELS)
    op.create_table(
        "responder",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True, comment="who this is in the console, if they log in"),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True, comment="local time; never for life-safety"),
        sa.Column("quiet_to", sa.Time(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("key ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("ck_responder_key")),
        sa.CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name=op.f("ck_responder_quiet")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_responder_council_id")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_responder_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responder")),
    )
    op.create_index("ix_responder_user_id", "responder", ["user_id"], unique=False)
    op.create_index(
        "uq_responder_key",
        "responder",
        ["key", "council_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "rota",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), server_default="Europe/London", nullable=False),
        sa.Column("plan", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("key ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("ck_rota_key")),
        sa.CheckConstraint("version > 0", name=op.f("ck_rota_version")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_rota_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota")),
    )
    op.create_index(
        "uq_rota_key",
        "rota",
        ["key", "council_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "team",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("key ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("ck_team_key")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_team_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
    )
    op.create_index(
        "uq_team_key",
        "team",
        ["key", "council_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("rota_id", sa.Uuid(), nullable=True),
        sa.Column("responder_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("num_nonnulls(rota_id, responder_id) = 1", name=op.f("ck_calendar_feed_subject")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_calendar_feed_council_id")),
        sa.ForeignKeyConstraint(
            ["responder_id"], ["responder.id"], name=op.f("fk_calendar_feed_responder_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["rota_id"], ["rota.id"], name=op.f("fk_calendar_feed_rota_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_calendar_feed")),
    )
    op.create_index("ix_calendar_feed_responder_id", "calendar_feed", ["responder_id"], unique=False)
    op.create_index("ix_calendar_feed_rota_id", "calendar_feed", ["rota_id"], unique=False)
    op.create_table(
        "contact_method",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("responder_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column(
            "label", sa.String(), nullable=False, comment="who and what this is, as the alarm's log will name it"
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "disabled_why", sa.String(), nullable=True, comment="a reply of STOP, or the words of who switched it off"
        ),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True, comment="of the code that proves this address"),
        sa.Column("code_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('email', 'webhook', 'sms', 'voice', 'push', 'apprise')", name=op.f("ck_contact_method_channel")
        ),
        sa.CheckConstraint("(code_hash IS NULL) = (code_expires_at IS NULL)", name=op.f("ck_contact_method_code")),
        sa.CheckConstraint("(disabled_at IS NULL) = (disabled_why IS NULL)", name=op.f("ck_contact_method_disabled")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_contact_method_council_id")),
        sa.ForeignKeyConstraint(
            ["responder_id"], ["responder.id"], name=op.f("fk_contact_method_responder_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_method")),
        sa.UniqueConstraint("id", "responder_id", name=op.f("uq_contact_method_id_responder_id")),
        sa.UniqueConstraint(
            "responder_id", "channel", "address", name=op.f("uq_contact_method_responder_id_channel_address")
        ),
    )
    op.create_table(
        "rota_override",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rota_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True, comment="who comes on"),
        sa.Column("instead_of_id", sa.Uuid(), nullable=True, comment="who goes off"),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind IN ('add', 'replace')) = (member_id IS NOT NULL)", name=op.f("ck_rota_override_member")
        ),
        sa.CheckConstraint(
            "(kind IN ('remove', 'replace')) = (instead_of_id IS NOT NULL)", name=op.f("ck_rota_override_instead_of")
        ),
        sa.CheckConstraint("kind IN ('add', 'remove', 'replace')", name=op.f("ck_rota_override_kind")),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name=op.f("ck_rota_override_undone")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_rota_override_ends_at")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_rota_override_council_id")),
        sa.ForeignKeyConstraint(["instead_of_id"], ["responder.id"], name=op.f("fk_rota_override_instead_of_id")),
        sa.ForeignKeyConstraint(["member_id"], ["responder.id"], name=op.f("fk_rota_override_member_id")),
        sa.ForeignKeyConstraint(["rota_id"], ["rota.id"], name=op.f("fk_rota_override_rota_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_override")),
    )
    op.create_index("ix_rota_override_rota_id_ends_at", "rota_override", ["rota_id", "ends_at"], unique=False)
    op.create_table(
        "rota_temporary",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rota_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "plan",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
            comment='{"turns": [{"member_id", "starts_at", "ends_at"}]}',
        ),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name=op.f("ck_rota_temporary_undone")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_rota_temporary_ends_at")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_rota_temporary_council_id")),
        sa.ForeignKeyConstraint(["rota_id"], ["rota.id"], name=op.f("fk_rota_temporary_rota_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_temporary")),
    )
    op.create_index("ix_rota_temporary_rota_id_ends_at", "rota_temporary", ["rota_id", "ends_at"], unique=False)
    op.create_table(
        "team_member",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("responder_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_team_member_council_id")),
        sa.ForeignKeyConstraint(
            ["responder_id"], ["responder.id"], name=op.f("fk_team_member_responder_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_team_member_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", "responder_id", name=op.f("pk_team_member")),
        sa.UniqueConstraint("team_id", "position", name=op.f("uq_team_member_team_id_position")),
    )
    op.create_index("ix_team_member_responder_id", "team_member", ["responder_id"], unique=False)
    op.create_table(
        "contact_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("responder_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=True),
        sa.Column("method_id", sa.Uuid(), nullable=False),
        sa.Column("after_s", sa.Integer(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.CheckConstraint("urgency IN ('life_safety', 'other')", name=op.f("ck_contact_rule_urgency")),
        sa.CheckConstraint("after_s BETWEEN 0 AND 7200", name=op.f("ck_contact_rule_after_s")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_contact_rule_council_id")),
        sa.ForeignKeyConstraint(
            ["method_id", "responder_id"],
            ["contact_method.id", "contact_method.responder_id"],
            name=op.f("fk_contact_rule_method_id_responder_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_rule")),
        sa.UniqueConstraint("method_id", "after_s", "urgency", name=op.f("uq_contact_rule_method_id_after_s_urgency")),
    )
    op.create_index("ix_contact_rule_responder_id", "contact_rule", ["responder_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_contact_rule_responder_id", table_name="contact_rule")
    op.drop_table("contact_rule")
    op.drop_index("ix_team_member_responder_id", table_name="team_member")
    op.drop_table("team_member")
    op.drop_index("ix_rota_temporary_rota_id_ends_at", table_name="rota_temporary")
    op.drop_table("rota_temporary")
    op.drop_index("ix_rota_override_rota_id_ends_at", table_name="rota_override")
    op.drop_table("rota_override")
    op.drop_table("contact_method")
    op.drop_index("ix_calendar_feed_rota_id", table_name="calendar_feed")
    op.drop_index("ix_calendar_feed_responder_id", table_name="calendar_feed")
    op.drop_table("calendar_feed")
    op.drop_index(
        "uq_team_key",
        table_name="team",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_table("team")
    op.drop_index(
        "uq_rota_key",
        table_name="rota",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_table("rota")
    op.drop_index(
        "uq_responder_key",
        table_name="responder",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_index("ix_responder_user_id", table_name="responder")
    op.drop_table("responder")
    # What the schema before cannot hold goes.
    op.execute(f"DELETE FROM contact_point WHERE NOT ({FIRST_CHANNELS})")  # noqa: S608 - a constant of this file
    op.drop_constraint(op.f("ck_contact_point_channel"), "contact_point", type_="check")
    op.create_check_constraint(op.f("ck_contact_point_channel"), "contact_point", FIRST_CHANNELS)
