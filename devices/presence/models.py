"""What a hub last said of itself (hot, narrow), where it stands, where it stood, and when we could hear at all."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from devices.presence.domain import Presence
from telecare.kernel.db import Base, one_of
from telecare.kernel.ids import new_id
from telecare.kernel.partitions import Partitioned, Step


class HubLive(Base):
    """One row a hub, rewritten by each heartbeat: room to do so in place, and no index on what changes each time."""

    __tablename__ = "hub_live"
    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    hub_id: Mapped[str] = mapped_column(primary_key=True)
    last_seen_at: Mapped[datetime] = mapped_column(comment="the database's clock when it was received")
    boot_id: Mapped[str | None]
    previous_boot_id: Mapped[str | None] = mapped_column(comment="one that comes back means two hubs with one id")
    boot_since: Mapped[datetime | None] = mapped_column(comment="when it replaced the one before")
    seq: Mapped[int | None] = mapped_column(BigInteger)
    battery_pct: Mapped[int | None]
    mains: Mapped[bool | None]
    signal_dbm: Mapped[int | None]
    path: Mapped[str | None]
    firmware: Mapped[str | None]
    interval_s: Mapped[int | None]
    peripherals: Mapped[dict[str, Any] | None] = mapped_column(comment="by device id, as the hub last listed them")
    left_at: Mapped[datetime | None] = mapped_column(comment="when the broker last spoke its last will: a hint")


class Heartbeat(Base):
    """One heartbeat as received, in a partition a day. Times come in order, so a BRIN index finds an hour of them."""

    __tablename__ = "heartbeat"
    __table_args__ = (
        Index("ix_heartbeat_hub_id_received_at", "hub_id", "received_at"),
        Index("ix_heartbeat_received_at", "received_at", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    hub_id: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.clock_timestamp())
    payload: Mapped[bytes] = mapped_column(LargeBinary)


HEARTBEATS = Partitioned(
    # Nothing in a day is ever changed, and it is dropped whole: vacuum has no work there.
    "heartbeat",
    "received_at",
    Step.DAY,
    ahead=7,
    options="autovacuum_vacuum_insert_threshold = -1",
)


class TelemetryHour(Base):
    """What a hub told in one hour, of all its heartbeats in it; in a partition a month."""

    __tablename__ = "telemetry_hour"
    __table_args__ = ({"postgresql_partition_by": "RANGE (hour)"},)

    hub_id: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True, comment="its first instant")
    heartbeats: Mapped[int] = mapped_column(SmallInteger)
    battery_min: Mapped[int | None] = mapped_column(SmallInteger)
    battery_max: Mapped[int | None] = mapped_column(SmallInteger)
    signal_avg: Mapped[int | None] = mapped_column(SmallInteger, comment="dBm")
    mains_off_s: Mapped[int | None] = mapped_column(SmallInteger, comment="seconds without mains; empty: not told")
    path: Mapped[str | None] = mapped_column(comment="the last one that it told")
    other_path: Mapped[str | None] = mapped_column(comment="the last other one in the same hour")
    firmware: Mapped[str | None]
    seeded: Mapped[bool] = mapped_column(server_default="false", comment="made up for a demo, told by no hub")


TELEMETRY = Partitioned("telemetry_hour", "hour", Step.MONTH, ahead=2)


class TelemetryProgress(Base):
    """How far the heartbeats have been told by the hour; one row, which whoever goes on locks."""

    __tablename__ = "telemetry_progress"
    __table_args__ = (CheckConstraint("id", name="one"),)

    id: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    through: Mapped[datetime | None] = mapped_column(comment="all hours before it are told")
    after_hub: Mapped[str | None] = mapped_column(comment="so far in the hour that is next")


class HubPresence(Base):
    """Where a hub stands, by the last look. A heartbeat never touches it: the look finds what has come since."""

    __tablename__ = "hub_presence"
    __table_args__ = (
        one_of("state", Presence),
        CheckConstraint("(state = 'never_seen') = (since IS NULL)", name="since"),
        CheckConstraint("state <> 'dormant' OR away_until IS NOT NULL", name="dormant"),
        Index("ix_hub_presence_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        Index("ix_hub_presence_not_online", "state", postgresql_where=text("state <> 'online'")),
        Index("ix_hub_presence_told", "told_alarm_id", postgresql_where=text("told_alarm_id IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 80}},
    )

    hub_id: Mapped[str] = mapped_column(ForeignKey("hub.hub_id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(server_default=Presence.NEVER_SEEN)
    since: Mapped[datetime | None] = mapped_column(comment="when its deadline passed, not when somebody looked")
    last_proof: Mapped[datetime | None] = mapped_column(comment="the last sign of life that has been judged")
    good: Mapped[int] = mapped_column(server_default="0", comment="heartbeats in a row while it is not online")
    look_at: Mapped[datetime | None] = mapped_column(comment="when silence would change it next")
    away_until: Mapped[datetime | None] = mapped_column(comment="the end of a planned absence")
    away_why: Mapped[str | None]
    told_alarm_id: Mapped[UUID | None] = mapped_column(comment="the alarm that says that it is offline")


class PresencePeriod(Base):
    """One state of one hub, from and to: the exact history, without samples."""

    __tablename__ = "presence_period"
    __table_args__ = (
        one_of("state", Presence),
        CheckConstraint("ended_at >= started_at", name="ended_at"),
        Index("uq_presence_period_open", "hub_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    hub_id: Mapped[str] = mapped_column(ForeignKey("hub.hub_id", ondelete="CASCADE"), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    state: Mapped[str]
    ended_at: Mapped[datetime | None]


class Listening(Base):
    """When an ingest slot could last hear: connected, not behind, and able to write."""

    __tablename__ = "listening"

    slot: Mapped[str] = mapped_column(primary_key=True)
    heard_at: Mapped[datetime]
    share_of: Mapped[str | None] = mapped_column(comment="whose load it shares with others; empty: it hears all")


class DeafPeriod(Base):
    """When we could not hear: our own gap, which is held against no hub."""

    __tablename__ = "deaf_period"
    __table_args__ = (
        CheckConstraint("ended_at >= started_at", name="ended_at"),
        Index("ix_deaf_period_ended_at", "ended_at"),
        Index("ix_deaf_period_unchecked", "ended_at", postgresql_where=text("checked_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slot: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    checked_at: Mapped[datetime | None] = mapped_column(
        comment="when all who could have pressed in it were on a list; or it was short"
    )
