"""The canary while a scenario runs from broker to provider: the product's own sender of it, a log-in for each."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select, text

from alarms.intake.models import Event
from telecare.kernel.settings import Settings
from telecare.watch.canary import CanarySender
from telecare.watch.models import Canary
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from alarms.policy.scenario_checks import CheckPart
    from tests.scenarios.wire_run import WireRun


LIMIT_S = 20.0


class CanaryFlies(Stage):
    """One goes each minute; it is on its way when the ingest has stored it."""

    run: WireRun

    def __init__(self, run: WireRun, url: str) -> None:
        super().__init__(run)
        self._settings = Settings(database_url=run.database.url, canary_mqtt_url=url)
        self._sender = CanarySender(self._settings, url, run.database)
        self._next_at: datetime | None = run.scenario.start if run.scenario.canary else None

    async def build(self) -> None:
        async with self.run.database.transaction() as session:
            await session.execute(text("TRUNCATE canary"))

    async def next(self) -> datetime | None:
        return self._next_at

    async def drive(self) -> bool:
        if self._next_at is None or self.run.now < self._next_at:
            return False
        self._next_at = self.run.now + timedelta(seconds=self._settings.canary_every_s)
        sent = await self._sender.step()
        assert sent is not None, "a minute has passed"
        stored = select(Event.alarm_id).where(Event.event_id == str(sent))
        async with asyncio.timeout(LIMIT_S):
            # Only the canary itself may hear what it is answered.
            while await self._first(stored) is None:  # noqa: ASYNC110 - the ingest's doing
                await asyncio.sleep(0.01)
        return True

    async def _first(self, question: Select[Any]) -> Any:
        async with self.run.database.transaction() as session:
            return (await session.execute(question)).scalar()

    async def check(self, wanted: CheckPart) -> list[str]:
        if wanted.canaries is None:
            return []
        within = Canary.sent_at + timedelta(seconds=self._settings.canary_within_s)
        came = select(func.count()).where(Canary.arrived_at <= within)
        found = await self._first(came)
        return [] if found == wanted.canaries else [f"{found} canaries came through in time, not {wanted.canaries}"]
