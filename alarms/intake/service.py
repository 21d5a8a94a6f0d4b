"""Takes one message in: stored as received, judged, and its alarm opened or fed, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.domain import OpenAlarm, Subject
from alarms.handling.repository import OPEN, OPEN_OF_HUB
from alarms.handling.service import AlarmService, Origin
from alarms.intake.domain import Verdict, ack_status, judge
from alarms.intake.repository import ADD_EVENT, EARLIER, LOCK_HUB, STAMP_PROOF, Earlier, IntakeRepository
from alarms.intake.trial import Signal
from alarms.intake.types import Treatment
from alarms.policy.repository import Governing, governing
from telecare.kernel.asking import Question
from telecare.kernel.db import ending


@dataclass(frozen=True)
class Incoming:
    """One message as the lane hands it over. `age` is how long ago this process first had it in hand."""

    id: UUID
    lane: str
    topic: str
    hub_id: str
    payload: bytes  # cut to what is kept
    payload_size: int
    event_id: str | None
    dedup_key: str | None
    boot_id: str | None
    seq: int | None
    device_id: str | None
    path: str | None
    signal: Signal
    age: timedelta = timedelta(0)


@dataclass(frozen=True)
class Taken:
    """What to tell the hub after the commit."""

    status: str
    alarm_id: UUID | None
    at: datetime
    reason: str | None = None


@dataclass(frozen=True)
class Found:
    """What is there already when a message comes: the one that it repeats, the hub's open alarms, what governs it."""

    earlier: Earlier | None
    open: tuple[OpenAlarm, ...] = ()
    governing: Governing | None = None


def questions(council: str) -> tuple[Question[Any], ...]:
    """Return what to ask for `Found`, in its order, with the values of `asked`; `council`: the hub's, in SQL."""
    return EARLIER, OPEN_OF_HUB, governing(council)


USUAL = (LOCK_HUB, ending(OPEN, ADD_EVENT, STAMP_PROOF))
"""What is said to the database for a usual alarm, beside the questions."""


class IntakeService:
    """The intake in the transaction of `session`."""

    def __init__(self, session: AsyncSession, public_url: str | None = None) -> None:
        self.events = IntakeRepository(session)
        self.alarms = AlarmService(session, public_url)

    async def lock(self, hub_id: str) -> datetime:
        """Wait for this hub's turn; return the database's clock."""
        return await self.events.lock_hub(hub_id)

    async def take(self, incoming: Incoming, subject: Subject, found: Found, now: datetime) -> Taken:
        """Take a message in; call it after `lock`. A repeat of a message is stored, and answered as a duplicate."""
        earlier = found.earlier
        if earlier is not None and earlier.event_id == incoming.id:
            # It is stored already: the commit worked whose answer we did not hear.
            status = "test" if earlier.treatment == Treatment.TEST else ack_status(incoming.signal, subject)
            return Taken(status, earlier.alarm_id, now, incoming.signal.unreadable)
        if earlier is not None:
            await self._store(incoming, subject, now, "duplicate", (), earlier.alarm_id, dedup_key=None)
            return Taken("duplicate", earlier.alarm_id, now)
        verdict = judge(incoming.signal, subject, found.open, now, now - incoming.age)
        alarm_id = await self._follow(verdict, incoming, subject, found, now)
        await self._store(
            incoming, subject, now, verdict.treatment, verdict.notes, alarm_id, dedup_key=incoming.dedup_key
        )
        if verdict.proof is not None:
            self.events.stamp_proof(
                hub_id=incoming.hub_id,
                device_id=incoming.device_id,
                path=incoming.path,
                council_id=subject.council_id,
                event_id=incoming.id,
                alarm_at=now if verdict.proof == "alarm" else None,
                test_at=now if verdict.proof == "test" else None,
            )
        return Taken(verdict.ack_status, alarm_id, now, incoming.signal.unreadable)

    async def note(self, incoming: Incoming, subject: Subject, now: datetime, treatment: str) -> None:
        """Store a message that asks for nothing: a last will, a command's result, a heartbeat that cannot be read."""
        await self._store(incoming, subject, now, treatment, (), None, dedup_key=None)

    async def _follow(
        self, verdict: Verdict, incoming: Incoming, subject: Subject, found: Found, now: datetime
    ) -> UUID | None:
        """Feed and open what the verdict says; return the alarm that the message belongs to."""
        belongs_to: UUID | None = None
        for alarm_id, event in verdict.feeds:
            await self.alarms.feed(alarm_id, event)
            belongs_to = belongs_to or alarm_id
        origin = Origin(incoming.hub_id, incoming.device_id, now - incoming.age)
        for opening in verdict.opens:
            alarm_id = await self.alarms.open(opening, subject, origin, now, governing=found.governing, last=True)
            belongs_to = belongs_to or alarm_id
        return belongs_to

    async def _store(
        self,
        incoming: Incoming,
        subject: Subject,
        now: datetime,
        treatment: str,
        notes: tuple[str, ...],
        alarm_id: UUID | None,
        *,
        dedup_key: str | None,
    ) -> None:
        await self.events.add_event(
            id=incoming.id,
            received_at=now - incoming.age,
            lane=incoming.lane,
            topic=incoming.topic,
            hub_id=incoming.hub_id,
            council_id=subject.council_id,
            event_id=incoming.event_id,
            dedup_key=dedup_key,
            type=incoming.signal.type,
            treatment=treatment,
            device_at=incoming.signal.device_at,
            boot_id=incoming.boot_id,
            seq=incoming.seq,
            payload=incoming.payload,
            payload_size=incoming.payload_size,
            notes=list(notes),
            alarm_id=alarm_id,
        )
