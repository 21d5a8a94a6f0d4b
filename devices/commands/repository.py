"""All queries on the commands to hubs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from devices.commands.domain import OPEN, CommandName, CommandState
from devices.commands.models import HubCommand
from devices.presence.models import HubLive
from telecare.kernel.among import among

COMMAND_CHANNEL = "telecare_command"
"""NOTIFY channel of every new command. A hint: the publisher polls beside it."""
PRUNE_BATCH = 2_000


class CommandRepository:
    """Reads and writes of commands in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, **columns: Any) -> HubCommand:
        """Queue a command; who publishes is woken by the commit."""
        command = HubCommand(**columns)
        self.session.add(command)
        await self.session.flush()
        await self.session.refresh(command)
        await self.session.execute(select(func.pg_notify(COMMAND_CHANNEL, command.hub_id)))
        return command

    async def page(self, hub_id: str, before: tuple[datetime, UUID] | None, limit: int) -> Sequence[HubCommand]:
        """Return the commands to a hub, the newest first."""
        statement = select(HubCommand).where(HubCommand.hub_id == hub_id)
        if before is not None:
            statement = statement.where(tuple_(HubCommand.created_at, HubCommand.id) < tuple_(*before))
        statement = statement.order_by(HubCommand.created_at.desc(), HubCommand.id.desc()).limit(limit)
        return (await self.session.execute(statement)).scalars().all()

    async def count_open(self, hub_id: str) -> int:
        """Return how many commands to a hub have no end yet."""
        statement = select(func.count()).where(HubCommand.hub_id == hub_id, HubCommand.state.in_(OPEN))
        return int((await self.session.execute(statement)).scalar_one())

    async def lease(self, limit: int, lease: timedelta) -> list[HubCommand]:
        """Take up to `limit` queued commands for `lease`, the oldest first, those whose publisher died included."""
        now = func.clock_timestamp()
        free = (
            select(HubCommand.id)
            .where(
                HubCommand.state == CommandState.QUEUED,
                HubCommand.expires_at > now,
                HubCommand.lease_until.is_(None) | (HubCommand.lease_until <= now),
            )
            .order_by(HubCommand.created_at, HubCommand.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        # A CTE with row locks runs exactly once; a subquery may run again for each row and lock past the limit.
        taken = free.cte("taken")
        statement = (
            update(HubCommand)
            .where(HubCommand.id == taken.c.id)
            .values(lease_until=now + lease)
            .returning(HubCommand)
            .execution_options(synchronize_session=False)
        )
        leased = (await self.session.execute(statement)).scalars()
        return sorted(leased, key=lambda command: (command.created_at, command.id))

    async def lock(self, command_id: UUID) -> HubCommand | None:
        """Return a command with its row locked until the transaction ends, None when there is none."""
        return await self.session.get(HubCommand, command_id, with_for_update=True, populate_existing=True)

    async def lock_run_out(self, limit: int) -> Sequence[HubCommand]:
        """Lock commands without an answer whose time is over; those that somebody else has in hand come later."""
        statement = (
            select(HubCommand)
            .where(HubCommand.state.in_(OPEN), HubCommand.expires_at <= func.clock_timestamp())
            .order_by(HubCommand.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def lock_proven(self, limit: int) -> Sequence[HubCommand]:
        """Lock updates without an end whose firmware the hub's heartbeats tell, since they were asked."""
        statement = (
            select(HubCommand)
            .join(HubLive, HubLive.hub_id == HubCommand.hub_id)
            .where(
                HubCommand.state.in_(OPEN),
                HubCommand.command == CommandName.UPDATE_FIRMWARE,
                HubLive.firmware == HubCommand.args["version"].astext,
                HubLive.last_seen_at > HubCommand.created_at,
            )
            .order_by(HubCommand.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=HubCommand)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def withdraw(self, command_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Remove those of these commands that no publisher has in hand yet; return their ids."""
        statement = delete(HubCommand).where(
            among(HubCommand.id, command_ids), HubCommand.state == CommandState.QUEUED, HubCommand.lease_until.is_(None)
        )
        return (await self.session.execute(statement.returning(HubCommand.id))).scalars().all()

    async def prune(self, older_than: datetime) -> int:
        """Remove a batch of commands that ended before then; return how many. That they were given is in the audit."""
        old = (
            select(HubCommand.id)
            .where(HubCommand.finished_at < older_than)
            .order_by(HubCommand.finished_at)
            .limit(PRUNE_BATCH)
        )
        statement = delete(HubCommand).where(HubCommand.id.in_(old)).returning(HubCommand.id)
        return len((await self.session.execute(statement)).scalars().all())
