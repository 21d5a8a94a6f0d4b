"""What goes wrong between a hub and a provider while a scenario runs from end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import make_url

from tests.conftest import in_database, run_sql
from tests.scenarios.clock import set_clock
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from alarms.policy.scenario import EventPart
    from tests.scenarios.line import Line
    from tests.scenarios.wire_run import WireRun


class OnTheLine(Stage):
    """A broker, a database and an ingest that go away."""

    run: WireRun

    def __init__(self, run: WireRun, line: Line) -> None:
        super().__init__(run)
        self._line = line
        self._broker_is_up = True
        self._name = str(make_url(run.database.url).database)

    async def happen(self, event: EventPart) -> bool:
        if event.broker == "off":
            self._broker_is_up = False
            await self._line.stop_broker()
        elif event.broker == "on":
            await self._start_broker()
        elif event.database == "off":
            await self._cut_off()
        elif event.database == "on":
            await self._let_in()
        elif event.kill is not None and event.kill.ingest is not None:
            await self._line.be_mortal(event.kill.ingest)
        else:
            return False
        return True

    async def close(self) -> None:
        await self._line.spare()
        if not self.run.reachable:
            await self._let_in()
        if not self._broker_is_up:
            await self._start_broker()

    async def _start_broker(self) -> None:
        await self._line.start_broker()
        self._broker_is_up = True

    async def _cut_off(self) -> None:
        """Take the database away for longer than our own parts wait: then what hubs send is the broker's to keep."""
        self.run.reachable = False
        await self._sql(
            f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'",  # noqa: S608 - ours
        )
        for engine in self.run.engines:
            await engine.turn()  # it does not end with its database
        await self._line.until_deaf()

    async def _let_in(self) -> None:
        await self._sql(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")
        self.run.reachable = True
        await set_clock(self.run.database, self.run.clock)
        await self._line.until_received()
        await self.run.be_answered()

    async def _sql(self, *statements: str) -> None:
        await run_sql(in_database(self.run.database.url, "postgres"), *statements)
