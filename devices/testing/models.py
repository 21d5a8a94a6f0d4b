"""Test windows, as they were opened and ended; none is ever removed but with its hub."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from devices.testing.domain import is_on
from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id


class HubTestWindow(Base):
    """One window: what its triggers send in it is a test. A hub has one at a time, and it has a hard end."""

    __tablename__ = "test_window"
    __table_args__ = (
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], ondelete="CASCADE"),
        CheckConstraint("cardinality(devices) > 0", name="devices"),
        CheckConstraint("ends_at > starts_at AND ends_at <= starts_at + interval '2 hours'", name="ends_at"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        CheckConstraint("ended_at BETWEEN starts_at AND ends_at", name="ended_at"),
        ExcludeConstraint(
            ("hub_id", "="),
            (text("tstzrange(starts_at, COALESCE(ended_at, ends_at))"), "&&"),
            name="one_window_at_a_time",
            using="gist",
        ),
        # Each message of a hub asks for its window.
        Index("ix_test_window_hub_id", "hub_id", "ends_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_test_window_ends_at", "ends_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    hub_id: Mapped[str]
    devices: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="ids on the wire; the empty one is the unit itself")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    opened_by: Mapped[str] = mapped_column(comment="as in the audit")
    opened_name: Mapped[str] = mapped_column(comment="as operators read it")
    ended_at: Mapped[datetime | None] = mapped_column(comment="ended by somebody before its time")
    ended_by: Mapped[str | None]

    def on(self, now: datetime) -> bool:
        """Say whether it is on."""
        return is_on(self.starts_at, self.ends_at, self.ended_at, now)
