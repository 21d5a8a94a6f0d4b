"""The outbox: what must leave the house, written in the transaction that decided it.

A sender leases rows with SKIP LOCKED, calls the provider outside any transaction, and writes the result. When it dies
in between, the lease runs out and another sends again: at least once, never none. `effect_key` is unique, so the same
decision is never written twice.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    String,
    Uuid,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    null,
    select,
    table,
    text,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from telecare.kernel.among import among
from telecare.kernel.db import Base, CouncilId, LastWrite, write_last, write_now
from telecare.kernel.ids import new_id
from telecare.kernel.pure.progress import DeliveryState


class OutboxState(StrEnum):
    """Where a message is on its way out."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MERGED = "merged"


# Written out and no parameters: a plan kept for all parameters cannot use an index of some states only.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_SENDING: ColumnElement[str] = literal_column("'sending'")
_SENT: ColumnElement[str] = literal_column("'sent'")

RECALLABLE = ("voice",)
"""Channels whose messages can be taken back once they have left: calls that ring."""
RINGS_AT_MOST = timedelta(minutes=2)
BUNDLE = "bundle"
"""The target of a message that stands for several."""

DUE_STATES = "state IN ('pending', 'sending')"
WITH_CODE = "target = 'verification' AND message #>> '{data,code}' IS NOT NULL"
"""Messages with a code that proves an address: it is taken out once nobody needs it there."""
TECHNICAL_FROM = 40
"""Ranks of technical alarms and of information lie from here on (50 and 90, and one less once repeated)."""


