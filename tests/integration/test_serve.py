"""A process and the schema under it (R20)."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from telecare import serve as serving
from telecare.kernel import schema
from telecare.kernel.db import Database
from telecare.kernel.settings import Role, Settings
from tests.conftest import in_database, run_sql
from tests.integration.alarms.world import World


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    name = f"empty_{uuid4().hex}"
    await run_sql(postgres_url, f"CREATE DATABASE {name}")
    yield in_database(postgres_url, name)
    await run_sql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


async def test_nothing_is_processed_before_the_schema_fits_nor_after_it_has_changed(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SCHEMA_CHECK_S", 0.1)
    database, stop = Database(Settings(database_url=empty_url)), asyncio.Event()
    world = World(database)
    settings = Settings(database_url=empty_url, roles=frozenset({Role.ENGINE}), http_port=0)
    with capture_logs() as logs:
        running = asyncio.create_task(serving.serve(settings, stop))
        async with asyncio.timeout(20):
            while not any(entry["event"] == "waits_for_its_schema" for entry in logs):  # noqa: ASYNC110 - its doing
                await asyncio.sleep(0.01)
        assert not any(entry["event"] == "engine_waits_for_database" for entry in logs)
        await schema.upgrade(database.engine)
        alarm_id = await world.raise_alarm()
        async with asyncio.timeout(20):
            while (await world.get(alarm_id)).version == 1:  # noqa: ASYNC110 - the engine's doing
                await asyncio.sleep(0.01)
        await world.sql("UPDATE alembic_version SET version_num = 'of a newer program'")
        assert await asyncio.wait_for(running, 20) == 1
    assert any(entry["event"] == "part_ended" and "SchemaChangedError" in entry["error"] for entry in logs)
    await database.dispose()
