"""Whose protection is looked at is known by what has changed, and not by comparing everybody."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

FAULTS = "'hub_battery_low', 'jammed', 'mains_fail', 'path_lost', 'trigger_battery_low', 'trigger_lost'"
CHANGED = """
    CREATE FUNCTION protection_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'person' THEN
            INSERT INTO protection_change (person_id) VALUES (NEW.id);
        ELSIF TG_TABLE_NAME <> 'installation' THEN
            INSERT INTO protection_change (hub_id) VALUES (NEW.hub_id);
        ELSE
            IF TG_OP <> 'DELETE' THEN
                INSERT INTO protection_change (person_id) VALUES (NEW.person_id);
            END IF;
            IF TG_OP <> 'INSERT' THEN
                INSERT INTO protection_change (person_id) VALUES (OLD.person_id);
            END IF;
        END IF;
        RETURN NULL;
    END $$
"""
# What `_MARK` in telecare/protection/repository.py is made of. Of a heartbeat only what turns mains or battery counts.
WHEN = {
    ("hub_presence", "put_up"): "INSERT",
    ("hub_presence", "moved"): "UPDATE OF state, since, away_until",
    ("hub_live", "power"): "UPDATE OF mains, battery_pct",
    ("hub", "connection"): "UPDATE OF connection",
    ("alarm", "fault"): "INSERT",
    ("alarm", "fault_moved"): "UPDATE OF handling, condition",
    ("installation", "home"): "INSERT OR UPDATE OR DELETE",
    ("person", "person"): "UPDATE OF risk_tier, service_ended_on",
}
IF = {
    "moved": "ROW(OLD.state, OLD.since, OLD.away_until) IS DISTINCT FROM ROW(NEW.state, NEW.since, NEW.away_until)",
    "power": "ROW(OLD.mains, OLD.battery_pct <= 20) IS DISTINCT FROM ROW(NEW.mains, NEW.battery_pct <= 20)",
    "connection": "OLD.connection IS DISTINCT FROM NEW.connection",
    "fault": f"NEW.hub_id IS NOT NULL AND NEW.type IN ({FAULTS})",
    "fault_moved": "ROW(OLD.handling, OLD.condition) IS DISTINCT FROM ROW(NEW.handling, NEW.condition)"
    f" AND NEW.hub_id IS NOT NULL AND NEW.type IN ({FAULTS})",
    "person": "ROW(OLD.risk_tier, OLD.service_ended_on) IS DISTINCT FROM ROW(NEW.risk_tier, NEW.service_ended_on)",
}


def upgrade() -> None:
    op.create_table(
        "protection_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=True, comment="of whoever it serves now"),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protection_change")),
    )
    op.create_index(
        "ix_person_protection_look_at",
        "person_protection",
        ["look_at"],
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
    op.execute(CHANGED)
    for (table, name), event in WHEN.items():
        condition = f" WHEN ({IF[name]})" if name in IF else ""
        op.execute(
            f"CREATE TRIGGER protection_{name} AFTER {event} ON {table} FOR EACH ROW{condition}"
            " EXECUTE FUNCTION protection_changed()"
        )


def downgrade() -> None:
    for table, name in WHEN:
        op.execute(f"DROP TRIGGER protection_{name} ON {table}")
    op.execute("DROP FUNCTION protection_changed()")
    op.drop_index("ix_person_protection_look_at", "person_protection")
    op.drop_table("protection_change")
