"""Where each person stands with their protection, and where they stood."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from devices.registry.domain import RiskTier
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.protection.domain import Protection


class PersonProtection(Base):
    """Where somebody stands now. It is written only when something of it changes."""

    __tablename__ = "person_protection"
    __table_args__ = (
        one_of("state", Protection),
        one_of("tier", RiskTier),
        CheckConstraint("began_at >= since", name="began_at"),
        Index("ix_person_protection_worst", "rank", "tier", "since", "person_id"),
        Index("ix_person_protection_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 80}},
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    tier: Mapped[str]
    state: Mapped[str]
    rank: Mapped[int] = mapped_column(SmallInteger, comment="where it stands on a list, the worst first")
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    why: Mapped[str] = mapped_column(comment="in words")
    since: Mapped[datetime] = mapped_column(comment="when the state began, not when somebody looked")
    began_at: Mapped[datetime] = mapped_column(comment="when it began to be so for these reasons")
    good_until: Mapped[datetime | None] = mapped_column(comment="when they were last proven to be protected")
    hub_id: Mapped[str | None] = mapped_column(comment="the unit on which it hangs")
    away_until: Mapped[datetime | None]
    look_at: Mapped[datetime | None] = mapped_column(comment="when time alone changes it")
    looked_at: Mapped[datetime | None] = mapped_column(comment="empty: not yet")
    mark: Mapped[int] = mapped_column(BigInteger, comment="of the facts from which it follows")


class ProtectionChange(Base):
    """Something has changed from which somebody's protection follows: written by triggers, gone when it is judged."""

    __tablename__ = "protection_change"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    hub_id: Mapped[str | None] = mapped_column(comment="of whoever it serves now")
    person_id: Mapped[UUID | None]


class ProtectionPeriod(Base):
    """One state of one person for the same reasons, from and to: the exact history."""

    __tablename__ = "protection_period"
    __table_args__ = (
        one_of("state", Protection),
        one_of("tier", RiskTier),
        CheckConstraint("ended_at >= started_at", name="ended_at"),
        Index("uq_protection_period_open", "person_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_protection_period_lost", "ended_at", postgresql_where=text("state = 'unprotected'")),
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime | None]
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    tier: Mapped[str]
    state: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    why: Mapped[str]
    hub_id: Mapped[str | None]
    good_until: Mapped[datetime | None] = mapped_column(comment="lost protection counts from here")
