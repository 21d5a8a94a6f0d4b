"""When each canary was sent, and when it came out at the other end."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base


class Canary(Base):
    """One test alarm through the whole of the service. Both times are the database's; rows are kept for a day."""

    __tablename__ = "canary"
    __table_args__ = (Index("ix_canary_sent_at", "sent_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="the event_id of its message")
    sent_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    arrived_at: Mapped[datetime | None] = mapped_column(comment="when the sink had it; empty: not yet")
