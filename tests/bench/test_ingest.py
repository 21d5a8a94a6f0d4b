"""The bench of the ingest runs, and its counts are true. No times."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from telecare.bench.ingest import QUICK, ingest_run
from telecare.embedded.mosquitto import find_mosquitto

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


async def test_each_heartbeat_is_counted_written_and_in_its_order(folder: Path) -> None:
    report = await ingest_run(folder, QUICK, lambda _: None)
    (turn,) = report.turns
    assert min(turn.counting, turn.service, report.bare_per_s or 0) > 0
    assert report.ratio()
    assert [each.hubs for each in report.grown] == list(QUICK.fleets)
    assert all(each.verdicts_s > 0 for each in report.grown)
    (shared,) = report.shared
    assert (shared.processes, shared.written, shared.out_of_order) == (2, QUICK.messages, 0)
    assert sum(shared.took.values()) >= QUICK.messages
    assert min(shared.took.values()) > 0, "both have a part"
    assert any("out of order 0" in line for line in report.lines())
