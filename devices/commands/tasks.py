"""Ends what no hub has answered in its time, and updates that a heartbeat proves."""

import asyncio

from devices.commands.service import SWEEP, CommandService
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import look_each

log = get_logger("commands")

EVERY_S = 2.0


class CommandExpiry:
    """Looks every two seconds; any number of copies may."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; a look that failed is repeated by the next."""
        await look_each(EVERY_S, stop, self.prove, self.sweep, name="command expiry", database=self.database)

    async def prove(self) -> None:
        """End every update whose firmware the hub's heartbeats tell."""
        full = True
        while full:
            async with self.database.transaction() as session:
                told = await CommandService(session).prove()
            for command in told:
                log.info("update_proven", command_id=str(command.id), hub_id=command.hub_id)
            full = len(told) == SWEEP

    async def sweep(self) -> None:
        """Let everything expire whose time is over."""
        full = True
        while full:
            async with self.database.transaction() as session:
                late = await CommandService(session).give_up()
            for command in late:
                log.info("command_expired", command_id=str(command.id), hub_id=command.hub_id)
            full = len(late) == SWEEP
