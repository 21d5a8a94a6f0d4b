"""Telemetry: heartbeats by day in partitions, what hubs told by the hour, and vacuum where rows change all the time.

Heartbeats that are there stay where they are: their table becomes a partition, up to the next midnight (UTC). It is
locked while its new key is built, about 3 s for a million rows. Alarms and events do not touch it; heartbeats wait in
the broker, un-acked.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

DAYS_AHEAD, MONTHS_AHEAD = 7, 2
NO_INSERT_VACUUM = "autovacuum_vacuum_insert_threshold = -1"

# Rows that are written over all the time: vacuum comes for a few dead ones, and not for a fifth of the table.
VACUUM = {
    "hub_live": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500",
    "hub_presence": "autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500",
    "outbox": "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500",
    "alarm": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500",
}


def upgrade() -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    op.execute("LOCK TABLE heartbeat IN ACCESS EXCLUSIVE MODE")
    op.execute("ALTER TABLE heartbeat RENAME TO heartbeat_before")
    op.execute("ALTER TABLE heartbeat_before DROP CONSTRAINT pk_heartbeat")
    op.execute("ALTER INDEX ix_heartbeat_hub_id_received_at RENAME TO ix_heartbeat_before_hub_id_received_at")
    op.execute("ALTER INDEX ix_heartbeat_received_at RENAME TO ix_heartbeat_before_received_at")
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "received_at", name=op.f("pk_heartbeat")),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index("ix_heartbeat_hub_id_received_at", "heartbeat", ["hub_id", "received_at"])
    op.create_index("ix_heartbeat_received_at", "heartbeat", ["received_at"], postgresql_using="brin")
    first = midnight
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM heartbeat_before)")).scalar_one():
        first = midnight + timedelta(days=1)
        op.execute(
            "ALTER TABLE heartbeat ATTACH PARTITION heartbeat_before "
            f"FOR VALUES FROM (MINVALUE) TO ('{first.isoformat()}')"
        )
    else:
        op.execute("DROP TABLE heartbeat_before")
    op.execute("CREATE TABLE heartbeat_default PARTITION OF heartbeat DEFAULT")
    while first <= midnight + timedelta(days=DAYS_AHEAD):
        until = first + timedelta(days=1)
        op.execute(
            f"CREATE TABLE heartbeat_{first:%Y%m%d} PARTITION OF heartbeat "
            f"FOR VALUES FROM ('{first.isoformat()}') TO ('{until.isoformat()}') WITH ({NO_INSERT_VACUUM})"
        )
        first = until
    _create_telemetry(midnight)
    for table, parameters in VACUUM.items():
        op.execute(f"ALTER TABLE {table} SET ({parameters})")


def _create_telemetry(midnight: datetime) -> None:
    op.create_table(
        "telemetry_hour",
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False, comment="its first instant"),
        sa.Column("heartbeats", sa.SmallInteger(), nullable=False),
        sa.Column("battery_min", sa.SmallInteger(), nullable=True),
        sa.Column("battery_max", sa.SmallInteger(), nullable=True),
        sa.Column("signal_avg", sa.SmallInteger(), nullable=True, comment="dBm"),
        sa.Column("mains_off_s", sa.SmallInteger(), nullable=True, comment="seconds without mains; empty: not told"),
        sa.Column("path", sa.String(), nullable=True, comment="the last one that it told"),
        sa.Column("other_path", sa.String(), nullable=True, comment="the last other one in the same hour"),
        sa.Column("firmware", sa.String(), nullable=True),
        sa.Column(
            "seeded", sa.Boolean(), server_default="false", nullable=False, comment="made up for a demo, told by no hub"
        ),
        sa.PrimaryKeyConstraint("hub_id", "hour", name=op.f("pk_telemetry_hour")),
        postgresql_partition_by="RANGE (hour)",
    )
    op.execute("CREATE TABLE telemetry_hour_default PARTITION OF telemetry_hour DEFAULT")
    first = midnight.replace(day=1)
    for _ in range(MONTHS_AHEAD + 1):
        until = (first + timedelta(days=32)).replace(day=1)
        op.execute(
            f"CREATE TABLE telemetry_hour_{first:%Y%m} PARTITION OF telemetry_hour "
            f"FOR VALUES FROM ('{first.isoformat()}') TO ('{until.isoformat()}')"
        )
        first = until
    op.create_table(
        "telemetry_progress",
        sa.Column("id", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("through", sa.DateTime(timezone=True), nullable=True, comment="all hours before it are told"),
        sa.Column("after_hub", sa.String(), nullable=True, comment="so far in the hour that is next"),
        sa.CheckConstraint("id", name=op.f("ck_telemetry_progress_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telemetry_progress")),
    )
    op.execute("INSERT INTO telemetry_progress DEFAULT VALUES")


def downgrade() -> None:
    for table, parameters in VACUUM.items():
        names = ", ".join(parameter.split(" = ")[0] for parameter in parameters.split(", "))
        op.execute(f"ALTER TABLE {table} RESET ({names})")
    op.drop_table("telemetry_progress")
    op.drop_table("telemetry_hour")
    op.execute("ALTER TABLE heartbeat RENAME TO heartbeat_parted")
    op.execute("ALTER TABLE heartbeat_parted RENAME CONSTRAINT pk_heartbeat TO pk_heartbeat_parted")
    op.execute("ALTER INDEX ix_heartbeat_hub_id_received_at RENAME TO ix_heartbeat_parted_hub_id_received_at")
    op.execute("ALTER INDEX ix_heartbeat_received_at RENAME TO ix_heartbeat_parted_received_at")
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeat")),
    )
    columns = "id, hub_id, received_at, payload"
    op.execute(f"INSERT INTO heartbeat ({columns}) SELECT {columns} FROM heartbeat_parted")  # noqa: S608 - our own
    op.create_index("ix_heartbeat_hub_id_received_at", "heartbeat", ["hub_id", "received_at"])
    op.create_index("ix_heartbeat_received_at", "heartbeat", ["received_at"], postgresql_using="brin")
    op.drop_table("heartbeat_parted")
