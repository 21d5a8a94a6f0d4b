"""By no other door does an old hub go either while the accepted new one beside it is silent."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# Until the acceptance `visit_holds_hubs` keeps it. A service that is withdrawn has two names, and needs no hub.
BESIDE = """
CREATE FUNCTION visit_silent_beside() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    silent text;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.withdrawn_by IS NOT NULL OR upper_inf(NEW.period) AND NEW.accepted_at IS NOT NULL
                             AND (NEW.hub_id, NEW.person_id) = (OLD.hub_id, OLD.person_id)) THEN
        RETURN NULL;
    END IF;
    SELECT v.new_hub_id INTO silent FROM visit v
     WHERE v.old_hub_id = OLD.hub_id AND v.person_id = OLD.person_id AND v.state = 'accepted' AND v.over_at IS NULL
       AND NOT EXISTS (SELECT FROM presence_period p
                        WHERE p.hub_id = v.new_hub_id AND p.ended_at IS NULL AND p.state IN ('online', 'late'));
    IF FOUND THEN
        RAISE EXCEPTION '% stays where it is: %, which is to replace it, is not online now. Go on with the visit of '
                        'the switchover when it is, or roll the visit back', OLD.hub_id, silent
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_silent_hub', TABLE = 'installation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(BESIDE)
    op.execute(
        "CREATE TRIGGER visit_silent_beside AFTER UPDATE OR DELETE ON installation FOR EACH ROW"
        " WHEN (upper_inf(OLD.period)) EXECUTE FUNCTION visit_silent_beside()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER visit_silent_beside ON installation")
    op.execute("DROP FUNCTION visit_silent_beside()")
