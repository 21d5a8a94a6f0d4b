"""The alarm and event lanes: one message, one transaction; the hub is told after the commit, never before."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from zlib import crc32

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.intake.domain import Signal
from alarms.intake.service import Incoming, IntakeService, Taken
from telecare.ingest.commands import take_result
from telecare.ingest.lane import Delivery, Lane
from telecare.ingest.metrics import FAILURES, LATENCY, MESSAGES
from telecare.ingest.subject import find_subject
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.wire.payloads import MAX_PAYLOAD, Message, ack_payload, read_message
from telecare.wire.topics import Address, read_topic, to_hub

log = get_logger("ingest")

TAKE = 200
FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 2.0
POISON_TRIES = 3
NO_HEARTBEAT = "a heartbeat that is no JSON object, is too long or comes from an id that no hub can have"


@dataclass(frozen=True)
class Letter:
    """A delivery with what was read of it."""

    delivery: Delivery
    address: Address
    message: Message
    incoming: Incoming


class MessageLane:
    """Takes messages from a lane with some workers; one hub's messages always go through the same one, in order."""

    def __init__(
        self, lane: Lane, database: Database, *, workers: int, retry_cap_s: float, public_url: str | None
    ) -> None:
        self.lane = lane
        self.database = database
        self.retry_cap_s = retry_cap_s
        self.public_url = public_url
        self._queues: list[asyncio.Queue[Delivery]] = [asyncio.Queue(TAKE) for _ in range(workers)]

    async def run(self) -> None:
        """Take messages until cancelled."""
        async with asyncio.TaskGroup() as group:
            for queue in self._queues:
                group.create_task(self._work(queue))
            while True:
                for delivery in await self.lane.take(TAKE):
                    await self._queues[crc32(delivery.topic) % len(self._queues)].put(delivery)

    async def _work(self, queue: asyncio.Queue[Delivery]) -> None:
        while True:
            delivery = await queue.get()
            if self.lane.is_current(delivery):
                await self.settle(delivery)

    async def settle(self, delivery: Delivery) -> None:
        """Commit the message, then ack it. One that cannot be taken in is taken in as unreadable, never dropped."""
        letter = read_letter(delivery)
        with structlog.contextvars.bound_contextvars(correlation_id=str(letter.incoming.id)):
            taken = await self._retried(letter, self._take)
            if taken is None:
                return
            self.lane.ack(delivery)
            if letter.address.lane in {"alarm", "event"} and letter.address.well_formed:
                self._answer(letter, taken)
            MESSAGES.labels(letter.address.lane, taken.status).inc()
            LATENCY.labels(letter.address.lane).observe(time.monotonic() - delivery.at)

    async def report_double(self, delivery: Delivery) -> None:
        """Tell a human that two hubs speak under one id; the heartbeat that showed it is the evidence."""
        message = Message(type="duplicate_id", text="a boot id came back that another had replaced")
        address = read_topic(delivery.topic.decode("utf-8", "replace"))
        await self._retried(Letter(delivery, address, message, incoming_of(delivery, address, message)), self._take)

    async def _retried(self, letter: Letter, work: Callable[[Letter], Awaitable[Taken]]) -> Taken | None:
        """Do the work until it commits; None when the connection that brought the message is gone: it comes again."""
        started, pause, failures = time.monotonic(), FIRST_RETRY_S, 0
        while self.lane.is_current(letter.delivery):
            try:
                return await work(letter)
            except Exception as error:
                FAILURES.labels(letter.address.lane).inc()
                if not is_transient(error):
                    failures += 1
                    log.exception("message_not_taken", lane=letter.address.lane, hub_id=letter.address.hub_id)
                    if failures >= POISON_TRIES:
                        letter, failures = poisoned(letter, error), 0
                elif time.monotonic() - started > self.retry_cap_s:
                    log.warning("retry_cap_reached", lane=letter.address.lane, error=repr(error)[:200])
                    self.lane.bounce()
                    return None
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_S)
        return None

    async def _take(self, letter: Letter) -> Taken:
        async with self.database.transaction() as session:
            return await self._take_in(session, letter)

    async def _take_in(self, session: AsyncSession, letter: Letter) -> Taken:
        intake = IntakeService(session, self.public_url)
        now = await intake.lock(letter.address.hub_id)
        subject = await find_subject(session, letter.address.hub_id, letter.message, now)
        incoming = aged(letter.incoming, letter.delivery)
        if letter.address.lane in {"status", "result"}:
            # The last will is a hint, never a verdict; a retained one is only its echo after our reconnect.
            if not letter.delivery.retained:
                await intake.note(incoming, subject, now, "hint" if letter.address.lane == "status" else "result")
                # What broke on it is tried no more: a poisoned letter is only kept.
                if letter.address.lane == "result" and letter.message.unreadable is None:
                    await take_result(session, letter.address.hub_id, incoming.payload, now)
            return Taken("noted", None, now)
        return await intake.take(incoming, subject, now)

    def _answer(self, letter: Letter, taken: Taken) -> None:
        payload = ack_payload(
            event_id=letter.message.event_id,
            status=taken.status,
            alarm_id=str(taken.alarm_id) if taken.alarm_id else None,
            at=taken.at,
            reason=taken.reason,
        )
        self.lane.publish(to_hub(letter.address.hub_id, "ack"), payload)


def read_letter(delivery: Delivery) -> Letter:
    """Read a delivery of the alarm or event lane; never raises."""
    topic = delivery.topic.decode("utf-8", "replace")
    address = read_topic(topic)
    if address.lane in {"alarm", "event"}:
        message = read_message(delivery.payload)
    else:
        message = Message(unreadable=NO_HEARTBEAT if address.lane == "heartbeat" else None)
    return Letter(delivery, address, message, incoming_of(delivery, address, message))


def incoming_of(delivery: Delivery, address: Address, message: Message) -> Incoming:
    """Return what the intake stores of a delivery: the first 64 KiB of its bytes and what was read of them."""
    return Incoming(
        id=new_id(),
        lane=address.lane,
        topic=delivery.topic.decode("utf-8", "replace").replace("\x00", "�")[:300],
        hub_id=address.hub_id,
        payload=delivery.payload[:MAX_PAYLOAD],
        payload_size=len(delivery.payload),
        event_id=message.event_id,
        dedup_key=message.dedup_key,
        boot_id=message.boot_id,
        seq=message.seq,
        device_id=message.device_id,
        path=message.path,
        signal=Signal(
            lane=address.lane,
            type=message.type,
            test=message.test,
            device_at=message.at,
            problems=message.problems,
            unreadable=message.unreadable,
            text=message.text,
            council=message.council,
            oversize=len(delivery.payload) > MAX_PAYLOAD,
            known_id=address.well_formed,
        ),
    )


def aged(incoming: Incoming, delivery: Delivery) -> Incoming:
    """Return it with how long we have had it in hand: the clock of the service level starts at first receipt."""
    values = {**incoming.__dict__, "age": timedelta(seconds=max(0.0, time.monotonic() - delivery.at))}
    return Incoming(**values)


def poisoned(letter: Letter, error: Exception) -> Letter:
    """Return the message as one that says nothing but its bytes, so that what broke on its fields cannot again."""
    message = Message(unreadable=f"the service failed on it ({type(error).__name__})")
    return Letter(letter.delivery, letter.address, message, incoming_of(letter.delivery, letter.address, message))
