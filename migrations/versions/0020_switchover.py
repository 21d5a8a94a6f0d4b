"""The switchover: programmes, waves, units and their reasons; visits, their logs, contacts and evidence."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATES = (
    "'identified', 'data_validated', 'prioritised', 'contacted', 'consented', 'declined', "
    "'unreachable', 'surveyed', 'stock_allocated', 'booked', 'confirmed', 'on_site', 'installed', "
    "'peripherals_paired', 'e2e_tested', 'soak', 'accepted', 'old_unit_decommissioned', "
    "'record_closed', 'no_access', 'rescheduled', 'aborted_no_signal', 'rolled_back', 'deceased', "
    "'moved', 'hospital', 'hold'"
)
MOMENT = sa.DateTime(timezone=True)
# What was said and shown of a visit stays: the function is the audit's.
KEPT = ("visit_log", "visit_contact", "visit_evidence")


def upgrade() -> None:
    _programmes()
    _visits()
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION append_only()"
        )
    op.execute("CREATE TRIGGER visit_never_deleted BEFORE DELETE ON visit FOR EACH ROW EXECUTE FUNCTION append_only()")
    for table in ("visit", *KEPT):
        op.execute(
            f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
        )


def _programmes() -> None:
    op.create_table(
        "switchover_programme",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "version", sa.Integer(), server_default="1", nullable=False, comment="what commands refer to as as_of"
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=False, comment="the last day on which the old units work"),
        sa.Column("network", sa.String(), nullable=True, comment="of a mobile network's end: whose; empty: all"),
        sa.Column("councils", sa.ARRAY(sa.Text()), nullable=False, comment="whose units it takes"),
        sa.Column("made_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("found_at", MOMENT, nullable=True, comment="when its units were last looked for"),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.CheckConstraint(
            "cause IN ('pstn', 'radio_2g', 'radio_3g', 'support_end', 'certificate', 'battery')",
            name=op.f("ck_switchover_programme_cause"),
        ),
        sa.CheckConstraint(
            "network IS NULL OR cause IN ('radio_2g', 'radio_3g')", name=op.f("ck_switchover_programme_network")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_switchover_programme_ended")),
        sa.CheckConstraint("cardinality(councils) > 0", name=op.f("ck_switchover_programme_councils")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switchover_programme")),
    )
    op.create_table(
        "switchover_wave",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_switchover_wave_ends_on")),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["switchover_programme.id"],
            name=op.f("fk_switchover_wave_programme_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switchover_wave")),
        sa.UniqueConstraint("id", "programme_id", name=op.f("uq_switchover_wave_id_programme_id")),
        sa.UniqueConstraint("programme_id", "name", name=op.f("uq_switchover_wave_programme_id_name")),
    )
    op.create_table(
        "switchover_unit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("wave_id", sa.Uuid(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(none_as_null=True), nullable=False, comment="kind, on and words of each"),
        sa.Column(
            "due_on",
            sa.Date(),
            nullable=False,
            comment="the earliest day on which a reason of the programme's cause bites",
        ),
        sa.Column("found_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "done_at", MOMENT, nullable=True, comment="when another hub had been accepted and this one was taken"
        ),
        sa.Column("left_at", MOMENT, nullable=True, comment="when it was a matter of the programme no more"),
        sa.Column("left_why", sa.String(), nullable=True),
        sa.CheckConstraint("(left_at IS NULL) = (left_why IS NULL)", name=op.f("ck_switchover_unit_left")),
        sa.CheckConstraint("done_at IS NULL OR left_at IS NULL", name=op.f("ck_switchover_unit_done")),
        sa.ForeignKeyConstraint(
            ["hub_id", "council_id"],
            ["hub.hub_id", "hub.council_id"],
            name=op.f("fk_switchover_unit_hub_id_council_id"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "council_id"],
            ["person.id", "person.council_id"],
            name=op.f("fk_switchover_unit_person_id_council_id"),
        ),
        sa.ForeignKeyConstraint(
            ["premises_id", "council_id"],
            ["premises.id", "premises.council_id"],
            name=op.f("fk_switchover_unit_premises_id_council_id"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["switchover_programme.id"],
            name=op.f("fk_switchover_unit_programme_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["wave_id", "programme_id"],
            ["switchover_wave.id", "switchover_wave.programme_id"],
            name="fk_switchover_unit_wave",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switchover_unit")),
        sa.UniqueConstraint("programme_id", "hub_id", name=op.f("uq_switchover_unit_programme_id_hub_id")),
    )
    op.create_index("ix_switchover_unit_hub_id", "switchover_unit", ["hub_id"])
    op.create_index("ix_switchover_unit_person_id", "switchover_unit", ["person_id"])
    op.create_index(
        "ix_switchover_unit_to_do",
        "switchover_unit",
        ["programme_id", "council_id"],
        postgresql_where=sa.text("done_at IS NULL AND left_at IS NULL"),
    )
    op.create_index("ix_switchover_unit_wave_id", "switchover_unit", ["wave_id"])


def _visits() -> None:
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "version", sa.Integer(), server_default="1", nullable=False, comment="what commands refer to as as_of"
        ),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("old_hub_id", sa.String(), nullable=False),
        sa.Column("new_hub_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default="identified", nullable=False),
        sa.Column("resumes", sa.String(), nullable=True, comment="of a side state: where the visit was on its way"),
        sa.Column(
            "since", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False, comment="in this state"
        ),
        sa.Column("engineer_id", sa.Uuid(), nullable=True),
        sa.Column("engineer", sa.String(), nullable=True, comment="their name"),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column(
            "second_person", sa.Boolean(), server_default="false", nullable=False, comment="nobody goes there alone"
        ),
        sa.Column("next_contact_on", sa.Date(), nullable=True, comment="when somebody takes it up again"),
        sa.Column(
            "owner", sa.String(), nullable=True, comment="who has it, by name, while it does not go on by itself"
        ),
        sa.Column(
            "survey",
            postgresql.JSONB(none_as_null=True),
            nullable=True,
            comment="signal, socket and network at the very place",
        ),
        sa.Column(
            "retired",
            postgresql.JSONB(none_as_null=True),
            nullable=True,
            comment="peripherals that were not moved, each with why",
        ),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("soak_since", MOMENT, nullable=True),
        sa.Column("accepted_at", MOMENT, nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.Column(
            "exception_items",
            sa.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="the evidence that is left out: kind, or kind and device",
        ),
        sa.Column("exception_why", sa.String(), nullable=True),
        sa.Column("exception_by", sa.String(), nullable=True, comment="the first name, as in the audit"),
        sa.Column("exception_by_id", sa.Uuid(), nullable=True),
        sa.Column("exception_at", MOMENT, nullable=True),
        sa.Column("retest_on", sa.Date(), nullable=True, comment="by when what is left out is tested"),
        sa.Column(
            "exception_second", sa.String(), nullable=True, comment="the second name, who confirmed it by themselves"
        ),
        sa.Column("exception_second_id", sa.Uuid(), nullable=True),
        sa.Column("exception_confirmed_at", MOMENT, nullable=True),
        sa.Column("over_at", MOMENT, nullable=True, comment="nothing more comes of it"),
        sa.Column("over_why", sa.String(), nullable=True),
        sa.Column("made_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        sa.CheckConstraint(
            "(state IN ('hold', 'hospital')) <= (resumes IS NOT NULL)", name=op.f("ck_visit_stands_aside")
        ),
        sa.CheckConstraint(
            "over_at IS NOT NULL OR state NOT IN ('declined', 'unreachable') OR owner IS NOT NULL",
            name=op.f("ck_visit_escalated"),
        ),
        sa.CheckConstraint(
            "over_at IS NOT NULL OR state NOT IN ('declined', 'unreachable', 'no_access', 'rescheduled', "
            "'aborted_no_signal', 'rolled_back', 'hospital', 'hold') OR next_contact_on IS NOT NULL",
            name=op.f("ck_visit_next_contact_on"),
        ),
        sa.CheckConstraint(f"resumes IN ({STATES})", name=op.f("ck_visit_resumes")),
        sa.CheckConstraint("state <> 'soak' OR soak_since IS NOT NULL", name=op.f("ck_visit_soak")),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_visit_state")),
        sa.CheckConstraint(
            "state NOT IN ('accepted', 'old_unit_decommissioned', 'record_closed')"
            " OR num_nulls(accepted_at, accepted_by) = 0",
            name=op.f("ck_visit_accepted"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('booked', 'confirmed', 'on_site') OR num_nulls(engineer_id, starts_at, new_hub_id) = 0",
            name=op.f("ck_visit_booked"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('installed', 'peripherals_paired', 'e2e_tested', 'soak', 'accepted', "
            "'old_unit_decommissioned') OR new_hub_id IS NOT NULL",
            name=op.f("ck_visit_new_hub"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('record_closed', 'deceased', 'moved') OR over_at IS NOT NULL", name=op.f("ck_visit_ended")
        ),
        sa.CheckConstraint("(over_at IS NULL) = (over_why IS NULL)", name=op.f("ck_visit_over")),
        sa.CheckConstraint(
            "ends_at > starts_at AND num_nulls(starts_at, ends_at) IN (0, 2)", name=op.f("ck_visit_slot")
        ),
        sa.CheckConstraint(
            "exception_second_id IS NULL OR exception_by_id IS NOT NULL AND exception_second_id <> exception_by_id",
            name=op.f("ck_visit_two_names"),
        ),
        sa.CheckConstraint("new_hub_id <> old_hub_id", name=op.f("ck_visit_two_hubs")),
        sa.CheckConstraint(
            "num_nulls(exception_second, exception_second_id, exception_confirmed_at) IN (0, 3)",
            name=op.f("ck_visit_exception_second"),
        ),
        sa.CheckConstraint(
            "num_nulls(exception_why, exception_by, exception_by_id, exception_at, retest_on) IN (0, 5)",
            name=op.f("ck_visit_exception"),
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_visit_council_id")),
        sa.ForeignKeyConstraint(["engineer_id"], ["app_user.id"], name=op.f("fk_visit_engineer_id")),
        sa.ForeignKeyConstraint(["exception_by_id"], ["app_user.id"], name=op.f("fk_visit_exception_by_id")),
        sa.ForeignKeyConstraint(["exception_second_id"], ["app_user.id"], name=op.f("fk_visit_exception_second_id")),
        sa.ForeignKeyConstraint(
            ["new_hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], name=op.f("fk_visit_new_hub_id_council_id")
        ),
        sa.ForeignKeyConstraint(
            ["old_hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], name=op.f("fk_visit_old_hub_id_council_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "council_id"], ["person.id", "person.council_id"], name=op.f("fk_visit_person_id_council_id")
        ),
        sa.ForeignKeyConstraint(
            ["premises_id", "council_id"],
            ["premises.id", "premises.council_id"],
            name=op.f("fk_visit_premises_id_council_id"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["switchover_unit.id"], name=op.f("fk_visit_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("id", "council_id", name=op.f("uq_visit_id_council_id")),
    )
    op.create_index(
        "ix_visit_council_state", "visit", ["council_id", "state"], postgresql_where=sa.text("over_at IS NULL")
    )
    op.create_index(
        "ix_visit_engineer", "visit", ["engineer_id", "starts_at"], postgresql_where=sa.text("engineer_id IS NOT NULL")
    )
    op.create_index(
        "ix_visit_next_contact_on",
        "visit",
        ["council_id", "next_contact_on"],
        postgresql_where=sa.text("over_at IS NULL"),
    )
    op.create_index("ix_visit_person_id", "visit", ["person_id"])
    op.create_index("ix_visit_unit_id", "visit", ["unit_id"])
    op.create_index(
        "uq_visit_new_hub",
        "visit",
        ["new_hub_id"],
        unique=True,
        postgresql_where=sa.text("over_at IS NULL AND new_hub_id IS NOT NULL"),
    )
    op.create_index(
        "uq_visit_old_hub", "visit", ["old_hub_id"], unique=True, postgresql_where=sa.text("over_at IS NULL")
    )
    op.create_table(
        "visit_contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("by", sa.String(), nullable=False, comment="by name"),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('phone', 'letter', 'sms', 'email', 'in_person', 'family', 'care_provider')",
            name=op.f("ck_visit_contact_channel"),
        ),
        sa.CheckConstraint(
            "outcome IN ('reached', 'sent', 'message_left', 'no_answer', 'wrong_number', 'refused')",
            name=op.f("ck_visit_contact_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["visit_id", "council_id"],
            ["visit.id", "visit.council_id"],
            name=op.f("fk_visit_contact_visit_id_council_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_contact")),
    )
    op.create_index("ix_visit_contact_visit_id", "visit_contact", ["visit_id", "at"])
    op.create_table(
        "visit_evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("installation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "device_id",
            sa.String(),
            server_default="",
            nullable=False,
            comment="of a trigger, as the hub names it; empty: the unit",
        ),
        sa.Column("event_id", sa.Uuid(), nullable=True, comment="the message that shows it"),
        sa.Column("since", MOMENT, nullable=True, comment="of a soak: its beginning"),
        sa.Column("at", MOMENT, nullable=False, comment="when it was received; of a soak: its end"),
        sa.Column("by", sa.String(), nullable=True, comment="of voice: the operator who spoke, by name"),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("kept_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("(kind = 'soak') = (event_id IS NULL)", name=op.f("ck_visit_evidence_event_id")),
        sa.CheckConstraint("(kind = 'soak') = (since IS NOT NULL)", name=op.f("ck_visit_evidence_since")),
        sa.CheckConstraint("(kind = 'voice') = (by_id IS NOT NULL)", name=op.f("ck_visit_evidence_voice")),
        sa.CheckConstraint("device_id = '' OR kind = 'trigger'", name=op.f("ck_visit_evidence_device_id")),
        sa.CheckConstraint("kind <> 'soak' OR at >= since + interval '24 hours'", name=op.f("ck_visit_evidence_soak")),
        sa.CheckConstraint(
            "kind IN ('trigger', 'voice', 'backup_path', 'mains_fail', 'mains_restored', 'soak')",
            name=op.f("ck_visit_evidence_kind"),
        ),
        sa.CheckConstraint("num_nulls(by, by_id) IN (0, 2)", name=op.f("ck_visit_evidence_by")),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_visit_evidence_by_id")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_visit_evidence_event_id")),
        sa.ForeignKeyConstraint(
            ["installation_id"], ["installation.id"], name=op.f("fk_visit_evidence_installation_id")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id", "council_id"],
            ["visit.id", "visit.council_id"],
            name=op.f("fk_visit_evidence_visit_id_council_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_evidence")),
        sa.UniqueConstraint(
            "visit_id",
            "installation_id",
            "kind",
            "device_id",
            name=op.f("uq_visit_evidence_visit_id_installation_id_kind_device_id"),
        ),
    )
    op.create_table(
        "visit_log",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False, comment="by name"),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.CheckConstraint("(kind = 'state') = (to_state IS NOT NULL)", name=op.f("ck_visit_log_kind")),
        sa.CheckConstraint(f"from_state IN ({STATES})", name=op.f("ck_visit_log_from_state")),
        sa.CheckConstraint(f"to_state IN ({STATES})", name=op.f("ck_visit_log_to_state")),
        sa.CheckConstraint("from_state IS NULL OR to_state IS NOT NULL", name=op.f("ck_visit_log_states")),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_visit_log_seq")),
        sa.ForeignKeyConstraint(
            ["visit_id", "council_id"], ["visit.id", "visit.council_id"], name=op.f("fk_visit_log_visit_id_council_id")
        ),
        sa.PrimaryKeyConstraint("visit_id", "seq", name=op.f("pk_visit_log")),
    )


def downgrade() -> None:
    op.drop_table("visit_log")
    op.drop_table("visit_evidence")
    op.drop_table("visit_contact")
    op.drop_table("visit")
    op.drop_table("switchover_unit")
    op.drop_table("switchover_wave")
    op.drop_table("switchover_programme")
