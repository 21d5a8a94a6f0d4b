"""Waiting for the first of several things, as every loop of a worker does."""

import asyncio


async def first_of(*events: asyncio.Event, timeout_s: float) -> None:
    """Return when one of the events is set or the time is over, in seconds."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in waits:
            waiting.cancel()
