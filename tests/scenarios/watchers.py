"""Who watches over hubs while a scenario runs: presence, silence, incidents, jobs, whenever something has changed."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import text

from alarms.policy.scenario import EventPart
from devices.presence.keeper import PresenceKeeper
from devices.presence.verdict_repository import VerdictRepository
from telecare.kernel.settings import Settings
from telecare.protection.jobs import JobWatch
from telecare.protection.silence import SilenceWatch
from tests.scenarios.stage import Stage

SLOT = "main"
_HEARS = text(
    f"INSERT INTO listening (slot, heard_at) VALUES ('{SLOT}', clock_timestamp())"  # noqa: S608 - our own word
    " ON CONFLICT (slot) DO UPDATE SET heard_at = excluded.heard_at"
)
_SEEN = text(
    """
    SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM presence_period), (SELECT sum(version) FROM alarm),
           (SELECT count(*) FROM incident_member WHERE state = 'joined'), (SELECT count(*) FROM heartbeat)
    """
)
# When a hub comes to its next state, an incident is over, and who is in it past the deadline of their tier.
_NEXT = text(
    """
    SELECT min(at) FROM (
        SELECT look_at AS at FROM hub_presence
        UNION ALL
        SELECT last_moved_at + CAST(:within AS interval) FROM incident WHERE state = 'open'
        UNION ALL
        SELECT m.offline_since + CASE n.risk_tier WHEN 'A' THEN interval '15 min' WHEN 'B' THEN interval '1 hour'
                                                  ELSE interval '4 hours' END
          FROM incident_member m JOIN person n ON n.id = m.person_id WHERE m.state = 'joined'
    ) AS moments WHERE at > clock_timestamp()
    """
)


class Watchers(Stage):
    """All of them at once; `service: off`: nobody works, and nobody hears."""

    async def build(self) -> None:
        database = self.run.database
        self._keeper, self._silence = PresenceKeeper(database), SilenceWatch(database)
        self._jobs = JobWatch(database, Settings(database_url=database.url))
        self._seen: tuple[Any, ...] = ()
        self._looked_at: datetime | None = None
        self._again: datetime | None = None

    async def happen(self, event: EventPart) -> bool:
        self._looked_at = None
        if event.service is None:
            return False
        self.run.engine_on = event.service == "on"
        if self.run.engine_on:
            await self._look()  # whoever is back before the ear
            async with self.run.database.transaction() as session:
                await VerdictRepository(session).hear(SLOT)
        return True

    async def drive(self) -> bool:
        if not self.run.scenario.homes or (self._looked_at, self._seen) == (self.run.now, await self._there()):
            return False
        await self._hear()
        await self._look()
        self._looked_at, seen = self.run.now, await self._there()
        if self._seen[:1] != seen[:1]:
            for look in (self._jobs.at_events, self._jobs.at_starts, self._jobs.tell):
                await look()
        changed, self._seen = seen[:-1] != self._seen[:-1], seen
        if changed:  # by more than a heartbeat: what follows from it shows when it has settled
            self._again = self.run.now + self._silence.settle
        return changed

    async def _there(self) -> tuple[Any, ...]:
        """Return what a look follows from; while that and the moment stay the same, another finds nothing."""
        async with self.run.database.transaction() as session:
            return tuple((await session.execute(_SEEN)).one())

    async def _look(self) -> None:
        while await self._keeper.step():
            pass
        silence = self._silence
        for look in (silence.incidents.look, silence.incidents.attach, silence.tell, silence.end, silence.hasten):
            await look()
        await silence.tell_of_unheard()

    async def _hear(self) -> None:
        """Say that we hear, as the ear has every other second since."""
        async with self.run.database.transaction() as session:
            await session.execute(_HEARS)

    async def race(self) -> None:
        if self.run.scenario.homes:
            await self._hear()
            await asyncio.gather(*(self._keeper.step() for _ in range(self.run.scenario.workers)))

    async def next(self) -> datetime | None:
        if not self.run.scenario.homes:
            return None
        async with self.run.database.transaction() as session:
            due = (await session.execute(_NEXT, {"within": self._silence.incidents.rule.within})).scalar_one()
        due = due and due - self.run.ahead
        again = self._again if self._again is not None and self._again > self.run.now else None
        return min((moment for moment in (due, again) if moment is not None), default=None)
