"""Keeps where people stand with their protection: looks at those of whom something has changed. Any number of copies.

Triggers write down of which hub or person; a pressed pendant and nearly all heartbeats write nothing. Now and then a
number for the facts of everybody is compared with the one that was kept, for what no row tells: a day that begins.
SKIP LOCKED keeps workers apart. While we cannot hear nobody is judged: all stays as it was.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.verdict_repository import VerdictRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.looking import look_each
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.waiting import letting_in
from telecare.protection.domain import judge
from telecare.protection.repository import Judged, ProtectionRepository

EVERY_S = 2.0
EVERYBODY_EVERY_S = 600.0
BATCH = 1000

CHANGES = Counter("telecare_protection_changes", "States that people came into", ["state"], registry=REGISTRY)


class ProtectionKeeper:
    """One worker that judges people."""

    def __init__(self, database: Database, first_heard_within: timedelta) -> None:
        self.database = database
        self.within = first_heard_within
        self._all_seen_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Judge until `stop` is set."""
        looks = (self.look_at_changes, self.look_at_everybody)
        await look_each(EVERY_S, stop, *looks, name="protection", database=self.database)

    async def look_at_changes(self) -> int:
        """Judge those of whom something has changed; return how many they were."""
        total = 0
        while judged := await self._judge_changed():
            total += judged
        return total

    async def look_at_everybody(self) -> None:
        """Judge whoever was missed, if it is time for that."""
        if monotonic() - self._all_seen_at >= EVERYBODY_EVERY_S:
            await self.look()

    async def look(self) -> int:
        """Judge everybody whose facts are others than they were; return how many they were."""
        async with self.database.transaction() as session:
            if (await VerdictRepository(session).ear()).deaf:
                return 0
            stale = await ProtectionRepository(session).stale()
        for start in range(0, len(stale), BATCH):
            async with self.database.transaction() as session:
                await self._judge(session, stale[start : start + BATCH])
        self._all_seen_at = monotonic()
        return len(stale)

    async def _judge_changed(self) -> int:
        """Judge some, and return how many they were; whom another worker has in hand comes with the next look."""
        async with self.database.transaction() as session:
            if (await VerdictRepository(session).ear()).deaf:
                return 0
            standings = ProtectionRepository(session)
            changed = await standings.changed(BATCH)
            if not changed:
                return 0
            judged = await self._judge(session, changed)
            if missed := [person for person in changed if person not in judged]:
                await standings.ask_again(missed)
        return len(judged)

    async def _judge(self, session: AsyncSession, people: Sequence[UUID]) -> set[UUID]:
        """Judge people whom nobody else has in hand, or who are served by nothing; return who they are."""
        standings = ProtectionRepository(session)
        asked = await standings.take(people, self.within)
        now = await database_now(session)
        judged = [
            Judged(each.person_id, *judge(each.was, each.looked_at, each.facts, now, self.within), each.mark)
            async for each in letting_in(asked)
            if not each.has_left
        ]
        await standings.save(judged, now)
        await standings.leave([each.person_id for each in asked if each.has_left], now)
        for each in judged:
            for one in each.begun:
                CHANGES.labels(one.state).inc()
        return {each.person_id for each in asked}