class OutboxMessage(Base):
    """One message to one address by one channel."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'failed', 'cancelled', 'merged')",
            name="state",
        ),
        CheckConstraint(
            "delivery IN ('handed_over', 'sent', 'failed', 'not_reached', 'delivered')",
            name="delivery",
        ),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("state <> 'merged' OR merged_into IS NOT NULL", name="merged"),
        CheckConstraint("(delivery = 'delivered') = (delivered_at IS NOT NULL)", name="delivered_at"),
        Index("ix_outbox_due", "rank", "due_at", postgresql_where=text(DUE_STATES)),
        Index("ix_outbox_due_by_council", "council_id", "rank", "due_at", postgresql_where=text(DUE_STATES)),
        Index("ix_outbox_subject", "subject_id"),
        Index("ix_outbox_provider_ref", "provider_ref", postgresql_where=text("provider_ref IS NOT NULL")),
        Index("ix_outbox_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("ix_outbox_codes", "subject_id", postgresql_where=text(WITH_CODE)),
        Index("ix_outbox_recall", "recall_at", postgresql_where=text("recall_at IS NOT NULL")),
        Index(
            "ix_outbox_pace",
            "channel",
            "address",
            "finished_at",
            postgresql_where=text(f"state = 'sent' AND rank >= {TECHNICAL_FROM}"),
        ),
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
    provider: Mapped[str | None] = mapped_column(comment="who has taken it")
    provider_ref: Mapped[str | None] = mapped_column(comment="how the provider calls it in its reports")
    delivery: Mapped[str | None] = mapped_column(comment="how far it got since; empty where nobody reports")
    delivered_at: Mapped[datetime | None]
    merged_into: Mapped[UUID | None] = mapped_column(
        ForeignKey("outbox.id"), comment="the message in whose text this one went out"
    )
    recall_at: Mapped[datetime | None] = mapped_column(comment="a call that should stop ringing: somebody has it")
    released_at: Mapped[datetime | None] = mapped_column(
        comment="of one in a bundle that has left: since when somebody has its alarm"
    )


class Waiting(NamedTuple):
    """Which kinds of work wait: messages by class, and calls to take back."""

    grave: bool
    urgent: bool
    technical: bool
    recalls: bool


class Candidate(NamedTuple):
    """A technical message that may go next."""

    council_id: str | None
    id: UUID
    channel: str
    address: str


_ADD = LastWrite(
    order=2,
    ctes="""
        sent AS (
            INSERT INTO outbox (id, effect_key, subject_id, council_id, rank, target, channel, address, message)
            SELECT id, effect_key, subject_id, council_id, rank, target, channel, address, message
              FROM jsonb_to_recordset(CAST(:outbox AS jsonb))
                   AS row (id uuid, effect_key text, subject_id uuid, council_id text, rank int, target text,
                           channel text, address text, message jsonb)
                ON CONFLICT (effect_key) DO NOTHING
            RETURNING 1)
    """,
    result="(SELECT count(*) FROM sent)",
    values=lambda rows: {"outbox": msgspec.json.encode(rows).decode()},
)


class OutboxRepository:
    """All queries on the outbox."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Let messages be written to send; a second one with the same `effect_key` is the same decision and left out.

        They are written at the end of the transaction: nothing in it reads them, but what cancels.
        """
        if rows:
            write_last(self.session, _ADD, [{"id": new_id(), **row} for row in rows])

    async def waiting(self, below: int) -> Waiting:
        """Return which kinds of work there are, in one look; `below` is where life-safety ends."""
        grave = exists().where(is_due(), OutboxMessage.rank < below)
        urgent = exists().where(is_due(), OutboxMessage.rank >= below, OutboxMessage.rank < TECHNICAL_FROM)
        technical = exists().where(is_due(), OutboxMessage.rank >= TECHNICAL_FROM)
        recalls = exists().where(OutboxMessage.recall_at.is_not(None))
        return Waiting(*(await self.session.execute(select(grave, urgent, technical, recalls))).one())

    async def of_subject(self, subject_id: UUID, limit: int) -> Sequence[OutboxMessage]:
        """Return the messages about an alarm, the newest first."""
        statement = select(OutboxMessage).where(OutboxMessage.subject_id == subject_id)
        newest = statement.order_by(OutboxMessage.created_at.desc(), OutboxMessage.id.desc()).limit(limit)
        return (await self.session.execute(newest)).scalars().all()

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
        due = (
            select(OutboxMessage.id)
            .where(is_due(), *_free(except_channels, except_addresses))
            .order_by(OutboxMessage.rank, OutboxMessage.due_at, OutboxMessage.id)
            .limit(limit)
        )
        if below is not None:
            due = due.where(OutboxMessage.rank < below)
        return await self._take(due, lease)

    async def lease_these(self, ids: Sequence[UUID], limit: int, lease: timedelta) -> list[OutboxMessage]:
        """Take up to `limit` of these messages, in this order, as far as they are due still."""
        if not ids:
            return []
        place = func.array_position(cast(ids, ARRAY(Uuid)), OutboxMessage.id)
        due = select(OutboxMessage.id).where(among(OutboxMessage.id, ids), is_due()).order_by(place).limit(limit)
        return await self._take(due, lease)

    async def technical_by_council(
        self,
        each: int,
        pace: timedelta,
        paced_channels: Collection[str],
        *,
        unpaced_targets: Collection[str] = (),
        except_channels: Collection[str] = (),
        except_addresses: Collection[str] = (),
    ) -> list[Candidate]:
        """Return the next `each` due technical messages of each council, oldest first.

        An address by one of the paced channels that had one within `pace`, or to which one is on its way, waits.
        """
        lately = aliased(OutboxMessage)
        had_one = exists().where(
            lately.channel == OutboxMessage.channel,
            lately.address == OutboxMessage.address,
            lately.state == _SENT,
            lately.rank >= TECHNICAL_FROM,
            lately.finished_at > func.clock_timestamp() - pace,
        )
        on_its_way = select(lately.channel, lately.address).where(
            lately.state == _SENDING, lately.rank >= TECHNICAL_FROM, lately.lease_until > func.clock_timestamp()
        )
        gets_one = had_one | tuple_(OutboxMessage.channel, OutboxMessage.address).in_(on_its_way)
        mine = (
            select(
                OutboxMessage.council_id,
                OutboxMessage.id,
                OutboxMessage.channel,
                OutboxMessage.address,
                OutboxMessage.rank,
                OutboxMessage.due_at,
            )
            .where(
                OutboxMessage.rank >= TECHNICAL_FROM,
                is_due(),
                *_free(except_channels, except_addresses),
                ~among(OutboxMessage.channel, paced_channels)
                | among(OutboxMessage.target, unpaced_targets)
                | ~gets_one,
            )
            .order_by(OutboxMessage.rank, OutboxMessage.due_at, OutboxMessage.id)
            .limit(each)
        )
        council = table("council", column("code", String))
        of_each = mine.where(OutboxMessage.council_id == council.c.code).lateral()
        of_none = mine.where(OutboxMessage.council_id.is_(None)).subquery()
        found = union_all(select(of_each).select_from(council.join(of_each, true())), select(of_none)).subquery()
        statement = select(found.c.council_id, found.c.id, found.c.channel, found.c.address)
        statement = statement.order_by(found.c.rank, found.c.due_at, found.c.id)
        return [Candidate(*row) for row in await self.session.execute(statement)]

    async def _take(self, due: Select[Any], lease: timedelta) -> list[OutboxMessage]:
        now = func.clock_timestamp()
        due = due.with_for_update(skip_locked=True)
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

    async def finish(
        self,
        message: OutboxMessage,
        state: OutboxState,
        error: str | None = None,
        *,
        provider: str | None = None,
        provider_ref: str | None = None,
    ) -> bool:
        """Write the final state of a leased message, also of one that was cancelled on its way.

        False when another sender has leased it since: then that sender's result is the one that counts. A report may
        have come before: what it said of the delivery stays. A call that was overtaken is recalled.
        """
        handed_over = DeliveryState.HANDED_OVER if provider_ref else None
        overtaken = (OutboxMessage.state == OutboxState.CANCELLED) & OutboxMessage.channel.in_(RECALLABLE)
        recall_at = func.clock_timestamp() if provider_ref else null()
        statement = (
            update(OutboxMessage)
            .where(
                OutboxMessage.id == message.id,
                OutboxMessage.attempts == message.attempts,
                OutboxMessage.state.in_((OutboxState.SENDING, OutboxState.CANCELLED)),
            )
            .values(
                state=state,
                lease_until=None,
                finished_at=func.clock_timestamp(),
                last_error=error,
                provider=func.coalesce(provider, OutboxMessage.provider),
                provider_ref=func.coalesce(provider_ref, OutboxMessage.provider_ref),
                delivery=func.coalesce(OutboxMessage.delivery, handed_over),
                recall_at=case((overtaken, recall_at), else_=OutboxMessage.recall_at),
            )
            .returning(OutboxMessage.id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def retry(self, message: OutboxMessage, after: timedelta, error: str) -> bool:
        """Put a leased message back, to be tried again after a while; False when it is no longer ours to try.

        One that a report has called delivered meanwhile is there, whatever the answer was (R04).
        """
        there = OutboxMessage.delivery == DeliveryState.DELIVERED
        statement = (
            update(OutboxMessage)
            .where(
                OutboxMessage.id == message.id,
                OutboxMessage.attempts == message.attempts,
                OutboxMessage.state == OutboxState.SENDING,
            )
            .values(
                state=case((there, OutboxState.SENT), else_=OutboxState.PENDING),
                finished_at=case((there, func.clock_timestamp()), else_=null()),
                lease_until=None,
                due_at=func.clock_timestamp() + after,
                last_error=error,
            )
            .returning(OutboxMessage.id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def cancel_pending(self, subject_id: UUID) -> None:
        """Cancel what has not left for this alarm: after a close nothing more does (invariant E4).

        What is on its way keeps its sender's result when that comes, but is not tried again. What waits in a bundle is
        left out of it. A call that may still ring is recalled (R31), one that stands for several with the last of them.
        """
        await write_now(self.session)
        now = func.clock_timestamp()
        await self.session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.subject_id == subject_id,
                OutboxMessage.state.in_((OutboxState.PENDING, OutboxState.SENDING)),
            )
            .values(state=OutboxState.CANCELLED, lease_until=None, finished_at=now)
        )
        # A second look: the first may have waited for a sender that was just making a bundle.
        bundle = aliased(OutboxMessage)
        waits = exists().where(
            bundle.id == OutboxMessage.merged_into, bundle.state.in_((OutboxState.PENDING, OutboxState.SENDING))
        )
        await self.session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.subject_id == subject_id, OutboxMessage.state == OutboxState.MERGED, waits)
            .values(state=OutboxState.CANCELLED, finished_at=now)
            .execution_options(synchronize_session=False)
        )
        await self.session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.subject_id == subject_id,
                OutboxMessage.channel.in_(RECALLABLE),
                OutboxMessage.state == OutboxState.SENT,
                OutboxMessage.delivery.in_((DeliveryState.HANDED_OVER, DeliveryState.SENT)),
                OutboxMessage.finished_at > now - RINGS_AT_MOST,
            )
            .values(recall_at=now)
            .execution_options(synchronize_session=False)
        )
        await self._release_bundles(subject_id)

    async def _release_bundles(self, subject_id: UUID) -> None:
        """Recall the calls that stand for this alarm and others, when somebody has all of these.

        The bundle's row is locked first: of two alarms that are taken at once the second sees that it is the last.
        """
        now = func.clock_timestamp()
        mine = select(OutboxMessage.merged_into).where(
            OutboxMessage.subject_id == subject_id, OutboxMessage.merged_into.is_not(None)
        )
        on_its_way = OutboxMessage.state.in_((OutboxState.PENDING, OutboxState.SENDING))
        rings = (
            (OutboxMessage.state == OutboxState.SENT)
            & OutboxMessage.delivery.in_((DeliveryState.HANDED_OVER, DeliveryState.SENT))
            & (OutboxMessage.finished_at > now - RINGS_AT_MOST)
        )
        calls = (
            select(OutboxMessage.id)
            .where(
                OutboxMessage.id.in_(mine),
                OutboxMessage.target == BUNDLE,
                OutboxMessage.channel.in_(RECALLABLE),
                on_its_way | rings,
            )
            .order_by(OutboxMessage.id)
            .with_for_update()
        )
        ids = list((await self.session.execute(calls)).scalars())
        if not ids:
            return
        await self.session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.subject_id == subject_id,
                among(OutboxMessage.merged_into, ids),
                OutboxMessage.state == OutboxState.MERGED,
            )
            .values(released_at=now)
            .execution_options(synchronize_session=False)
        )
        child = aliased(OutboxMessage)
        wanted = exists().where(
            child.merged_into == OutboxMessage.id, child.state == OutboxState.MERGED, child.released_at.is_(None)
        )
        # One that is just being sent is cancelled as any other: its sender finds that out, and recalls it.
        await self.session.execute(
            update(OutboxMessage)
            .where(among(OutboxMessage.id, ids), ~wanted)
            .values(
                state=case((on_its_way, OutboxState.CANCELLED), else_=OutboxMessage.state),
                lease_until=None,
                finished_at=case((on_its_way, now), else_=OutboxMessage.finished_at),
                recall_at=case((on_its_way, OutboxMessage.recall_at), else_=now),
            )
            .execution_options(synchronize_session=False)
        )

    async def take_recalls(self, limit: int) -> list[tuple[str, str]]:
        """Return (channel, provider's name of it) of calls that should stop ringing, each once."""
        asked = (
            select(OutboxMessage.id)
            .where(OutboxMessage.recall_at.is_not(None))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("asked")
        )
        statement = (
            update(OutboxMessage)
            .where(OutboxMessage.id == asked.c.id)
            .values(recall_at=None)
            .returning(OutboxMessage.channel, OutboxMessage.provider_ref)
            .execution_options(synchronize_session=False)
        )
        return [(row[0], row[1]) for row in await self.session.execute(statement) if row[1]]


def is_due() -> ColumnElement[bool]:
    """Say whether a message may be taken: it waits and its time has come, or its sender has died."""
    now = func.clock_timestamp()
    return ((OutboxMessage.state == _PENDING) & (OutboxMessage.due_at <= now)) | (
        (OutboxMessage.state == _SENDING) & (OutboxMessage.lease_until <= now)
    )


def _free(except_channels: Collection[str], except_addresses: Collection[str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if except_channels:
        conditions.append(~among(OutboxMessage.channel, except_channels))
    if except_addresses:
        conditions.append(~among(OutboxMessage.address, except_addresses))
    return conditions
