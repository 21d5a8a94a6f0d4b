"""Has a human know when we hear no heartbeats: while that lasts no hub is judged, and a silent one is nobody's alarm.

The alarm is about the service itself, so that it goes to whoever stands behind its ladder. Any number of copies.
"""

import asyncio
from datetime import datetime, timedelta

from alarms.escalation.domain import Condition
from alarms.escalation.inputs import Cleared, Repeated
from alarms.handling.faults import UNHEARD, unheard
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from devices.presence.verdict_repository import VerdictRepository
from telecare.kernel.db import Database
from telecare.kernel.looking import look_each

EVERY_S = 10.0
AFTER = timedelta(minutes=2)
"""A restart of ours or of the broker is over by then, and so is the backlog that it left."""


class DeafnessWatch:
    """Looks every ten seconds; a process that has just started does not know for how long it has been so."""

    def __init__(self, database: Database, after: timedelta = AFTER) -> None:
        self.database = database
        self.after = after
        self._since: datetime | None = None
        self._told = False

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; whatever fails, the next look finds the same."""
        await look_each(EVERY_S, stop, self.look, name="deafness", database=self.database)

    async def look(self) -> None:
        """Open the alarm when it has lasted for long enough, and note on it when heartbeats are heard again."""
        async with self.database.transaction() as session:
            ear = await VerdictRepository(session).ear()
            known = (await AlarmRepository(session).open_faults(UNHEARD)).get(None)
        if not ear.deaf:
            self._since, self._told = None, False
            if known is not None and known[1] is Condition.ACTIVE:
                async with self.database.transaction() as session:
                    await AlarmService(session).feed_fault(*known, Cleared("Heartbeats are heard again"))
            return
        self._since = self._since or ear.now
        if self._told or ear.now - self._since < self.after:
            return
        fault = unheard()
        async with self.database.transaction() as session:
            alarms = AlarmService(session)
            if known is None:
                await alarms.report(fault, None, ear.now)
            elif known[1] is not Condition.ACTIVE:
                await alarms.feed_fault(*known, Repeated(fault.words, fault.rank))
        self._told = True
