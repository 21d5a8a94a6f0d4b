"""The board's numbers are given by the database, at the commit: no lock is held while a client thinks."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# An alarm whose log has a new line has changed on the board. Of several changes in one transaction the last one counts.
# A canary goes this way too, but is no change of the board: it takes the lock, wakes, and leaves no number.
NUMBERS = """
CREATE FUNCTION number_board_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM alarm WHERE id = NEW.id AND log_seq = NEW.log_seq) THEN
        RETURN NULL;
    END IF;
    UPDATE board_head SET seq = seq + (NEW.class <> 'C')::int RETURNING seq INTO number;
    IF NEW.class <> 'C' THEN
        INSERT INTO board_change (seq, alarm_id, council_id) VALUES (number, NEW.id, NEW.council_id);
    END IF;
    PERFORM pg_notify('telecare_board', number::text);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(NUMBERS)
    op.execute(
        "CREATE CONSTRAINT TRIGGER number_new AFTER INSERT ON alarm DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION number_board_change()"
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER number_changed AFTER UPDATE ON alarm DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.log_seq <> OLD.log_seq) EXECUTE FUNCTION number_board_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER number_changed ON alarm")
    op.execute("DROP TRIGGER number_new ON alarm")
    op.execute("DROP FUNCTION number_board_change()")
