"""Where hubs stand, on the real database: exact to the deadline, never by our deafness, never against a heartbeat."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from devices.presence import verdict_repository
from devices.presence.domain import SHORTEST_INTERVAL_S, Presence
from devices.presence.keeper import BATCH, PresenceKeeper
from devices.presence.verdict_repository import DEAF_AFTER, VerdictRepository
from telecare.kernel.db import Database, database_now
from tests.integration.devices.standing import GRACE_S, INTERVAL_S, Fleet


@pytest.fixture
async def fleet(database: Database) -> Fleet:
    fleet = Fleet(database)
    await fleet.settle()
    return fleet


async def test_a_hub_that_was_heard_is_online_from_then_on(fleet: Fleet) -> None:
    await fleet.judge()
    assert await fleet.state() == Presence.NEVER_SEEN
    await fleet.beats()
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE
    ((state, started, ended),) = await fleet.history()
    seen = (await fleet.sql("SELECT last_seen_at FROM hub_live"))[0][0]
    assert (state, started, ended) == (Presence.ONLINE, seen, None)


async def test_a_silent_hub_has_gone_through_each_state_at_its_deadline_however_late_somebody_looks(
    fleet: Fleet,
) -> None:
    await fleet.beats()
    await fleet.judge()
    await fleet.was_heard(ago_s=3 * INTERVAL_S + GRACE_S + 5)
    await fleet.judge()
    assert await fleet.state() == Presence.OFFLINE
    seen = (await fleet.sql("SELECT last_seen_at FROM hub_live"))[0][0]
    assert isinstance(seen, datetime)
    history = await fleet.history()
    assert [state for state, _, _ in history] == ["online", "late", "suspect", "offline"]
    deadlines = [seen + timedelta(seconds=INTERVAL_S * misses + GRACE_S) for misses in (1, 2, 3)]
    assert [started for _, started, _ in history[1:]] == deadlines
    assert [ended for _, _, ended in history] == [*deadlines, None]
    async with fleet.database.transaction() as session:
        hubs = VerdictRepository(session)
        asked = [await hubs.at("h1", at) for at in (seen, deadlines[0] - timedelta(microseconds=1), deadlines[1])]
    assert [one.state for one in asked if one] == ["online", "online", "suspect"]


async def test_back_with_two_heartbeats_or_one_alarm(fleet: Fleet) -> None:
    await fleet.beats()
    await fleet.judge()
    await fleet.was_heard(ago_s=4 * INTERVAL_S)
    await fleet.judge()
    states = []
    for _ in range(2):
        await fleet.beats()
        await fleet.judge()
        states.append(await fleet.state())
    assert states == [Presence.OFFLINE, Presence.ONLINE]
    await fleet.was_heard(ago_s=4 * INTERVAL_S)
    await fleet.judge()
    await fleet.sql(
        "WITH came AS (INSERT INTO event (id, lane, topic, hub_id, treatment, payload, payload_size)"
        " VALUES (gen_random_uuid(), 'alarm', 't', 'h1', 'alarm', '', 0) RETURNING id)"
        " INSERT INTO trigger_proof (hub_id, device_id, path, last_alarm_at, event_id)"
        " SELECT 'h1', 'p1', 'lte', clock_timestamp(), id FROM came"
    )
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE


async def test_what_we_could_not_hear_is_held_against_nobody(fleet: Fleet) -> None:
    await fleet.beats()
    await fleet.judge()
    await fleet.was_heard(ago_s=10 * INTERVAL_S)
    deaf = DEAF_AFTER.total_seconds() + 1
    await fleet.sql("UPDATE listening SET heard_at = clock_timestamp() - make_interval(0,0,0,0,0,0,:ago)", ago=deaf)
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE  # we are deaf: nobody is judged
    await fleet.hears()
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE  # and after it everybody has a whole interval
    look_at = (await fleet.sql("SELECT look_at - clock_timestamp() FROM hub_presence"))[0][0]
    assert isinstance(look_at, timedelta)
    assert look_at > timedelta(seconds=INTERVAL_S)
    ((started, ended),) = await fleet.sql("SELECT started_at, ended_at FROM deaf_period")
    assert isinstance(started, datetime)
    async with fleet.database.transaction() as session:
        assert await VerdictRepository(session).deaf_at(started) == (started, ended)


async def test_no_hub_is_silent_by_a_restart_of_ours_that_is_no_gap_however_often_it_says_that_it_beats(
    fleet: Fleet,
) -> None:
    await fleet.sql("UPDATE hub SET heartbeat_interval_s = 5")
    await fleet.beats()
    await fleet.sql("UPDATE hub_live SET interval_s = 1")
    await fleet.judge()
    await fleet.was_heard(ago_s=SHORTEST_INTERVAL_S)
    assert DEAF_AFTER.total_seconds() < SHORTEST_INTERVAL_S
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE
    await fleet.was_heard(ago_s=SHORTEST_INTERVAL_S * 1.25)
    await fleet.judge()
    assert await fleet.state() == Presence.LATE


async def test_a_last_will_makes_a_hub_late_at_once_and_its_heartbeats_bring_it_back(fleet: Fleet) -> None:
    await fleet.beats(ago_s=5)
    await fleet.judge()
    async with fleet.database.transaction() as session:
        await VerdictRepository(session).left("h1")
    await fleet.judge()
    assert await fleet.state() == Presence.LATE
    for _ in range(2):
        await fleet.beats()
        await fleet.judge()
    assert await fleet.state() == Presence.ONLINE


async def test_a_heartbeat_that_races_the_verdict_wins_in_the_end_each_time(database: Database) -> None:
    """R39: a thousand times, some hubs at once; each goes offline and comes back, or is as if nobody had looked."""
    fleet = Fleet(database)
    await fleet.settle(1000)
    hubs = [f"h{n}" for n in range(1, 1001)]
    await fleet.beats(*hubs)
    await fleet.judge()
    await fleet.sql("UPDATE presence_period SET started_at = started_at - interval '10 days'")
    silent = (
        "WITH silent AS (UPDATE hub_live SET last_seen_at = clock_timestamp() - make_interval(0,0,0,0,0,0,:ago)"
        " WHERE hub_id = ANY(:hubs) RETURNING hub_id, last_seen_at)"
        " UPDATE hub_presence p SET since = since - interval '10 days', last_proof = last_seen_at, look_at = now()"
        " FROM silent WHERE p.hub_id = silent.hub_id"
    )

    async def is_judged(questions: int) -> None:
        for _ in range(questions):  # so long this look comes later, for either to be the first
            await fleet.sql("SELECT 1")
        await PresenceKeeper(database).step()

    for race in range(40):
        racing = hubs[race::40]
        await fleet.sql(silent, ago=3 * INTERVAL_S + GRACE_S, hubs=racing)
        await fleet.hears()
        await asyncio.gather(fleet.beats(*racing), is_judged(race % 8), is_judged(race % 5))
    await fleet.judge()  # the heartbeat of the race is the first good one
    await fleet.beats(*hubs)
    await fleet.judge()
    assert await fleet.sql("SELECT state, count(*) FROM hub_presence GROUP BY 1") == [("online", 1000)]
    histories = await fleet.sql(
        "SELECT DISTINCT string_agg(state, ' ' ORDER BY started_at), bool_and(ended_at IS NOT DISTINCT FROM next)"
        " FROM (SELECT *, lead(started_at) OVER (PARTITION BY hub_id ORDER BY started_at) AS next FROM presence_period)"
        " AS period GROUP BY hub_id ORDER BY 1"
    )
    assert histories == [("online", True), ("online late suspect offline online", True)], "both orders, no gap, no flap"


async def test_very_many_silent_hubs_are_judged_in_batches_and_none_is_left(database: Database) -> None:
    fleet = Fleet(database)
    count = 2 * BATCH + 10
    await fleet.settle(count)
    await fleet.beats(*(f"h{n}" for n in range(1, count + 1)), ago_s=4 * INTERVAL_S)
    await fleet.judge()
    assert await fleet.sql("SELECT state, count(*) FROM hub_presence GROUP BY 1") == [("offline", count)]


async def hears(fleet: Fleet, slot: str, share_of: str | None = None) -> datetime | None:
    async with fleet.database.transaction() as session:
        return await VerdictRepository(session).hear(slot, share_of)


async def has_been_silent(fleet: Fleet, slot: str) -> None:
    await fleet.sql("UPDATE listening SET heard_at = heard_at - interval '1 hour' WHERE slot = :slot", slot=slot)


async def is_deaf(fleet: Fleet) -> bool:
    async with fleet.database.transaction() as session:
        return (await VerdictRepository(session).ear()).deaf


async def test_a_slot_that_is_gone_while_another_hears_all_is_no_deafness(fleet: Fleet) -> None:
    await hears(fleet, "other")
    await has_been_silent(fleet, "other")
    assert not await is_deaf(fleet)
    assert await hears(fleet, "other") is None, "nothing was missed meanwhile"


async def test_a_clock_that_was_set_back_while_nobody_heard_makes_no_hearing(fleet: Fleet) -> None:
    await fleet.sql("UPDATE listening SET heard_at = clock_timestamp() + interval '1 hour'")
    assert await is_deaf(fleet)
    await fleet.hears()
    assert not await is_deaf(fleet)


async def test_of_places_that_share_the_load_one_that_does_not_hear_is_deafness(fleet: Fleet) -> None:
    await fleet.sql("DELETE FROM listening")
    await hears(fleet, "1.1", "1")
    await hears(fleet, "1.2", "1")
    assert not await is_deaf(fleet)
    await has_been_silent(fleet, "1.2")
    assert await hears(fleet, "1.1", "1") is None
    assert await is_deaf(fleet), "every other heartbeat waits where nobody reads"
    assert await hears(fleet, "1.2", "1") is not None
    assert not await is_deaf(fleet)
    assert await hears(fleet, "1.1", "1") is None, "one gap is kept once"
    ((slot,),) = await fleet.sql("SELECT slot FROM deaf_period")
    assert slot == "1.2"


async def test_two_places_that_come_back_at_once_keep_the_gap_once(fleet: Fleet) -> None:
    await fleet.sql("DELETE FROM listening")
    for slot in ("1.1", "1.2"):
        await hears(fleet, slot, "1")
        await has_been_silent(fleet, slot)
    said = await asyncio.gather(hears(fleet, "1.1", "1"), hears(fleet, "1.2", "1"))
    assert sorted(since is None for since in said) == [False, True]


async def test_an_instant_is_found_by_the_key_however_long_the_history_is(fleet: Fleet) -> None:
    """Milliseconds for any hub and instant: the plan reads one row of the key, and not the history."""
    await fleet.beats()
    await fleet.judge()
    await fleet.sql(
        "INSERT INTO presence_period (hub_id, started_at, ended_at, state)"
        " SELECT 'h1', now() - n * interval '1 hour', now() - (n - 1) * interval '1 hour', 'online'"
        " FROM generate_series(2, 20000) AS n"
    )
    await fleet.sql("ANALYZE presence_period")
    async with fleet.database.transaction() as session:
        at = await database_now(session) - timedelta(days=400)
        plan = await session.execute(
            text(f"EXPLAIN (ANALYZE, FORMAT JSON) {verdict_repository._AT}"), {"hub_id": "h1", "at": at}
        )
        (top,) = plan.scalar_one()
    (inner,) = top["Plan"]["Plans"]
    assert (inner["Node Type"], inner["Actual Rows"]) == ("Index Scan", 1)


A_DAY_S = 86_400
SHORTER = {
    "hub": "UPDATE hub SET heartbeat_interval_s = 60",
    "model": "UPDATE device_model SET heartbeat_interval_s = 60",
    "another model": (
        "WITH brisk AS (INSERT INTO device_model (id, make, name, connection, heartbeat_interval_s)"
        " VALUES (gen_random_uuid(), 'Skerry', 'Brisk', 'digital', 60) RETURNING id)"
        " UPDATE hub SET model_id = brisk.id FROM brisk"
    ),
}


async def once_a_day(fleet: Fleet) -> None:
    """Let the hub beat once a day, and have been heard an hour ago."""
    await fleet.sql("UPDATE device_model SET heartbeat_interval_s = :a_day", a_day=A_DAY_S)
    await fleet.beats(ago_s=3600)
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE


@pytest.mark.parametrize("way", SHORTER)
async def test_a_shorter_interval_of_the_register_counts_at_once(fleet: Fleet, way: str) -> None:
    await once_a_day(fleet)
    await fleet.sql(SHORTER[way])
    await fleet.judge()
    assert await fleet.state() == Presence.OFFLINE


async def test_a_smaller_grace_of_the_council_counts_at_once(fleet: Fleet) -> None:
    await fleet.sql("UPDATE council SET heartbeat_grace_s = 3600, miss_limit = 3 WHERE code = 'S12000047'")
    await fleet.beats(ago_s=4 * INTERVAL_S)
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE
    await fleet.sql("UPDATE council SET heartbeat_grace_s = 60 WHERE code = 'S12000047'")
    await fleet.judge()
    assert await fleet.state() == Presence.OFFLINE


@pytest.mark.parametrize("said_before", [None, A_DAY_S])
async def test_a_shorter_interval_that_the_hub_says_counts_at_once(fleet: Fleet, said_before: int | None) -> None:
    await once_a_day(fleet)
    if said_before is not None:
        await fleet.beats(ago_s=3500, interval_s=said_before)
        await fleet.judge()
    await fleet.beats(ago_s=3400, interval_s=60)
    await fleet.judge()
    assert await fleet.state() == Presence.OFFLINE


async def test_one_that_was_known_by_a_test_only_is_due_by_what_its_first_heartbeat_says(fleet: Fleet) -> None:
    await fleet.sql("UPDATE device_model SET heartbeat_interval_s = :a_day", a_day=A_DAY_S)
    await fleet.sql("INSERT INTO hub_presence (hub_id) VALUES ('h1')")
    await fleet.proves(ago_s=3600)
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE
    await fleet.beats(ago_s=3500, interval_s=60)
    await fleet.judge()
    assert await fleet.state() == Presence.OFFLINE


async def test_what_changes_nothing_is_no_reason_to_look(fleet: Fleet) -> None:
    await once_a_day(fleet)
    due = await fleet.sql("SELECT look_at FROM hub_presence")
    await fleet.beats(interval_s=None)
    await fleet.sql("UPDATE hub SET serial = 'other', heartbeat_interval_s = heartbeat_interval_s")
    assert await fleet.sql("SELECT look_at FROM hub_presence") == due
