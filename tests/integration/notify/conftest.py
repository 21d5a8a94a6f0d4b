"""An outbox to fill and look at, sinks in the place of providers, and senders that run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.notify.email import EmailChannel
from alarms.notify.sender import OnResult, Sender
from alarms.notify.webhook import WebhookChannel
from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxMessage, OutboxRepository, OutboxState
from telecare.kernel.settings import Settings

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
            await OutboxRepository(session).add(rows)
        self.wake.set()
        return [row["id"] for row in rows]

    def _row(self, channel: str, address: str, rank: int) -> dict:
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
        async with asyncio.timeout(20):
            while True:
                message = await self.get(message_id)
                if message.state in states and message.attempts >= attempts:
                    return message
                await asyncio.sleep(0.01)

    async def done(self, message_id: UUID) -> OutboxMessage:
        return await self.until(message_id, *DONE)


class Told:
    """Who the senders report to: remembers what it was told."""

    def __init__(self) -> None:
        self.results: list[tuple[UUID, bool, str]] = []

    async def __call__(self, _session: AsyncSession, message: OutboxMessage, ok: bool, detail: str) -> None:
        self.results.append((message.id, ok, detail))


@pytest.fixture
def wake() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def outbox(database: Database, wake: asyncio.Event) -> Outbox:
    return Outbox(database, wake)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as sink:
        yield sink


@pytest.fixture
async def hook() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as sink:
        yield sink


@pytest.fixture
def settings(database_url: str, smtp: SmtpSink) -> Settings:
    return Settings(
        database_url=database_url,
        smtp_url=f"smtp://127.0.0.1:{smtp.port}",
        mail_from="Telecare <alarms@council.example>",
        webhook_secret="shared with the receiver",
        provider_timeout_s=5,
    )


@pytest.fixture
async def start(
    settings: Settings, database: Database, wake: asyncio.Event, told: Told
) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Starts senders; at the end each must stop by itself, as at a deployment."""
    stop = asyncio.Event()
    running: list[asyncio.Task[None]] = []
    async with AsyncExitStack() as stack:
        webhook = await stack.enter_async_context(WebhookChannel(settings))
        channels = {"email": EmailChannel(settings), "webhook": webhook}

        async def start(*, timeout_s: float = 5, margin_s: float = 5, on_result: OnResult = told) -> None:
            sender = Sender(database, channels, on_result, timeout_s=timeout_s, margin_s=margin_s)
            running.append(asyncio.create_task(sender.run(stop, wake)))

        yield start
        stop.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*running)
