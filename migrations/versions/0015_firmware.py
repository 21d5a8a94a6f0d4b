"""Firmware: images, rollouts in waves, and how far a hub's update has come."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

COMMANDS = "'test', 'ping', 'heartbeat', 'set_interval', 'reboot'"
STEPS = "'downloading', 'downloaded', 'verified', 'updating'"
IMAGE_STATES = "'draft', 'released', 'blocked'"
ROLLOUT_STATES = "'draft', 'running', 'paused', 'halted', 'done', 'cancelled'"
MEMBER_STATES = "'pending', 'asked', 'updating', 'done', 'failed', 'skipped'"
BY = "as in the audit"


def _moment(name: str, *, nullable: bool = True, comment: str | None = None, now: bool = False) -> sa.Column[datetime]:
    default = sa.text("clock_timestamp()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default, comment=comment)


def _text(
    name: str, *, nullable: bool = True, comment: str | None = None, default: str | None = None
) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, server_default=default, comment=comment)


def upgrade() -> None:
    op.drop_constraint("command", "hub_command", type_="check")
    op.create_check_constraint("command", "hub_command", f"command IN ({COMMANDS}, 'update_firmware')")
    op.add_column("hub_command", _text("step", comment="how far a firmware update has come, by the hub's word"))
    op.add_column("hub_command", _moment("step_at"))
    op.create_check_constraint("step", "hub_command", f"step IN ({STEPS})")
    op.create_check_constraint("step_at", "hub_command", "(step IS NULL) = (step_at IS NULL)")
    op.create_table(
        "firmware_image",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        _text("version", nullable=False, comment="as the hub's heartbeat tells it"),
        _text("url", nullable=False),
        _text("sha256", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True, comment="bytes"),
        _text("signature", comment="the maker's, as they give it"),
        _text("notes"),
        _text("state", nullable=False, default="draft"),
        _text("state_by", comment=BY),
        _moment("state_at"),
        _text("state_why"),
        _text("made_by", nullable=False, comment=BY),
        _moment("made_at", nullable=False, now=True),
        sa.CheckConstraint(f"state IN ({IMAGE_STATES})", name=op.f("ck_firmware_image_state")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_firmware_image_sha256")),
        sa.CheckConstraint("size > 0", name=op.f("ck_firmware_image_size")),
        sa.CheckConstraint("state = 'draft' OR state_by IS NOT NULL", name=op.f("ck_firmware_image_state_by")),
        sa.ForeignKeyConstraint(["model_id"], ["device_model.id"], name=op.f("fk_firmware_image_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware_image")),
        sa.UniqueConstraint("model_id", "version", name=op.f("uq_firmware_image_model_id_version")),
    )
    op.create_table(
        "firmware_rollout",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(9), nullable=True, comment="empty: all councils"),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        _text("reason", nullable=False),
        sa.Column("from_versions", sa.ARRAY(sa.Text()), nullable=False, comment="empty: whatever they have"),
        sa.Column(
            "shares", sa.ARRAY(sa.Integer()), nullable=False, comment="per cent of all hubs, each with those before"
        ),
        sa.Column("first_hubs", sa.ARRAY(sa.Text()), nullable=False, comment="a wave before all shares"),
        sa.Column("soak_s", sa.Integer(), nullable=False),
        sa.Column("patience_s", sa.Integer(), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False),
        sa.Column("at_night", sa.Boolean(), nullable=False),
        sa.Column("halt_failures", sa.Integer(), nullable=False),
        sa.Column("halt_failed_pct", sa.Integer(), nullable=False),
        sa.Column("halt_silent", sa.Integer(), nullable=False),
        sa.Column("back_within_s", sa.Integer(), nullable=False),
        sa.Column("offline_margin_pct", sa.Integer(), nullable=False),
        _text("state", nullable=False, default="draft"),
        _text("made_by", nullable=False, comment=BY),
        _moment("made_at", nullable=False, now=True),
        _moment("started_at"),
        _moment(
            "counted_from",
            comment="the halt rule looks at what ended since: the start, or when a human let it go on",
        ),
        _text("halted_why", comment="of the last halt"),
        _moment("ended_at"),
        sa.CheckConstraint(f"state IN ({ROLLOUT_STATES})", name=op.f("ck_firmware_rollout_state")),
        sa.CheckConstraint("cardinality(shares) + cardinality(first_hubs) > 0", name=op.f("ck_firmware_rollout_waves")),
        sa.CheckConstraint("soak_s >= 0 AND patience_s >= 0 AND at_once >= 1", name=op.f("ck_firmware_rollout_plan")),
        sa.CheckConstraint(
            "halt_failures >= 1 AND halt_silent >= 1 AND halt_failed_pct BETWEEN 0 AND 100 AND back_within_s >= 1 "
            "AND offline_margin_pct BETWEEN 0 AND 100",
            name=op.f("ck_firmware_rollout_halt_rule"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled') OR started_at IS NOT NULL", name=op.f("ck_firmware_rollout_started")
        ),
        sa.CheckConstraint("(state = 'halted') <= (halted_why IS NOT NULL)", name=op.f("ck_firmware_rollout_halted")),
        sa.CheckConstraint(
            "(state IN ('done', 'cancelled')) = (ended_at IS NOT NULL)", name=op.f("ck_firmware_rollout_ended")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_firmware_rollout_council_id")),
        sa.ForeignKeyConstraint(["image_id"], ["firmware_image.id"], name=op.f("fk_firmware_rollout_image_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware_rollout")),
    )
    op.create_index(
        "ix_firmware_rollout_running", "firmware_rollout", ["id"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_index("ix_firmware_rollout_council_id", "firmware_rollout", ["council_id"])
    op.create_table(
        "firmware_wave",
        sa.Column("rollout_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("share_pct", sa.Integer(), nullable=True, comment="empty: the hubs that are named"),
        _moment("began_at"),
        _moment("settled_at"),
        sa.CheckConstraint("share_pct BETWEEN 1 AND 100", name=op.f("ck_firmware_wave_share_pct")),
        sa.CheckConstraint("settled_at IS NULL OR began_at IS NOT NULL", name=op.f("ck_firmware_wave_settled")),
        sa.ForeignKeyConstraint(
            ["rollout_id"], ["firmware_rollout.id"], name=op.f("fk_firmware_wave_rollout_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rollout_id", "number", name=op.f("pk_firmware_wave")),
    )
    op.create_table(
        "firmware_hub",
        sa.Column("rollout_id", sa.Uuid(), nullable=False),
        _text("hub_id", nullable=False),
        sa.Column("council_id", sa.String(9), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=True, comment="empty: in none of them"),
        _text("state", nullable=False, default="pending"),
        _text("why", comment="why it waits, was skipped, failed, or is known to be done"),
        _text("from_version", comment="what it told when it was asked"),
        _moment("looked_at", comment="when it last had to wait"),
        sa.Column("command_id", sa.Uuid(), nullable=True, comment="hub_command; that row is removed after a while"),
        _moment("asked_at"),
        _moment("updated_at", comment="since when it is known to have begun"),
        _moment("finished_at"),
        sa.Column(
            "silent",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="it began to update and was not heard again",
        ),
        sa.CheckConstraint(f"state IN ({MEMBER_STATES})", name=op.f("ck_firmware_hub_state")),
        sa.CheckConstraint(
            "state IN ('pending', 'skipped') OR command_id IS NOT NULL", name=op.f("ck_firmware_hub_asked")
        ),
        sa.CheckConstraint("(command_id IS NULL) = (asked_at IS NULL)", name=op.f("ck_firmware_hub_asked_at")),
        sa.CheckConstraint(
            "(state IN ('done', 'failed', 'skipped')) = (finished_at IS NOT NULL)",
            name=op.f("ck_firmware_hub_finished"),
        ),
        sa.CheckConstraint("wave IS NOT NULL OR state = 'skipped'", name=op.f("ck_firmware_hub_wave")),
        sa.CheckConstraint("NOT silent OR state = 'failed'", name=op.f("ck_firmware_hub_silent")),
        sa.ForeignKeyConstraint(
            ["hub_id", "council_id"],
            ["hub.hub_id", "hub.council_id"],
            name=op.f("fk_firmware_hub_hub_id_council_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["rollout_id"], ["firmware_rollout.id"], name=op.f("fk_firmware_hub_rollout_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rollout_id", "hub_id", name=op.f("pk_firmware_hub")),
    )
    op.create_index("ix_firmware_hub_wave", "firmware_hub", ["rollout_id", "wave", "state"])
    op.create_index("ix_firmware_hub_hub_id", "firmware_hub", ["hub_id"])
    op.create_index(
        "uq_firmware_hub_in_flight",
        "firmware_hub",
        ["hub_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('asked', 'updating')"),
    )
    op.create_table(
        "firmware_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rollout_id", sa.Uuid(), nullable=False),
        _moment("at", nullable=False, now=True),
        _text("actor", nullable=False, comment="as in the audit; `system` for what happens by itself"),
        _text("what", nullable=False),
        sa.Column("council_id", sa.String(9), nullable=True, comment="of the hub that it names, if it names one"),
        sa.ForeignKeyConstraint(
            ["rollout_id"], ["firmware_rollout.id"], name=op.f("fk_firmware_log_rollout_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware_log")),
    )
    op.create_index("ix_firmware_log_rollout_id", "firmware_log", ["rollout_id", "id"])


def downgrade() -> None:
    for table in ("firmware_log", "firmware_hub", "firmware_wave", "firmware_rollout", "firmware_image"):
        op.drop_table(table)
    op.drop_constraint("step_at", "hub_command", type_="check")
    op.drop_constraint("step", "hub_command", type_="check")
    op.drop_column("hub_command", "step_at")
    op.drop_column("hub_command", "step")
    op.execute("DELETE FROM hub_command WHERE command = 'update_firmware'")
    op.drop_constraint("command", "hub_command", type_="check")
    op.create_check_constraint("command", "hub_command", f"command IN ({COMMANDS})")
