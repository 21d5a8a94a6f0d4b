"""The alarm and event lanes: one message, one transaction; the hub is told after the commit, never before."""

import asyncio
import contextlib
import time
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.domain import Subject
from alarms.intake import service as intake
from alarms.intake.repository import EARLIER
from alarms.intake.service import Found, Incoming, IntakeService, Taken, questions
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.context import CONTEXT, COUNCIL_OF_HUB
from telecare.ingest.commands import take_result
from telecare.ingest.lane import Delivery, Lane
from telecare.ingest.letters import Letter, aged, letter_of, plainer, read_letter
from telecare.ingest.metrics import FAILURES, LATENCY, MESSAGES
from telecare.ingest.subject import asked_at, find_subject, subject_of
from telecare.ingest.turns import Turns
from telecare.kernel.asking import ask, ask_together, together
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_conflict, is_transient
from telecare.wire.payloads import Message, ack_payload
from telecare.wire.topics import read_topic, to_hub

log = get_logger("ingest")

TAKE = 200
FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 2.0
TRIES = 3
"""So often a message on which the service fails is tried in each form before a plainer one."""
ASIDE_S = 30.0
NOT_LOOKED_UP = Subject(known=True, notes=("Who this is could not be looked up: find out where the unit is",))

_QUESTIONS = (CONTEXT, *questions(COUNCIL_OF_HUB))
USUAL = (*intake.USUAL, together(_QUESTIONS))
"""All that is said to the database for a usual alarm: prepared on each connection before one has to wait for it."""


class _PoisonError(Exception):
    """The message cannot be taken in just now, in no form, and others wait."""


LAST_WILL = b"offline"


