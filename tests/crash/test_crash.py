"""kill -9 of service, broker and database, at random, while hubs raise alarms: nothing is lost."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from telecare.bench.crash import CrashOptions, crash_run
from telecare.embedded.lab import Lab
from telecare.embedded.ports import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-crash-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


async def test_no_alarm_is_lost_whatever_is_killed(folder: Path) -> None:
    options = CrashOptions(seconds=30, alarms_per_s=10, pause_s=(1.5, 3.0), seed=7)
    said: list[str] = []
    async with Lab(folder, homes=120, http_port=free_port(), mqtt_port=free_port()) as lab:
        report = await crash_run(lab, options, said.append)
    print("\n".join(report.lines()))  # noqa: T201 - the counts belong into the record of the run
    assert report.faults == []
    assert report.raised > 200
    assert report.acked == report.raised
    assert set(report.kills) == {"service", "broker", "postgres"}
