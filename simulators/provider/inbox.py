"""What a sink does with what it is given, and how it remembers: shared by the mail and the webhook sink."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Mode(StrEnum):
    """How a sink answers. The words in brackets are the mail and the HTTP answer."""

    ACCEPT = "accept"  # (250, 200)
    REJECT = "reject"  # for good (550, 400)
    TEMPORARY = "temporary"  # not now (451, 503)
    HANG = "hang"  # no answer until the sink's mode changes or it closes
    DIE = "die"  # takes it, remembers it, and breaks the connection instead of an answer


Received = TypeVar("Received", bound="DataclassInstance")


class Inbox(Generic[Received]):
    """Remembers the last `limit` accepted items in memory and, when `path` is given, all of them as JSON lines.

    `mode` is read for each delivery. `fail_times(n)` answers the next n with TEMPORARY, then as `mode` says.
    """

    def __init__(self, mode: Mode = Mode.ACCEPT, *, limit: int = 10_000, path: Path | None = None) -> None:
        self.items: deque[Received] = deque(maxlen=limit)
        self.accepted = 0
        self.attempts = 0
        self._mode = mode
        self._path = path
        self._failures_left = 0
        self._changed = asyncio.Condition()
        self._mode_changed = asyncio.Event()

    @property
    def mode(self) -> Mode:
        """How the next delivery is answered."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        self._mode_changed.set()

    def fail_times(self, times: int) -> None:
        """Answer the next `times` deliveries with a temporary failure."""
        self._failures_left = times

    async def take(self, item: Received) -> Mode:
        """Return how to answer this delivery, having remembered it if it counts as delivered. HANG waits here."""
        self.attempts += 1
        await self._tell()
        while self._mode is Mode.HANG:
            self._mode_changed.clear()
            await self._mode_changed.wait()
        if self._failures_left > 0:
            self._failures_left -= 1
            return Mode.TEMPORARY
        if self._mode in {Mode.ACCEPT, Mode.DIE}:
            self.accepted += 1
            self.items.append(item)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(item)) + "\n")
            await self._tell()
        return self._mode

    async def wait_for(self, n: int, timeout_s: float = 10.0) -> None:
        """Wait until `n` items in all were accepted; TimeoutError says how many there are."""
        await self._wait(lambda: self.accepted >= n, timeout_s, f"{n} accepted")

    async def wait_for_attempts(self, n: int, timeout_s: float = 10.0) -> None:
        """Wait until `n` deliveries in all were tried, whatever the answer."""
        await self._wait(lambda: self.attempts >= n, timeout_s, f"{n} attempts")

    async def _wait(self, enough: Callable[[], bool], timeout_s: float, wanted: str) -> None:
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(enough)
        except TimeoutError as error:
            raise TimeoutError(
                f"wanted {wanted} within {timeout_s} s, got {self.accepted} accepted of {self.attempts} attempts"
            ) from error

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
