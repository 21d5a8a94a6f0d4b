"""A council says how often hubs beat; a model need not. Many are looked at in the order in which heartbeats lock."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

# In the order in which batches of heartbeats lock them.
LOOK_AGAIN = """
    CREATE OR REPLACE FUNCTION look_again() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        hubs text[];
    BEGIN
        IF TG_TABLE_NAME = 'hub' THEN
            hubs := ARRAY[NEW.hub_id];
        ELSIF TG_TABLE_NAME = 'device_model' THEN
            hubs := ARRAY(SELECT hub_id FROM hub WHERE model_id = NEW.id);
        ELSE
            hubs := ARRAY(SELECT hub_id FROM hub WHERE council_id = NEW.code);
        END IF;
        UPDATE hub_presence p SET look_at = clock_timestamp()
          FROM (SELECT hub_id FROM hub_presence WHERE hub_id = ANY(hubs) AND look_at > clock_timestamp()
                 ORDER BY hub_id FOR UPDATE) AS due
         WHERE p.hub_id = due.hub_id;
        RETURN NULL;
    END $$
"""
BEFORE = """
    CREATE OR REPLACE FUNCTION look_again() RETURNS trigger LANGUAGE plpgsql AS $$
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
RULE = ("heartbeat_interval_s", "heartbeat_grace_s", "miss_limit")


def upgrade() -> None:
    for table in ("council", "device_model"):
        op.execute(f"DROP TRIGGER look_again ON {table}")
    op.execute(LOOK_AGAIN)
    op.add_column("council", sa.Column("heartbeat_interval_s", sa.Integer(), nullable=True))
    op.create_check_constraint("heartbeat_interval_s", "council", "heartbeat_interval_s >= 30")
    op.alter_column("device_model", "heartbeat_interval_s", nullable=True, server_default=None)
    # Nobody could leave it out: the usual one was as good as none, and stays in force where nobody says another.
    op.execute("UPDATE device_model SET heartbeat_interval_s = NULL WHERE heartbeat_interval_s = 300")
    for table in ("council", "device_model"):
        _watch(table, RULE)


def downgrade() -> None:
    for table in ("council", "device_model"):
        op.execute(f"DROP TRIGGER look_again ON {table}")
    op.execute("UPDATE device_model SET heartbeat_interval_s = 300 WHERE heartbeat_interval_s IS NULL")
    op.alter_column("device_model", "heartbeat_interval_s", nullable=False, server_default="300")
    op.drop_column("council", "heartbeat_interval_s")
    op.execute(BEFORE)
    _watch("device_model", RULE)
    _watch("council", RULE[1:])


def _watch(table: str, columns: tuple[str, ...]) -> None:
    was, is_now = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    op.execute(
        f"CREATE TRIGGER look_again AFTER UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW"
        f" WHEN (ROW({was}) IS DISTINCT FROM ROW({is_now})) EXECUTE FUNCTION look_again()"
    )
