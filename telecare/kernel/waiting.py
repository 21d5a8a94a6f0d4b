"""Waiting for the first of several things, as every loop of a worker does, and letting others in between many."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")

TURN_S = 0.001
"""So long a worker goes on with its homes before others have their turn: an alarm takes some thirty turns."""


async def letting_in(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Return items one by one, and let others have the event loop in between: there may be as many as there are homes.

    Beside the loop, in a thread, an alarm would wait for the interpreter at each word with the database.
    """
    begun = monotonic()
    for item in items:
        yield item
        if monotonic() - begun >= TURN_S:
            await asyncio.sleep(0)
            begun = monotonic()


async def first_of(*events: asyncio.Event, timeout_s: float) -> None:
    """Return when one of the events is set or the time is over, in seconds."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in waits:
            waiting.cancel()
