"""Commands on their way out, and the answers that come back.

At least once, never none: a command is leased, published and noted as sent only after the broker's PUBACK. When this
process dies in between, the lease runs out and the command is published again under the same `command_id`, by which a
hub knows it. `sent` says that the broker has it; whether the hub does, only its result says.
"""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.commands.repository import CommandRepository
from devices.commands.service import CommandService
from telecare.ingest.lane import Lane
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of
from telecare.wire.commands import command_payload, read_result
from telecare.wire.topics import to_hub

log = get_logger("commands")

POLL_S = 1.0
LEASE = timedelta(seconds=10)
BATCH = 50
MOST_UNCONFIRMED = 200


class CommandPublisher:
    """Publishes queued commands over a connection of its own: no acks are counted as theirs, none waits behind them."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.lane = Lane(settings, "command", (), on_published=self._on_published)
        self.woken = asyncio.Event()
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._unconfirmed: dict[int, UUID] = {}
        self._confirmed: list[UUID] = []

    async def run(self) -> None:
        """Publish until cancelled; whatever fails is tried again at the next look."""
        while True:
            self.woken.clear()
            try:
                await self._note()
                await self._publish()
            except Exception as error:
                if is_transient(error):
                    log.warning("commands_wait_for_database", error=repr(error)[:200])
                else:
                    log.exception("commands_not_published")
                await asyncio.sleep(POLL_S)
            else:
                await first_of(self.woken, timeout_s=POLL_S)

    async def _note(self) -> None:
        """Write down what the broker has."""
        for command_id in tuple(self._confirmed):
            try:
                async with self._database.transaction() as session:
                    await CommandService(session).note_published(command_id)
            except Exception as error:
                if is_transient(error):
                    raise
                log.exception("command_not_noted", command_id=str(command_id))  # and tried again; the others go on
            else:
                self._confirmed.remove(command_id)

    async def _publish(self) -> None:
        """Publish what is queued, as far as the connection stands and takes it."""
        while self.lane.connected and (room := MOST_UNCONFIRMED - len(self._unconfirmed)) > 0:
            async with self._database.transaction() as session:
                leased = await CommandRepository(session).lease(min(room, BATCH), LEASE)
            if not leased:
                return
            # What this process has handed to the client library is sent again by that, whenever it reconnects.
            in_hand = {*self._unconfirmed.values(), *self._confirmed}
            for command in leased:
                if command.id not in in_hand:
                    payload = command_payload(command.id, command.command, command.args)
                    self._unconfirmed[self.lane.publish(to_hub(command.hub_id, "command"), payload)] = command.id

    def _on_published(self, mid: int) -> None:
        """Pass a PUBACK from the network's thread on; the loop sees it only after `publish` has given its number."""
        self._loop.call_soon_threadsafe(self._confirm, mid)

    def _confirm(self, mid: int) -> None:
        command_id = self._unconfirmed.pop(mid, None)
        if command_id is not None:
            self._confirmed.append(command_id)
            self.woken.set()


async def take_result(session: AsyncSession, hub_id: str, payload: bytes, now: datetime) -> None:
    """Let a hub's result end its command. One that cannot be read, or answers nothing of ours, is only kept."""
    result = read_result(payload)
    if result is None:
        return
    said = {"status": result.status, "reason": result.reason, "at": result.at}
    known = await CommandService(session).settle(hub_id, result.command_id, said, now)
    log.info("command_answered", command_id=str(result.command_id), hub_id=hub_id, status=result.status, known=known)
