"""Turns: who may work on what next, so that each hub's messages go in order and no hub keeps the others waiting."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """Items by key: of one key one at a time and in order; of different keys by turns, an item each.

    Unbounded: whoever puts in must bound what is in hand.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[Item]] = {}
        self._ready: asyncio.Queue[Hashable] = asyncio.Queue()

    def put(self, key: Hashable, item: Item) -> None:
        """Add an item behind those of its key."""
        if key in self._waiting:
            self._waiting[key].append(item)
        else:
            self._waiting[key] = deque([item])
            self._ready.put_nowait(key)

    async def next(self) -> tuple[Hashable, Item]:
        """Wait for a turn; the next of this key comes only after `done`."""
        key = await self._ready.get()
        return key, self._waiting[key].popleft()

    def done(self, key: Hashable) -> None:
        """End the turn: the next of this key goes to the back of the line."""
        if self._waiting[key]:
            self._ready.put_nowait(key)
        else:
            del self._waiting[key]
