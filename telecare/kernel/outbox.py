"""The outbox: what must leave the house, written in the transaction that decided it.

A sender leases rows with SKIP LOCKED, calls the provider outside any transaction, and writes the result. When it dies
in between, the lease runs out and another sends again: at least once, never none. `effect_key` is unique, so the same
decision is never written twice.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base, CouncilId
from telecare.kernel.ids import new_id


class OutboxState(StrEnum):
    """Where a message is on its way out."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OutboxMessage(Base):
    """One message to one address by one channel."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'failed', 'cancelled')",
            name="state",
        ),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease"),
        Index("ix_outbox_due", "rank", "due_at", postgresql_where=text("state IN ('pending', 'sending')")),
        Index("ix_outbox_subject", "subject_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    effect_key: Mapped[str] = mapped_column(unique=True)
    subject_id: Mapped[UUID] = mapped_column(comment="the alarm that this is about")
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"))
    rank: Mapped[int] = mapped_column(comment="lower goes first: fire before all else (R22)")
    target: Mapped[str]
    channel: Mapped[str]
    address: Mapped[str]
    message: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default=OutboxState.PENDING)
    attempts: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    due_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class OutboxRepository:
    """All queries on the outbox."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, rows: list[dict[str, Any]]) -> None:
        """Write messages to send; a second one with the same `effect_key` is the same decision and is left out."""
        if rows:
            statement = insert(OutboxMessage).values([{"id": new_id(), **row} for row in rows])
            await self.session.execute(statement.on_conflict_do_nothing(index_elements=["effect_key"]))

    async def lease(
        self,
        limit: int,
        lease: timedelta,
        *,
        below: int | None = None,
        except_channels: Collection[str] = (),
        except_addresses: Collection[str] = (),
    ) -> list[OutboxMessage]:
        """Take up to `limit` due messages for `lease`, most urgent first, those whose sender died included.

        `below` takes only ranks below it. The exceptions are what the caller has its hands full of: they wait.
        """
        now = func.clock_timestamp()
        due = (
            select(OutboxMessage.id)
            .where(
                ((OutboxMessage.state == OutboxState.PENDING) & (OutboxMessage.due_at <= now))
                | ((OutboxMessage.state == OutboxState.SENDING) & (OutboxMessage.lease_until <= now))
            )
            .order_by(OutboxMessage.rank, OutboxMessage.due_at, OutboxMessage.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if below is not None:
            due = due.where(OutboxMessage.rank < below)
        if except_channels:
            due = due.where(OutboxMessage.channel.not_in(except_channels))
        if except_addresses:
            due = due.where(OutboxMessage.address.not_in(except_addresses))
        # A CTE with row locks runs exactly once; a subquery may run again for each row and lock past the limit.
        taken = due.cte("taken")
        statement = (
            update(OutboxMessage)
            .where(OutboxMessage.id == taken.c.id)
            .values(state=OutboxState.SENDING, lease_until=now + lease, attempts=OutboxMessage.attempts + 1)
            .returning(OutboxMessage)
            .execution_options(synchronize_session=False)
        )
        leased = list((await self.session.execute(statement)).scalars())
        return sorted(leased, key=lambda message: (message.rank, message.due_at, message.id))

    async def finish(self, message: OutboxMessage, state: OutboxState, error: str | None = None) -> bool:
        """Write the final state of a leased message, also of one that was cancelled on its way.

        False when another sender has leased it since: then that sender's result is the one that counts.
        """
        statement = (
            update(OutboxMessage)
            .where(
                OutboxMessage.id == message.id,
                OutboxMessage.attempts == message.attempts,
                OutboxMessage.state.in_((OutboxState.SENDING, OutboxState.CANCELLED)),
            )
            .values(state=state, lease_until=None, finished_at=func.clock_timestamp(), last_error=error)
            .returning(OutboxMessage.id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def retry(self, message: OutboxMessage, after: timedelta, error: str) -> bool:
        """Put a leased message back, to be tried again after a while; False when it is no longer ours to try."""
        statement = (
            update(OutboxMessage)
            .where(
                OutboxMessage.id == message.id,
                OutboxMessage.attempts == message.attempts,
                OutboxMessage.state == OutboxState.SENDING,
            )
            .values(
                state=OutboxState.PENDING,
                lease_until=None,
                due_at=func.clock_timestamp() + after,
                last_error=error,
            )
            .returning(OutboxMessage.id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def cancel_pending(self, subject_id: UUID) -> None:
        """Cancel what has not left for this alarm: after a close nothing more does (invariant E4).

        What is on its way keeps its sender's result when that comes, but is not tried again.
        """
        await self.session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.subject_id == subject_id,
                OutboxMessage.state.in_((OutboxState.PENDING, OutboxState.SENDING)),
            )
            .values(state=OutboxState.CANCELLED, lease_until=None, finished_at=func.clock_timestamp())
        )
