"""The exposure list, and what became of each entry."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from devices.registry.domain import LineKind
from devices.switchover.exposure.domain import ExposureCause
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class Exposure(Base):
    """An analogue unit on a digital line: one open entry for each installation."""

    __tablename__ = "exposure"
    __table_args__ = (
        one_of("cause", ExposureCause),
        one_of("line_kind", LineKind),
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"]),
        ForeignKeyConstraint(["person_id", "council_id"], ["person.id", "person.council_id"]),
        ForeignKeyConstraint(["premises_id", "council_id"], ["premises.id", "premises.council_id"]),
        # No entry ends without a cause, and none by what a person says without who said it and why.
        CheckConstraint("(closed_at IS NULL) = (cause IS NULL)", name="closed_at"),
        CheckConstraint(
            "cause IS NULL OR cause NOT IN ('line_corrected', 'other_line') OR num_nulls(closed_by, reason, owner) = 0",
            name="closed_by",
        ),
        CheckConstraint("num_nulls(owner, next_action, next_on) IN (0, 3) OR cause IS NOT NULL", name="next_action"),
        Index("uq_exposure_open", "installation_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_exposure_due", "council_id", "due_at", postgresql_where=text("closed_at IS NULL")),
        Index("ix_exposure_person_id", "person_id"),
        Index("ix_exposure_hub_id", "hub_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(server_default="1", comment="what commands refer to as as_of")
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    installation_id: Mapped[UUID] = mapped_column(ForeignKey("installation.id", ondelete="CASCADE"))
    hub_id: Mapped[str]
    person_id: Mapped[UUID]
    premises_id: Mapped[UUID]
    line_kind: Mapped[str] = mapped_column(comment="as the register had it when it was found")
    provider: Mapped[str | None] = mapped_column(comment="of that line")
    known_since: Mapped[datetime] = mapped_column(comment="its age counts from here, over replaced units too")
    found_at: Mapped[datetime]
    owner: Mapped[str | None] = mapped_column(comment="who has it, by name")
    next_action: Mapped[str | None]
    next_on: Mapped[date | None]
    due_at: Mapped[datetime] = mapped_column(comment="from then on a human is told")
    overdue_told_at: Mapped[datetime | None] = mapped_column(comment="when a human was told that it is overdue")
    gone: Mapped[str | None] = mapped_column(comment="it is not so any more, in words; a person confirms it")
    closed_at: Mapped[datetime | None]
    cause: Mapped[str | None]
    closed_by: Mapped[str | None] = mapped_column(comment="as in the audit; empty: by the facts")
    reason: Mapped[str | None]


class ExposureLog(Base):
    """What became of an entry, line by line."""

    __tablename__ = "exposure_log"
    __table_args__ = (CheckConstraint("seq >= 1", name="seq"),)

    exposure_id: Mapped[UUID] = mapped_column(ForeignKey("exposure.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str]
    text: Mapped[str]
