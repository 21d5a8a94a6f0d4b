"""The scenario files beside this one."""

from pathlib import Path

from alarms.intake.types import TYPES
from alarms.policy.scenario import Scenario, read_scenario
from alarms.policy.simulate import AlarmType
from tests.property.examples import NIGHTLY

BY_DAY = 8
FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.yaml"))
ALARM_TYPES = {name: AlarmType(row.class_, row.rank, row.words) for name, row in TYPES.items()}


def scenario_of(path: Path) -> Scenario:
    return read_scenario(path.read_text(encoding="utf-8"))


def of_level(level: str) -> list[Path]:
    return [path for path in FILES if level in scenario_of(path).levels]


def runs_of(scenario: Scenario) -> range:
    """Return how often a scenario is run on real parts: as it says in the night, often enough to see a fault by day."""
    return range(scenario.runs if NIGHTLY else min(scenario.runs, BY_DAY))


def name_of(path: Path) -> str:
    return path.stem
