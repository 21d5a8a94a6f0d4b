"""Keeps the exposure list, and has a human told of entries whose next action is late. Any number of copies."""

import asyncio

from prometheus_client import Gauge

from alarms.escalation.inputs import Annotated, Cleared
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.handling.switchover import EXPOSURE_OVERDUE, exposure_overdue
from devices.switchover.exposure.repository import ExposureRepository
from devices.switchover.exposure.service import ExposureService
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import look_each
from telecare.kernel.metrics import REGISTRY

log = get_logger("exposure")

EVERY_S = 60.0
NAMED = 5
GRAVE = frozenset({"A", "B"})

_exposed = Gauge("telecare_exposed_units", "Analogue units on digital lines", registry=REGISTRY)
_overdue = Gauge(
    "telecare_exposed_units_overdue", "Exposed units without a next action that is still to come", registry=REGISTRY
)


class ExposureWatch:
    """One worker that keeps the list."""

    def __init__(self, database: Database, public_url: str | None = None) -> None:
        self.database = database
        self.public_url = public_url

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        await look_each(EVERY_S, stop, self.look, self.tell, self.count, name="exposure", database=self.database)

    async def look(self) -> None:
        """Put on the list what is exposed, and end what no longer is."""
        async with self.database.transaction() as session:
            done = await ExposureService(session).look()
        if done.opened or done.closed:
            log.info("exposure_looked_at", opened=done.opened, closed=done.closed)

    async def tell(self) -> None:
        """Have a human told of what is overdue: one alarm a council, once for each entry and plan."""
        async with self.database.transaction() as session:
            late = await ExposureRepository(session).overdue(await database_now(session))
            on_the_board = await AlarmRepository(session).open_faults(EXPOSURE_OVERDUE)
        for council, (count, untold) in late.items():
            if untold:
                await self._tell(council, count)
        for known, (alarm_id, _) in on_the_board.items():
            if known is not None and known not in late:
                async with self.database.transaction() as session:
                    await AlarmService(session, self.public_url).clear_if_open(
                        alarm_id, Cleared("Each of them has a next action that is still to come")
                    )

    async def _tell(self, council: str, count: int) -> None:
        async with self.database.transaction() as session:
            now = await database_now(session)
            entries = ExposureRepository(session)
            late = await entries.lock_overdue(council, now)
            if not late:
                return
            tiers = await entries.tiers([entry.person_id for entry in late])
            named = [
                f"hub {entry.hub_id} (tier {tiers[entry.person_id]}), {entry.owner or 'nobody has it'}"
                for entry in sorted(late, key=lambda one: tiers[one.person_id])
            ]
            opening = exposure_overdue(count, named, grave=bool(GRAVE & set(tiers.values())))
            alarms = AlarmService(session, self.public_url)
            alarm_id, is_new = await alarms.open_or_find(opening, council)
            if not is_new:
                await alarms.feed(alarm_id, Annotated(f"{len(late)} more of them: {'; '.join(named[:NAMED])}"))
            for entry in late:
                entry.overdue_told_at = now

    async def count(self) -> None:
        """Count for the metrics."""
        async with self.database.transaction() as session:
            exposed, late, _ = await ExposureRepository(session).tally(await database_now(session))
        _exposed.set(exposed)
        _overdue.set(late)
