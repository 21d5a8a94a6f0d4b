"""A process at its start."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from telecare.kernel.settings import Role, Settings
from telecare.serve import serve


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


async def test_what_was_loaded_is_not_looked_through_at_each_full_collection() -> None:
    """That pause would come in the middle of alarms, and grows with the program."""
    nowhere = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"
    stop = asyncio.Event()
    stop.set()
    before = gc.get_freeze_count()
    await serve(Settings(database_url=nowhere, roles=frozenset({Role.WEB}), http_port=0), stop)
    assert gc.get_freeze_count() > before + 10_000
