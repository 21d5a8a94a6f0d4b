"""Partitions by time: made ahead, dropped whole; and when nobody was there to make them, nothing fails for it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from devices.presence.domain import HeartbeatRow
from devices.presence.models import HEARTBEATS, TELEMETRY
from devices.presence.repository import PresenceRepository
from telecare.housekeeping import Housekeeping
from telecare.kernel import partitions
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.partitions import Part, PartitionKeeper, span_of
from telecare.kernel.settings import Settings

DAY = timedelta(days=1)


async def clock(database: Database) -> datetime:
    async with database.transaction() as session:
        return await database_now(session)


async def parts(database: Database) -> list[Part]:
    async with database.transaction() as session:
        return await PartitionKeeper(session, HEARTBEATS).parts()


async def record(database: Database, *moments: datetime) -> None:
    async with database.transaction() as session:
        beats = [HeartbeatRow(new_id(), "h", moment, b"{}", seq=seq) for seq, moment in enumerate(moments)]
        await PresenceRepository(session).record(beats)


async def places(database: Database) -> dict[str, int]:
    """How many heartbeats lie in which partition."""
    async with database.transaction() as session:
        query = text("SELECT CAST(tableoid::regclass AS text), count(*) FROM heartbeat GROUP BY 1")
        return {row[0]: row[1] for row in await session.execute(query)}


async def run(database: Database, statements: Sequence[str]) -> None:
    async with database.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


async def test_they_are_there_from_the_first_moment_and_a_week_ahead(database: Database) -> None:
    now = await clock(database)
    await record(database, now, now + 7 * DAY)
    assert await places(database) == {span_of(HEARTBEATS, now + days * DAY).name: 1 for days in (0, 7)}


async def test_after_weeks_without_housekeeping_heartbeats_are_recorded_all_the_same(
    database: Database, settings: Settings
) -> None:
    """The crash in which nobody made partitions for so long that there are none."""
    now = await clock(database)
    await run(database, [f"DROP TABLE {part.name}" for part in await parts(database)])
    await record(database, now - 30 * DAY, now)
    assert await places(database) == {"heartbeat_default": 2}
    keeping = Housekeeping(settings, database)
    await keeping.sweep()
    assert await places(database) == {"heartbeat_default": 1}, "what is old went, the rest stays where it is"
    made = {part.name for part in await parts(database)}
    assert made == {span_of(HEARTBEATS, now + days * DAY).name for days in range(1, 8)}, "today is the default's"
    await record(database, now + timedelta(seconds=1), now + DAY)
    assert await places(database) == {"heartbeat_default": 2, span_of(HEARTBEATS, now + DAY).name: 1}


async def test_a_day_goes_as_a_whole_once_all_of_it_is_old(database: Database, settings: Settings) -> None:
    now = await clock(database)
    for days in (9, 8, 7):
        span = span_of(HEARTBEATS, now - days * DAY)
        bounds = f"FOR VALUES FROM ('{span.since}') TO ('{span.until}')"
        await run(database, [f"CREATE TABLE {span.name} PARTITION OF heartbeat {bounds}"])
        await record(database, span.since, span.until - timedelta(microseconds=1))
    await Housekeeping(settings, database).sweep()
    assert await places(database) == {span_of(HEARTBEATS, now - 7 * DAY).name: 2}


async def test_two_that_keep_house_make_each_partition_once(database: Database) -> None:
    now = await clock(database)
    await run(database, [f"DROP TABLE {part.name}" for part in (await parts(database))[-2:]])
    async with database.transaction() as first, database.transaction() as second:
        assert await PartitionKeeper(first, HEARTBEATS).make_next(now) is not None
        assert await PartitionKeeper(second, HEARTBEATS).make_next(now) is None
        assert await PartitionKeeper(second, TELEMETRY).make_next(now) is None, "none is missing"
    async with database.transaction() as session:
        assert await PartitionKeeper(session, HEARTBEATS).make_next(now) is not None


async def test_a_partition_is_made_beside_a_batch_that_is_being_written(database: Database) -> None:
    now = await clock(database)
    await run(database, [f"DROP TABLE {(await parts(database))[-1].name}"])
    async with database.transaction() as writing:
        await PresenceRepository(writing).record([HeartbeatRow(new_id(), "h", now, b"{}")])
        async with database.transaction() as session:
            assert await PartitionKeeper(session, HEARTBEATS).make_next(now) is not None


async def test_one_that_is_being_read_is_not_waited_for_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for the lock of a drop has all heartbeats wait behind it."""
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT", "20ms")
    now = await clock(database)
    async with database.transaction() as reading:
        await reading.execute(text("SELECT count(*) FROM heartbeat"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            async with database.transaction() as session:
                await PartitionKeeper(session, HEARTBEATS).drop_next(now + 30 * DAY)
    assert len(await parts(database)) == 8


async def test_each_partition_is_spared_by_a_vacuum_that_has_nothing_to_do_there(
    database: Database, settings: Settings
) -> None:
    await run(database, [f"DROP TABLE {(await parts(database))[-1].name}"])
    await Housekeeping(settings, database).sweep()
    query = (
        "SELECT relname, array_to_string(reloptions, ',') FROM pg_class "
        "WHERE relname LIKE 'heartbeat_20%' AND relkind = 'r'"
    )
    async with database.transaction() as session:
        options = {row[0]: row[1] for row in await session.execute(text(query))}
    assert len(options) == 8
    assert set(options.values()) == {HEARTBEATS.options.replace(" ", "")}
