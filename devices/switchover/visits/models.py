"""Visits, what became of them, whom one tried to reach, and the evidence of the new hub. None of it is ever deleted.

The database keeps the rules that matter most, whatever program writes: see `docs/adr` on visits, and the triggers
`visit_*` of the migrations.
"""

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
from sqlalchemy.orm import Mapped, mapped_column

from devices.switchover.visits.domain import ContactChannel, ContactOutcome, EvidenceKind, VisitState
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id

ACTIVE = "over_at IS NULL"
_OVER = "over_at IS NOT NULL"
_ENDS = "('record_closed', 'deceased', 'moved')"
_ESCALATED = "('declined', 'unreachable')"
_WAITS = (
    "('declined', 'unreachable', 'no_access', 'rescheduled', 'aborted_no_signal', 'rolled_back', 'hospital', 'hold')"
)
_SLOT = "('booked', 'confirmed', 'on_site')"
_STANDS = "('installed', 'peripherals_paired', 'e2e_tested', 'soak', 'accepted', 'old_unit_decommissioned')"
_PROVEN = "('accepted', 'old_unit_decommissioned', 'record_closed')"
_EXCEPTION = "exception_why, exception_by, exception_by_id, exception_at, retest_on"
_SECOND = "exception_second, exception_second_id, exception_confirmed_at"


class Visit(Base):
    """The swap of one unit: who, where, which hub for which, by whom and when, and how far it is."""

    __tablename__ = "visit"
    __table_args__ = (
        UniqueConstraint("id", "council_id"),
        one_of("state", VisitState),
        one_of("resumes", VisitState),
        ForeignKeyConstraint(["person_id", "council_id"], ["person.id", "person.council_id"]),
        ForeignKeyConstraint(["premises_id", "council_id"], ["premises.id", "premises.council_id"]),
        ForeignKeyConstraint(["old_hub_id", "council_id"], ["hub.hub_id", "hub.council_id"]),
        ForeignKeyConstraint(["new_hub_id", "council_id"], ["hub.hub_id", "hub.council_id"]),
        CheckConstraint("new_hub_id <> old_hub_id", name="two_hubs"),
        CheckConstraint("ends_at > starts_at AND num_nulls(starts_at, ends_at) IN (0, 2)", name="slot"),
        CheckConstraint(f"state NOT IN {_SLOT} OR num_nulls(engineer_id, starts_at, new_hub_id) = 0", name="booked"),
        CheckConstraint(f"state NOT IN {_STANDS} OR new_hub_id IS NOT NULL", name="new_hub"),
        # What does not go on by itself comes up again on a day.
        CheckConstraint(f"{_OVER} OR state NOT IN {_WAITS} OR next_contact_on IS NOT NULL", name="next_contact_on"),
        CheckConstraint(f"{_OVER} OR state NOT IN {_ESCALATED} OR owner IS NOT NULL", name="escalated"),
        CheckConstraint("num_nulls(second_engineer_id, second_engineer) IN (0, 2)", name="second_engineer"),
        CheckConstraint(
            "second_engineer_id IS NULL OR (engineer_id IS NOT NULL AND second_engineer_id <> engineer_id)", name="pair"
        ),
        CheckConstraint("(state IN ('hold', 'hospital')) <= (resumes IS NOT NULL)", name="stands_aside"),
        CheckConstraint("(over_at IS NULL) = (over_why IS NULL)", name="over"),
        CheckConstraint(f"state NOT IN {_ENDS} OR {_OVER}", name="ended"),
        CheckConstraint(f"state NOT IN {_PROVEN} OR num_nulls(accepted_at, accepted_by) = 0", name="accepted"),
        CheckConstraint("state <> 'soak' OR soak_since IS NOT NULL", name="soak"),
        CheckConstraint(f"num_nulls({_EXCEPTION}) IN (0, 5)", name="exception"),
        CheckConstraint(f"num_nulls({_SECOND}) IN (0, 3)", name="exception_second"),
        CheckConstraint(
            "exception_second_id IS NULL OR exception_by_id IS NOT NULL AND exception_second_id <> exception_by_id",
            name="two_names",
        ),
        Index("uq_visit_old_hub", "old_hub_id", unique=True, postgresql_where=text(ACTIVE)),
        Index(
            "uq_visit_new_hub", "new_hub_id", unique=True, postgresql_where=text(f"{ACTIVE} AND new_hub_id IS NOT NULL")
        ),
        Index("ix_visit_unit_id", "unit_id"),
        Index("ix_visit_person_id", "person_id"),
        Index("ix_visit_council_state", "council_id", "state", postgresql_where=text(ACTIVE)),
        Index("ix_visit_engineer", "engineer_id", "starts_at", postgresql_where=text("engineer_id IS NOT NULL")),
        Index(
            "ix_visit_second_engineer",
            "second_engineer_id",
            "starts_at",
            postgresql_where=text("second_engineer_id IS NOT NULL"),
        ),
        Index("ix_visit_next_contact_on", "council_id", "next_contact_on", postgresql_where=text(ACTIVE)),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(server_default="1", comment="what commands refer to as as_of")
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("switchover_unit.id"))
    person_id: Mapped[UUID]
    premises_id: Mapped[UUID]
    old_hub_id: Mapped[str]
    new_hub_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=VisitState.IDENTIFIED)
    resumes: Mapped[str | None] = mapped_column(comment="of a side state: where the visit was on its way")
    since: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), comment="in this state")
    engineer_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    engineer: Mapped[str | None] = mapped_column(comment="their name")
    second_engineer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("app_user.id"), comment="who comes along, of a visit with two"
    )
    second_engineer: Mapped[str | None] = mapped_column(comment="their name")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    second_person: Mapped[bool] = mapped_column(server_default="false", comment="nobody goes there alone")
    next_contact_on: Mapped[date | None] = mapped_column(comment="when somebody takes it up again")
    owner: Mapped[str | None] = mapped_column(comment="who has it, by name, while it does not go on by itself")
    survey: Mapped[dict[str, Any] | None] = mapped_column(comment="signal, socket and network at the very place")
    retired: Mapped[dict[str, Any] | None] = mapped_column(comment="peripherals that were not moved, each with why")
    notes: Mapped[str | None]
    soak_since: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(comment="as in the audit")
    exception_items: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="the evidence that is left out: kind, or kind and device"
    )
    exception_why: Mapped[str | None]
    exception_by: Mapped[str | None] = mapped_column(comment="the first name, as in the audit")
    exception_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    exception_at: Mapped[datetime | None]
    retest_on: Mapped[date | None] = mapped_column(comment="by when what is left out is tested")
    exception_second: Mapped[str | None] = mapped_column(comment="the second name, who confirmed it by themselves")
    exception_second_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    exception_confirmed_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None] = mapped_column(comment="nothing more comes of it")
    over_why: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    made_by: Mapped[str] = mapped_column(comment="as in the audit")

    @property
    def crew(self) -> tuple[UUID, ...]:
        """Return who goes there, the one who leads first."""
        return tuple(each for each in (self.engineer_id, self.second_engineer_id) if each is not None)

    @property
    def crew_names(self) -> str:
        """Return who goes there, by name."""
        return " and ".join(each for each in (self.engineer, self.second_engineer) if each)


