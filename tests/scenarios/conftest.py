"""One database for the scenarios of a worker, with a clock in the hands of the test."""

from collections.abc import AsyncIterator
from unittest.mock import patch
from uuid import uuid4

import pytest

from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.conftest import in_database, run_sql
from tests.scenarios.clock import BIRTHS, give_clock


@pytest.fixture(scope="module")
async def simulated(postgres_url: str, template: str) -> AsyncIterator[Database]:
    name = f"scenarios_{uuid4().hex}"
    await run_sql(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    url = in_database(postgres_url, name)
    await give_clock(url, name)
    database = Database(Settings(database_url=url))
    with patch("telecare.kernel.ids.uuid7", BIRTHS.born):
        yield database
    await database.dispose()
    await run_sql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")
