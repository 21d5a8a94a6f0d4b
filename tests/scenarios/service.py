"""What befalls the service as a whole while a scenario runs on a real database: its clock, and its schema."""

from datetime import timedelta

from sqlalchemy import text

from alarms.policy.scenario import EventPart
from telecare.kernel.schema import SchemaChangedError, SchemaGate, expected_revision
from tests.scenarios.stage import Stage


class Service(Stage):
    """The clock of the database, which the engine holds against a steady one; and whose schema it has."""

    async def build(self) -> None:
        self._jumps = any(event.clock is not None for event in self.run.scenario.events)
        for engine in self.run.engines:
            engine.steady = self.run.seconds
        await self.drive()
        self._gate = SchemaGate(self.run.database.engine)
        if any(event.schema_ is not None for event in self.run.scenario.events):
            await self._gate.look()

    async def happen(self, event: EventPart) -> bool:
        if event.clock is not None:
            self.run.ahead += timedelta(seconds=event.clock)
            await self.run.be_at(self.run.now)
        elif event.schema_ is not None:
            await self._set_schema(expected_revision() if event.schema_ == "ours" else "of a newer program")
        else:
            return False
        return True

    async def _set_schema(self, version: str | None) -> None:
        """Let the schema be of this version; our process ends when it no longer fits, and its keeper starts it anew."""
        async with self.run.database.transaction() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        try:
            self.run.schema_fits = await self._gate.look()
        except SchemaChangedError:
            self._gate = SchemaGate(self.run.database.engine)
            self.run.schema_fits = await self._gate.look()

    async def drive(self) -> bool:
        if self._jumps:
            for engine in self.run.engines:
                await engine.look_at_the_clock()
        return False

    async def close(self) -> None:
        if not self.run.schema_fits:
            await self._set_schema(expected_revision())
