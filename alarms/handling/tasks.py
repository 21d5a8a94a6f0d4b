"""Looks at what notices are made of, for the metrics, and tells a human when too many alarms are nobody's."""

import asyncio
from uuid import UUID

from prometheus_client import Gauge

from alarms.escalation.domain import Condition
from alarms.escalation.inputs import Cleared, Repeated
from alarms.handling.faults import UNCLAIMED, unclaimed
from alarms.handling.limit import Level, LimitWatch, level_of
from alarms.handling.lookout import Lookout
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from telecare.kernel.db import Database, database_now
from telecare.kernel.looking import look_each
from telecare.kernel.metrics import REGISTRY

EVERY_S = 20.0

_notices = Gauge("telecare_notices", "What will hurt unless somebody mends it", ("level",), registry=REGISTRY)


class NoticeWatch:
    """Looks every twenty seconds; any number of copies may."""

    def __init__(self, database: Database, limit: int) -> None:
        self.database = database
        self.limit = limit
        self.watch = LimitWatch()

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; whatever fails, the next look finds the same."""
        await look_each(EVERY_S, stop, self.look_at_the_limit, self.count, name="notices", database=self.database)

    async def look_at_the_limit(self) -> None:
        """Raise an alarm for each council that has reached the limit, and note on it when its alarms are few again."""
        async with self.database.transaction() as session:
            counts = await AlarmRepository(session).unclaimed(frozenset())
            known = await AlarmRepository(session).open_faults(UNCLAIMED)
        for council_id, (alarm_id, condition) in known.items():
            if condition is Condition.ACTIVE and level_of(counts.get(council_id, 0), self.limit) is None:
                async with self.database.transaction() as session:
                    await AlarmService(session).feed_fault(alarm_id, condition, Cleared("They are few again"))
        for council_id in self.watch.fresh(counts, self.limit):
            async with self.database.transaction() as session:
                told = await self._tell(AlarmService(session), council_id, counts[council_id], known.get(council_id))
            if told:
                self.watch.told({council_id})

    async def _tell(
        self, service: AlarmService, council_id: str | None, count: int, known: tuple[UUID, Condition] | None
    ) -> bool:
        """Open an alarm, or say it again on the one that is open still; False when that has just been closed."""
        fault = unclaimed(count, self.limit)
        if known is None:
            await service.report(fault, council_id, await database_now(service.session))
            return True
        alarm_id, condition = known
        if condition is Condition.ACTIVE:
            return True
        return await service.feed_fault(alarm_id, condition, Repeated(fault.words, fault.rank))

    async def count(self) -> None:
        """Count the notices of all councils for the metrics."""
        async with self.database.transaction() as session:
            found = await Lookout(session, self.limit).look(frozenset())
        for level in Level:
            _notices.labels(level).set(sum(notice.level is level for notice in found))
