"""Asks hubs for something, and follows what becomes of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from devices.commands.domain import (
    CommandName,
    CommandState,
    Progress,
    UpdateStep,
    answered,
    out_of_reach,
    proven,
    published,
    ran_out,
    stepped,
)
from devices.commands.models import HubCommand
from devices.commands.repository import CommandRepository
from devices.presence.domain import Presence
from devices.registry.domain import Connection, HubStatus
from telecare.kernel.db import database_now
from telecare.kernel.errors import RefusedError

MOST_OPEN = 20
"""Commands to one hub without an end. More would push its acks out of a session that the broker bounds."""

SWEEP = 200


class CommandService:
    """Commands in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.commands = CommandRepository(session)

    async def request(
        self,
        hub: Mapping[str, Any] | RowMapping,
        command: CommandName,
        args: Mapping[str, Any] | None,
        *,
        requested_by: str,
        expires_in: timedelta,
    ) -> HubCommand:
        """Queue a command to a hub as the register shows it; RefusedError says what to do when none can reach it."""
        hub_id = hub["hub_id"]
        reason = out_of_reach(HubStatus(hub["status"]), Connection(hub["connection"]), Presence(hub["presence"]))
        if reason is not None:
            raise RefusedError(reason)
        if await self.commands.count_open(hub_id) >= MOST_OPEN:
            raise RefusedError(f"{MOST_OPEN} commands to this hub have no answer yet: wait until they end or expire")
        now = await database_now(self.session)
        return await self.commands.add(
            council_id=hub["council_id"],
            hub_id=hub_id,
            command=command,
            args=dict(args) if args else None,
            requested_by=requested_by,
            created_at=now,
            expires_at=now + expires_in,
        )

    async def note_published(self, command_id: UUID) -> None:
        """Note the broker's PUBACK."""
        command = await self.commands.lock(command_id)
        if command is not None:
            _become(command, published(progress_of(command), await database_now(self.session)))

    async def settle(self, hub_id: str, command_id: UUID, result: Mapping[str, Any], now: datetime) -> bool:
        """Take a hub's answer, or a step of an update; False when it answers nothing that we asked of this hub."""
        command = await self.commands.lock(command_id)
        if command is None or command.hub_id != hub_id:
            return False
        if command.command == CommandName.UPDATE_FIRMWARE and result["status"] in list(UpdateStep):
            _become(command, stepped(progress_of(command), UpdateStep(result["status"]), now))
        else:
            _become(command, answered(progress_of(command), {**result, "received_at": now.isoformat()}, now))
        return True

    async def prove(self) -> list[HubCommand]:
        """End some of the updates that a heartbeat proves; return them."""
        told = await self.commands.lock_proven(SWEEP)
        now = await database_now(self.session)
        for command in told:
            _become(command, proven(progress_of(command), (command.args or {})["version"], now))
        return list(told)

    async def give_up(self) -> list[HubCommand]:
        """Let some of those expire that had no answer in their time; return them."""
        late = await self.commands.lock_run_out(SWEEP)
        now = await database_now(self.session)
        for command in late:
            _become(command, ran_out(progress_of(command), command.expires_at, now))
        return list(late)


def progress_of(command: HubCommand) -> Progress:
    """Return how far a command has come, as the pure rules know it."""
    step = UpdateStep(command.step) if command.step is not None else None
    return Progress(
        CommandState(command.state), command.sent_at, command.finished_at, command.result, step, command.step_at
    )


def _become(command: HubCommand, progress: Progress) -> None:
    command.state = progress.state
    command.sent_at = progress.sent_at
    command.finished_at = progress.finished_at
    command.result = dict(progress.result) if progress.result is not None else None
    command.step = progress.step
    command.step_at = progress.step_at
    if progress.state is not CommandState.QUEUED:
        command.lease_until = None