class MessageLane:
    """Takes messages from a lane with some workers: one hub's one at a time and in order, the hubs by turns."""

    def __init__(
        self, lane: Lane, database: Database, *, workers: int, retry_cap_s: float, public_url: str | None
    ) -> None:
        self.lane = lane
        self.database = database
        self.retry_cap_s = retry_cap_s
        self.public_url = public_url
        self._workers = workers
        self._turns: Turns[Delivery] = Turns()
        self._aside: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take messages until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())
            while True:
                for delivery in await self.lane.take(TAKE):
                    self._turns.put(delivery.topic.rpartition(b"/")[0], delivery)

    async def _work(self) -> None:
        while True:
            key, delivery = await self._turns.next()
            await self.settle(delivery)
            self._turns.done(key)

    async def settle(self, delivery: Delivery) -> None:
        """Commit the message, then ack it. One that cannot be taken in is taken in as unreadable, never dropped."""
        letter = read_letter(delivery)
        with structlog.contextvars.bound_contextvars(correlation_id=str(letter.incoming.id)):
            try:
                taken = await self._retried(letter)
            except _PoisonError:
                # Neither lost nor in the way: it stays un-acked and is tried again later; the next one goes on.
                log.exception("message_set_aside", lane=letter.address.lane, hub_id=letter.address.hub_id)
                task = asyncio.create_task(self._settle_later(delivery))
                self._aside.add(task)
                task.add_done_callback(self._aside.discard)
                return
            self.lane.settled(delivery)
            if taken is None:
                return
            self.lane.ack(delivery)
            if letter.address.lane in {"alarm", "event"} and letter.address.well_formed:
                self._answer(letter, taken)
            if letter.incoming.signal.canary:
                return  # the service's own, and in no figure
            MESSAGES.labels(letter.address.lane, taken.status).inc()
            LATENCY.labels(letter.address.lane).observe(time.monotonic() - delivery.at)

    async def _settle_later(self, delivery: Delivery) -> None:
        await asyncio.sleep(ASIDE_S)
        await self.settle(delivery)

    async def report_double(self, delivery: Delivery) -> None:
        """Tell a human that two hubs speak under one id; the heartbeat that showed it is the evidence."""
        message = Message(type="duplicate_id", text="a boot id came back that another had replaced")
        address = read_topic(delivery.topic.decode("utf-8", "replace"))
        with contextlib.suppress(_PoisonError):  # the heartbeats of the two show it again
            await self._retried(letter_of(delivery, address, message))

    async def _retried(self, letter: Letter) -> Taken | None:
        """Take it in until that commits; None when the connection that brought it is gone, for then it comes again.

        One on which the service itself fails is tried in plainer forms; one that fails in all of them, or whose rows
        others lock for longer than the cap, is a _PoisonError. When the database is away for longer than the cap the
        lane disconnects. What was sent at QoS 0 nobody would send again: that is tried for as long as it takes.
        """
        started, pause, failures = time.monotonic(), FIRST_RETRY_S, 0
        while self.lane.is_current(letter.delivery):
            try:
                async with self.database.hurried() as session:
                    return await self._take_in(session, letter)
            except Exception as error:
                FAILURES.labels(letter.address.lane).inc()
                over_cap = time.monotonic() - started > self.retry_cap_s
                if not is_transient(error):
                    failures += 1
                    log.exception("message_not_taken", lane=letter.address.lane, hub_id=letter.address.hub_id)
                    if failures == TRIES:
                        letter, failures, pause = _simplified(letter, error), 0, FIRST_RETRY_S
                elif over_cap and is_conflict(error):
                    raise _PoisonError from error
                elif over_cap and letter.delivery.qos:
                    log.warning("retry_cap_reached", lane=letter.address.lane, error=repr(error)[:200])
                    self.lane.bounce()
                    return None
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_S)
        return None

    async def _take_in(self, session: AsyncSession, letter: Letter) -> Taken:
        service = IntakeService(session, self.public_url)
        now = await service.lock(letter.address.hub_id)
        hub_id = letter.address.hub_id
        incoming = aged(letter.incoming, letter.delivery)
        if letter.address.lane in {"status", "result"}:
            subject = NOT_LOOKED_UP if letter.bare else await find_subject(session, hub_id, letter.message, now)
            # The last will is a hint, never a verdict; a retained one is only its echo after our reconnect.
            if not letter.delivery.retained:
                await service.note(incoming, subject, now, "hint" if letter.address.lane == "status" else "result")
                if letter.address.lane == "status" and letter.delivery.payload.strip() == LAST_WILL:
                    await VerdictRepository(session).left(hub_id)
                if letter.address.lane == "result" and not letter.plain:
                    await take_result(session, hub_id, incoming.payload, now)
            return Taken("noted", None, now)
        subject, found = await _look_up(session, letter, incoming, now)
        return await service.take(incoming, subject, found, now)

    def _answer(self, letter: Letter, taken: Taken) -> None:
        payload = ack_payload(
            event_id=letter.message.event_id,
            status=taken.status,
            alarm_id=str(taken.alarm_id) if taken.alarm_id else None,
            at=taken.at,
            reason=taken.reason,
        )
        self.lane.publish(to_hub(letter.address.hub_id, "ack"), payload)


async def _look_up(session: AsyncSession, letter: Letter, incoming: Incoming, now: datetime) -> tuple[Subject, Found]:
    """Return who a message is about, and what is there already; all in one question, as the hub waits for its ack.

    In its barest form only whether it is stored: whatever else is open of its hub is left alone.
    """
    values = {"id": incoming.id, "hub_id": incoming.hub_id, "dedup_key": incoming.dedup_key}
    if letter.bare:
        return NOT_LOOKED_UP, Found(await ask(session, EARLIER, values))
    moments = {"at": asked_at(letter.message, now), "raised_at": now - incoming.age, "now": now}
    context, *found = await ask_together(session, _QUESTIONS, values | moments)
    return subject_of(context, letter.message), Found(*found)


def _simplified(letter: Letter, error: Exception) -> Letter:
    simpler = plainer(letter, error)
    if simpler is None:
        raise _PoisonError from error
    return simpler
