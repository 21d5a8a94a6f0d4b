"""Hubs that beat, fall silent and have wrong clocks; a service that is away and starts again; a clock that is set.

Ingest's reading, keeper, repositories and database are the real ones, the clock of the database is the test's. What
they write down of each hub is what somebody with a stop-watch does, who knows none of it.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from devices.presence.keeper import PresenceKeeper
from devices.presence.repository import PresenceRepository
from devices.presence.verdict_repository import VerdictRepository
from telecare.ingest.heartbeats import read_batch, stamper
from telecare.ingest.lane import Delivery
from telecare.kernel.db import Database, database_now
from tests.property.devices.stop_watch import StopWatch
from tests.property.devices.wall_clock import WallClock
from tests.property.examples import examples

T0 = (datetime.now(UTC) + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
"""Far enough from midnight, and on a day for which the database has room."""

HEARS_EACH_S = 12
GAP_S = 15
"""Away for longer than this, the service knows of a gap of its own."""


@dataclass(frozen=True)
class Hub:
    """Its rule, when it beats, in seconds, and what its own clock says: so many seconds beside the true time."""

    interval_s: int
    grace_s: int
    miss_limit: int
    beats: tuple[int, ...]
    error_s: int


@dataclass(frozen=True)
class Afternoon:
    """What happens: hubs, when the service is away and for how long, and by how much the server's clock is set when."""

    hubs: tuple[Hub, ...]
    away: dict[int, int]
    sets: dict[int, int]
    ends: int


pauses = st.integers(10, 45) | st.integers(30, 400)
"""Seconds between two beats: often as they should be."""
hubs = st.builds(
    Hub,
    st.integers(30, 60),
    st.integers(0, 20),
    st.integers(1, 4),
    st.tuples(st.integers(1, 60), st.lists(pauses, max_size=12)).map(
        lambda found: tuple(accumulate(found[1], initial=found[0]))
    ),
    st.sampled_from([0, 5, -3600, 86_400, -1_795_000_000]),
)
clock_errors = st.integers(20, 4000) | st.integers(20, 4000).map(lambda by: -by)
afternoons = st.builds(
    Afternoon,
    st.lists(hubs, min_size=1, max_size=6).map(tuple),
    st.dictionaries(st.integers(30, 500), st.integers(1, 150), max_size=2),
    st.dictionaries(st.integers(30, 400), clock_errors, min_size=1, max_size=2),
    st.integers(400, 700),
)


class World:
    """The service and its database, and who watches each hub beside it."""

    def __init__(self, database: Database, clock: WallClock, afternoon: Afternoon) -> None:
        self.afternoon = afternoon
        self.watches = [StopWatch(hub.interval_s, hub.grace_s, hub.miss_limit) for hub in afternoon.hubs]
        self._database = database
        self._clock = clock
        self._keeper = PresenceKeeper(database)
        self._set_by = 0
        self._heard_at = 0  # by the wall clock
        self._kept: list[Delivery] = []

    async def go_through(self) -> None:
        """Let it all happen."""
        afternoon = self.afternoon
        away = [(begin, begin + length) for begin, length in afternoon.away.items()]
        moments = {at - before for hub in afternoon.hubs for at in hub.beats for before in (0, 1)}
        moments |= {*afternoon.sets, *(at for gap in away for at in gap), *range(0, afternoon.ends, HEARS_EACH_S)}
        was_here = True
        await self._settle()
        for now in [*sorted(at for at in moments if at < afternoon.ends), afternoon.ends]:
            is_here = now == afternoon.ends or not any(begin <= now < end for begin, end in away)
            if was_here and (now in afternoon.sets or not is_here):
                await self._go_on(now)
            self._set_by += afternoon.sets.get(now, 0)
            if now in afternoon.sets or not is_here:
                await self._clock.set(self._wall(now))
                await self._keeper.step()
            for place, hub in enumerate(afternoon.hubs):
                if now in hub.beats:
                    self._kept.append(self._beat(place, hub, now))
            if is_here and not was_here:
                self._keeper = PresenceKeeper(self._database)
            if is_here:
                await self._go_on(now)
            was_here = is_here

    async def _go_on(self, now: int) -> None:
        """Hear what has come, and judge; so does whoever watches."""
        await self._clock.set(self._wall(now))
        rows, others = read_batch(self._kept)
        assert not others
        async with self._database.transaction() as session:
            stamp = stamper(await database_now(session), 0)
            for delivery, row in rows:
                row.received_at = stamp(delivery)
            if rows:
                await PresenceRepository(session).record([row for _, row in rows])
        async with self._database.transaction() as session:
            await VerdictRepository(session).hear("main")
        while await self._keeper.step():
            pass
        self._watch(now + self._set_by, {delivery.mid for delivery in self._kept})
        self._kept = []

    def _watch(self, wall: int, came: set[int]) -> None:
        pause = wall - self._heard_at
        for place, watch in enumerate(self.watches):
            if pause < 0:
                watch.is_set_back(wall)
            if pause < 0 or pause > GAP_S:
                watch.begin_anew(wall, came_meanwhile=place in came)
            elif place in came:
                watch.hear_again(wall)
            watch.wait(wall)
        self._heard_at = wall

    def _beat(self, place: int, hub: Hub, now: int) -> Delivery:
        """Return a heartbeat as it comes from the broker, with what its own clock says."""
        says = {"boot_id": "b1", "seq": now, "at": (T0 + timedelta(seconds=now + hub.error_s)).isoformat()}
        topic = f"telecare/v1/h{place}/heartbeat".encode()
        return Delivery(1, place, 1, topic, json.dumps(says).encode(), retained=False, at=0)

    def _wall(self, now: int) -> datetime:
        return T0 + timedelta(seconds=now + self._set_by)

    async def _settle(self) -> None:
        async with self._database.transaction() as session:
            for statement in _EMPTY:
                await session.execute(text(statement))
            for place, hub in enumerate(self.afternoon.hubs):
                values = {
                    "id": f"h{place}", "interval": hub.interval_s, "grace": hub.grace_s, "misses": hub.miss_limit,
                }  # fmt: skip
                await session.execute(text(_HUB), values)

    async def written(self, place: int) -> list[tuple[str, int, int | None]]:
        """Return what the service has written down of a hub: states, from and to, in seconds since the beginning."""
        async with self._database.transaction() as session:
            rows = await session.execute(text(_WRITTEN), {"hub_id": f"h{place}"})
            return [(row.state, _seconds(row.started_at), row.ended_at and _seconds(row.ended_at)) for row in rows]


