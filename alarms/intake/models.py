"""Every message of the alarm and event lanes as received, and when each trigger was last proven."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id


class Event(Base):
    """One message of a hub: raw bytes, what was read of it, and what became of it.

    `hub_id` is what the topic claims; it may be a hub that nobody knows. `dedup_key` is set on the first message of its
    kind and empty on its repeats, which are kept too.
    """

    __tablename__ = "event"
    __table_args__ = (
        CheckConstraint("lane IN ('alarm', 'event', 'heartbeat', 'status', 'result')", name="lane"),
        Index("uq_event_hub_id_dedup_key", "hub_id", "dedup_key", unique=True),
        Index("ix_event_hub_id_received_at", "hub_id", "received_at"),
        Index("ix_event_alarm_id", "alarm_id"),
    )

    id: Mapped[UUID] = mapped_column(
        primary_key=True, default=new_id, comment="also the correlation id of all that follows"
    )
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    lane: Mapped[str]
    topic: Mapped[str]
    hub_id: Mapped[str]
    council_id: Mapped[str | None] = mapped_column(
        CouncilId, ForeignKey("council.code"), comment="empty: nobody knows the hub"
    )
    event_id: Mapped[str | None]
    dedup_key: Mapped[str | None]
    type: Mapped[str | None]
    treatment: Mapped[str]
    device_at: Mapped[datetime | None] = mapped_column(comment="the hub's clock: kept as told, never trusted")
    boot_id: Mapped[str | None]
    seq: Mapped[int | None] = mapped_column(BigInteger)
    payload: Mapped[bytes] = mapped_column(LargeBinary, comment="as received, the first 64 KiB")
    payload_size: Mapped[int]
    notes: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="what was odd about it, in words"
    )
    alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("alarm.id"))


class TriggerProof(Base):
    """When a trigger last proved that it reaches us, by path: protection counts from here."""

    __tablename__ = "trigger_proof"

    hub_id: Mapped[str] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True, comment="empty: the hub itself")
    path: Mapped[str] = mapped_column(primary_key=True, comment="empty: the hub did not say")
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    last_alarm_at: Mapped[datetime | None]
    last_test_at: Mapped[datetime | None]
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"))
