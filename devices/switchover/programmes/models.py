"""Programmes, waves and units. A programme may be of several councils; each unit is of one."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from devices.switchover.programmes.domain import Cause
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class Programme(Base):
    """One cause with its deadline, in one council or several."""

    __tablename__ = "switchover_programme"
    __table_args__ = (
        one_of("cause", Cause),
        CheckConstraint("cardinality(councils) > 0", name="councils"),
        CheckConstraint("network IS NULL OR cause IN ('radio_2g', 'radio_3g')", name="network"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(server_default="1", comment="what commands refer to as as_of")
    name: Mapped[str]
    cause: Mapped[str]
    deadline: Mapped[date] = mapped_column(comment="the last day on which the old units work")
    network: Mapped[str | None] = mapped_column(comment="of a mobile network's end: whose; empty: all")
    councils: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="whose units it takes")
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    found_at: Mapped[datetime | None] = mapped_column(comment="when its units were last looked for")
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(comment="as in the audit")


class Wave(Base):
    """A part of a programme that is done together."""

    __tablename__ = "switchover_wave"
    __table_args__ = (
        UniqueConstraint("id", "programme_id"),
        UniqueConstraint("programme_id", "name"),
        CheckConstraint("ends_on >= starts_on", name="ends_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("switchover_programme.id", ondelete="CASCADE"))
    name: Mapped[str]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    notes: Mapped[str | None]


class Unit(Base):
    """A hub that a programme must replace, where it is and why. `reasons` are all that are known, of any cause.

    A reason is `{"kind", "on", "words"}`: `on` the day on which it bites, null when no day is known.
    """

    __tablename__ = "switchover_unit"
    __table_args__ = (
        UniqueConstraint("programme_id", "hub_id"),
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"]),
        ForeignKeyConstraint(["person_id", "council_id"], ["person.id", "person.council_id"]),
        ForeignKeyConstraint(["premises_id", "council_id"], ["premises.id", "premises.council_id"]),
        ForeignKeyConstraint(
            ["wave_id", "programme_id"],
            ["switchover_wave.id", "switchover_wave.programme_id"],
            name="fk_switchover_unit_wave",
        ),
        CheckConstraint("(left_at IS NULL) = (left_why IS NULL)", name="left"),
        CheckConstraint("done_at IS NULL OR left_at IS NULL", name="done"),
        Index("ix_switchover_unit_hub_id", "hub_id"),
        Index("ix_switchover_unit_person_id", "person_id"),
        Index("ix_switchover_unit_wave_id", "wave_id"),
        Index(
            "ix_switchover_unit_to_do",
            "programme_id",
            "council_id",
            postgresql_where=text("done_at IS NULL AND left_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("switchover_programme.id", ondelete="CASCADE"))
    hub_id: Mapped[str]
    person_id: Mapped[UUID]
    premises_id: Mapped[UUID]
    wave_id: Mapped[UUID | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB(none_as_null=True), comment="kind, on and words of each"
    )
    due_on: Mapped[date] = mapped_column(comment="the earliest day on which a reason of the programme's cause bites")
    found_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    done_at: Mapped[datetime | None] = mapped_column(
        comment="when another hub had been accepted and this one was taken"
    )
    left_at: Mapped[datetime | None] = mapped_column(comment="when it was a matter of the programme no more")
    left_why: Mapped[str | None]
