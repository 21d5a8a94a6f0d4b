"""What a hub last said of itself (hot, narrow) and the log of its single heartbeats (kept for some days)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base
from telecare.kernel.ids import new_id


class HubLive(Base):
    """One row a hub, rewritten by each heartbeat: room to do so in place, and no index on what changes each time."""

    __tablename__ = "hub_live"
    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    hub_id: Mapped[str] = mapped_column(primary_key=True)
    last_seen_at: Mapped[datetime] = mapped_column(comment="the database's clock when it was received")
    boot_id: Mapped[str | None]
    previous_boot_id: Mapped[str | None] = mapped_column(comment="one that comes back means two hubs with one id")
    seq: Mapped[int | None] = mapped_column(BigInteger)
    battery_pct: Mapped[int | None]
    mains: Mapped[bool | None]
    signal_dbm: Mapped[int | None]
    path: Mapped[str | None]
    firmware: Mapped[str | None]
    interval_s: Mapped[int | None]
    peripherals: Mapped[dict[str, Any] | None] = mapped_column(comment="by device id, as the hub last listed them")


class Heartbeat(Base):
    """One heartbeat as received. Times come in order, so a BRIN index finds what is old enough to go."""

    __tablename__ = "heartbeat"
    __table_args__ = (
        Index("ix_heartbeat_hub_id_received_at", "hub_id", "received_at"),
        Index("ix_heartbeat_received_at", "received_at", postgresql_using="brin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    hub_id: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    payload: Mapped[bytes] = mapped_column(LargeBinary)
