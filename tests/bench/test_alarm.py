"""The bench of an alarm's way measures what it says, on the embedded broker; `test_ingest` has Mosquitto. No times."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from telecare.bench.alarm import AlarmOptions, alarm_run
from telecare.embedded.lab import Lab
from telecare.embedded.ports import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


async def test_each_alarm_is_timed_to_the_hub_the_board_and_a_provider(folder: Path) -> None:
    """C30: in the storm all other homes lose mains and link; how much later it is, the bench says at its size."""
    options = AlarmOptions(alarms=6, per_s=10, heartbeats_per_s=200, consoles=2, under=("load", "storm"))
    async with Lab(folder, homes=120, http_port=free_port(), mqtt_port=free_port()) as lab:
        report = await alarm_run(lab, options, "any", lambda _: None)
        async with httpx.AsyncClient(base_url=lab.url, trust_env=False, timeout=10) as client:
            headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
            page = (await client.get("/api/v1/alarms?limit=200", headers=headers)).json()
    for phase in report.phases:
        for found in phase.table().values():
            assert found is None or (found.n == 6 and found.p50 > 0)
        assert len(phase.ack) == len(phase.board) == len(phase.provider) == 6
    quiet, loaded, storm = report.phases
    assert storm.stormed > 10
    assert quiet.heartbeats_per_s == 0
    assert loaded.heartbeats_per_s > 100
    assert report.ratio()
    assert any("painted" in line for line in report.lines())
    assert "mains_fail" in {alarm["type"] for alarm in page["items"]}, "it did not storm"
    assert not [alarm for alarm in page["items"] if alarm["class"] == "L" and alarm["incident_id"]]
