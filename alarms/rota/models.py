"""Rotas: the plan as one checked document, what changes it for a while as rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from alarms.responders.models import KEY
from alarms.rota.domain import LONDON, OverrideKind
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class RotaPlan(Base):
    """A rota: `plan` holds its layers as `alarms.rota.document` reads them; `version` counts its changes."""

    __tablename__ = "rota"
    __table_args__ = (
        CheckConstraint(f"key ~ '{KEY}'", name="key"),
        CheckConstraint("version > 0", name="version"),
        Index(
            "uq_rota_key",
            "key",
            "council_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    key: Mapped[str]
    name: Mapped[str]
    zone: Mapped[str] = mapped_column(server_default=LONDON)
    plan: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    removed_at: Mapped[datetime | None]


class RotaOverride(Base):
    """One act that puts somebody on, takes somebody off, or both; undone as one, and kept (R35)."""

    __tablename__ = "rota_override"
    __table_args__ = (
        one_of("kind", OverrideKind),
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        CheckConstraint("(kind IN ('add', 'replace')) = (member_id IS NOT NULL)", name="member"),
        CheckConstraint("(kind IN ('remove', 'replace')) = (instead_of_id IS NOT NULL)", name="instead_of"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
        Index("ix_rota_override_rota_id_ends_at", "rota_id", "ends_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rota_id: Mapped[UUID] = mapped_column(ForeignKey("rota.id", ondelete="CASCADE"))
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    kind: Mapped[str]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("responder.id"), comment="who comes on")
    instead_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("responder.id"), comment="who goes off")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    why: Mapped[str]
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    undone_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]


class RotaTemporary(Base):
    """A period in which the turns written here say who is on, and nothing else does."""

    __tablename__ = "rota_temporary"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
        Index("ix_rota_temporary_rota_id_ends_at", "rota_id", "ends_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rota_id: Mapped[UUID] = mapped_column(ForeignKey("rota.id", ondelete="CASCADE"))
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    plan: Mapped[dict[str, Any]] = mapped_column(comment='{"turns": [{"member_id", "starts_at", "ends_at"}]}')
    why: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    undone_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]
