"""kill -9 of web, ingest, engines and database at random while alarms are raised: each is handed over (R46)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from telecare.bench.escalation_crash import EscalationCrashOptions, escalation_crash_run
from telecare.embedded.lab import APART, Lab
from telecare.embedded.ports import free_port
from tests.property.examples import NIGHTLY
from tests.scenarios.files import FOLDER, scenario_of

BY_DAY_S = 20.0


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-crash-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


async def test_each_alarm_is_handed_over_whatever_is_killed(folder: Path) -> None:
    """R46, as its file says: all of it in the night, and a short piece of it by day."""
    storm, check = scenario_of(FOLDER / "r46-repeated-kill.yaml").events
    assert storm.storm is not None
    assert check.check is not None
    assert check.check.counts is not None
    options = EscalationCrashOptions(
        seconds=check.at if NIGHTLY else min(check.at, BY_DAY_S),
        alarms_per_s=storm.storm.alarms_a_second,
        pause_s=storm.storm.pause,
        seed=7,
        broker="broker" in storm.storm.also,
        postgres="database" in storm.storm.also,
    )
    async with Lab(folder, homes=120, http_port=free_port(), mqtt_port=free_port(), roles=APART) as lab:
        report = await escalation_crash_run(lab, options, lambda _: None)
    print("\n".join(report.lines()))  # noqa: T201 - the counts belong into the record of the run
    found = {
        "unacked": report.raised - report.acked,
        "lost": report.lost,
        "unheard": report.untold,
        "without_deadline": report.without_deadline,
        "overdue": report.overdue,
        "faults": len(report.faults),
    }
    wanted = check.check.counts.model_dump(exclude_none=True)
    assert {name: found[name] for name in wanted} == wanted, report.faults
    assert report.raised > 50
    assert report.alarms > 0
    assert report.handed
    assert sum(report.kills.values()) >= 3
