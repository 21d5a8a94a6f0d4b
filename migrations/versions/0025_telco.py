"""What council and communications provider tell each other: agreements, batches, notices, holds, checks."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

KINDS = (
    "'not_listed', 'not_registered', 'duplicate_id', 'factory_reset', 'trigger_unheard', 'trigger_battery_low',"
    " 'night_presses', 'silent_calls', 'reboot_loop', 'chattering', 'clock_wrong', 'credential_expiry'"
)


def upgrade() -> None:
    op.drop_constraint("kind", "job", type_="check")
    op.create_check_constraint("kind", "job", f"kind IN ({KINDS}, 'line_moved')")
    op.create_table(
        "telco_agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("provider", sa.String(), nullable=False, comment="the communications provider, as lines name it"),
        sa.Column("legal_basis", sa.String(), nullable=False),
        sa.Column("fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("dpia_reference", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.Column("ended_why", sa.String(), nullable=True),
        sa.CheckConstraint(
            "fields <@ ARRAY['telephone_number', 'device_type'] AND cardinality(fields) > 0",
            name=op.f("ck_telco_agreement_fields"),
        ),
        sa.CheckConstraint("num_nulls(ended_at, ended_by, ended_why) IN (0, 3)", name=op.f("ck_telco_agreement_ended")),
        sa.CheckConstraint("review_on > starts_on", name=op.f("ck_telco_agreement_review_on")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_telco_agreement_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telco_agreement")),
        sa.UniqueConstraint("id", "council_id", name=op.f("uq_telco_agreement_id_council_id")),
    )
    op.create_index(
        "uq_telco_agreement_in_force",
        "telco_agreement",
        ["council_id", sa.literal_column("lower(provider)")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "telco_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False, comment="of the file, byte for byte"),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=True, comment="it leaves once"),
        sa.Column("downloaded_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.CheckConstraint(
            "purpose IN ('identify', 'do_not_migrate', 'solution_confirmed')", name=op.f("ck_telco_batch_purpose")
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_telco_batch_sha256")),
        sa.CheckConstraint("(downloaded_at IS NULL) = (downloaded_by IS NULL)", name=op.f("ck_telco_batch_downloaded")),
        sa.CheckConstraint("row_count > 0", name=op.f("ck_telco_batch_row_count")),
        sa.ForeignKeyConstraint(
            ["agreement_id", "council_id"],
            ["telco_agreement.id", "telco_agreement.council_id"],
            name=op.f("fk_telco_batch_agreement_id_council_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telco_batch")),
        sa.UniqueConstraint("id", "council_id", name=op.f("uq_telco_batch_id_council_id")),
    )
    op.create_index("ix_telco_batch_agreement_id", "telco_batch", ["agreement_id", "made_at"], unique=False)
    op.create_table(
        "telco_batch_number",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False, comment="E.164"),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("device_type", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("result_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_telco_batch_number_number")),
        sa.CheckConstraint(
            "result IN ('matched', 'unmatched', 'ambiguous')", name=op.f("ck_telco_batch_number_result")
        ),
        sa.CheckConstraint("(result IS NULL) = (result_at IS NULL)", name=op.f("ck_telco_batch_number_result_at")),
        sa.ForeignKeyConstraint(
            ["batch_id", "council_id"],
            ["telco_batch.id", "telco_batch.council_id"],
            name=op.f("fk_telco_batch_number_batch_id_council_id"),
        ),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_telco_batch_number")),
    )
    op.create_index("ix_telco_batch_number_number", "telco_batch_number", ["council_id", "number"], unique=False)
    op.create_table(
        "telco_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False, comment="E.164"),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="planned", nullable=False),
        sa.Column("issued", sa.Integer(), server_default="1", nullable=False, comment="how often it came"),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False, comment="when it came last"),
        sa.Column("received_by", sa.String(), nullable=False, comment="who put it in; as in the audit"),
        sa.Column(
            "checks_for",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the planned time for which checks were made",
        ),
        sa.Column(
            "told_for", sa.DateTime(timezone=True), nullable=True, comment="the planned time of which a human was told"
        ),
        sa.CheckConstraint("kind IN ('voluntary', 'non_voluntary')", name=op.f("ck_telco_notice_kind")),
        sa.CheckConstraint("number ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_telco_notice_number")),
        sa.CheckConstraint("status IN ('planned', 'migrated', 'cancelled')", name=op.f("ck_telco_notice_status")),
        sa.CheckConstraint("issued >= 1", name=op.f("ck_telco_notice_issued")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_telco_notice_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telco_notice")),
        sa.UniqueConstraint("id", "council_id", name=op.f("uq_telco_notice_id_council_id")),
    )
    op.create_index(
        "ix_telco_notice_planned_at",
        "telco_notice",
        ["planned_at"],
        unique=False,
        postgresql_where=sa.text("status = 'planned'"),
    )
    op.create_index(
        "uq_telco_notice_number",
        "telco_notice",
        ["council_id", "number", sa.literal_column("lower(provider)")],
        unique=True,
    )
    op.create_table(
        "telco_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("number", sa.String(), nullable=False, comment="E.164"),
        sa.Column("until", sa.Date(), nullable=True, comment="its last day; empty: until it is lifted"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.Column("lifted_why", sa.String(), nullable=True),
        sa.CheckConstraint("number ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_telco_hold_number")),
        sa.CheckConstraint("num_nulls(lifted_at, lifted_by, lifted_why) IN (0, 3)", name=op.f("ck_telco_hold_lifted")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_telco_hold_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telco_hold")),
    )
    op.create_index(
        "uq_telco_hold_number",
        "telco_hold",
        ["council_id", "number"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "telco_check",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), server_default="due", nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("command_id", sa.Uuid(), nullable=True, comment="hub_command; that row is removed after a while"),
        sa.Column("job_id", sa.Uuid(), nullable=True, comment="the job to ring it"),
        sa.Column("rung", sa.Boolean(), nullable=True, comment="what a human wrote down: whether it answered"),
        sa.Column("rung_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.Column("rung_words", sa.String(), nullable=True),
        sa.Column("alarm_id", sa.Uuid(), nullable=True, comment="the case of a unit that did not answer"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('answered', 'no_answer')) = (ended_at IS NOT NULL)", name=op.f("ck_telco_check_ended_at")
        ),
        sa.CheckConstraint("state <> 'no_answer' OR alarm_id IS NOT NULL", name=op.f("ck_telco_check_alarm_id")),
        sa.CheckConstraint(
            "state IN ('due', 'asked', 'to_ring', 'answered', 'no_answer')", name=op.f("ck_telco_check_state")
        ),
        sa.ForeignKeyConstraint(
            ["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], name=op.f("fk_telco_check_hub_id_council_id")
        ),
        sa.ForeignKeyConstraint(
            ["notice_id", "council_id"],
            ["telco_notice.id", "telco_notice.council_id"],
            name=op.f("fk_telco_check_notice_id_council_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telco_check")),
        sa.UniqueConstraint(
            "notice_id", "hub_id", "planned_at", name=op.f("uq_telco_check_notice_id_hub_id_planned_at")
        ),
    )
    op.create_index("ix_telco_check_hub_id", "telco_check", ["hub_id"], unique=False)
    op.create_index(
        "ix_telco_check_look_at", "telco_check", ["look_at"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )


def downgrade() -> None:
    for table in (
        "telco_check", "telco_hold", "telco_notice", "telco_batch_number", "telco_batch", "telco_agreement",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("DELETE FROM job WHERE kind = 'line_moved'")
    op.drop_constraint("kind", "job", type_="check")
    op.create_check_constraint("kind", "job", f"kind IN ({KINDS})")
