"""Engines that look for work when their own loop would, and not as soon as there is some."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from datetime import datetime

    from alarms.handling.engine import Engine
    from tests.scenarios.database_run import DatabaseRun


class OwnRhythm(Stage):
    """While a fault keeps them from their work they try again by themselves, whatever it is: that is the product's."""

    def __init__(self, run: DatabaseRun) -> None:
        super().__init__(run)
        self.engines: list[Engine] = []
        self._looks_at = run.now
        self._ends = False

    def begin(self) -> None:
        """From now on it is the engines that say when they look again."""
        self.engines, self.run.engines = self.run.engines, []
        self._looks_at, self._ends = self.run.now, False

    def end(self) -> None:
        """After their next look they are driven as soon as there is something to do."""
        self._ends = True

    @property
    def rest(self) -> bool:
        """Whether they would be asleep now: their moment has not come, and nobody has woken them."""
        return self.run.now < self._looks_at and not any(engine.woken.is_set() for engine in self.engines)

    async def next(self) -> datetime | None:
        return self._looks_at if self.engines else None

    async def drive(self) -> bool:
        if not self.engines or self.rest:
            return False
        for engine in self.engines:
            engine.woken.clear()
        waits = await asyncio.gather(*(engine.turn() for engine in self.engines))
        self._looks_at = self.run.now + timedelta(seconds=max(waits))  # all at once, and none that passed by earlier
        if self._ends:
            self.run.engines, self.engines = self.engines, []
        return False
