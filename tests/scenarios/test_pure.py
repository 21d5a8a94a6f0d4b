"""Every scenario through the pure core: exactly these messages, and nothing else."""

from pathlib import Path

import pytest

from alarms.policy.compare import differences
from alarms.policy.simulate import ScenarioRun
from tests.scenarios.files import ALARM_TYPES, name_of, of_level, scenario_of


@pytest.mark.parametrize("path", of_level("pure"), ids=name_of)
def test_exactly_these_are_told(path: Path) -> None:
    scenario = scenario_of(path)
    run = ScenarioRun(scenario, ALARM_TYPES)
    timeline = run.run()
    assert not (found := differences(scenario, timeline)), "\n".join([scenario.name, *found])
