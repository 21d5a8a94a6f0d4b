"""Whether this process can do its work now: named checks, each of which says what is wrong, or nothing."""

import asyncio
from collections.abc import Awaitable, Callable

from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.schema import expected_revision, present_revision
from telecare.watch.domain import ENGINE_LAG_LIMIT_S
from telecare.watch.repository import VitalsRepository

Check = Callable[[], Awaitable[str | None]]

CHECK_TIMEOUT_S = 3.0

_log = get_logger("health")


class HealthChecks:
    """The checks of this process. `app.state.health.add(name, check)` adds one; it returns a reason when not well."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Add a check, or replace the one of this name."""
        self._checks[name] = check

    async def run(self) -> dict[str, str | None]:
        """Run all checks at once; each name with None when well and else its reason."""
        reasons = await asyncio.gather(*(self._ask(name, check) for name, check in self._checks.items()))
        return dict(zip(self._checks, reasons, strict=True))

    async def _ask(self, name: str, check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                return await check()
        except TimeoutError:
            return f"no answer within {CHECK_TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever stops a check is a reason not to be ready
            _log.warning("health check failed", check=name, error=type(error).__name__, detail=str(error))
            return f"the check failed: {type(error).__name__}"


def add_database_checks(checks: HealthChecks, database: Database) -> None:
    """Add the checks that every process needs: the database, its schema, and an engine that keeps up."""

    async def schema() -> str | None:
        present, expected = await present_revision(database.engine), expected_revision()
        if present == expected:
            return None
        return (
            f"the schema is at {present}, this program was written for {expected}: "
            "run `telecare db upgrade`, or start the newer program"
        )

    async def engine() -> str | None:
        async with database.transaction() as session:
            overdue = (await VitalsRepository(session).lag()).every
        return None if overdue <= ENGINE_LAG_LIMIT_S else f"a step of an open alarm is {overdue:.0f} s overdue"

    async def answers() -> str | None:
        async with database.engine.connect():
            return None  # a connection of the pool has just been pinged, a new one has just shaken hands

    checks.add("database", answers)
    checks.add("schema", schema)
    checks.add("engine", engine)
