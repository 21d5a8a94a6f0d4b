"""What was counted of councils day by day, what people attest, and what councils enter as costs."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from devices.switchover.awards.domain import CostItem
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id

BY = "as in the audit"


class AwardDay(Base):
    """The users of a council on a day: how many are on what. The day's last count stands."""

    __tablename__ = "award_day"
    __table_args__ = (
        CheckConstraint(
            "0 <= live_digital AND live_digital <= digital_ready AND digital_ready <= users", name="counts"
        ),
    )

    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    users: Mapped[int]
    digital_ready: Mapped[int]
    live_digital: Mapped[int]
    counted_at: Mapped[datetime] = mapped_column(comment="later than the day: by the installations as they were then")


class AwardAttestation(Base):
    """What a named person says of a criterion that no count shows, with the evidence."""

    __tablename__ = "award_attestation"
    __table_args__ = (
        CheckConstraint("num_nulls(withdrawn_at, withdrawn_by, withdrawn_why) IN (0, 3)", name="withdrawn"),
        Index(
            "uq_award_attestation_criterion",
            "council_id",
            "criterion",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    criterion: Mapped[str]
    evidence: Mapped[str]
    met_on: Mapped[date] = mapped_column(comment="since when it is so, as they say")
    attested_by: Mapped[str] = mapped_column(comment=BY)
    attested_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(comment=BY)
    withdrawn_why: Mapped[str | None]


class SwitchoverCost(Base):
    """What something costs or saves a council, as it says."""

    __tablename__ = "switchover_cost"
    __table_args__ = (one_of("item", CostItem), CheckConstraint("pence >= 0", name="pence"))

    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    pence: Mapped[int]
    source: Mapped[str] = mapped_column(comment="where the council has it from")
    entered_by: Mapped[str] = mapped_column(comment=BY)
    entered_at: Mapped[datetime]
