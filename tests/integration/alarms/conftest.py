"""The world of the alarm tests."""

import pytest

from telecare.kernel.db import Database
from tests.integration.alarms.world import World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
