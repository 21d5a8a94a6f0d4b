"""The rules of visits as triggers: nobody is without a proven hub, whatever program writes."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# What devices/switchover/visits/evidence.py asks for, by key: each device that is registered for the new hub or listed
# by it (the unit, where none is), and the rest.
MISSING = """
CREATE FUNCTION visit_missing(visit visit) RETURNS text[] LANGUAGE sql STABLE AS $$
    WITH place AS (SELECT id FROM installation
                    WHERE hub_id = visit.new_hub_id AND person_id = visit.person_id AND upper_inf(period)),
         device AS (SELECT device_id FROM peripheral WHERE hub_id = visit.new_hub_id
                    UNION
                    SELECT jsonb_object_keys(l.peripherals) FROM hub_live l
                     WHERE l.hub_id = visit.new_hub_id AND jsonb_typeof(l.peripherals) = 'object'),
         needed AS (SELECT 'trigger' AS kind, device_id FROM device
                    UNION ALL SELECT 'trigger', '' WHERE NOT EXISTS (SELECT FROM device)
                    UNION ALL SELECT kind, '' FROM unnest(ARRAY['voice', 'backup_path', 'mains_fail',
                                                                'mains_restored', 'soak']) AS kind)
    SELECT coalesce(array_agg(CASE n.kind WHEN 'trigger' THEN 'trigger:' || n.device_id ELSE n.kind END
                              ORDER BY n.kind, n.device_id), '{}')
      FROM needed n
     WHERE NOT EXISTS (SELECT FROM visit_evidence e JOIN place p ON p.id = e.installation_id
                        WHERE e.visit_id = visit.id AND e.kind = n.kind AND e.device_id = n.device_id)
