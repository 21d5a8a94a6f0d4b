"""An outbox to fill and look at, sinks in the place of providers, and senders that run."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from alarms.notify.channels.email import EmailChannel
from alarms.notify.channels.webhook import WebhookChannel
from alarms.notify.sender import OnResult, Sender
from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.notify.world import Outbox, Start, Told


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
async def start(settings: Settings, database: Database, wake: asyncio.Event, told: Told) -> AsyncIterator[Start]:
    """Starts senders; at the end each must stop by itself, as at a deployment."""
    stop = asyncio.Event()
    running: list[asyncio.Task[None]] = []
    async with WebhookChannel(settings) as webhook:
        channels = {"email": EmailChannel(settings), "webhook": webhook}

        async def start(*, timeout_s: float = 5, margin_s: float = 5, on_result: OnResult = told) -> None:
            sender = Sender(database, channels, on_result, timeout_s=timeout_s, margin_s=margin_s)
            running.append(asyncio.create_task(sender.run(stop, wake)))

        yield start
        stop.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*running)
