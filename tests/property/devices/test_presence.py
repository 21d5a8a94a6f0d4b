"""Presence follows from silence alone, in Python as in SQL; a batch of heartbeats means what they mean one by one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, bindparam, func, select

from devices.presence.domain import GRACE, HeartbeatRow, Presence, fold, presence_of
from devices.presence.models import HubLive
from devices.presence.repository import PresenceRepository, presence_in_sql
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ORDER = [Presence.ONLINE, Presence.LATE, Presence.SUSPECT, Presence.OFFLINE, Presence.LOST]
intervals = st.integers(1, 7 * 86400)


@given(interval=intervals, shorter=st.floats(0, 400_000), longer=st.floats(0, 400_000))
def test_longer_silence_is_never_better(interval: int, shorter: float, longer: float) -> None:
    first, second = (
        presence_of(NOW - timedelta(seconds=silent), interval, NOW) for silent in sorted((shorter, longer))
    )
    assert ORDER.index(first) <= ORDER.index(second)


@given(interval=intervals, beats=st.integers(0, 5))
def test_a_beat_is_missed_a_quarter_of_the_interval_after_it_was_due(interval: int, beats: int) -> None:
    due = timedelta(seconds=interval * (beats + GRACE))
    expected = ORDER[min(beats, 3)]
    if beats >= 3 and due >= timedelta(hours=24):
        expected = Presence.LOST
    if beats:
        assert presence_of(NOW - due, interval, NOW) is expected
    if beats <= 3:
        just_before = presence_of(NOW - due + timedelta(microseconds=1), interval, NOW)
        assert just_before is ORDER[max(min(beats, 3) - 1, 0)]


def test_a_hub_that_never_spoke_and_one_whose_clock_is_ahead_of_ours() -> None:
    assert presence_of(None, 60, NOW) is Presence.NEVER_SEEN
    assert presence_of(NOW + timedelta(seconds=5), 60, NOW) is Presence.ONLINE


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(interval=intervals, silent=st.floats(-10, 800_000), edge=st.sampled_from([None, 1.25, 2.25, 3.25]))
@example(interval=60, silent=86400.0, edge=None)
@example(interval=28800, silent=86400.0, edge=3.25)
async def test_sql_agrees(database: Database, interval: int, silent: float, edge: float | None) -> None:
    """The statement's time is the database's own: it is read in the same statement and given to the function."""
    seconds = silent if edge is None else interval * edge
    async with database.transaction() as session:
        now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
        session.add(HubLive(hub_id="p", last_seen_at=now - timedelta(seconds=seconds)))
        await session.flush()
        asked = presence_in_sql(bindparam("interval", interval, Integer))
        row = (await session.execute(select(asked, HubLive.last_seen_at, func.statement_timestamp()))).one()
        assert row[0] == presence_of(row[1], interval, row[2])
        await session.rollback()


beats = st.lists(
    st.builds(
        lambda boot, seq, told: (boot, seq, told),
        st.sampled_from(["a", "b"]),
        st.integers(0, 6),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=8,
)


def heartbeat(place: int, beat: tuple[str, int, int]) -> HeartbeatRow:
    boot, seq, told = beat
    at = NOW + timedelta(seconds=place)
    return HeartbeatRow(new_id(), "h", at, b"{}", boot, seq, told, told > 50, -told, str(told), str(told), told + 1, {})


async def state(database: Database, batches: list[list[HeartbeatRow]]) -> tuple[Any, bool]:
    doubled = False
    async with database.transaction() as session:
        for batch in batches:
            doubled |= bool(await PresenceRepository(session).record(batch))
        live = (await session.execute(select(*HubLive.__table__.columns))).one()
        await session.rollback()
    return tuple(live), doubled


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(beats=beats, cut=st.integers(0, 8))
async def test_a_batch_means_what_its_heartbeats_mean_one_by_one(
    database: Database, beats: list[tuple[str, int, int]], cut: int
) -> None:
    rows = [heartbeat(place, beat) for place, beat in enumerate(beats)]
    alone = await state(database, [[row] for row in rows])
    batches = [batch for batch in (rows[:cut], rows[cut:]) if batch]
    assert await state(database, batches) == alone


@given(beats=beats)
def test_a_fold_keeps_each_hub_once_and_in_order(beats: list[tuple[str, int, int]]) -> None:
    rows = [heartbeat(place, beat) for place, beat in enumerate(beats)]
    others = [HeartbeatRow(new_id(), hub_id, NOW, b"") for hub_id in ("z", "a")]
    assert [each.row.hub_id for each in fold([*others, *rows])] == ["a", "h", "z"]
