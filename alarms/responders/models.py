"""Responders, the ways to reach them, their rules, and teams. Without a council they serve all of them."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from alarms.notify.domain import Channel
from alarms.responders.domain import LATEST_S, Urgency
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id

KEY = "^[a-z0-9][a-z0-9-]{0,62}$"
"""How policies, rotas and teams name a thing: the same in every import and export, whatever its id."""


class Responder(Base):
    """Somebody who can be sent. Who was removed stays, for rotas and logs that name them; the key is free again."""

    __tablename__ = "responder"
    __table_args__ = (
        CheckConstraint(f"key ~ '{KEY}'", name="key"),
        CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name="quiet"),
        Index(
            "uq_responder_key",
            "key",
            "council_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_responder_user_id", "user_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    key: Mapped[str]
    name: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("app_user.id", ondelete="SET NULL"), comment="who this is in the console, if they log in"
    )
    active: Mapped[bool] = mapped_column(server_default="true")
    quiet_from: Mapped[time | None] = mapped_column(comment="local time; never for life-safety")
    quiet_to: Mapped[time | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    removed_at: Mapped[datetime | None]


class ContactMethod(Base):
    """One way to reach a responder. An unverified one is used all the same: see `alarms.responders.domain.Method`."""

    __tablename__ = "contact_method"
    __table_args__ = (
        one_of("channel", Channel),
        UniqueConstraint("responder_id", "channel", "address"),
        UniqueConstraint("id", "responder_id"),
        CheckConstraint("(disabled_at IS NULL) = (disabled_why IS NULL)", name="disabled"),
        CheckConstraint("(code_hash IS NULL) = (code_expires_at IS NULL)", name="code"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    responder_id: Mapped[UUID] = mapped_column(ForeignKey("responder.id", ondelete="CASCADE"))
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    channel: Mapped[str]
    address: Mapped[str]
    label: Mapped[str] = mapped_column(comment="who and what this is, as the alarm's log will name it")
    position: Mapped[int]
    verified_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_why: Mapped[str | None] = mapped_column(comment="a reply of STOP, or the words of who switched it off")
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary, comment="of the code that proves this address")
    code_expires_at: Mapped[datetime | None]
    code_tries: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ContactRule(Base):
    """Tell this method so long after the start of the round, for alarms of this urgency."""

    __tablename__ = "contact_rule"
    __table_args__ = (
        one_of("urgency", Urgency),
        CheckConstraint(f"after_s BETWEEN 0 AND {LATEST_S}", name="after_s"),
        ForeignKeyConstraint(
            ["method_id", "responder_id"], ["contact_method.id", "contact_method.responder_id"], ondelete="CASCADE"
        ),
        UniqueConstraint("method_id", "after_s", "urgency"),
        Index("ix_contact_rule_responder_id", "responder_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    responder_id: Mapped[UUID]
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    method_id: Mapped[UUID]
    after_s: Mapped[int]
    urgency: Mapped[str]


class Team(Base):
    """Responders who are told together, in their order."""

    __tablename__ = "team"
    __table_args__ = (
        CheckConstraint(f"key ~ '{KEY}'", name="key"),
        Index(
            "uq_team_key",
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
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    removed_at: Mapped[datetime | None]


class TeamMember(Base):
    """A responder's place in a team."""

    __tablename__ = "team_member"
    __table_args__ = (UniqueConstraint("team_id", "position"), Index("ix_team_member_responder_id", "responder_id"))

    team_id: Mapped[UUID] = mapped_column(ForeignKey("team.id", ondelete="CASCADE"), primary_key=True)
    responder_id: Mapped[UUID] = mapped_column(ForeignKey("responder.id", ondelete="CASCADE"), primary_key=True)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    position: Mapped[int]
