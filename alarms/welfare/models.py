"""Welfare campaigns: the gaps that they are about, the people, and each attempt to reach one of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from alarms.welfare.domain import Cause, Channel, Outcome, PersonState, Standing
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class WelfareCampaign(Base):
    """One list of people of one council who must be accounted for, until it is closed. Its row is its lock."""

    __tablename__ = "welfare_campaign"
    __table_args__ = (
        UniqueConstraint("id", "council_id"),
        one_of("cause", Cause),
        CheckConstraint("gap_to >= gap_from", name="gap"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
        Index("ix_welfare_campaign_open", "council_id", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    cause: Mapped[str]
    reason: Mapped[str]
    gap_from: Mapped[datetime]
    gap_to: Mapped[datetime] = mapped_column(comment="what is known of a person from later on counts")
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("alarm.id"), comment="tells a human of it")
    looked_at: Mapped[datetime | None] = mapped_column(comment="when its people were ranked last")
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    closed_why: Mapped[str | None]


class CampaignGap(Base):
    """A gap of ours that a campaign is about: each one once in a council."""

    __tablename__ = "campaign_gap"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "council_id"], ["welfare_campaign.id", "welfare_campaign.council_id"]),
        CheckConstraint("ended_at >= started_at", name="ended_at"),
        Index("ix_campaign_gap_campaign_id", "campaign_id"),
    )

    deaf_period_id: Mapped[UUID] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId, primary_key=True)
    campaign_id: Mapped[UUID]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]


class CampaignPerson(Base):
    """A person in a campaign: where in the list and why, who has them just now, and how they are.

    Name and place are kept as they were, as in an alarm.
    """

    __tablename__ = "campaign_person"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "council_id"], ["welfare_campaign.id", "welfare_campaign.council_id"]),
        ForeignKeyConstraint(["person_id", "council_id"], ["person.id", "person.council_id"]),
        one_of("state", PersonState),
        one_of("standing", Standing),
        CheckConstraint("rank >= 1", name="rank"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("(state IN ('to_check', 'trying')) = (settled_at IS NULL)", name="settled_at"),
        CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name="settled_by"),
        CheckConstraint("state <> 'needs_help' OR alarm_id IS NOT NULL", name="help_has_an_alarm"),
        CheckConstraint("(held_by IS NULL) = (held_until IS NULL)", name="held"),
        Index("ix_campaign_person_open", "campaign_id", "rank", postgresql_where=text("settled_at IS NULL")),
        Index("ix_campaign_person_person_id", "person_id"),
    )

    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId)
    hub_id: Mapped[str]
    premises_id: Mapped[UUID | None]
    name: Mapped[str]
    place: Mapped[str]
    tier: Mapped[str]
    rank: Mapped[int]
    standing: Mapped[str]
    why: Mapped[str] = mapped_column(comment="why they stand there, in words")
    state: Mapped[str] = mapped_column(server_default=PersonState.TO_CHECK)
    attempts: Mapped[int] = mapped_column(server_default="0")
    again_at: Mapped[datetime | None] = mapped_column(comment="not offered before: they have just been tried")
    held_by: Mapped[UUID | None] = mapped_column(comment="who has them now")
    held_name: Mapped[str | None]
    held_until: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(comment="as in the audit")
    settled_why: Mapped[str | None]
    alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("alarm.id"), comment="of whoever needs help")


class CampaignAttempt(Base):
    """One attempt to reach a person, and what came of it; append-only."""

    __tablename__ = "campaign_attempt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["campaign_id", "person_id"], ["campaign_person.campaign_id", "campaign_person.person_id"]
        ),
        one_of("channel", Channel),
        one_of("outcome", Outcome),
        Index("ix_campaign_attempt_campaign_id_person_id", "campaign_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID]
    person_id: Mapped[UUID]
    council_id: Mapped[str] = mapped_column(CouncilId)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(comment="as in the audit")
    by_name: Mapped[str]
    channel: Mapped[str]
    outcome: Mapped[str]
    note: Mapped[str | None]
