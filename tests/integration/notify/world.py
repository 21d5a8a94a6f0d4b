"""The outbox as the tests see it, and whom the senders report to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxMessage, OutboxRepository, OutboxState

Start = Callable[..., Awaitable[None]]
"""Starts a sender; keywords `timeout_s`, `margin_s`, `on_result`."""

DONE = (OutboxState.SENT, OutboxState.FAILED, OutboxState.CANCELLED)


class Outbox:
    """The outbox as the tests see it; `wake` stirs the senders."""

    def __init__(self, database: Database, wake: asyncio.Event) -> None:
        self.database = database
        self.wake = wake

    async def add(self, channel: str, address: str, *, rank: int = 10, n: int = 1) -> list[UUID]:
        """Write messages about an alarm of their own each; their ids."""
        rows = [self._row(channel, address, rank) for _ in range(n)]
        async with self.database.transaction() as session:
            OutboxRepository(session).add(rows)
        self.wake.set()
        return [row["id"] for row in rows]

    def _row(self, channel: str, address: str, rank: int) -> dict[str, Any]:
        key = f"{uuid4()}:2:{channel}:{address}"
        data = {"effect_key": key, "words": "Pendant pressed", "place": "1 Hàrbour Street"}
        message = {"label": "Fiona", "subject": "Pendant pressed, Ùna", "text": "Ùna is waiting", "data": data}
        return {
            "id": new_id(), "effect_key": key, "subject_id": new_id(), "council_id": None, "rank": rank,
            "target": "supervisor", "channel": channel, "address": address, "message": message,
        }  # fmt: skip

    async def get(self, message_id: UUID) -> OutboxMessage:
        async with self.database.transaction() as session:
            return (await session.execute(select(OutboxMessage).where(OutboxMessage.id == message_id))).scalar_one()

    async def alter(self, **values: object) -> None:
        async with self.database.transaction() as session:
            await session.execute(update(OutboxMessage).values(**values))
        self.wake.set()

    async def until(self, message_id: UUID, *states: str, attempts: int = 0) -> OutboxMessage:
        """Wait for a message to be in one of these states, after at least so many attempts."""

        async def there() -> bool:
            message = await self.get(message_id)
            return message.state in states and message.attempts >= attempts

        await until(there)
        return await self.get(message_id)

    async def done(self, message_id: UUID) -> OutboxMessage:
        return await self.until(message_id, *DONE)

    async def cancel(self, message_id: UUID) -> None:
        """Cancel as the close of the message's alarm does."""
        subject_id = (await self.get(message_id)).subject_id
        async with self.database.transaction() as session:
            await OutboxRepository(session).cancel_pending(subject_id)


class Told:
    """Who the senders report to: remembers what it was told."""

    def __init__(self) -> None:
        self.results: list[tuple[UUID, bool, str]] = []

    async def __call__(self, _session: AsyncSession, message: OutboxMessage, ok: bool, detail: str) -> None:
        self.results.append((message.id, ok, detail))


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to become true; TimeoutError when it does not."""
    async with asyncio.timeout(20):
        while True:
            if await check():
                return
            await asyncio.sleep(0.01)
