"""Jobs for a soak that was broken, and for an old unit that is relied on again after a roll-back."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KINDS = (
    "'not_listed', 'not_registered', 'duplicate_id', 'factory_reset', 'trigger_unheard', 'trigger_battery_low',"
    " 'night_presses', 'silent_calls', 'reboot_loop', 'chattering', 'clock_wrong', 'credential_expiry', 'line_moved',"
    " 'retest', 'visit_waits'"
)


def upgrade() -> None:
    op.drop_constraint("kind", "job", type_="check")
    op.create_check_constraint("kind", "job", f"kind IN ({KINDS}, 'soak_broken', 'old_unit_unproven')")


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE kind IN ('soak_broken', 'old_unit_unproven')")
    op.drop_constraint("kind", "job", type_="check")
    op.create_check_constraint("kind", "job", f"kind IN ({KINDS})")
