"""Incidents, the councils and the homes that are in them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from alarms.incidents.domain import GroupKind, IncidentState, MemberState
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class Incident(Base):
    """One cause. It is nobody's: a network has homes in many councils, each of which sees its own members."""

    __tablename__ = "incident"
    __table_args__ = (
        one_of("kind", GroupKind),
        one_of("state", IncidentState),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        Index("uq_incident_open", "kind", "key", unique=True, postgresql_where=text("state = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    key: Mapped[str]
    size: Mapped[int] = mapped_column(comment="homes of the group when it opened")
    state: Mapped[str] = mapped_column(server_default=IncidentState.OPEN)
    opened_at: Mapped[datetime]
    last_joined_at: Mapped[datetime]
    last_moved_at: Mapped[datetime] = mapped_column(comment="when a home last joined or returned")
    closed_at: Mapped[datetime | None]


class IncidentCouncil(Base):
    """A council with homes in it, and the alarm by which its humans are told."""

    __tablename__ = "incident_council"
    __table_args__ = (
        Index("ix_incident_council_council_id", "council_id"),
        Index("ix_incident_council_alarm_id", "alarm_id"),
    )

    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"), primary_key=True)
    alarm_id: Mapped[UUID] = mapped_column(ForeignKey("alarm.id"))


class IncidentMember(Base):
    """A home in it, with what is wrong there now, or was when it returned."""

    __tablename__ = "incident_member"
    __table_args__ = (
        one_of("state", MemberState),
        CheckConstraint("(state = 'returned') = (returned_at IS NOT NULL)", name="returned"),
        Index("ix_incident_member_joined", "hub_id", unique=True, postgresql_where=text("state = 'joined'")),
        Index("ix_incident_member_council_id", "council_id"),
    )

    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    hub_id: Mapped[str] = mapped_column(ForeignKey("hub.hub_id", ondelete="CASCADE"), primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    premises_id: Mapped[UUID | None] = mapped_column(ForeignKey("premises.id"))
    tier: Mapped[str | None] = mapped_column(comment="the gravest risk tier of the person since it joined")
    state: Mapped[str] = mapped_column(server_default=MemberState.JOINED)
    joined_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]
    offline_since: Mapped[datetime | None]
    mains_lost_at: Mapped[datetime | None]
    path_lost_at: Mapped[datetime | None]
    battery_until: Mapped[datetime | None] = mapped_column(comment="when it is empty, as far as somebody knows")
    overdue_told_at: Mapped[datetime | None] = mapped_column(comment="when humans were told that they are past it")
