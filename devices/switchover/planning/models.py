"""Who can be sent when, what binds the visits of homes and of a council, and the plans that were made."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from devices.switchover.planning.domain import PlanState
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class EngineerProfile(Base):
    """Somebody who visits homes of a council: where they start, when they work, what they can do and carry."""

    __tablename__ = "engineer_profile"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at AND starts_at >= 0 AND ends_at <= 1440", name="hours"),
        CheckConstraint("base_latitude BETWEEN 49 AND 62 AND base_longitude BETWEEN -14 AND 3", name="base"),
        CheckConstraint("weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]", name="weekdays"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), primary_key=True)
    name: Mapped[str]
    base_latitude: Mapped[float] = mapped_column(comment="where their day begins and ends")
    base_longitude: Mapped[float]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), comment="on which they work; Monday is 0")
    starts_at: Mapped[int] = mapped_column(comment="minutes since local midnight")
    ends_at: Mapped[int]
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    van: Mapped[dict[str, int]] = mapped_column(JSONB(none_as_null=True), comment="what it holds, by item")


class EngineerAbsence(Base):
    """Days on which an engineer does not work; of the first one perhaps only the end."""

    __tablename__ = "engineer_absence"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "council_id"], ["engineer_profile.user_id", "engineer_profile.council_id"], ondelete="CASCADE"
        ),
        CheckConstraint("last_on >= first_on", name="days"),
        CheckConstraint("from_minute BETWEEN 0 AND 1439", name="from_minute"),
        Index("ix_engineer_absence_council", "council_id", "last_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    user_id: Mapped[UUID]
    first_on: Mapped[date]
    last_on: Mapped[date]
    from_minute: Mapped[int] = mapped_column(server_default="0", comment="of the first day")
    reason: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    made_by: Mapped[str] = mapped_column(comment="as in the audit")


class VisitNeed(Base):
    """What a visit of a home needs beyond the usual, and when the household is there."""

    __tablename__ = "visit_need"
    __table_args__ = (
        ForeignKeyConstraint(["premises_id", "council_id"], ["premises.id", "premises.council_id"], ondelete="CASCADE"),
        CheckConstraint("people BETWEEN 1 AND 2", name="people"),
        CheckConstraint("minutes BETWEEN 10 AND 480", name="minutes"),
    )

    premises_id: Mapped[UUID] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId)
    people: Mapped[int] = mapped_column(server_default="1", comment="who must be there at least")
    minutes: Mapped[int | None] = mapped_column(comment="empty: as long as such a swap usually takes")
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    open: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB(none_as_null=True), server_default=text("'[]'"), comment="when the household is there; none: always"
    )
    busy: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB(none_as_null=True), server_default=text("'[]'"), comment="carers, dialysis, day centre"
    )


class PlanningRules(Base):
    """What binds all visits of a council: freezes, ferries, local holidays, the store, margins."""

    __tablename__ = "planning_rules"

    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB(none_as_null=True))
    saved_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())
    saved_by: Mapped[str] = mapped_column(comment="as in the audit")


class SwitchoverPlan(Base):
    """A plan, from the wish to the result. It names hubs and never people."""

    __tablename__ = "switchover_plan"
    __table_args__ = (
        one_of("state", PlanState),
        ForeignKeyConstraint(
            ["wave_id", "programme_id"],
            ["switchover_wave.id", "switchover_wave.programme_id"],
            name="fk_switchover_plan_wave",
        ),
        CheckConstraint("last_on >= first_on", name="days"),
        CheckConstraint("wave_id IS NULL OR programme_id IS NOT NULL", name="wave"),
        CheckConstraint("(state IN ('ready', 'accepted')) = (result IS NOT NULL)", name="result"),
        CheckConstraint("(state = 'failed') = (failed_why IS NOT NULL)", name="failed"),
        CheckConstraint("(state = 'accepted') = (num_nulls(accepted_at, accepted_by) = 0)", name="accepted"),
        Index("ix_switchover_plan_council", "council_id", "made_at"),
        Index("ix_switchover_plan_waiting", "made_at", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    state: Mapped[str] = mapped_column(server_default=PlanState.QUEUED)
    first_on: Mapped[date]
    last_on: Mapped[date]
    replaces_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("switchover_plan.id"), comment="the plan that it was made from when something had changed"
    )
    programme_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("switchover_programme.id"), comment="only homes of this programme; empty: all that are due"
    )
    wave_id: Mapped[UUID | None] = mapped_column(comment="only homes of this wave of it")
    seconds: Mapped[float] = mapped_column(comment="of search for each week")
    progress: Mapped[float] = mapped_column(server_default="0", comment="0 to 1")
    progress_words: Mapped[str] = mapped_column(server_default="")
    beat_at: Mapped[datetime | None] = mapped_column(comment="when who makes it was last heard")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    failed_why: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(comment="as in the audit")
