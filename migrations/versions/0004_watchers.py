"""The canary: a class of alarm that is nobody's, its account on the broker, when each was sent and arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


LOG_OF_A_CANARY_MAY_GO = """
CREATE FUNCTION alarm_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM alarm WHERE id = OLD.alarm_id AND class = 'C' AND hub_id = 'telecare-canary'
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""
"""A canary a minute is half a million alarms a year about nobody: they go after a day. Every other line stays."""

LOG_TRIGGER = "CREATE TRIGGER alarm_log_append_only BEFORE UPDATE OR DELETE ON alarm_log FOR EACH ROW EXECUTE FUNCTION "


def upgrade() -> None:
    op.create_table(
        "canary",
        sa.Column("id", sa.Uuid(), nullable=False, comment="the event_id of its message"),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "arrived_at", sa.DateTime(timezone=True), nullable=True, comment="when the sink had it; empty: not yet"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canary")),
    )
    op.create_index("ix_canary_sent_at", "canary", ["sent_at"])
    _replace_check("alarm", "class", "class IN ('L', 'U', 'T', 'I', 'C')")
    _replace_check("broker_account", "role", "role IN ('service', 'gateway', 'canary')")
    op.create_check_constraint(
        op.f("ck_alarm_canary_is_nobodys"),
        "alarm",
        "class <> 'C' OR (hub_id = 'telecare-canary' AND person_id IS NULL)",
    )
    op.execute(LOG_OF_A_CANARY_MAY_GO)
    op.execute("DROP TRIGGER alarm_log_append_only ON alarm_log")
    op.execute(f"{LOG_TRIGGER} alarm_log_append_only()")


def downgrade() -> None:
    for statement in (
        "DELETE FROM alarm_log WHERE alarm_id IN (SELECT id FROM alarm WHERE class = 'C')",
        "DELETE FROM event WHERE alarm_id IN (SELECT id FROM alarm WHERE class = 'C')",
        "DELETE FROM outbox WHERE channel = 'canary'",
        "DELETE FROM alarm WHERE class = 'C'",
        "DELETE FROM broker_account WHERE role = 'canary'",
        "DROP TRIGGER alarm_log_append_only ON alarm_log",
        f"{LOG_TRIGGER} append_only()",
        "DROP FUNCTION alarm_log_append_only()",
    ):
        op.execute(statement)
    op.drop_constraint(op.f("ck_alarm_canary_is_nobodys"), "alarm")
    _replace_check("broker_account", "role", "role IN ('service', 'gateway')")
    _replace_check("alarm", "class", "class IN ('L', 'U', 'T', 'I')")
    op.drop_table("canary")


def _replace_check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
