"""The slot between two processes, of which one freezes."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from telecare.ingest.slot import FREED_AFTER_S, SlotLease
from telecare.kernel.settings import Settings

HOLDS = """
import asyncio
from telecare.ingest.slot import SlotLease
from telecare.kernel.settings import Settings

class Lane:
    def allow(self): print("allowed", flush=True)
    def forbid(self): print("forbidden", flush=True)

asyncio.run(SlotLease(Settings(), [Lane()]).run(asyncio.Event()))
"""


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that has the slot."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS,
        env={"TELECARE_DATABASE_URL": database_url, "PYTHONPATH": ".", "TELECARE_LOG_LEVEL": "ERROR"},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


async def says(process: asyncio.subprocess.Process, word: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while word not in (await process.stdout.readline()).decode():
            pass


async def test_the_slot_of_a_process_that_froze_is_taken_over_and_it_lets_go_when_it_thaws(
    other: asyncio.subprocess.Process, settings: Settings
) -> None:
    await says(other, "allowed")
    stop = asyncio.Event()
    lease = SlotLease(settings, [])
    running = asyncio.create_task(lease.run(stop))
    async with asyncio.timeout(10):
        while not str(lease.problem).startswith("stand-by"):  # noqa: ASYNC110 - it looks by itself
            await asyncio.sleep(0.05)
    other.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(FREED_AFTER_S + 10):
        while not lease.held:  # noqa: ASYNC110 - it looks by itself
            await asyncio.sleep(0.05)
    other.send_signal(signal.SIGCONT)
    await says(other, "forbidden")
    assert lease.held
    stop.set()
    await running
