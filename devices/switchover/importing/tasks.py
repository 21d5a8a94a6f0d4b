"""Does the steps that people have asked for, one file after another, in any process with an engine."""

import asyncio

from devices.switchover.importing.repository import ImportFileRepository
from devices.switchover.importing.steps import AuditsOf, ImportSteps
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.sealing import Sealer
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of

log = get_logger("import")

EVERY_S = 1.0
KEEP_DAYS = 30
"""So long rows and their report are kept: what they say is about people."""


class ImportWorker:
    """Goes on where any process stopped: what was begun and not ended is begun anew when its lease has ended."""

    def __init__(self, database: Database, sealer: Sealer, audits: AuditsOf) -> None:
        self.database = database
        self.steps = ImportSteps(database, sealer, audits)

    async def run(self, stop: asyncio.Event) -> None:
        """Do steps until `stop` is set; what is in hand then is stopped, and begun anew by whoever comes next."""
        while not stop.is_set():
            try:
                while not stop.is_set() and await self._step(stop):
                    pass
                async with self.database.transaction() as session:
                    await ImportFileRepository(session).forget_old(KEEP_DAYS)
            except Exception as error:
                if not is_transient(error):
                    log.exception("import_failed")
                else:
                    log.warning("import_failed", error=repr(error)[:200])
            await first_of(stop, timeout_s=EVERY_S)

    async def _step(self, stop: asyncio.Event) -> bool:
        step = asyncio.ensure_future(self.steps.next())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait([step, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not step.done():
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
            return False
        return step.result()
