"""An outbox to fill and look at, sinks in the place of providers, and senders that run."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from alarms.notify.channels.email import EmailChannel
from alarms.notify.channels.webhook import WebhookChannel
from alarms.notify.sender import OnResult, Sender
from simulators.provider.desk import ACCOUNT_SID, API_KEY, AUTH_TOKEN, CALLBACK_TOKEN
from simulators.provider.simulator import ProviderSimulator
from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.notify.providers import Desk, Send, sending, serving
from tests.integration.notify.world import Outbox, Start, Told

VAPID_KEY = base64.urlsafe_b64encode(bytes(range(1, 33))).decode().rstrip("=")


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


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Where providers will reach the service: known before the service runs, as its address is in each request."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(128)
        yield bound


@pytest.fixture
async def provider(listening: socket.socket) -> AsyncIterator[ProviderSimulator]:
    callback = f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1/callbacks/notify"
    async with ProviderSimulator(notify_callback=callback) as provider:
        yield provider


@pytest.fixture
def provided(settings: Settings, provider: ProviderSimulator, listening: socket.socket) -> Settings:
    """Settings with every provider set up."""
    return Settings(
        **{
            **settings.model_dump(),
            "callback_url": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "notify_url": provider.url,
            "notify_api_key": API_KEY,
            "notify_sms_template": "9d751e0e-f929-4891-82a1-a3e1c3c18ee3",
            "notify_email_template": "0d751e0e-f929-4891-82a1-a3e1c3c18ee3",
            "notify_callback_token": CALLBACK_TOKEN,
            "twilio_url": provider.url,
            "twilio_account_sid": ACCOUNT_SID,
            "twilio_auth_token": AUTH_TOKEN,
            "twilio_sms_from": "+441414960001",
            "twilio_voice_from": "+441414960002",
            "push_vapid_key": VAPID_KEY,
        }
    )


@pytest.fixture
def desk(database: Database, outbox: Outbox, provider: ProviderSimulator, provided: Settings) -> Desk:
    return Desk(database, outbox, provider, provided)


@pytest.fixture
async def send(provided: Settings, database: Database, wake: asyncio.Event) -> AsyncIterator[Send]:
    async with sending(provided, database, wake) as send:
        yield send


@pytest.fixture
async def reached(provided: Settings, database: Database, listening: socket.socket) -> AsyncIterator[None]:
    """The service's web side, which takes callbacks."""
    async with serving(provided, database, listening):
        yield
