"""Every scenario on real PostgreSQL, with the product's engine, service, outbox and sender, and a provider of ours."""

from pathlib import Path

import pytest

from alarms.policy.compare import differences
from telecare.kernel.db import Database
from tests.scenarios.database_run import DatabaseRun
from tests.scenarios.files import name_of, of_level, runs_of, scenario_of
from tests.scenarios.invariants import broken, of_database


@pytest.mark.parametrize("path", of_level("database"), ids=name_of)
async def test_exactly_these_are_handed_over(path: Path, simulated: Database) -> None:
    scenario = scenario_of(path)
    back = any((event.clock or 0) < 0 for event in scenario.events)
    for _ in runs_of(scenario):
        timeline = await DatabaseRun(scenario, simulated).run()
        found = [*differences(scenario, timeline), *broken(await of_database(simulated), clock_went_back=back)]
        assert not found, "\n".join([scenario.name, *found])
