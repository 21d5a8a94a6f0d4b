"""The alarm, its gapless log, and the change log of the board."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Text,
    column,
    func,
    select,
    table,
    text,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column

from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id

# The register's; this room may not import it.
_person = table("person", column("id"), column("date_of_birth", Date))


class Alarm(Base):
    """A case that operators handle. `state` is the escalation core's; the columns beside it are projections of it.

    Person, place and room are kept as they were when the alarm opened: what the operator saw is what the auditor sees.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        CheckConstraint("handling IN ('raised', 'acked', 'attending', 'closed')", name="handling"),
        CheckConstraint("condition IN ('active', 'cleared')", name="condition"),
        CheckConstraint("class IN ('L', 'U', 'T', 'I', 'C')", name="class"),
        # What no board shows must not be somebody's.
        CheckConstraint("class <> 'C' OR (hub_id = 'telecare-canary' AND person_id IS NULL)", name="canary_is_nobodys"),
        # Never silent: what is open has a moment at which something happens next.
        CheckConstraint("(handling = 'closed') = (next_due_at IS NULL)", name="open_has_deadline"),
        CheckConstraint(
            "(handling = 'closed') = (closed_at IS NOT NULL AND outcome IS NOT NULL)", name="closed_has_outcome"
        ),
        CheckConstraint("(handling IN ('acked', 'attending')) = (assigned_to IS NOT NULL)", name="held_by_somebody"),
        CheckConstraint("incident_id IS NULL OR class <> 'L'", name="life_safety_stands_alone"),
        Index("ix_alarm_due", "next_due_at", postgresql_where=text("handling <> 'closed'")),
        Index("ix_alarm_open", "council_id", postgresql_where=text("handling <> 'closed'")),
        Index("ix_alarm_hub_open", "hub_id", postgresql_where=text("handling <> 'closed'")),
        Index("ix_alarm_hub_id_raised_at", "hub_id", "raised_at"),
        Index("ix_alarm_person_id_raised_at", "person_id", "raised_at"),
        Index("ix_alarm_incident_id", "incident_id", postgresql_where=text("incident_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(comment="what operators' commands refer to as as_of")
    case_id: Mapped[UUID] = mapped_column(comment="open alarms of one person share the first one's id")
    council_id: Mapped[str | None] = mapped_column(
        CouncilId, ForeignKey("council.code"), comment="empty: nobody knows the hub"
    )
    hub_id: Mapped[str]
    device_id: Mapped[str | None]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    premises_id: Mapped[UUID | None] = mapped_column(ForeignKey("premises.id"))
    type: Mapped[str]
    family: Mapped[str] = mapped_column(comment="repeats of one family join the open alarm")
    class_: Mapped[str] = mapped_column("class")
    rank: Mapped[int]
    person_name: Mapped[str | None]
    place: Mapped[str | None]
    room: Mapped[str | None]
    tier: Mapped[str | None] = mapped_column(
        comment="the person's risk tier when it opened, or a graver one by which its deadline goes"
    )
    words: Mapped[str] = mapped_column(comment="the trigger in words")
    notes: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="what an operator must know of the signal"
    )
    condition: Mapped[str]
    handling: Mapped[str]
    events: Mapped[int]
    raised_at: Mapped[datetime] = mapped_column(
        comment="first receipt by any of our listeners: the KPI clock starts here"
    )
    last_event_at: Mapped[datetime]
    next_due_at: Mapped[datetime | None]
    next_step: Mapped[str | None] = mapped_column(comment="what happens then, in words")
    quiet_until: Mapped[datetime | None] = mapped_column(comment="planned work: nobody is told before")
    incident_id: Mapped[UUID | None] = mapped_column(
        comment="the incident with which it is told: a technical one of its homes"
    )
    assigned_to: Mapped[UUID | None]
    assigned_name: Mapped[str | None]
    assigned_at: Mapped[datetime | None]
    ack_expires_at: Mapped[datetime | None]
    first_acked_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    state: Mapped[dict[str, Any]]
    log_seq: Mapped[int]

    person_born: Mapped[date | None] = column_property(
        select(_person.c.date_of_birth).where(_person.c.id == person_id).scalar_subquery(),
        deferred=True,  # only what is shown to people asks for it: `AlarmRepository.board` and `.by_ids`
    )

    @property
    def in_work(self) -> bool:
        """Whether planned work was going on where it was raised; life-safety is told all the same (C16)."""
        return bool(self.state.get("in_work"))


class AlarmLog(Base):
    """The log of an alarm: gapless, append-only, readable as prose; `input` makes replay(log) = state."""

    __tablename__ = "alarm_log"
    __table_args__ = (CheckConstraint("seq >= 1", name="seq"),)

    alarm_id: Mapped[UUID] = mapped_column(ForeignKey("alarm.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    council_id: Mapped[str | None] = mapped_column(CouncilId)
    at: Mapped[datetime]
    kind: Mapped[str]
    actor: Mapped[str]
    text: Mapped[str]
    input: Mapped[dict[str, Any] | None] = mapped_column(comment="what the core was told; empty on its further lines")


class BoardHead(Base):
    """The number of the board's last change: one row, locked by the commit of a change, so that numbers are gapless."""

    __tablename__ = "board_head"
    __table_args__ = (CheckConstraint("single", name="one_row"),)

    single: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    seq: Mapped[int] = mapped_column(BigInteger)


class BoardChange(Base):
    """One change of the board: which alarm changed, in commit order."""

    __tablename__ = "board_change"
    __table_args__ = (Index("ix_board_change_at", "at"),)

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    alarm_id: Mapped[UUID]
    council_id: Mapped[str | None] = mapped_column(CouncilId)


class SilenceDeadlines(Base):
    """By when a human sees to a silent hub of a council, from a moment on. Rows are only ever added."""

    __tablename__ = "silence_deadlines"
    __table_args__ = (
        CheckConstraint(
            "5 <= minutes_a AND minutes_a <= minutes_b AND minutes_b <= minutes_c AND minutes_c <= 1440"
            " AND (minutes_d IS NULL OR minutes_d BETWEEN minutes_c AND 10080)",
            name="minutes",
        ),
    )

    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), primary_key=True)
    set_at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.clock_timestamp())
    minutes_a: Mapped[int]
    minutes_b: Mapped[int]
    minutes_c: Mapped[int]
    minutes_d: Mapped[int | None] = mapped_column(comment="empty: the next working morning")
    set_by: Mapped[str] = mapped_column(comment="as in the audit")
    reason: Mapped[str]
    applied_at: Mapped[datetime | None] = mapped_column(comment="when what was open had been looked at anew")
