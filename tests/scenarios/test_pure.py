"""Every scenario through the pure core: exactly these messages, and nothing else."""

from pathlib import Path

import pytest

from alarms.policy.compare import differences
from alarms.policy.simulate import ScenarioRun
from tests.scenarios.files import ALARM_TYPES, name_of, of_level, scenario_of
from tests.scenarios.invariants import broken, of_run


@pytest.mark.parametrize("path", of_level("pure"), ids=name_of)
def test_exactly_these_are_told(path: Path) -> None:
    scenario = scenario_of(path)
    for _ in range(scenario.runs):
        run = ScenarioRun(scenario, ALARM_TYPES)
        found = [*differences(scenario, run.run()), *broken(of_run(run.states, run.history))]
        assert not found, "\n".join([scenario.name, *found])


@pytest.mark.parametrize("path", of_level("pure"), ids=name_of)
def test_it_comes_out_the_same_every_time(path: Path) -> None:
    scenario = scenario_of(path)
    once, again = ScenarioRun(scenario, ALARM_TYPES), ScenarioRun(scenario, ALARM_TYPES)
    assert once.run() == again.run()
    assert once.states == again.states


@pytest.mark.parametrize("path", of_level("pure"), ids=name_of)
def test_a_message_too_many_or_too_few_is_found(path: Path) -> None:
    """The check itself can fail: without one expectation, with a false one, and with a log line that is not there."""
    scenario = scenario_of(path)
    timeline = ScenarioRun(scenario, ALARM_TYPES).run()
    told = list(timeline.told)
    assert scenario.expect is not None
    for one in told:
        timeline.told = [other for other in told if other is not one]
        assert any(line.startswith("not sent") for line in differences(scenario, timeline))
    timeline.told = [*told, *told[:1]]
    assert bool(told) == any(line.startswith("sent and not expected") for line in differences(scenario, timeline))
    timeline.told, timeline.said = told, []
    assert len(differences(scenario, timeline)) == len(scenario.log) + len(scenario.answered)
