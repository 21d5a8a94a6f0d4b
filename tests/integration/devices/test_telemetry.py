"""Heartbeats told by the hour: once, whoever does it and whenever; and read again as one history."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from devices.presence import telemetry_tasks
from devices.presence.domain import HeartbeatRow
from devices.presence.models import TELEMETRY
from devices.presence.repository import PresenceRepository
from devices.presence.telemetry import HOUR, Point, Step, span_start
from devices.presence.telemetry_repository import TelemetryRepository
from devices.presence.telemetry_tasks import HourlyTelemetry
from devices.registry.seed import seed_fleet
from telecare.api.deps import Services
from telecare.embedded.telemetry import seed_telemetry
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.partitions import PartitionKeeper

WEEK = timedelta(days=7)


@pytest.fixture
async def last(database: Database) -> datetime:
    """The beginning of the last hour that is over and settled."""
    async with database.transaction() as session:
        return span_start(await database_now(session) - telemetry_tasks.SETTLED, HOUR) - HOUR


def beat(at: datetime, hub_id: str = "h", **told: Any) -> HeartbeatRow:
    return HeartbeatRow(new_id(), hub_id, at, json.dumps(told).encode(), **told)


async def record(database: Database, *rows: HeartbeatRow) -> None:
    async with database.transaction() as session:
        await PresenceRepository(session).record(rows)


async def tell(database: Database) -> int:
    telling, turns = HourlyTelemetry(database, WEEK), 0
    while await telling.tell():
        turns += 1
    return turns


async def history(database: Database, since: datetime, step: Step, hub_id: str = "h") -> list[Point]:
    async with database.transaction() as session:
        return await TelemetryRepository(session).history(hub_id, since, await database_now(session), step)


async def hours(database: Database) -> list[tuple[Any, ...]]:
    query = "SELECT hub_id, hour, heartbeats, battery_min, path FROM telemetry_hour ORDER BY 1, 2"
    async with database.transaction() as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def test_each_hour_is_told_once_it_is_over(database: Database, last: datetime) -> None:
    before = last - 3 * HOUR
    await record(database, beat(before, battery_pct=90), beat(before + HOUR / 2, battery_pct=80, path="lte"))
    await record(database, beat(last, battery_pct=70), beat(last + 2 * HOUR, battery_pct=60))
    assert await tell(database) == 2
    assert await hours(database) == [("h", before, 2, 80, "lte"), ("h", last, 1, 70, None)]
    assert await tell(database) == 0


async def test_it_goes_on_after_the_hub_at_which_it_stopped(
    database: Database, last: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_tasks, "HUBS", 2)
    await record(database, *(beat(last, f"h{n}", battery_pct=n) for n in range(5)))
    assert await HourlyTelemetry(database, WEEK).tell()
    assert len(await hours(database)) == 2
    assert await tell(database) == 2
    assert [row[0] for row in await hours(database)] == [f"h{n}" for n in range(5)]


async def test_two_do_not_tell_the_same(database: Database, last: datetime) -> None:
    await record(database, beat(last))
    async with database.transaction() as first:
        assert await TelemetryRepository(first).progress() is not None
        assert not await HourlyTelemetry(database, WEEK).tell(), "another is at it"
    assert await HourlyTelemetry(database, WEEK).tell()


async def test_a_heartbeat_that_cannot_be_read_shows_that_the_hub_lives(database: Database, last: datetime) -> None:
    await record(database, HeartbeatRow(new_id(), "h", last, b"\xff{nonsense"), beat(last + HOUR / 2, battery_pct=50))
    await tell(database)
    assert await hours(database) == [("h", last, 2, 50, None)]


async def test_a_history_is_whole_where_single_heartbeats_are_gone_and_where_no_hour_is_over(
    database: Database, last: datetime
) -> None:
    old, fresh = last - 2 * HOUR, last + 2 * HOUR  # in the hour that is not over, or has yet to settle
    await record(database, beat(old, battery_pct=90), beat(last, battery_pct=80))
    await tell(database)
    await record(database, beat(fresh, battery_pct=70))
    for step in (Step.HOUR, Step.TEN_MINUTES, Step.BEAT):
        async with database.transaction() as session:
            points = await TelemetryRepository(session).history("h", old, fresh + HOUR, step)
        assert [point.battery_min for point in points] == [90, 80, 70], step
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM heartbeat WHERE received_at < :last"), {"last": last})
    assert [point.battery_min for point in await history(database, old, Step.TEN_MINUTES)][:2] == [90, 80]
    assert [point.heartbeats for point in await history(database, old, Step.HOUR, "other")] == []


async def test_made_up_hours_give_way_to_what_was_told(database: Database, last: datetime) -> None:
    statement = "INSERT INTO telemetry_hour (hub_id, hour, heartbeats, seeded) VALUES ('h', :hour, 60, true)"
    async with database.transaction() as session:
        await session.execute(text(statement), {"hour": last})
    await record(database, beat(last, battery_pct=80))
    await tell(database)
    (point,) = await history(database, last, Step.HOUR)
    assert (point.heartbeats, point.seeded) == (1, False)


async def test_tables_that_change_all_the_time_are_vacuumed_by_number(database: Database) -> None:
    query = "SELECT relname, array_to_string(reloptions, ' ') FROM pg_class WHERE relname = ANY(:names)"
    names = ["hub_live", "hub_presence", "outbox", "alarm"]
    async with database.transaction() as session:
        options = {row[0]: row[1] or "" for row in await session.execute(text(query), {"names": names})}
    for name in names:
        assert "autovacuum_vacuum_scale_factor=0.0" in options[name], name
        assert "autovacuum_vacuum_threshold=500" in options[name], name


async def test_the_demos_fleet_has_a_past_that_says_that_it_is_made_up(services: Services, database: Database) -> None:
    async with database.transaction() as session:
        hubs = await seed_fleet(session, services.sealer, "00" * 32, homes=6)
    for _ in range(2):
        async with database.transaction() as session:
            await seed_telemetry(session)
    async with database.transaction() as session:
        now = await database_now(session)
        points = await TelemetryRepository(session).history(hubs[0].hub_id, now - WEEK, now, Step.HOUR)
        told = (await session.execute(text("SELECT count(*) FROM telemetry_hour WHERE NOT seeded"))).scalar_one()
        strays = await PartitionKeeper(session, TELEMETRY).strays()
    assert 7 * 24 - 1 <= len(points) <= 7 * 24
    assert all(point.seeded for point in points)
    assert (told, strays) == (0, 0)
