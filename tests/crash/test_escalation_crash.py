"""kill -9 of web, ingest, engines and database at random while alarms are raised: each is handed over (R46)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from telecare.bench.escalation_crash import EscalationCrashOptions, escalation_crash_run
from telecare.embedded.lab import APART, Lab
from telecare.embedded.ports import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-crash-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


async def test_each_alarm_is_handed_over_whatever_is_killed(folder: Path) -> None:
    options = EscalationCrashOptions(seconds=20, alarms_per_s=5, pause_s=(1.0, 3.0), seed=7, postgres=True)
    async with Lab(folder, homes=120, http_port=free_port(), mqtt_port=free_port(), roles=APART) as lab:
        report = await escalation_crash_run(lab, options, lambda _: None)
    print("\n".join(report.lines()))  # noqa: T201 - the counts belong into the record of the run
    assert report.faults == []
    assert report.raised > 50
    assert report.acked == report.raised
    assert report.alarms > 0
    assert report.handed
    assert report.untold == report.without_deadline == report.overdue == 0
    assert sum(report.kills.values()) >= 5
