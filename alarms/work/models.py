"""Windows of planned work, as they were planned, moved and ended; none is ever removed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from alarms.work.domain import Window
from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id


class PlannedWork(Base):
    """One window: alarms that are raised in it tell nobody until its end, but for life-safety."""

    __tablename__ = "planned_work"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        CheckConstraint("ends_at <= starts_at + interval '14 days'", name="longest"),
        CheckConstraint("hub_id IS NULL OR council_id IS NOT NULL", name="hub_has_council"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        Index("ix_planned_work_ends_at", "ends_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_planned_work_council_id", "council_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"), comment="empty: all councils")
    hub_id: Mapped[str | None] = mapped_column(comment="empty: all hubs of the council")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(comment="as it is planned now; moving it changes this")
    reason: Mapped[str]
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None] = mapped_column(comment="ended by somebody before its time")
    ended_by: Mapped[str | None]

    @property
    def window(self) -> Window:
        """What the rules look at."""
        return Window(self.starts_at, self.ends_at, self.council_id, self.hub_id, self.ended_at)
