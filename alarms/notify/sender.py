"""The sender: leases messages from the outbox, hands them to providers, writes what came of them.

Any number of copies run side by side. No provider is called inside a transaction; when a sender dies between a
provider's answer and its own note of it, the lease runs out and the message goes out again under the same key (R04).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.notify.brief import bundle_of
from alarms.notify.bundles import FOR_PEOPLE, NOTICES, BundleRepository
from alarms.notify.crowding import LIFE_SAFETY, OTHERS, Room, crowded
from alarms.notify.delivery import (
    LIFE_SAFETY_BELOW,
    Permanent,
    Provider,
    Recaller,
    Result,
    Sent,
    Temporary,
    retry_after,
)
from alarms.notify.fairness import in_turn
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.outbox import BUNDLE, TECHNICAL_FROM, Candidate, OutboxMessage, OutboxRepository, OutboxState
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of

log = get_logger("sender")

POLL_S = 1.0
BATCH = 4
"""Leased at a time: few, so that what arrives now and is more urgent is next (R22)."""
AHEAD = 6 * BATCH
"""Technical messages for which the turns of councils are worked out in one go."""
LOOK_AGAIN_S = 0.25
"""Sooner it is not looked again for others, while those who are next wait for a free hand."""
RECALLS = 20
WRITERS = 4
"""Results written at once: the pool's other connections are for those who take alarms in."""
REWRITE_AFTER_S = 0.1
REWRITE_AT_MOST_S = 2.0
ERROR_LENGTH = 300

NOTHING_LEFT = "all that this stood for is over"

OnResult = Callable[[AsyncSession, OutboxMessage, bool, str], Awaitable[None]]
"""Told the final result of a message (sent or failed for good, and in words) in the transaction that writes it."""

Check = Callable[[AsyncSession, OutboxMessage], Awaitable[str | None]]
"""Asked before a message is handed over, in the transaction that leases it: why it may not go (S17), or None."""

RESULTS = Counter(
    "telecare_notifications",
    "Messages handed to providers, by what came of it",
    ["channel", "result"],
    registry=REGISTRY,
)


class _OvertakenError(Exception):
    """Another sender has leased the message since; its result counts, and ours is dropped."""


