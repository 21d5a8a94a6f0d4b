"""Ends what no hub has answered in its time."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from devices.commands.service import SWEEP, CommandService
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.waiting import first_of

log = get_logger("commands")

EVERY_S = 2.0


class CommandExpiry:
    """Looks every two seconds; any number of copies may."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; a look that failed is repeated by the next."""
        while not stop.is_set():
            try:
                await self.sweep()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("expiry_failed", error=repr(error)[:200])
            await first_of(stop, timeout_s=EVERY_S)

    async def sweep(self) -> None:
        """Let everything expire whose time is over."""
        full = True
        while full:
            async with self.database.transaction() as session:
                late = await CommandService(session).give_up()
            for command in late:
                log.info("command_expired", command_id=str(command.id), hub_id=command.hub_id)
            full = len(late) == SWEEP
