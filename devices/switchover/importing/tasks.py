"""Does the steps that people have asked for, one file after another, in any process with an engine."""

import asyncio

from devices.switchover.importing.repository import ImportFileRepository
from devices.switchover.importing.steps import AuditsOf, ImportSteps
from telecare.kernel.db import Database
from telecare.kernel.looking import look_each
from telecare.kernel.sealing import Sealer

EVERY_S = 1.0
KEEP_DAYS = 30
"""So long rows and their report are kept: what they say is about people."""


class ImportWorker:
    """Goes on where any process stopped: what was begun and not ended is begun anew when its lease has ended."""

    def __init__(self, database: Database, sealer: Sealer, audits: AuditsOf) -> None:
        self.database = database
        self.steps = ImportSteps(database, sealer, audits)
        self._working: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Do steps until `stop` is set; what is in hand then is stopped, and begun anew by whoever comes next."""
        try:
            await look_each(EVERY_S, stop, self.go_on, self.forget, name="imports", database=self.database)
        finally:
            if self._working is not None:
                self._working.cancel()
                await asyncio.gather(self._working, return_exceptions=True)

    async def go_on(self) -> None:
        """Begin with what waits, unless there is something in hand: a step of a large file takes longer than a look.

        What the steps before came to is raised here, so that a worker that only fails does not get through its rounds.
        """
        before = self._working
        if before is not None and not before.done():
            return
        self._working = asyncio.create_task(self._work())
        if before is not None:
            before.result()

    async def forget(self) -> None:
        """Remove files that are old."""
        async with self.database.transaction() as session:
            await ImportFileRepository(session).forget_old(KEEP_DAYS)

    async def _work(self) -> None:
        while await self.steps.next():
            pass
