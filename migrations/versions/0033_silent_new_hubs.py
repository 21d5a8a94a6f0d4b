"""A visit does not go on to rely on a new hub that is silent now, whatever it has shown before."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# While we are deaf nobody is judged, so what we could not hear ourselves is in no period.
SILENT = """
CREATE FUNCTION visit_silent_hub() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.accepted_at IS NOT NULL AND OLD.accepted_at IS NULL
        OR NEW.state = 'old_unit_decommissioned' AND OLD.state <> NEW.state)
       AND NOT EXISTS (SELECT FROM presence_period
                        WHERE hub_id = NEW.new_hub_id AND ended_at IS NULL AND state IN ('online', 'late')) THEN
        RAISE EXCEPTION '% is not online now, and % stays until it is', NEW.new_hub_id, NEW.old_hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_silent_hub', TABLE = 'visit';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(SILENT)
    # After visit_rules, as triggers go by their names: no visit is put in as accepted, that one sees to it.
    op.execute(
        "CREATE TRIGGER visit_silent_hub BEFORE UPDATE ON visit FOR EACH ROW EXECUTE FUNCTION visit_silent_hub()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER visit_silent_hub ON visit")
    op.execute("DROP FUNCTION visit_silent_hub()")
