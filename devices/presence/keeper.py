"""Keeps where hubs stand: looks at each when its deadline has passed, or when it was heard again. Any number of copies.

No timer but the `look_at` column; SKIP LOCKED keeps workers apart. While we cannot hear nobody is judged.
"""

import asyncio
from functools import partial

from prometheus_client import Counter, Gauge

from devices.presence.verdict import judge
from devices.presence.verdict_repository import Asked, Ear, Judged, VerdictRepository
from telecare.kernel.db import Database
from telecare.kernel.looking import look_each
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.waiting import letting_in

POLL_S = 1.0
BATCH = 1000

CHANGES = Counter("telecare_presence_changes", "States that hubs came into", ["state"], registry=REGISTRY)
DEAF = Gauge("telecare_deaf", "1 while we cannot hear hubs and judge none of them", registry=REGISTRY)


class PresenceKeeper:
    """One worker that judges hubs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Judge until `stop` is set; whatever fails, it goes on: nobody else has this job."""
        await look_each(POLL_S, stop, partial(self.judge_all, stop), name="presence", database=self.database)

    async def judge_all(self, stop: asyncio.Event) -> None:
        """Judge until nobody is due, or until `stop` is set."""
        while not stop.is_set() and await self.step():
            pass

    async def step(self) -> bool:
        """Judge a batch; say whether there may be more of them now."""
        async with self.database.transaction() as session:
            hubs = VerdictRepository(session)
            ear = await hubs.ear()
            DEAF.set(ear.deaf)
            if ear.deaf:
                return False
            fresh = await hubs.take_in_new(BATCH)
            due = await hubs.due(ear, BATCH)
            back = await hubs.heard_again(ear, BATCH)
            judged = list({each.hub_id: _judged(each, ear) async for each in letting_in((*due, *back))}.values())
            await hubs.save(judged)
        for each in judged:
            for change in each.changes:
                CHANGES.labels(change.state).inc()
        return max(fresh, len(due), len(back)) == BATCH


def _judged(asked: Asked, ear: Ear) -> Judged:
    standing, changes = judge(asked.was, asked.rule, asked.heard, ear.until)
    return Judged(asked.hub_id, standing, changes)
