"""Alarms on a database, and sinks in the place of the watchdog's receivers."""

from collections.abc import AsyncIterator

import pytest

from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.kernel.db import Database
from tests.integration.alarms.world import World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as sink:
        yield sink


@pytest.fixture
async def hook() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as sink:
        yield sink