$$
"""

# The person's row is taken before hubs are looked at, as in nobody_without_hub: each statement of the function sees
# what has been committed by then.
VISIT = """
CREATE FUNCTION visit_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text[];
    was text := CASE TG_OP WHEN 'UPDATE' THEN OLD.state END;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.council_id, NEW.unit_id, NEW.person_id, NEW.premises_id, NEW.old_hub_id)
           IS DISTINCT FROM (OLD.council_id, OLD.unit_id, OLD.person_id, OLD.premises_id, OLD.old_hub_id) THEN
            RAISE EXCEPTION 'a visit stays with its unit, person and old hub: make another one'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_subject', TABLE = 'visit';
        END IF;
        IF OLD.over_at IS NOT NULL AND (NEW.over_at, NEW.state, NEW.new_hub_id, NEW.accepted_at)
           IS DISTINCT FROM (OLD.over_at, OLD.state, OLD.new_hub_id, OLD.accepted_at) THEN
            RAISE EXCEPTION 'this visit is over: nothing more comes of it'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_over', TABLE = 'visit';
        END IF;
        IF (NEW.state, NEW.new_hub_id, NEW.accepted_at, NEW.over_at, NEW.exception_second_id)
           IS NOT DISTINCT FROM (OLD.state, OLD.new_hub_id, OLD.accepted_at, OLD.over_at, OLD.exception_second_id) THEN
            RETURN NEW;
        END IF;
    END IF;
    PERFORM FROM person WHERE id = NEW.person_id FOR NO KEY UPDATE;
    IF TG_OP = 'INSERT' AND NOT EXISTS (SELECT FROM installation WHERE hub_id = NEW.old_hub_id
                                           AND person_id = NEW.person_id AND upper_inf(period)) THEN
        RAISE EXCEPTION '% is not installed with this person: there is nothing to replace', NEW.old_hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_old_hub', TABLE = 'visit';
    END IF;
    IF NEW.over_at IS NULL AND NEW.new_hub_id IS NOT NULL
       AND EXISTS (SELECT FROM visit WHERE old_hub_id = NEW.new_hub_id AND over_at IS NULL AND accepted_at IS NULL) THEN
        RAISE EXCEPTION '% stays where it is: a visit is to replace it', NEW.new_hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_holds_old_hub', TABLE = 'visit';
    END IF;
    IF NEW.exception_second_id IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.exception_second_id IS NULL)
       AND NOT EXISTS (SELECT FROM app_user WHERE id = NEW.exception_second_id AND active
                          AND role IN ('engineer', 'supervisor', 'administrator')
                          AND (councils = '{}' OR NEW.council_id = ANY (councils))) THEN
        RAISE EXCEPTION 'the second name of an exception is somebody of this council who may carry out the switchover'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_two_names', TABLE = 'visit';
    END IF;
    IF NEW.state IN ('installed', 'peripherals_paired', 'e2e_tested', 'soak')
       AND NOT EXISTS (SELECT FROM installation WHERE hub_id = NEW.old_hub_id AND person_id = NEW.person_id
                          AND upper_inf(period)) THEN
        RAISE EXCEPTION '% has gone before the new hub was accepted', NEW.old_hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_old_hub', TABLE = 'visit';
    END IF;
    IF NEW.accepted_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.accepted_at IS NULL) THEN
        IF NEW.state <> 'accepted' OR was IS DISTINCT FROM 'soak' THEN
            RAISE EXCEPTION 'a new hub is accepted after its soak'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_accepted', TABLE = 'visit';
        END IF;
        IF NOT EXISTS (SELECT FROM installation WHERE hub_id = NEW.new_hub_id AND person_id = NEW.person_id
                          AND upper_inf(period)) THEN
            RAISE EXCEPTION '% is not installed with this person', NEW.new_hub_id
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_accepted', TABLE = 'visit';
        END IF;
        missing := visit_missing(NEW);
        IF NEW.exception_confirmed_at IS NOT NULL AND EXISTS (
               SELECT FROM visit_evidence e JOIN installation i ON i.id = e.installation_id
                WHERE e.visit_id = NEW.id AND e.kind = 'trigger' AND i.hub_id = NEW.new_hub_id
                  AND i.person_id = NEW.person_id AND upper_inf(i.period)) THEN
            missing := ARRAY(SELECT unnest(missing) EXCEPT SELECT unnest(NEW.exception_items));
        END IF;
        IF cardinality(missing) > 0 THEN
            RAISE EXCEPTION '% has not shown everything: %', NEW.new_hub_id, array_to_string(missing, ', ')
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_accepted', TABLE = 'visit';
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.accepted_at IS NOT NULL AND NEW.accepted_at IS NULL
       AND (NEW.state <> 'rolled_back' OR OLD.state <> 'accepted') THEN
        RAISE EXCEPTION 'what was accepted stays so, but for a roll-back while the old hub is still there'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_accepted', TABLE = 'visit';
    END IF;
    IF NEW.state = 'old_unit_decommissioned' AND was IS DISTINCT FROM 'accepted' AND was IS DISTINCT FROM NEW.state
       OR NEW.state = 'record_closed' AND was IS DISTINCT FROM 'old_unit_decommissioned'
          AND was IS DISTINCT FROM NEW.state THEN
        RAISE EXCEPTION 'the old hub goes after the new one was accepted, and the record is closed after that'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_order', TABLE = 'visit';
    END IF;
    IF NEW.state IN ('old_unit_decommissioned', 'record_closed') AND was IS DISTINCT FROM NEW.state
       AND NOT EXISTS (SELECT FROM installation WHERE hub_id = NEW.new_hub_id AND person_id = NEW.person_id
                          AND upper_inf(period) AND accepted_at IS NOT NULL) THEN
        RAISE EXCEPTION '% is not this person''s accepted hub', NEW.new_hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_order', TABLE = 'visit';
    END IF;
    IF NEW.state = 'record_closed' AND was IS DISTINCT FROM NEW.state
       AND EXISTS (SELECT FROM installation WHERE hub_id = NEW.old_hub_id AND person_id = NEW.person_id
                      AND upper_inf(period)) THEN
        RAISE EXCEPTION '% is still installed with this person', NEW.old_hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_order', TABLE = 'visit';
    END IF;
    IF NEW.accepted_at IS NULL AND EXISTS (
           SELECT FROM installation i
            WHERE i.person_id = NEW.person_id AND upper_inf(i.period) AND i.accepted_at IS NULL
              AND (i.hub_id = NEW.new_hub_id AND NEW.over_at IS NOT NULL
                   OR TG_OP = 'UPDATE' AND i.hub_id = OLD.new_hub_id
                      AND NEW.new_hub_id IS DISTINCT FROM OLD.new_hub_id)) THEN
        RAISE EXCEPTION 'the new hub stands in the home and nobody relies on it yet: take it away first'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_new_hub', TABLE = 'visit';
    END IF;
    RETURN NEW;
