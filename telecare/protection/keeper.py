"""Keeps where people stand with their protection: looks at those whose facts have changed. Any number of copies.

It reads what others write and adds no statement to theirs: one query compares a number for the facts of everybody with
the one that was kept, another does so more often for those whom a verdict or an alarm may change. SKIP LOCKED keeps
workers apart. While we cannot hear nobody is judged: all stays as it was.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from uuid import UUID

from prometheus_client import Counter

from devices.presence.verdict_repository import VerdictRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.looking import look_each
from telecare.kernel.metrics import REGISTRY
from telecare.protection.domain import judge
from telecare.protection.repository import Judged, ProtectionRepository

EVERY_S = 5.0
SHARE = 20
"""Each kind of look takes at most so small a part of the time, however many people there are."""
BATCH = 1000

CHANGES = Counter("telecare_protection_changes", "States that people came into", ["state"], registry=REGISTRY)


class ProtectionKeeper:
    """One worker that judges people."""

    def __init__(self, database: Database, first_heard_within: timedelta) -> None:
        self.database = database
        self.within = first_heard_within
        self._rests_until = {True: 0.0, False: 0.0}

    async def run(self, stop: asyncio.Event) -> None:
        """Judge until `stop` is set."""
        looks = (self.look_near, self.look_at_everybody)
        await look_each(EVERY_S, stop, *looks, name="protection", database=self.database)

    async def look_near(self) -> None:
        """Judge those whom a verdict or an alarm has changed."""
        if monotonic() >= self._rests_until[True]:
            await self.look(near=True)

    async def look_at_everybody(self) -> None:
        """Judge those too whom a heartbeat or a change of the register has changed."""
        if monotonic() >= self._rests_until[False]:
            await self.look()

    async def look(self, *, near: bool = False) -> int:
        """Judge everybody whose facts have changed, or only those `near` to it; return how many they were."""
        begun = monotonic()
        async with self.database.transaction() as session:
            if (await VerdictRepository(session).ear()).deaf:
                return 0
            stale = await ProtectionRepository(session).stale(near=near)
        self._rests_until[near] = monotonic() + SHARE * (monotonic() - begun) - EVERY_S
        for start in range(0, len(stale), BATCH):
            await self._judge(stale[start : start + BATCH])
        return len(stale)

    async def _judge(self, people: Sequence[UUID]) -> None:
        async with self.database.transaction() as session:
            standings = ProtectionRepository(session)
            asked = await standings.take(people, self.within)
            now = await database_now(session)
            judged = [
                Judged(each.person_id, *judge(each.was, each.looked_at, each.facts, now, self.within), each.mark)
                for each in asked
                if not each.has_left
            ]
            await standings.save(judged, now)
            await standings.leave([each.person_id for each in asked if each.has_left], now)
        for each in judged:
            for one in each.begun:
                CHANGES.labels(one.state).inc()
