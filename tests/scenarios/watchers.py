"""Who watches over hubs while a scenario runs: presence."""

from datetime import datetime

from sqlalchemy import select, text

from alarms.policy.scenario_checks import CheckPart
from devices.presence.keeper import PresenceKeeper
from devices.presence.models import HubPresence
from tests.scenarios.stage import Stage

_HEARS = text(
    "INSERT INTO listening (slot, heard_at) VALUES ('main', clock_timestamp())"
    " ON CONFLICT (slot) DO UPDATE SET heard_at = excluded.heard_at"
)
_NEXT = text("SELECT min(look_at) FROM hub_presence WHERE look_at > clock_timestamp()")


class Watchers(Stage):
    """They look whenever something may have changed."""

    async def build(self) -> None:
        self._keeper = PresenceKeeper(self.run.database)

    async def drive(self) -> bool:
        if self.run.scenario.homes:
            async with self.run.database.transaction() as session:
                await session.execute(_HEARS)  # it has said so every other second since
            while await self._keeper.step():
                pass
        return False

    async def next(self) -> datetime | None:
        if not self.run.scenario.homes:
            return None
        async with self.run.database.transaction() as session:
            return (await session.execute(_NEXT)).scalar_one()

    async def check(self, wanted: CheckPart) -> list[str]:
        if wanted.is_ is None:
            return []
        state = select(HubPresence.state).where(HubPresence.hub_id == wanted.hub)
        async with self.run.database.transaction() as session:
            found = (await session.execute(state)).scalar_one_or_none() or "never_seen"
        return [] if found == wanted.is_ else [f"{wanted.hub} is {found}, not {wanted.is_}"]
