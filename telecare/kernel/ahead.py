"""Prepares the next piece while the present one is worked on."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def ahead(source: AsyncIterator[T]) -> AsyncIterator[T]:
    """Yield what `source` yields; its next piece is in the making meanwhile, and never more than that one."""

    async def following() -> tuple[T] | None:
        async for piece in source:
            return (piece,)
        return None

    waiting = asyncio.ensure_future(following())
    try:
        while (piece := await waiting) is not None:
            waiting = asyncio.ensure_future(following())
            yield piece[0]
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