class Sender:
    """One worker. `timeout_s` bounds a provider's answer; a lease is `margin_s` longer, for writing the result.

    `pace_s` is the least time between two technical messages to one person; nothing else is ever throttled.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Provider],
        on_result: OnResult,
        *,
        check: Check | None = None,
        timeout_s: float = 10.0,
        margin_s: float = 5.0,
        pace_s: float = 60.0,
    ) -> None:
        self._database = database
        self._channels = channels
        self._on_result = on_result
        self._timeout_s = timeout_s
        self._lease_s = timeout_s + margin_s
        self._pace = timedelta(seconds=pace_s)
        self._in_flight: set[OutboxMessage] = set()
        self._check = check
        self._objections: dict[UUID, str] = {}
        self._children: dict[UUID, list[OutboxMessage]] = {}
        self._served: dict[str | None, int] = {}
        self._servings = 0
        self._chosen: list[Candidate] = []
        self._chosen_at = float("-inf")
        self._freed = asyncio.Event()
        self._writers = asyncio.Semaphore(WRITERS)

    async def run(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        """Send until `stop` is set, then wait for what is on its way; a lost database is waited for."""
        async with asyncio.TaskGroup() as deliveries:
            while not stop.is_set():
                wake.clear()
                self._freed.clear()
                try:
                    taken, recalls = await self._take()
                except Exception as error:
                    # Whatever fails, it goes on: nobody else has this job.
                    if is_transient(error):
                        log.warning("sender_waits_for_database", error=repr(error)[:ERROR_LENGTH])
                    else:
                        log.exception("sender_failed")
                    await first_of(stop, timeout_s=POLL_S)
                    continue
                for channel, ref in recalls:
                    deliveries.create_task(self._recall(channel, ref))
                for message in taken:
                    self._in_flight.add(message)
                    deliveries.create_task(self._deliver(message))
                if not taken:
                    await first_of(stop, wake, self._freed, timeout_s=POLL_S)

    async def _take(self) -> tuple[list[OutboxMessage], list[tuple[str, str]]]:
        """Lease the next few messages, life-safety before all else; and what must be taken back, as (channel, ref).

        None when there are none or no hand is free.
        """
        lease = timedelta(seconds=self._lease_s)
        async with self._database.transaction() as session:
            outbox, bundles = OutboxRepository(session), BundleRepository(session)
            waiting = await outbox.waiting(LIFE_SAFETY_BELOW)
            recalls = await outbox.take_recalls(RECALLS) if waiting.recalls else []
            taken: list[OutboxMessage] = []
            if waiting.grave or waiting.urgent:
                await bundles.merge_repeats()
            if waiting.grave:
                await bundles.merge_calls()
                taken = await self._take_below(LIFE_SAFETY_BELOW, LIFE_SAFETY, outbox, lease)
            if not taken and (waiting.grave or waiting.urgent):
                taken = await self._take_below(TECHNICAL_FROM, OTHERS, outbox, lease)
            if not taken and waiting.technical:
                taken = await self._take_technical(outbox, bundles, lease)
            self._children |= await bundles.children([message.id for message in taken if message.target == BUNDLE])
            if self._check is not None:
                found = {message.id: await self._check(session, message) for message in taken}
                self._objections |= {message_id: reason for message_id, reason in found.items() if reason}
        return taken, recalls

    async def _take_below(
        self, below: int, room: Room, outbox: OutboxRepository, lease: timedelta
    ) -> list[OutboxMessage]:
        channels, addresses = crowded(self._in_flight, room)
        return await outbox.lease(BATCH, lease, below=below, except_channels=channels, except_addresses=addresses)

    async def _take_technical(
        self, outbox: OutboxRepository, bundles: BundleRepository, lease: timedelta
    ) -> list[OutboxMessage]:
        """Lease technical messages, one council after the other, to nobody sooner than the pace allows.

        Who is next is worked out for some messages ahead: looking anew for each would cost more than sending it.
        """
        taken = await self._take_chosen(outbox, lease)
        now = asyncio.get_running_loop().time()
        if taken or (self._chosen and now - self._chosen_at < LOOK_AGAIN_S):
            return taken
        self._chosen_at = now
        await bundles.merge_technical()
        channels, addresses = crowded(self._in_flight, OTHERS)
        waiting = await outbox.technical_by_council(
            AHEAD,
            self._pace,
            FOR_PEOPLE,
            unpaced_targets=NOTICES,
            except_channels=channels,
            except_addresses=addresses,
        )
        turns = in_turn([(each.council_id, each.id) for each in waiting], self._served, AHEAD)
        by_id = {each.id: each for each in waiting}
        self._chosen = [by_id[message_id] for _, message_id in turns]
        return await self._take_chosen(outbox, lease)

    async def _take_chosen(self, outbox: OutboxRepository, lease: timedelta) -> list[OutboxMessage]:
        channels, addresses = crowded(self._in_flight, OTHERS)
        free = [each for each in self._chosen if each.channel not in channels and each.address not in addresses]
        taken = await outbox.lease_these([each.id for each in free], BATCH, lease)
        for message in taken:
            self._servings += 1
            self._served[message.council_id] = self._servings
        ours = {message.id for message in taken}
        # Fewer than there were: another sender has been there, and the rest is looked for anew.
        overtaken = len(taken) < min(BATCH, len(free))
        self._chosen = [] if overtaken else [each for each in self._chosen if each.id not in ours]
        return taken

    async def _recall(self, channel: str, ref: str) -> None:
        """Take back a call that still rings; it is a courtesy, and tried once."""
        provider = self._channels.get(channel)
        if isinstance(provider, Recaller):
            try:
                async with asyncio.timeout(self._timeout_s):
                    await provider.cancel(ref)
            except Exception:
                log.exception("recall_failed", channel=channel)

    async def _deliver(self, message: OutboxMessage) -> None:
        lease_ends = asyncio.get_running_loop().time() + self._lease_s
        with structlog.contextvars.bound_contextvars(correlation_id=message.message.get("correlation_id")):
            try:
                result = await self._hand_over(message)
                await self._record(message, result, lease_ends)
            finally:
                self._in_flight.discard(message)
                self._children.pop(message.id, None)
                self._objections.pop(message.id, None)
                self._freed.set()

    async def _hand_over(self, message: OutboxMessage) -> Result:
        provider = self._channels.get(message.channel)
        if message.id in self._objections:
            return Permanent(self._objections[message.id])
        if message.target == BUNDLE and not self._children[message.id]:
            return Permanent(NOTHING_LEFT)
        if provider is None:
            return Permanent(f"there is no sender for “{message.channel}”")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await provider.send(message.address, message.effect_key, self._content(message))
        except TimeoutError:
            return Temporary(f"no answer within {self._timeout_s:g} s; it may have arrived")
        except Exception as error:
            # A fault of ours must neither stop the others nor leave this one unsent in silence.
            log.exception("provider_failed", message_id=str(message.id), channel=message.channel)
            return Temporary(repr(error)[:ERROR_LENGTH])

    def _content(self, message: OutboxMessage) -> dict[str, Any]:
        """Return what is sent, and what a channel may want to know of the try."""
        content = message.message
        if message.target == BUNDLE:
            content = bundle_of([child.message for child in self._children[message.id]])
        return {**content, "id": str(message.id), "rank": message.rank, "attempt": message.attempts}

    async def _record(self, message: OutboxMessage, result: Result, lease_ends: float) -> None:
        """Write the result, for as long as the lease lasts; after that the message is sent again."""
        now = asyncio.get_running_loop().time
        tell, pause = self._on_result, REWRITE_AFTER_S
        while True:
            try:
                outcome = await self._write(message, result, tell)
            except _OvertakenError:
                log.info("overtaken", message_id=str(message.id))
                return
            except Exception as error:
                if is_transient(error) and now() + pause < lease_ends:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, REWRITE_AT_MOST_S)
                elif not is_transient(error) and tell is self._on_result:
                    # Told nobody, but written: it would be sent again for ever, to somebody who has it.
                    log.exception("result_not_told", message_id=str(message.id))
                    tell = _tell_nobody
                else:
                    log.exception("result_not_written", message_id=str(message.id))
                    return
            else:
                RESULTS.labels(message.channel, outcome).inc()
                log.info(outcome, message_id=str(message.id), channel=message.channel, attempts=message.attempts)
                return

    async def _write(self, message: OutboxMessage, result: Result, tell: OnResult) -> str:
        async with self._writers, self._database.transaction() as session:
            outbox = OutboxRepository(session)
            detail = result.detail[:ERROR_LENGTH]
            if isinstance(result, Temporary):
                pause = retry_after(message.attempts, message.rank)
                if pause is not None:
                    await outbox.retry(message, pause, detail)
                    return "retried"
            sent = isinstance(result, Sent)
            # The alarm's row before the outbox's, as a close takes them: otherwise the two could wait for each other.
            for told in self._children.get(message.id, [message]):
                await tell(session, told, sent, detail)
            state = OutboxState.SENT if sent else OutboxState.FAILED
            if detail == NOTHING_LEFT:
                state = OutboxState.CANCELLED
            provider, ref = (result.provider or None, result.ref) if isinstance(result, Sent) else (None, None)
            error = None if sent else detail
            if not await outbox.finish(message, state, error, provider=provider, provider_ref=ref):
                raise _OvertakenError
            return state


async def _tell_nobody(_session: AsyncSession, _message: OutboxMessage, _ok: bool, _detail: str) -> None:
    """Stand in where whoever should be told cannot take it."""
