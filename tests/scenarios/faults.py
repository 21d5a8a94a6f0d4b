"""What goes wrong with our own parts while a scenario runs on a real database."""

from sqlalchemy import func, select

from alarms.handling.domain import SYSTEM_HUB
from alarms.handling.models import Alarm
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_checks import CheckPart
from tests.scenarios.stage import Stage


class Faults(Stage):
    """Senders that stand still."""

    async def happen(self, event: EventPart) -> bool:
        if event.sender is None:
            return False
        self.run.sends = event.sender == "on"
        return True

    async def check(self, wanted: CheckPart) -> list[str]:
        if wanted.open is None:
            return []
        open_ = select(func.count()).where(Alarm.handling != "closed", Alarm.hub_id != SYSTEM_HUB)
        async with self.run.database.transaction() as session:
            found = (await session.execute(open_)).scalar_one()
        return [] if found == wanted.open else [f"{found} alarms are open, not {wanted.open}"]
