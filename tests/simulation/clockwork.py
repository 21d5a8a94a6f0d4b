"""An event loop whose time is simulated: where all wait, the clock moves on to the next moment at once.

The same tasks with the same seed run in the same order each time: nothing here asks the machine for time or chance.
"""

import asyncio
from typing import Any


class StandstillError(Exception):
    """Everybody waits for something that will never come."""


class _Waiting:
    """Stands where the loop waits for sockets: there are none, so the wait is over at once."""

    def __init__(self, loop: "SimulatedLoop") -> None:
        self.loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StandstillError
        self.loop.now += timeout
        return []

    def close(self) -> None:
        pass


class SimulatedLoop(asyncio.BaseEventLoop):
    """`time()` starts at 0; a second costs as much as what happens in it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _Waiting(self)
        self.set_exception_handler(lambda _loop, _context: None)  # tasks of killed processes end as they may

    def time(self) -> float:
        return self.now

    def _process_events(self, _event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass
