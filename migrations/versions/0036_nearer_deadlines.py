"""A hub is looked at again when another rule is in force for it; incident members keep their gravest risk tier."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0034"
branch_labels = None
depends_on = None

# Of one that no silence brings further there is nothing to look at. Whoever is due by now is looked at anyway.
LOOK_AGAIN = """
    CREATE FUNCTION look_again() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'hub' THEN
            UPDATE hub_presence SET look_at = clock_timestamp()
             WHERE hub_id = NEW.hub_id AND look_at > clock_timestamp();
        ELSIF TG_TABLE_NAME = 'device_model' THEN
            UPDATE hub_presence p SET look_at = clock_timestamp()
              FROM hub h WHERE h.model_id = NEW.id AND p.hub_id = h.hub_id AND p.look_at > clock_timestamp();
        ELSE
            UPDATE hub_presence p SET look_at = clock_timestamp()
              FROM hub h WHERE h.council_id = NEW.code AND p.hub_id = h.hub_id AND p.look_at > clock_timestamp();
        END IF;
        RETURN NULL;
    END $$
"""
RULES = {
    "hub": ("heartbeat_interval_s", "heartbeat_grace_s", "miss_limit", "model_id", "council_id"),
    "device_model": ("heartbeat_interval_s", "heartbeat_grace_s", "miss_limit"),
    "council": ("heartbeat_grace_s", "miss_limit"),
}
NOW = "the person's risk tier when it opened, or a graver one by which its deadline goes"
BEFORE = "the person's risk tier when it opened"
GRAVEST = "the gravest risk tier of the person since it joined"


def upgrade() -> None:
    op.execute(LOOK_AGAIN)
    for table, columns in RULES.items():
        was, is_now = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
        op.execute(
            f"CREATE TRIGGER look_again AFTER UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW"
            f" WHEN (ROW({was}) IS DISTINCT FROM ROW({is_now})) EXECUTE FUNCTION look_again()"
        )
    op.add_column("incident_member", sa.Column("tier", sa.String(), nullable=True, comment=GRAVEST))
    op.execute("UPDATE incident_member m SET tier = n.risk_tier FROM person n WHERE n.id = m.person_id")
    op.alter_column("alarm", "tier", existing_type=sa.String(), comment=NOW, existing_comment=BEFORE)


def downgrade() -> None:
    op.alter_column("alarm", "tier", existing_type=sa.String(), comment=BEFORE, existing_comment=NOW)
    op.drop_column("incident_member", "tier")
    for table in RULES:
        op.execute(f"DROP TRIGGER look_again ON {table}")
    op.execute("DROP FUNCTION look_again()")
