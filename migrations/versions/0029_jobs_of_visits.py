"""Jobs for what a visit has promised: a test that was left out, somebody who was to be taken up again."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

KINDS = (
    "'not_listed', 'not_registered', 'duplicate_id', 'factory_reset', 'trigger_unheard', 'trigger_battery_low',"
    " 'night_presses', 'silent_calls', 'reboot_loop', 'chattering', 'clock_wrong', 'credential_expiry', 'line_moved'"
)


def upgrade() -> None:
    op.drop_constraint("kind", "job", type_="check")
    op.create_check_constraint("kind", "job", f"kind IN ({KINDS}, 'retest', 'visit_waits')")


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE kind IN ('retest', 'visit_waits')")
    op.drop_constraint("kind", "job", type_="check")
    op.create_check_constraint("kind", "job", f"kind IN ({KINDS})")
