"""Jobs: what somebody must look at in a home, with evidence, owner and time; when certificates end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS = (
    "'not_listed', 'not_registered', 'duplicate_id', 'factory_reset', 'trigger_unheard', 'trigger_battery_low',"
    " 'night_presses', 'silent_calls', 'reboot_loop', 'chattering', 'clock_wrong', 'credential_expiry'"
)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "hub",
        sa.Column(
            "certificate_expires_on", sa.Date(), nullable=True, comment="of a hub that logs in with a certificate"
        ),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "version", sa.Integer(), server_default="1", nullable=False, comment="what commands refer to as as_of"
        ),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True, comment="whom it concerned when it opened"),
        sa.Column("tier", sa.String(), nullable=True, comment="that person's risk tier then"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column(
            "life_safety", sa.Boolean(), server_default="false", nullable=False, comment="a detector is concerned"
        ),
        sa.Column(
            "evidence",
            postgresql.JSONB(none_as_null=True),
            nullable=False,
            comment="what was seen, with event and alarm ids and times",
        ),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("gone_at", MOMENT, nullable=True, comment="since when it is not there any more; a human closes it"),
        sa.Column("owner", sa.String(), nullable=True, comment="who has it, by name"),
        sa.Column("interim", sa.String(), nullable=True, comment="what protects the person until it is done"),
        sa.Column("alarm_id", sa.Uuid(), nullable=True, comment="the alarm that told a human of it"),
        sa.Column("overdue_told_at", MOMENT, nullable=True, comment="when a human was told that it is overdue"),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True, comment="as in the audit"),
        sa.Column("reason", sa.String(), nullable=True, comment="why it is done, in the words of who closed it"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_job_kind")),
        sa.CheckConstraint("state IN ('open', 'assigned', 'done')", name=op.f("ck_job_state")),
        sa.CheckConstraint("tier IN ('A', 'B', 'C', 'D')", name=op.f("ck_job_tier")),
        sa.CheckConstraint("(state = 'done') = (closed_at IS NOT NULL)", name=op.f("ck_job_closed_at")),
        sa.CheckConstraint(
            "(state = 'done') = (closed_by IS NOT NULL AND reason IS NOT NULL)", name=op.f("ck_job_closed_by")
        ),
        sa.CheckConstraint("state <> 'open' OR owner IS NULL", name=op.f("ck_job_open_is_nobodys")),
        sa.CheckConstraint("state <> 'assigned' OR owner IS NOT NULL", name=op.f("ck_job_assigned_is_somebodys")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_job_council_id")),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.hub_id"], name=op.f("fk_job_hub_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_job_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    undone = sa.text("state <> 'done'")
    op.create_index("uq_job_open", "job", ["hub_id", "kind"], unique=True, postgresql_where=undone)
    op.create_index("ix_job_due", "job", ["council_id", "due_at"], postgresql_where=undone)
    op.create_index("ix_job_hub_id", "job", ["hub_id", "opened_at"])
    op.create_index(
        "ix_job_untold",
        "job",
        ["council_id"],
        postgresql_where=sa.text("life_safety AND alarm_id IS NULL AND state <> 'done'"),
    )
    op.create_table(
        "job_log",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_job_log_seq")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_log_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_job_log")),
    )
    op.create_table(
        "job_look",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("looked_at", MOMENT, nullable=False, comment="what came before this has been looked at"),
        sa.Column("day", sa.Date(), nullable=True, comment="of the daily one: the day that it is at, or has done"),
        sa.Column(
            "after",
            sa.String(),
            nullable=True,
            comment="of the daily one: the hub behind which it goes on; empty: done",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_look")),
    )
    op.create_table(
        "hub_boot",
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False, comment="the present one"),
        sa.Column("boots", postgresql.ARRAY(sa.Text()), nullable=False, comment="the last ones, the present one last"),
        sa.Column("seen_at", postgresql.ARRAY(MOMENT), nullable=False, comment="when each was first seen"),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.hub_id"], name=op.f("fk_hub_boot_hub_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hub_id", name=op.f("pk_hub_boot")),
    )


def downgrade() -> None:
    op.drop_table("hub_boot")
    op.drop_table("job_look")
    op.drop_table("job_log")
    op.drop_table("job")
    op.drop_column("hub", "certificate_expires_on")
