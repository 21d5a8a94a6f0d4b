"""Message lanes on a real database, with a connection that stands but has nobody at its other end."""

from collections.abc import Callable

import pytest

from telecare.ingest.lane import Delivery, Lane
from telecare.ingest.messages import MessageLane
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.ingest.desk import Desk, Said

Deliver = Callable[..., Delivery]


@pytest.fixture
async def said(settings: Settings) -> Said:
    return Said(settings, "alarm", ("alarm",))


@pytest.fixture
def messages(said: Said, database: Database) -> MessageLane:
    return MessageLane(said, database, workers=2, retry_cap_s=5, public_url=None)


@pytest.fixture
def desk(said: Lane, database: Database) -> Desk:
    return Desk(said, database)
