"""Accepted hubs: who relies on one, by what it showed; nobody is left without one."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COLUMNS = {
    "accepted_at": (sa.DateTime(timezone=True), "empty: nobody relies on it yet"),
    "accepted_by": (sa.String(), "as in the audit; or what took it over as it stood"),
    "withdrawn_why": (sa.String(), "the service ended with it: why"),
    "withdrawn_by": (sa.String(), "as in the audit"),
    "withdrawn_with": (sa.String(), "the second name: with whom it was agreed"),
}
CHECKS = {
    "accepted": "(accepted_at IS NULL) = (accepted_by IS NULL)",
    "withdrawn": (
        "num_nulls(withdrawn_why, withdrawn_by, withdrawn_with) IN (0, 3)"
        " AND (withdrawn_by IS NULL OR NOT upper_inf(period) AND withdrawn_by <> withdrawn_with)"
    ),
}

# The rule of devices/registry/leaving.py. The person's row is taken before the hubs are counted: each statement of
# the function sees what has been committed by then, so of two who each take one of two hubs away the second is refused.
LEAVES = """
CREATE FUNCTION nobody_without_hub() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    others integer;
    accepted integer;
    later integer;
BEGIN
    IF NOT upper_inf(OLD.period) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND upper_inf(NEW.period) AND NEW.person_id = OLD.person_id AND NEW.hub_id = OLD.hub_id
       AND (NEW.accepted_at IS NOT NULL OR OLD.accepted_at IS NULL) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM person WHERE id = OLD.person_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM alarm
                WHERE handling <> 'closed' AND class IN ('L', 'U') AND type <> 'hub_offline'
                  AND council_id = OLD.council_id
                  AND (person_id = OLD.person_id OR premises_id = OLD.premises_id OR hub_id = OLD.hub_id)) THEN
        RAISE EXCEPTION '% stays where it is: an alarm of this home is open', OLD.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_without_hub', TABLE = 'installation';
    END IF;
    -- It goes along to another home: the judgement comes at the end of the transaction, when it is there.
    IF EXISTS (SELECT FROM installation
                WHERE person_id = OLD.person_id AND hub_id = OLD.hub_id AND id <> OLD.id AND upper_inf(period)
                  AND (accepted_at IS NOT NULL OR OLD.accepted_at IS NULL)) THEN
        RETURN NULL;
    END IF;
    SELECT count(*), count(accepted_at), count(*) FILTER (WHERE lower(period) > lower(OLD.period))
      INTO others, accepted, later
      FROM installation
     WHERE person_id = OLD.person_id AND id <> OLD.id AND upper_inf(period);
    IF accepted > 0 OR (OLD.accepted_at IS NULL AND later = 0) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND others = 0 AND NEW.withdrawn_by IS NOT NULL THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% stays where it is: without it this person would have no accepted hub', OLD.hub_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_without_hub', TABLE = 'installation';
END $$
"""
STAYS_IN_SERVICE = """
CREATE FUNCTION installed_is_in_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM hub h JOIN installation i ON i.hub_id = h.hub_id AND upper_inf(i.period)
                WHERE h.hub_id = NEW.hub_id AND h.status <> 'in_service') THEN
        RAISE EXCEPTION '% is installed: end its installation first', NEW.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'installed_is_in_service', TABLE = 'hub';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    for name, (type_, comment) in COLUMNS.items():
        op.add_column("installation", sa.Column(name, type_, nullable=True, comment=comment))
    events = sa.Column(
        "accepted_events",
        sa.ARRAY(sa.Uuid()),
        server_default="{}",
        nullable=False,
        comment="the messages that showed its triggers",
    )
    op.add_column("installation", events)
    # What stands in homes by now is relied on by now.
    op.execute("UPDATE installation SET accepted_at = clock_timestamp(), accepted_by = 'migration'")
    for name, rule in CHECKS.items():
        op.create_check_constraint(name, "installation", rule)
    op.execute(LEAVES)
    op.execute(
        "CREATE CONSTRAINT TRIGGER nobody_without_hub AFTER UPDATE OR DELETE ON installation"
        " DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION nobody_without_hub()"
    )
    op.execute(STAYS_IN_SERVICE)
    op.execute(
        "CREATE CONSTRAINT TRIGGER installed_is_in_service AFTER UPDATE OF status ON hub"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION installed_is_in_service()"
    )


def downgrade() -> None:
    for trigger, table in (("installed_is_in_service", "hub"), ("nobody_without_hub", "installation")):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION {trigger}()")
    for name in CHECKS:
        op.drop_constraint(name, "installation", type_="check")
    for name in (*COLUMNS, "accepted_events"):
        op.drop_column("installation", name)
