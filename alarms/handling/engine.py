"""The engine: takes each open alarm whose moment has come, asks the core, writes what follows. One alarm a transaction.

Any number of copies run side by side; SKIP LOCKED keeps them apart. The only timer is the `next_due_at` column.
"""

import asyncio
import time
from uuid import UUID

import structlog

from alarms.handling.clock import ClockWatch
from alarms.handling.faults import FIRST_PAUSE_S, clock_jump
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.handling.targets import ContactsOf, Targets
from telecare.kernel.db import Chain, Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of

log = get_logger("engine")

POLL_S = 1.0
BUSY_S = 0.02
"""When what is due is in other hands: soon, but without a spin."""


class Engine:
    """One worker that drives alarms."""

    def __init__(self, database: Database, contacts_of: ContactsOf, public_url: str | None = None) -> None:
        self.database = database
        self.targets = Targets(contacts_of)
        self.public_url = public_url
        self.woken = asyncio.Event()
        self.clock = ClockWatch()
        self.steady = time.monotonic
        self._aside: dict[UUID, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Drive alarms until `stop` is set; whatever fails, it goes on: nobody else has this job."""
        while not stop.is_set():
            self.woken.clear()
            wait = await self.turn(stop)
            await first_of(stop, self.woken, timeout_s=wait)

    async def turn(self, stop: asyncio.Event | None = None) -> float:
        """Drive what is due; whatever fails, return after how many seconds to look again when nobody wakes us."""
        try:
            await self.drive(stop)
            wait = await self._idle_time()
            await self.look_at_the_clock()
        except Exception as error:
            if is_transient(error):
                log.warning("engine_waits_for_database", error=repr(error)[:300])
            else:
                log.exception("engine_failed")
            return POLL_S
        return wait

    async def drive(self, stop: asyncio.Event | None = None) -> int:
        """Drive alarms until none is due or `stop` is set; return how many."""
        driven = 0
        async with self.database.chain() as chain:
            while not (stop and stop.is_set()) and await self._step(chain):
                driven += 1
        return driven

    async def _step(self, chain: Chain) -> bool:
        """Drive one due alarm; False when none is due."""
        alarm_id: UUID | None = None
        try:
            async with chain.transaction() as session:
                due = await AlarmRepository(session).claim_due(self._passed_by())
                if due is None:
                    return False
                alarm_id = due.alarm.id
                with structlog.contextvars.bound_contextvars(correlation_id=str(alarm_id)):
                    await AlarmService(session, self.public_url).run_timer(due, self.targets)
        except Exception as error:
            if alarm_id is None or is_transient(error):
                raise
            # One alarm that cannot be driven must not keep the others waiting, nor be forgotten (R17).
            log.exception("alarm_cannot_be_driven", alarm_id=str(alarm_id))
            await self._set_aside(alarm_id, type(error).__name__)
        return True

    async def look_at_the_clock(self) -> None:
        """Report when the database's clock has jumped (R19): what it fires or delays, a human must know of."""
        async with self.database.transaction() as session:
            before = self.steady()
            now = await database_now(session)
            jump = self.clock.jump(before, now, self.steady())
            if jump is not None:
                log.error("clock_jumped", seconds=round(jump))
                await AlarmService(session).report(clock_jump(jump), None, now)

    async def _set_aside(self, alarm_id: UUID, why: str) -> None:
        try:
            async with self.database.transaction() as session:
                alarm = await AlarmRepository(session).lock(alarm_id)
                if alarm is not None and alarm.next_due_at is not None:
                    parties = await self.targets.standing(session, alarm.council_id, alarm.person_id)
                    await AlarmService(session, self.public_url).set_aside(alarm, parties, why)
        except Exception as error:
            if is_transient(error):
                raise
            # Not even that can be written: it stays overdue, which `/readyz` tells; the others go on.
            log.exception("alarm_cannot_be_set_aside", alarm_id=str(alarm_id))
            self._aside[alarm_id] = self.steady() + FIRST_PAUSE_S

    def _passed_by(self) -> list[UUID]:
        now = self.steady()
        self._aside = {alarm_id: until for alarm_id, until in self._aside.items() if until > now}
        return list(self._aside)

    async def _idle_time(self) -> float:
        async with self.database.transaction() as session:
            seconds = await AlarmRepository(session).seconds_until_due()
        return POLL_S if seconds is None else min(POLL_S, max(BUSY_S, seconds))