class VisitLog(Base):
    """What became of a visit, line by line: who, when and why."""

    __tablename__ = "visit_log"
    __table_args__ = (
        ForeignKeyConstraint(["visit_id", "council_id"], ["visit.id", "visit.council_id"]),
        one_of("from_state", VisitState),
        one_of("to_state", VisitState),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("(kind = 'state') = (to_state IS NOT NULL)", name="kind"),
        CheckConstraint("from_state IS NULL OR to_state IS NOT NULL", name="states"),
    )

    visit_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    kind: Mapped[str]
    actor: Mapped[str] = mapped_column(comment="by name")
    from_state: Mapped[str | None]
    to_state: Mapped[str | None]
    text: Mapped[str]


class VisitContact(Base):
    """One attempt to reach somebody about a visit, and what came of it."""

    __tablename__ = "visit_contact"
    __table_args__ = (
        ForeignKeyConstraint(["visit_id", "council_id"], ["visit.id", "visit.council_id"]),
        one_of("channel", ContactChannel),
        one_of("outcome", ContactOutcome),
        Index("ix_visit_contact_visit_id", "visit_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    visit_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    by: Mapped[str] = mapped_column(comment="by name")
    channel: Mapped[str]
    outcome: Mapped[str]
    note: Mapped[str | None]


class VisitEvidence(Base):
    """One thing that the new hub has shown where it stands now: a message of its own, or a span without a gap."""

    __tablename__ = "visit_evidence"
    __table_args__ = (
        ForeignKeyConstraint(["visit_id", "council_id"], ["visit.id", "visit.council_id"]),
        one_of("kind", EvidenceKind),
        UniqueConstraint("visit_id", "installation_id", "kind", "device_id"),
        CheckConstraint("device_id = '' OR kind = 'trigger'", name="device_id"),
        CheckConstraint("(kind = 'soak') = (event_id IS NULL)", name="event_id"),
        CheckConstraint("(kind = 'soak') = (since IS NOT NULL)", name="since"),
        CheckConstraint("kind <> 'soak' OR at >= since + interval '24 hours'", name="soak"),
        CheckConstraint("(kind = 'voice') = (by_id IS NOT NULL)", name="voice"),
        CheckConstraint("num_nulls(by, by_id) IN (0, 2)", name="by"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    visit_id: Mapped[UUID]
    installation_id: Mapped[UUID] = mapped_column(ForeignKey("installation.id"))
    kind: Mapped[str]
    device_id: Mapped[str] = mapped_column(
        server_default="", comment="of a trigger, as the hub names it; empty: the unit"
    )
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("event.id"), comment="the message that shows it")
    since: Mapped[datetime | None] = mapped_column(comment="of a soak: its beginning")
    at: Mapped[datetime] = mapped_column(comment="when it was received; of a soak: its end")
    by: Mapped[str | None] = mapped_column(comment="of voice: the operator who spoke, by name")
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    words: Mapped[str]
    kept_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
