"""What two names have signed stays as it is; and a proof of the other path is one by the rule itself."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

SIGNED = """
CREATE FUNCTION visit_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.exception_items, NEW.exception_by_id) IS DISTINCT FROM (OLD.exception_items, OLD.exception_by_id)
       OR OLD.exception_second_id IS NOT NULL AND NEW.exception_second_id <> OLD.exception_second_id THEN
        RAISE EXCEPTION 'what two names have signed stays as it is: ask for another exception'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_two_names', TABLE = 'visit';
    END IF;
    RETURN NEW;
END $$
"""

# The same as `_over_the_other_path` in devices/switchover/visits/evidence.py: the usual path is the one by which the
# last message came before a path was lost. What a hub held back from where it was before shows nothing here.
PATH = """
CREATE FUNCTION visit_path(payload bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN nullif(btrim(convert_from(payload, 'UTF8')::jsonb ->> 'path'), '');
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$
"""
OTHER_PATH = """
CREATE FUNCTION visit_other_path() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    heard record;
    usual text;
    down boolean := false;
BEGIN
    FOR heard IN
        SELECT e.id, e.type, visit_path(e.payload) AS path
          FROM installation i
          JOIN event e ON e.hub_id = i.hub_id AND e.received_at BETWEEN lower(i.period) AND NEW.at
         WHERE i.id = NEW.installation_id AND e.treatment <> 'duplicate' AND e.type IS NOT NULL
           AND (e.device_at > e.received_at - interval '90 days'
                AND e.device_at < lower(i.period) - interval '1 second') IS NOT TRUE
         ORDER BY e.received_at, e.id LOOP
        IF heard.id = NEW.event_id THEN
            IF (down AND heard.path <> usual) IS NOT TRUE THEN
                RAISE EXCEPTION 'this message came by no other path while the usual one was down'
                      USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_kind', TABLE = 'visit_evidence';
            END IF;
            RETURN NEW;
        ELSIF heard.type IN ('path_lost', 'path_restored') THEN
            down := heard.type = 'path_lost';
        ELSIF NOT down THEN
            usual := coalesce(heard.path, usual);
        END IF;
    END LOOP;
    RAISE EXCEPTION 'evidence is a message that came in time'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_kind', TABLE = 'visit_evidence';
END $$
"""
TRIGGERS = {
    "visit_signed": "BEFORE UPDATE ON visit FOR EACH ROW WHEN (NEW.exception_confirmed_at IS NOT NULL)",
    "visit_other_path": "BEFORE INSERT ON visit_evidence FOR EACH ROW WHEN (NEW.kind = 'backup_path')",
}


def upgrade() -> None:
    for function in (SIGNED, PATH, OTHER_PATH):
        op.execute(function)
    for name, when in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    for name, when in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {when.split(' ON ')[1].split()[0]}")
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION visit_path(bytea)")
