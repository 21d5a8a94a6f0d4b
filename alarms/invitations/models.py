"""One row for each message that asks somebody to come."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id


class Invitation(Base):
    """Who was asked about which alarm, by which way. The token of the link is kept as its hash only."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("code BETWEEN 1 AND 999", name="code"),
        Index("ix_invitation_alarm_id", "alarm_id"),
        Index("ix_invitation_address", "channel", "address", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    alarm_id: Mapped[UUID] = mapped_column(ForeignKey("alarm.id"))
    council_id: Mapped[str | None] = mapped_column(CouncilId)
    effect_key: Mapped[str] = mapped_column(unique=True, comment="of the message in the outbox that asked")
    target: Mapped[str] = mapped_column(comment="behind which target they stood: a contact sees less than a responder")
    party_id: Mapped[UUID]
    party_name: Mapped[str]
    channel: Mapped[str]
    address: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    code: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