END $$
"""

# An old hub is kept until the visit has accepted the new one; a new one is relied on by its visit and by nothing else.
HOLDS = """
CREATE FUNCTION visit_holds_hubs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND upper_inf(OLD.period)
       AND (TG_OP = 'DELETE' OR NOT upper_inf(NEW.period) OR NEW.person_id <> OLD.person_id
            OR NEW.hub_id <> OLD.hub_id OR NEW.premises_id <> OLD.premises_id
            OR OLD.accepted_at IS NOT NULL AND NEW.accepted_at IS NULL) THEN
        PERFORM FROM person WHERE id = OLD.person_id FOR NO KEY UPDATE;
        IF EXISTS (SELECT FROM visit WHERE old_hub_id = OLD.hub_id AND over_at IS NULL AND accepted_at IS NULL) THEN
            RAISE EXCEPTION '% stays where it is: a visit of the switchover is to replace it, and its new hub is not '
                            'accepted yet. Go on with the visit, or end it', OLD.hub_id
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_holds_old_hub', TABLE = 'installation';
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' AND upper_inf(NEW.period) THEN
        IF NEW.accepted_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.accepted_at IS NULL)
           AND EXISTS (SELECT FROM visit WHERE new_hub_id = NEW.hub_id AND over_at IS NULL AND accepted_at IS NULL) THEN
            RAISE EXCEPTION '% is the new hub of a visit of the switchover: it is accepted there, by its evidence',
                            NEW.hub_id
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_accepts', TABLE = 'installation';
        END IF;
        IF EXISTS (SELECT FROM visit WHERE NEW.hub_id IN (new_hub_id, old_hub_id) AND person_id <> NEW.person_id
                      AND over_at IS NULL AND accepted_at IS NULL) THEN
            RAISE EXCEPTION '% is kept for somebody else''s visit of the switchover', NEW.hub_id
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_keeps_hub', TABLE = 'installation';
        END IF;
    END IF;
    RETURN NULL;
END $$
"""
STATUS = """
CREATE FUNCTION visit_holds_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'in_service'
       AND EXISTS (SELECT FROM visit WHERE old_hub_id = NEW.hub_id AND over_at IS NULL AND accepted_at IS NULL) THEN
        RAISE EXCEPTION '% stays where it is: a visit of the switchover is to replace it, and its new hub is not '
                        'accepted yet. Go on with the visit, or end it', NEW.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_holds_old_hub', TABLE = 'hub';
    END IF;
    IF NEW.status = 'retired' AND EXISTS (SELECT FROM visit WHERE new_hub_id = NEW.hub_id AND over_at IS NULL) THEN
        RAISE EXCEPTION '% is kept for a visit of the switchover', NEW.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_keeps_hub', TABLE = 'hub';
    END IF;
    RETURN NULL;
END $$
"""

# Evidence is a message of the new hub where it stands now, or a span in which it was heard all the time.
EVIDENCE = """
CREATE FUNCTION visit_evidence_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place installation;
    shown event;
    device text;
