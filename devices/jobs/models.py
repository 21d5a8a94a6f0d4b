"""Jobs, their logs, and how far the looks that open them have come."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from devices.jobs.domain import JobKind, JobState
from devices.registry.domain import RiskTier
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class Job(Base):
    """What somebody must look at in a home. A hub has one open job of each kind, to which later evidence is added."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("kind", JobKind),
        one_of("state", JobState),
        one_of("tier", RiskTier),
        CheckConstraint("(state = 'done') = (closed_at IS NOT NULL)", name="closed_at"),
        # No job ends without a human and their reason.
        CheckConstraint("(state = 'done') = (closed_by IS NOT NULL AND reason IS NOT NULL)", name="closed_by"),
        CheckConstraint("state <> 'open' OR owner IS NULL", name="open_is_nobodys"),
        CheckConstraint("state <> 'assigned' OR owner IS NOT NULL", name="assigned_is_somebodys"),
        Index("uq_job_open", "hub_id", "kind", unique=True, postgresql_where=text("state <> 'done'")),
        Index("ix_job_due", "council_id", "due_at", postgresql_where=text("state <> 'done'")),
        Index("ix_job_hub_id", "hub_id", "opened_at"),
        Index(
            "ix_job_untold", "council_id", postgresql_where=text("life_safety AND alarm_id IS NULL AND state <> 'done'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(server_default="1", comment="what commands refer to as as_of")
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    hub_id: Mapped[str] = mapped_column(ForeignKey("hub.hub_id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), comment="whom it concerned when it opened")
    tier: Mapped[str | None] = mapped_column(comment="that person's risk tier then")
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=JobState.OPEN)
    life_safety: Mapped[bool] = mapped_column(server_default="false", comment="a detector is concerned")
    evidence: Mapped[dict[str, Any]] = mapped_column(comment="what was seen, with event and alarm ids and times")
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    gone_at: Mapped[datetime | None] = mapped_column(comment="since when it is not there any more; a human closes it")
    owner: Mapped[str | None] = mapped_column(comment="who has it, by name")
    interim: Mapped[str | None] = mapped_column(comment="what protects the person until it is done")
    alarm_id: Mapped[UUID | None] = mapped_column(comment="the alarm that told a human of it")
    overdue_told_at: Mapped[datetime | None] = mapped_column(comment="when a human was told that it is overdue")
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(comment="as in the audit")
    reason: Mapped[str | None] = mapped_column(comment="why it is done, in the words of who closed it")


class JobLog(Base):
    """What became of a job, line by line."""

    __tablename__ = "job_log"
    __table_args__ = (CheckConstraint("seq >= 1", name="seq"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    kind: Mapped[str]
    actor: Mapped[str]
    text: Mapped[str]


class JobLook(Base):
    """How far a look has come, so that whoever goes on with it begins there."""

    __tablename__ = "job_look"

    name: Mapped[str] = mapped_column(primary_key=True)
    looked_at: Mapped[datetime] = mapped_column(comment="what came before this has been looked at")
    day: Mapped[date | None] = mapped_column(comment="of the daily one: the day that it is at, or has done")
    after: Mapped[str | None] = mapped_column(comment="of the daily one: the hub behind which it goes on; empty: done")


class HubBoot(Base):
    """The last starts of a hub, as looks at its heartbeats have seen them."""

    __tablename__ = "hub_boot"

    hub_id: Mapped[str] = mapped_column(ForeignKey("hub.hub_id", ondelete="CASCADE"), primary_key=True)
    boot_id: Mapped[str] = mapped_column(comment="the present one")
    boots: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="the last ones, the present one last")
    seen_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), comment="when each was first seen")
