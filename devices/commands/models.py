"""The commands to hubs: a row each, from the request to the answer."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from devices.commands.domain import CommandName, CommandState, UpdateStep
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class HubCommand(Base):
    """One thing asked of a hub. A publisher leases it while it is queued; who dies in between is followed by another.

    `result` is the hub's first answer, also one that came after the expiry.
    """

    __tablename__ = "hub_command"
    __table_args__ = (
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], ondelete="CASCADE"),
        one_of("command", CommandName),
        one_of("state", CommandState),
        one_of("step", UpdateStep),
        CheckConstraint("(step IS NULL) = (step_at IS NULL)", name="step_at"),
        CheckConstraint("(state IN ('queued', 'sent')) = (finished_at IS NULL)", name="finished"),
        CheckConstraint("state IN ('queued', 'expired') OR sent_at IS NOT NULL", name="sent"),
        CheckConstraint("state NOT IN ('done', 'failed') OR result IS NOT NULL", name="answered"),
        CheckConstraint("state = 'queued' OR lease_until IS NULL", name="lease"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        Index("ix_hub_command_hub_id_created_at", "hub_id", "created_at"),
        Index("ix_hub_command_queued", "created_at", postgresql_where=text("state = 'queued'")),
        Index("ix_hub_command_ended", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index("ix_hub_command_open", "expires_at", postgresql_where=text("state IN ('queued', 'sent')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, comment="command_id on the wire")
    council_id: Mapped[str] = mapped_column(CouncilId)
    hub_id: Mapped[str]
    command: Mapped[str]
    args: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(server_default=CommandState.QUEUED)
    requested_by: Mapped[str] = mapped_column(comment="as in the audit: user:NAME or token:NAME")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None] = mapped_column(comment="when the broker's PUBACK was noted")
    expires_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None]
    step: Mapped[str | None] = mapped_column(comment="how far a firmware update has come, by the hub's word")
    step_at: Mapped[datetime | None]
