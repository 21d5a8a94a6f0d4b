"""Who covers whom, and each time that it happened."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from alarms.cover.domain import AFTER_S, CoverWhy
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id

SHORTEST_S, LONGEST_S = 60, 3600


class CoverAgreement(Base):
    """The control room of `partner_id` covers that of `council_id`. Its row is the lock of whatever begins or ends."""

    __tablename__ = "cover_agreement"
    __table_args__ = (
        CheckConstraint("partner_id <> council_id", name="two_councils"),
        CheckConstraint(f"after_s BETWEEN {SHORTEST_S} AND {LONGEST_S}", name="after_s"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        Index("uq_cover_agreement_live", "council_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_cover_agreement_partner_id", "partner_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), comment="who is covered")
    partner_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), comment="who covers")
    after_s: Mapped[int] = mapped_column(server_default=str(AFTER_S), comment="it begins by itself above this lag")
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]


class Cover(Base):
    """One time that it was on. While it is, operators and supervisors of `partner_id` see the council's alarms."""

    __tablename__ = "cover"
    __table_args__ = (
        one_of("why", CoverWhy),
        CheckConstraint("(why = 'lag') = (lag_s IS NOT NULL)", name="lag_s"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        Index("uq_cover_running", "agreement_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        # Asked with each request of an operator.
        Index("ix_cover_running_partner", "partner_id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_cover_agreement_id_started_at", "agreement_id", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("cover_agreement.id"))
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    partner_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    why: Mapped[str]
    lag_s: Mapped[int | None] = mapped_column(comment="how long an alarm had waited when it began")
    reason: Mapped[str | None] = mapped_column(comment="in the words of who began it")
    started_by: Mapped[str] = mapped_column(comment="as in the audit")
    started_at: Mapped[datetime]
    back: Mapped[bool] = mapped_column(server_default="false", comment="somebody of the council has taken a case since")
    calm_since: Mapped[datetime | None] = mapped_column(comment="since when nothing has waited long")
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]
