"""Several messages that wait for the same address go out as one: the queries.

Parent and children are written in one transaction, so that a crash leaves either all of it or nothing (R41). The parent
is about no alarm of its own; its text is made when it is sent, of the children that are still wanted then.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.notify.delivery import LIFE_SAFETY_BELOW
from alarms.notify.notices import Notice
from telecare.kernel.among import among
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import BUNDLE, TECHNICAL_FROM, OutboxMessage, OutboxState

AT_ONCE = 20
"""Addresses for which bundles are made in one go."""

FOR_PEOPLE = ("email", "sms", "voice", "push", "apprise")
"""Channels whose technical messages are bundled and paced: programs behind webhooks take each by itself."""
ONE_AT_A_TIME = ("voice",)
"""Channels on which life-safety is bundled too, when more than one waits: a second call would find the line busy."""

NOTICES = tuple(Notice)
"""Codes and the like are neither bundled nor paced: somebody waits for them."""

_ONE_BUNDLER = text("SELECT pg_try_advisory_xact_lock(hashtextextended('bundles', 7004))")


class BundleRepository:
    """Makes and reads bundles in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def merge_technical(self) -> None:
        """Bundle the technical messages that wait for the same address; late-comers join a bundle that waits still.

        One sender at a time does it. What another one leases meanwhile is left out.
        """
        await self._merge(OutboxMessage.rank >= TECHNICAL_FROM, FOR_PEOPLE)

    async def merge_calls(self) -> None:
        """Bundle the calls of life-safety that wait for the same number."""
        await self._merge(OutboxMessage.rank < LIFE_SAFETY_BELOW, ONE_AT_A_TIME)

    async def merge_repeats(self) -> None:
        """Of several messages about one alarm that wait for the same person keep the last: one is enough (S16)."""
        waiting = (
            OutboxMessage.state == OutboxState.PENDING,
            OutboxMessage.attempts == 0,
            OutboxMessage.due_at <= func.clock_timestamp(),
            OutboxMessage.channel.in_(FOR_PEOPLE),
            OutboxMessage.rank < TECHNICAL_FROM,
        )
        alike = (OutboxMessage.subject_id, OutboxMessage.channel, OutboxMessage.address)
        latest = func.first_value(OutboxMessage.id).over(
            partition_by=alike, order_by=(OutboxMessage.created_at.desc(), OutboxMessage.id.desc())
        )
        kept = select(OutboxMessage.id, latest.label("last")).where(*waiting).subquery()
        # Never waiting for a row that another has: a close may hold it, and wait for one of ours.
        repeats = (
            select(OutboxMessage.id, kept.c.last)
            .join(kept, kept.c.id == OutboxMessage.id)
            .where(kept.c.id != kept.c.last, *waiting)
            .with_for_update(of=OutboxMessage, skip_locked=True)
            .cte("repeats")
        )
        await self.session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == repeats.c.id)
            .values(state=OutboxState.MERGED, merged_into=repeats.c.last, finished_at=func.clock_timestamp())
            .execution_options(synchronize_session=False)
        )

    async def children(self, parents: Collection[UUID]) -> dict[UUID, list[OutboxMessage]]:
        """Return the messages for which each of these bundles stands, without those that were cancelled since.

        They come in the order in which the rows of their alarms are locked.
        """
        found: dict[UUID, list[OutboxMessage]] = {parent: [] for parent in parents}
        if parents:
            statement = (
                select(OutboxMessage)
                .where(among(OutboxMessage.merged_into, parents), OutboxMessage.state == OutboxState.MERGED)
                .order_by(OutboxMessage.subject_id, OutboxMessage.id)
            )
            for child in (await self.session.execute(statement)).scalars():
                if child.merged_into is not None:
                    found[child.merged_into].append(child)
        return found

    async def _merge(self, within: ColumnElement[bool], channels: Collection[str]) -> None:
        waiting = (
            OutboxMessage.state == OutboxState.PENDING,
            OutboxMessage.attempts == 0,
            OutboxMessage.due_at <= func.clock_timestamp(),
            among(OutboxMessage.channel, channels),
            OutboxMessage.target.not_in(NOTICES),
            within,
        )
        crowded = (
            select(OutboxMessage.channel, OutboxMessage.address)
            .where(*waiting)
            .group_by(OutboxMessage.channel, OutboxMessage.address)
            .having(func.count() > 1)
            .limit(AT_ONCE)
        )
        addresses = (await self.session.execute(crowded)).all()
        if not addresses or not (await self.session.execute(_ONE_BUNDLER)).scalar_one():
            return
        for channel, address in addresses:
            theirs = (
                select(OutboxMessage)
                .where(*waiting, OutboxMessage.channel == channel, OutboxMessage.address == address)
                .order_by(OutboxMessage.rank, OutboxMessage.due_at, OutboxMessage.id)
                .with_for_update(skip_locked=True)
            )
            messages = list((await self.session.execute(theirs)).scalars())
            if len(messages) > 1:
                await self._join(messages)

    async def _join(self, messages: list[OutboxMessage]) -> None:
        children = [message for message in messages if message.target != BUNDLE]
        parent_id = next((message.id for message in messages if message.target == BUNDLE), None)
        if parent_id is None:
            parent_id, first = new_id(), messages[0]
            councils = {message.council_id for message in messages}
            parent = {
                "id": parent_id,
                "effect_key": f"{BUNDLE}:{parent_id}",
                "subject_id": parent_id,
                "council_id": councils.pop() if len(councils) == 1 else None,
                "rank": first.rank,
                "target": BUNDLE,
                "channel": first.channel,
                "address": first.address,
                "due_at": min(message.due_at for message in messages),
                "message": {"label": first.message.get("label", ""), "subject": "", "text": "", "data": {}},
            }
            await self.session.execute(insert(OutboxMessage).values(parent))
        await self.session.execute(
            update(OutboxMessage)
            .where(among(OutboxMessage.id, [child.id for child in children]))
            .values(state=OutboxState.MERGED, merged_into=parent_id, finished_at=func.clock_timestamp())
            .execution_options(synchronize_session=False)
        )
