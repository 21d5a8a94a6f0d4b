"""Welfare campaigns: who could have pressed while we could not hear, until everybody is accounted for."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CAUSES = "'deaf_period', 'by_hand'"
STATES = "'to_check', 'trying', 'safe', 'needs_help', 'unreachable', 'proven'"
STANDINGS = "'silent', 'back', 'delivered', 'away'"
CHANNELS = "'phone', 'unit', 'contact', 'visit', 'other'"
OUTCOMES = "'safe', 'no_answer', 'needs_help', 'unreachable', 'mistake'"


def _moment(name: str, *, null: bool = True, comment: str | None = None, default: str | None = None) -> sa.Column:
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, nullable=null, comment=comment, server_default=sa.text(default) if default else None)


def upgrade() -> None:
    op.create_table(
        "welfare_campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        _moment("gap_from", null=False),
        _moment("gap_to", null=False, comment="what is known of a person from later on counts"),
        sa.Column("made_by", sa.String(), nullable=False, comment="as in the audit"),
        _moment("made_at", null=False, default="clock_timestamp()"),
        sa.Column("alarm_id", sa.Uuid(), nullable=True, comment="tells a human of it"),
        _moment("looked_at", comment="when its people were ranked last"),
        _moment("closed_at"),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("closed_why", sa.String(), nullable=True),
        sa.CheckConstraint(f"cause IN ({CAUSES})", name=op.f("ck_welfare_campaign_cause")),
        sa.CheckConstraint("gap_to >= gap_from", name=op.f("ck_welfare_campaign_gap")),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_welfare_campaign_closed")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_welfare_campaign_council_id")),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"], name=op.f("fk_welfare_campaign_alarm_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_welfare_campaign")),
        sa.UniqueConstraint("id", "council_id", name=op.f("uq_welfare_campaign_id_council_id")),
    )
    op.create_index(
        "ix_welfare_campaign_open",
        "welfare_campaign",
        ["council_id"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "campaign_gap",
        sa.Column("deaf_period_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        _moment("started_at", null=False),
        _moment("ended_at", null=False),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_campaign_gap_ended_at")),
        sa.ForeignKeyConstraint(
            ["campaign_id", "council_id"],
            ["welfare_campaign.id", "welfare_campaign.council_id"],
            name=op.f("fk_campaign_gap_campaign_id_council_id"),
        ),
        sa.PrimaryKeyConstraint("deaf_period_id", "council_id", name=op.f("pk_campaign_gap")),
    )
    op.create_index("ix_campaign_gap_campaign_id", "campaign_gap", ["campaign_id"])
    op.create_table(
        "campaign_person",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False, comment="why they stand there, in words"),
        sa.Column("state", sa.String(), server_default="to_check", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        _moment("again_at", comment="not offered before: they have just been tried"),
        sa.Column("held_by", sa.Uuid(), nullable=True, comment="who has them now"),
        sa.Column("held_name", sa.String(), nullable=True),
        _moment("held_until"),
        _moment("settled_at"),
        sa.Column("settled_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.Column("settled_why", sa.String(), nullable=True),
        sa.Column("alarm_id", sa.Uuid(), nullable=True, comment="of whoever needs help"),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_campaign_person_state")),
        sa.CheckConstraint(f"standing IN ({STANDINGS})", name=op.f("ck_campaign_person_standing")),
        sa.CheckConstraint("rank >= 1", name=op.f("ck_campaign_person_rank")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_campaign_person_attempts")),
        sa.CheckConstraint(
            "(state IN ('to_check', 'trying')) = (settled_at IS NULL)", name=op.f("ck_campaign_person_settled_at")
        ),
        sa.CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name=op.f("ck_campaign_person_settled_by")),
        sa.CheckConstraint(
            "state <> 'needs_help' OR alarm_id IS NOT NULL", name=op.f("ck_campaign_person_help_has_an_alarm")
        ),
        sa.CheckConstraint("(held_by IS NULL) = (held_until IS NULL)", name=op.f("ck_campaign_person_held")),
        sa.ForeignKeyConstraint(
            ["campaign_id", "council_id"],
            ["welfare_campaign.id", "welfare_campaign.council_id"],
            name=op.f("fk_campaign_person_campaign_id_council_id"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "council_id"],
            ["person.id", "person.council_id"],
            name=op.f("fk_campaign_person_person_id_council_id"),
        ),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"], name=op.f("fk_campaign_person_alarm_id")),
        sa.PrimaryKeyConstraint("campaign_id", "person_id", name=op.f("pk_campaign_person")),
    )
    op.create_index(
        "ix_campaign_person_open",
        "campaign_person",
        ["campaign_id", "rank"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("ix_campaign_person_person_id", "campaign_person", ["person_id"])
    op.create_table(
        "campaign_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        _moment("at", null=False),
        sa.Column("by", sa.String(), nullable=False, comment="as in the audit"),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint(f"channel IN ({CHANNELS})", name=op.f("ck_campaign_attempt_channel")),
        sa.CheckConstraint(f"outcome IN ({OUTCOMES})", name=op.f("ck_campaign_attempt_outcome")),
        sa.ForeignKeyConstraint(
            ["campaign_id", "person_id"],
            ["campaign_person.campaign_id", "campaign_person.person_id"],
            name=op.f("fk_campaign_attempt_campaign_id_person_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_attempt")),
    )
    op.create_index("ix_campaign_attempt_campaign_id_person_id", "campaign_attempt", ["campaign_id", "person_id"])
    op.execute(
        "CREATE TRIGGER campaign_attempt_append_only BEFORE UPDATE OR DELETE ON campaign_attempt "
        "FOR EACH ROW EXECUTE FUNCTION append_only()"
    )
    op.execute(
        "CREATE TRIGGER campaign_attempt_never_emptied BEFORE TRUNCATE ON campaign_attempt "
        "FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
    )
    op.add_column(
        "deaf_period",
        _moment("checked_at", comment="when all who could have pressed in it were on a list; or it was short"),
    )
    # What was before this release has been dealt with, or is too long ago to be.
    op.execute("UPDATE deaf_period SET checked_at = ended_at")
    op.create_index(
        "ix_deaf_period_unchecked", "deaf_period", ["ended_at"], postgresql_where=sa.text("checked_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_deaf_period_unchecked", "deaf_period")
    op.drop_column("deaf_period", "checked_at")
    for table in ("campaign_attempt", "campaign_person", "campaign_gap", "welfare_campaign"):
        op.drop_table(table)
