"""The bench of the ingest runs, and its counts are true. No times."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from devices.presence.keeper import PresenceKeeper
from devices.presence.verdict_repository import VerdictRepository
from telecare.bench.fleet import hub_names, register, silence
from telecare.bench.ingest import QUICK, ingest_run
from telecare.embedded.mosquitto import find_mosquitto
from telecare.kernel.db import Database, asyncpg_dsn

needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


@needs_mosquitto
async def test_each_heartbeat_is_counted_written_and_in_its_order(folder: Path) -> None:
    report = await ingest_run(folder, QUICK, lambda _: None)
    (turn,) = report.turns
    assert min(turn.counting, turn.service, report.bare_per_s or 0) > 0
    assert report.ratio()
    assert [each.hubs for each in report.grown] == list(QUICK.fleets)
    assert all(min(each.verdicts_s, each.unprotected_s, each.degraded_s) > 0 for each in report.grown)
    assert all(each.memory_mib and each.web_mib for each in report.grown) or sys.platform != "linux"
    (shared,) = report.shared
    assert (shared.processes, shared.written, shared.out_of_order) == (2, QUICK.messages, 0)
    assert sum(shared.took.values()) >= QUICK.messages
    assert min(shared.took.values()) > 0, "both have a part"
    assert any("out of order 0" in line for line in report.lines())
    assert report.alarms
    assert [(phase.name, len(phase.ack)) for phase in report.alarms.phases] == [("Idle", 2), ("Under load", 2)]
    assert report.values()["alarms"]["ack_ratio"] > 0


async def test_verdicts_are_waited_for_only_once_the_service_hears(database: Database, database_url: str) -> None:
    """As after Node-RED, for which the ingest is stopped: as it comes back it writes down for how long it was deaf."""
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO listening (slot, heard_at) VALUES ('1', now() - interval '1 h')"))
    stop = asyncio.Event()
    connection = await asyncpg.connect(asyncpg_dsn(database_url))

    async def ear() -> None:
        while not stop.is_set():
            await asyncio.sleep(0.3)
            async with database.transaction() as session:
                await VerdictRepository(session).hear("1")

    await register(connection, 20)
    tasks = [asyncio.create_task(ear()), asyncio.create_task(PresenceKeeper(database).run(stop))]
    try:
        assert await silence(connection, hub_names(5)) > 0
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        await connection.close()
