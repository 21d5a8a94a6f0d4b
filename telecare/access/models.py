"""People and programs that may come in, calendars that are read by their address, and the record of what was done."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id

ROLE_CHECK = "role IN ('operator', 'supervisor', 'engineer', 'administrator')"


class User(Base):
    """Somebody who logs in. `councils` empty means all councils of this control room."""

    __tablename__ = "app_user"
    __table_args__ = (
        CheckConstraint(ROLE_CHECK, name="role"),
        Index("uq_app_user_username", text("lower(username)"), unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    username: Mapped[str]
    display_name: Mapped[str]
    password_hash: Mapped[str] = mapped_column(comment="argon2id")
    role: Mapped[str]
    councils: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    active: Mapped[bool] = mapped_column(server_default="true")
    failed_logins: Mapped[int] = mapped_column(server_default="0")
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Session(Base):
    """A log-in of the console; the cookie holds a token, the table only its hash."""

    __tablename__ = "session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"))
    csrf_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class ApiToken(Base):
    """A program's key; shown once when made, kept as a hash."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint(ROLE_CHECK, name="role"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str]
    role: Mapped[str]
    councils: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class CalendarFeed(Base):
    """A token with which a calendar program reads one rota, one responder's shifts or one user's visits.

    Only its hash is kept.
    """

    __tablename__ = "calendar_feed"
    __table_args__ = (
        CheckConstraint("num_nonnulls(rota_id, responder_id, user_id) = 1", name="subject"),
        Index("ix_calendar_feed_rota_id", "rota_id"),
        Index("ix_calendar_feed_responder_id", "responder_id"),
        Index("ix_calendar_feed_user_id", "user_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    rota_id: Mapped[UUID | None] = mapped_column(ForeignKey("rota.id", ondelete="CASCADE"))
    responder_id: Mapped[UUID | None] = mapped_column(ForeignKey("responder.id", ondelete="CASCADE"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"))
    made_by: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class BrokerAccount(Base):
    """An account on the broker that is not a hub's: the service itself, a gateway that speaks for hubs, the canary."""

    __tablename__ = "broker_account"
    __table_args__ = (CheckConstraint("role IN ('service', 'gateway', 'canary')", name="role"),)

    username: Mapped[str] = mapped_column(primary_key=True)
    credential: Mapped[str] = mapped_column(comment="hash in Mosquitto's password-file format")
    role: Mapped[str]


class AuditEntry(Base):
    """One access or change: who, what, when and why. Rows are only ever added; the database refuses the rest."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_subject", "subject_kind", "subject_id"),
        Index("ix_audit_at", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str] = mapped_column(comment="user:NAME, token:NAME or system")
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    council_id: Mapped[str | None] = mapped_column(CouncilId)
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any] | None]


class IdempotentReply(Base):
    """The reply that a POST with an `Idempotency-Key` got, to be given again for the same key."""

    __tablename__ = "idempotent_reply"
    __table_args__ = (Index("ix_idempotent_reply_created_at", "created_at"),)

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
