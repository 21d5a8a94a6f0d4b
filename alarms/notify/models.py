"""Who stands behind a target of the ladder: addresses by council."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
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