_EMPTY = (
    "DELETE FROM hub",
    "DELETE FROM hub_live",
    "DELETE FROM heartbeat",
    "DELETE FROM listening",
    "DELETE FROM deaf_period",
)
_MODEL = "INSERT INTO device_model (id, make, name, connection) VALUES (gen_random_uuid(), 'Skerry', 'Halo', 'digital')"
_HUB = """
    INSERT INTO hub (hub_id, council_id, model_id, connection, status, heartbeat_interval_s, heartbeat_grace_s,
                     miss_limit)
    SELECT :id, 'S12000047', id, 'digital', 'stock', :interval, :grace, :misses FROM device_model WHERE name = 'Halo'
"""
_WRITTEN = "SELECT state, started_at, ended_at FROM presence_period WHERE hub_id = :hub_id ORDER BY started_at"


def _seconds(at: datetime) -> int:
    seconds = (at - T0).total_seconds()
    assert seconds == int(seconds)
    return int(seconds)


@pytest.fixture
async def clock(database: Database) -> WallClock:
    clock = WallClock(database)
    await clock.hang()
    async with database.transaction() as session:
        await session.execute(text(_MODEL))
    return clock


def one_hub(beats: range | tuple[int, ...], away: dict[int, int], sets: dict[int, int], misses: int = 1) -> Afternoon:
    return Afternoon((Hub(30, 10, misses, tuple(beats), 0),), away, sets, 400)


@example(one_hub((*range(10, 100, 30), 190, 210), {200: 60}, {}))  # one heartbeat after a miss, one in our gap
@example(one_hub((10, 40, 70, 109), {106: 15}, {}))  # away for less than a gap when one was due
@example(one_hub((*range(10, 100, 30), 270), {100: 100}, {150: -120}, misses=3))  # set back while we were away
@example(one_hub(range(10, 160, 30), {}, {50: 3600, 150: -3500}))  # set wrong, and right again
@settings(examples(8, by_night=2_000), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(afternoon=afternoons)
async def test_what_is_written_of_a_hub_is_what_somebody_with_a_stop_watch_writes(
    database: Database, clock: WallClock, afternoon: Afternoon
) -> None:
    world = World(database, clock, afternoon)
    await world.go_through()
    for place, watch in enumerate(world.watches):
        written = await world.written(place)
        assert [(state, began) for state, began, _ in written] == watch.written
        assert [end for _, _, end in written[:-1]] == [began for _, began, _ in written[1:]]
        assert all(end is None for _, _, end in written[-1:])
