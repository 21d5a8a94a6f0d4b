"""Policies and their versions. A version is never changed: what an alarm was raised with stays readable."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id


class Policy(Base):
    """A policy of one council or (without one) of all; its newest version is live unless it is retired."""

    __tablename__ = "policy"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version"),
        Index(
            "uq_policy_key",
            "council_id",
            "key",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where="retired_at IS NULL",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    key: Mapped[str]
    version: Mapped[int] = mapped_column(comment="the newest version, which new alarms go by")
    retired_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PolicyVersion(Base):
    """One version, as it was written and as it was checked; append-only."""

    __tablename__ = "policy_version"

    policy_id: Mapped[UUID] = mapped_column(ForeignKey("policy.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    council_id: Mapped[str | None] = mapped_column(CouncilId)
    text: Mapped[str] = mapped_column(Text, comment="as it was written")
    document: Mapped[dict[str, Any]] = mapped_column(comment="as it was read")
    outlook: Mapped[dict[str, Any]] = mapped_column(comment="the longest time until a human, when it was saved")
    note: Mapped[str] = mapped_column(comment="why it was changed, in words")
    created_by: Mapped[str] = mapped_column(comment="who saved it, by name")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
