"""What befalls the service as a whole while a scenario runs on a real database: its clock."""

from datetime import timedelta

from alarms.policy.scenario import EventPart
from tests.scenarios.stage import Stage


class Service(Stage):
    """The clock of the database, which the engine holds against a steady one."""

    async def build(self) -> None:
        self._jumps = any(event.clock is not None for event in self.run.scenario.events)
        for engine in self.run.engines:
            engine.steady = self.run.seconds
        await self.drive()

    async def happen(self, event: EventPart) -> bool:
        if event.clock is None:
            return False
        self.run.ahead += timedelta(seconds=event.clock)
        await self.run.be_at(self.run.now)
        return True

    async def drive(self) -> bool:
        if self._jumps:
            for engine in self.run.engines:
                await engine.look_at_the_clock()
        return False