BEGIN
    SELECT i.* INTO place
      FROM installation i JOIN visit v ON v.new_hub_id = i.hub_id AND v.person_id = i.person_id
     WHERE v.id = NEW.visit_id AND i.id = NEW.installation_id AND upper_inf(i.period);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'evidence is of the visit''s new hub where it stands now'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_place', TABLE = 'visit_evidence';
    END IF;
    IF NEW.at > clock_timestamp() + interval '1 second' OR coalesce(NEW.since, NEW.at) < lower(place.period) THEN
        RAISE EXCEPTION 'evidence is of the time since % was installed', place.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_time', TABLE = 'visit_evidence';
    END IF;
    IF NEW.kind = 'soak' THEN
        IF EXISTS (SELECT FROM presence_period
                    WHERE hub_id = place.hub_id AND state IN ('never_seen', 'suspect', 'offline', 'lost', 'dormant')
                      AND started_at < NEW.at AND coalesce(ended_at, 'infinity') > NEW.since)
           OR NOT EXISTS (SELECT FROM presence_period
                           WHERE hub_id = place.hub_id AND state IN ('online', 'late') AND started_at < NEW.at) THEN
            RAISE EXCEPTION '% was silent in its soak', place.hub_id
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_soak', TABLE = 'visit_evidence';
        END IF;
        RETURN NEW;
    END IF;
    SELECT * INTO shown FROM event WHERE id = NEW.event_id;
    IF NOT FOUND OR shown.hub_id <> place.hub_id OR shown.received_at < lower(place.period)
       OR shown.received_at <> NEW.at THEN
        RAISE EXCEPTION 'evidence is a message of % since it was installed', place.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_event', TABLE = 'visit_evidence';
    END IF;
    IF NEW.kind IN ('mains_fail', 'mains_restored') AND shown.type IS DISTINCT FROM NEW.kind
       OR NEW.kind IN ('trigger', 'voice', 'backup_path')
          AND (shown.type IS NULL OR shown.treatment NOT IN ('alarm', 'joined', 'test')
               OR shown.type IN ('mains_fail', 'path_lost', 'hub_battery_low', 'trigger_battery_low', 'trigger_lost',
                                 'tamper', 'malfunction', 'jammed')) THEN
        RAISE EXCEPTION 'this message of % does not show that', place.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_kind', TABLE = 'visit_evidence';
    END IF;
    IF NEW.kind = 'mains_restored' AND NOT EXISTS (
           SELECT FROM visit_evidence WHERE visit_id = NEW.visit_id AND installation_id = NEW.installation_id
              AND kind = 'mains_fail' AND at < NEW.at) THEN
        RAISE EXCEPTION 'mains of % were not lost before', place.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_kind', TABLE = 'visit_evidence';
    END IF;
    IF NEW.kind = 'backup_path' AND NOT EXISTS (
           SELECT FROM event WHERE hub_id = place.hub_id AND type = 'path_lost'
              AND received_at BETWEEN lower(place.period) AND shown.received_at) THEN
        RAISE EXCEPTION 'no path of % was down then', place.hub_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_kind', TABLE = 'visit_evidence';
    END IF;
    IF NEW.kind = 'trigger' THEN
        BEGIN
            device := coalesce(convert_from(shown.payload, 'UTF8')::jsonb #>> '{device,id}', '');
        EXCEPTION WHEN OTHERS THEN
            device := NULL;
        END;
        IF device IS DISTINCT FROM NEW.device_id THEN
            RAISE EXCEPTION 'this message of % is not of that trigger', place.hub_id
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_kind', TABLE = 'visit_evidence';
        END IF;
    END IF;
    IF NEW.kind = 'voice' AND NOT EXISTS (SELECT FROM app_user WHERE id = NEW.by_id AND active
                                             AND role IN ('operator', 'supervisor', 'administrator')) THEN
        RAISE EXCEPTION 'voice is confirmed by an operator'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'visit_evidence_voice', TABLE = 'visit_evidence';
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = {
    "visit_rules": "BEFORE INSERT OR UPDATE ON visit FOR EACH ROW",
    "visit_evidence_rules": "BEFORE INSERT ON visit_evidence FOR EACH ROW",
    "visit_holds_hubs": "AFTER INSERT OR UPDATE OR DELETE ON installation FOR EACH ROW",
    "visit_holds_status": "AFTER UPDATE OF status ON hub FOR EACH ROW",
}


def upgrade() -> None:
    for function in (MISSING, VISIT, HOLDS, STATUS, EVIDENCE):
        op.execute(function)
    for name, when in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    for name, when in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {when.split(' ON ')[1].split()[0]}")
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION visit_missing(visit)")
