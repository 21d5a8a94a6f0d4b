"""Who stands behind a target of the ladder, and what providers reported of what was sent to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id


class ContactPoint(Base):
    """An address behind a target, for one council or (without one) for all."""

    __tablename__ = "contact_point"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'webhook', 'sms', 'voice', 'push', 'apprise')", name="channel"),
        CheckConstraint("target IN ('supervisor', 'partner_arc', 'duty_manager')", name="target"),
        Index(
            "uq_contact_point",
            "target",
            "channel",
            "address",
            "council_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    target: Mapped[str]
    channel: Mapped[str]
    address: Mapped[str]
    label: Mapped[str] = mapped_column(comment="who this is, as the alarm's log will name them")
    active: Mapped[bool] = mapped_column(server_default="true")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DeliveryReport(Base):
    """One report of a provider, once however often it comes; held while nobody knows the message yet (R09)."""

    __tablename__ = "delivery_report"
    __table_args__ = (
        CheckConstraint("status IN ('held', 'applied', 'orphan')", name="status"),
        UniqueConstraint("provider", "provider_ref", "word"),
        Index("ix_delivery_report_held", "received_at", postgresql_where=text("status = 'held'")),
        Index("ix_delivery_report_settled", "received_at", postgresql_where=text("status <> 'held'")),
        Index("ix_delivery_report_message_id", "message_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("outbox.id"))
    provider: Mapped[str]
    provider_ref: Mapped[str]
    word: Mapped[str] = mapped_column(comment="the provider's own word for what happened")
    our_key: Mapped[str | None] = mapped_column(comment="what we called the message when we handed it over")
    report: Mapped[dict[str, Any]] = mapped_column(comment="as read, for when it is applied later")
    status: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
