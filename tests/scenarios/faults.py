"""What goes wrong with our own parts while a scenario runs on a real database."""

from uuid import UUID

from sqlalchemy import func, select

from alarms.handling.domain import SYSTEM_HUB
from alarms.handling.models import Alarm, AlarmLog
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_checks import CheckPart
from alarms.policy.simulate import FIRST
from tests.scenarios.stage import Stage


class Faults(Stage):
    """Senders that stand still."""

    async def happen(self, event: EventPart) -> bool:
        if event.sender is None:
            return False
        self.run.sends = event.sender == "on"
        return True

    async def check(self, wanted: CheckPart) -> list[str]:
        alarm_id = self.run.alarms.get(wanted.alarm or FIRST)
        return [*await self._open(wanted.open), *await self._log(wanted.log, alarm_id)]

    async def _open(self, wanted: int | None) -> list[str]:
        if wanted is None:
            return []
        open_ = select(func.count()).where(Alarm.handling != "closed", Alarm.hub_id != SYSTEM_HUB)
        async with self.run.database.transaction() as session:
            found = (await session.execute(open_)).scalar_one()
        return [] if found == wanted else [f"{found} alarms are open, not {wanted}"]

    async def _log(self, wanted: tuple[str, ...] | None, alarm_id: UUID | None) -> list[str]:
        if wanted is None:
            return []
        kinds = select(AlarmLog.kind).where(AlarmLog.alarm_id == alarm_id, AlarmLog.kind.in_(wanted))
        async with self.run.database.transaction() as session:
            found = tuple((await session.execute(kinds.order_by(AlarmLog.seq))).scalars())
        return [] if found == wanted else [f"the log has {_listed(found)}, not {_listed(wanted)}"]


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(kinds) or "no such line"
