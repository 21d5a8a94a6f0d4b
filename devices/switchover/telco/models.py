"""Agreements with communications providers, what was told under them, what they tell, and what they must not do."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from devices.switchover.telco.domain import CheckState, MatchResult, NoticeKind, NoticeStatus, Purpose
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id

E164 = r"number ~ '^\+[1-9][0-9]{6,14}$'"
BY = "as in the audit"


class TelcoAgreement(Base):
    """A data-share agreement of a council with a communications provider."""

    __tablename__ = "telco_agreement"
    __table_args__ = (
        CheckConstraint(
            "fields <@ ARRAY['telephone_number', 'device_type'] AND cardinality(fields) > 0", name="fields"
        ),
        CheckConstraint("review_on > starts_on", name="review_on"),
        CheckConstraint("num_nulls(ended_at, ended_by, ended_why) IN (0, 3)", name="ended"),
        UniqueConstraint("id", "council_id"),
        Index(
            "uq_telco_agreement_in_force",
            "council_id",
            text("lower(provider)"),
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    provider: Mapped[str] = mapped_column(comment="the communications provider, as lines name it")
    legal_basis: Mapped[str]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    dpia_reference: Mapped[str]
    starts_on: Mapped[date]
    review_on: Mapped[date]
    made_by: Mapped[str] = mapped_column(comment=BY)
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(comment=BY)
    ended_why: Mapped[str | None]


class TelcoBatch(Base):
    """What was told to a provider at once: how much, what for, by whom, and the hash of its file."""

    __tablename__ = "telco_batch"
    __table_args__ = (
        one_of("purpose", Purpose),
        ForeignKeyConstraint(["agreement_id", "council_id"], ["telco_agreement.id", "telco_agreement.council_id"]),
        UniqueConstraint("id", "council_id"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("row_count > 0", name="row_count"),
        CheckConstraint("(downloaded_at IS NULL) = (downloaded_by IS NULL)", name="downloaded"),
        Index("ix_telco_batch_agreement_id", "agreement_id", "made_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    agreement_id: Mapped[UUID]
    purpose: Mapped[str]
    row_count: Mapped[int]
    sha256: Mapped[str] = mapped_column(comment="of the file, byte for byte")
    made_by: Mapped[str] = mapped_column(comment=BY)
    made_at: Mapped[datetime]
    downloaded_at: Mapped[datetime | None] = mapped_column(comment="it leaves once")
    downloaded_by: Mapped[str | None] = mapped_column(comment=BY)


class TelcoBatchNumber(Base):
    """One number of a batch, and what the provider found of it."""

    __tablename__ = "telco_batch_number"
    __table_args__ = (
        one_of("result", MatchResult),
        ForeignKeyConstraint(["batch_id", "council_id"], ["telco_batch.id", "telco_batch.council_id"]),
        CheckConstraint(E164, name="number"),
        CheckConstraint("(result IS NULL) = (result_at IS NULL)", name="result_at"),
        Index("ix_telco_batch_number_number", "council_id", "number"),
    )

    batch_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True, comment="E.164")
    council_id: Mapped[str] = mapped_column(CouncilId)
    device_type: Mapped[str]
    result: Mapped[str | None]
    result_at: Mapped[datetime | None]


class TelcoNotice(Base):
    """A migration of which a provider gave notice. One that comes again changes this one, and is counted."""

    __tablename__ = "telco_notice"
    __table_args__ = (
        one_of("kind", NoticeKind),
        one_of("status", NoticeStatus),
        UniqueConstraint("id", "council_id"),
        CheckConstraint(E164, name="number"),
        CheckConstraint("issued >= 1", name="issued"),
        Index("uq_telco_notice_number", "council_id", "number", text("lower(provider)"), unique=True),
        Index("ix_telco_notice_planned_at", "planned_at", postgresql_where=text("status = 'planned'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    provider: Mapped[str]
    number: Mapped[str] = mapped_column(comment="E.164")
    planned_at: Mapped[datetime]
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=NoticeStatus.PLANNED)
    issued: Mapped[int] = mapped_column(server_default="1", comment="how often it came")
    first_at: Mapped[datetime]
    last_at: Mapped[datetime] = mapped_column(comment="when it came last")
    received_by: Mapped[str] = mapped_column(comment="who put it in; as in the audit")
    checks_for: Mapped[datetime | None] = mapped_column(comment="the planned time for which checks were made")
    told_for: Mapped[datetime | None] = mapped_column(comment="the planned time of which a human was told")


class TelcoHold(Base):
    """A line that must not be migrated. It is the number's, not a notice's: whatever comes anew, it stays."""

    __tablename__ = "telco_hold"
    __table_args__ = (
        CheckConstraint(E164, name="number"),
        CheckConstraint("num_nulls(lifted_at, lifted_by, lifted_why) IN (0, 3)", name="lifted"),
        Index(
            "uq_telco_hold_number",
            "council_id",
            "number",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    number: Mapped[str] = mapped_column(comment="E.164")
    until: Mapped[date | None] = mapped_column(comment="its last day; empty: until it is lifted")
    reason: Mapped[str]
    set_by: Mapped[str] = mapped_column(comment=BY)
    set_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(comment=BY)
    lifted_why: Mapped[str | None]


class TelcoCheck(Base):
    """The check of one unit after one notified time: asked by a command, or rung by a human."""

    __tablename__ = "telco_check"
    __table_args__ = (
        one_of("state", CheckState),
        ForeignKeyConstraint(["notice_id", "council_id"], ["telco_notice.id", "telco_notice.council_id"]),
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"]),
        UniqueConstraint("notice_id", "hub_id", "planned_at"),
        CheckConstraint("(state IN ('answered', 'no_answer')) = (ended_at IS NOT NULL)", name="ended_at"),
        # No check that was not answered ends without the case that a human has.
        CheckConstraint("state <> 'no_answer' OR alarm_id IS NOT NULL", name="alarm_id"),
        Index("ix_telco_check_look_at", "look_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_telco_check_hub_id", "hub_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    notice_id: Mapped[UUID]
    hub_id: Mapped[str]
    planned_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default=CheckState.DUE)
    look_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    command_id: Mapped[UUID | None] = mapped_column(comment="hub_command; that row is removed after a while")
    job_id: Mapped[UUID | None] = mapped_column(comment="the job to ring it")
    rung: Mapped[bool | None] = mapped_column(comment="what a human wrote down: whether it answered")
    rung_by: Mapped[str | None] = mapped_column(comment=BY)
    rung_words: Mapped[str | None]
    alarm_id: Mapped[UUID | None] = mapped_column(comment="the case of a unit that did not answer")
    ended_at: Mapped[datetime | None]
