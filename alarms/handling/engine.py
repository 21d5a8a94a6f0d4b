"""The engine: takes each open alarm whose moment has come, asks the core, writes what follows. One alarm a transaction.

Any number of copies run side by side; SKIP LOCKED keeps them apart. The only timer is the `next_due_at` column.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from sqlalchemy import func, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address, Addresses, Target, TimerDue
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.notify.repository import ContactPointRepository
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.waiting import first_of

log = get_logger("engine")

POLL_S = 1.0
POISON_PAUSE_S = 30

ContactsOf = Callable[[AsyncSession, UUID], Awaitable[tuple[Address, ...]]]
"""Gives a person's contacts in their order of reach; the register is another house, so whoever starts us lends it."""


class Engine:
    """One worker that drives alarms."""

    def __init__(self, database: Database, contacts_of: ContactsOf, public_url: str | None = None) -> None:
        self.database = database
        self.contacts_of = contacts_of
        self.public_url = public_url
        self.woken = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Drive alarms until `stop` is set; a lost database is waited for."""
        while not stop.is_set():
            self.woken.clear()
            wait = POLL_S
            try:
                while await self.step():
                    if stop.is_set():
                        return
                wait = await self._idle_time()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("engine_waits_for_database", error=repr(error)[:300])
            await first_of(stop, self.woken, timeout_s=wait)

    async def step(self) -> bool:
        """Drive one due alarm; False when none is due."""
        alarm_id: UUID | None = None
        try:
            async with self.database.transaction() as session:
                alarm = await AlarmRepository(session).claim_due()
                if alarm is None:
                    return False
                alarm_id = alarm.id
                with structlog.contextvars.bound_contextvars(correlation_id=str(alarm.id)):
                    event = TimerDue(await self.addresses_for(session, alarm))
                    await AlarmService(session, self.public_url).run_timer(alarm, event)
        except SQLAlchemyError:
            raise
        except Exception:
            # One alarm that cannot be driven must not keep the others waiting, nor be forgotten (R17).
            log.exception("alarm_cannot_be_driven", alarm_id=str(alarm_id))
            if alarm_id is None:
                raise
            await self._set_aside(alarm_id)
        return True

    async def addresses_for(self, session: AsyncSession, alarm: Alarm) -> Addresses:
        """Return who stands behind each target of this alarm at this moment."""
        addresses = await ContactPointRepository(session).addresses_for(alarm.council_id)
        if alarm.person_id is not None:
            addresses[Target.CONTACTS] = await self.contacts_of(session, alarm.person_id)
        return addresses

    async def _set_aside(self, alarm_id: UUID) -> None:
        async with self.database.transaction() as session:
            alarm = await AlarmRepository(session).lock(alarm_id)
            if alarm is None or alarm.next_due_at is None:
                return
            pause = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, POISON_PAUSE_S)
            words = "driving this alarm failed: handle it by hand now; it is tried again"
            statement = update(Alarm).where(Alarm.id == alarm_id).values(next_due_at=pause, next_step=words)
            await session.execute(statement)
            await AlarmRepository(session).bump_board(alarm)

    async def _idle_time(self) -> float:
        async with self.database.transaction() as session:
            seconds = await AlarmRepository(session).seconds_until_due()
        return POLL_S if seconds is None else min(POLL_S, max(0.005, seconds))
