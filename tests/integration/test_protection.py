"""Where people stand, kept by a worker that reads what others write, and the minutes that were lost."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select, text

from devices.presence.verdict_repository import VerdictRepository
from telecare.kernel.db import Database
from telecare.protection.domain import FAULTS
from telecare.protection.keeper import ProtectionKeeper
from telecare.protection.models import PersonProtection, ProtectionPeriod
from tests.integration.devices.standing import GRACE_S, INTERVAL_S, Fleet


class Street(Fleet):
    """A fleet with people, and somebody who keeps where they stand."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.people = ProtectionKeeper(database, timedelta(hours=1))

    async def look(self) -> int:
        """Judge whom a change is about, and see that by comparing everybody nobody else is found."""
        await self.judge()
        judged = await self.people.look_at_changes()
        assert await self.people.look() == 0
        return judged

    async def stands(self) -> PersonProtection:
        async with self.database.transaction() as session:
            return (await session.execute(select(PersonProtection))).scalar_one()

    async def periods(self) -> list[ProtectionPeriod]:
        async with self.database.transaction() as session:
            found = select(ProtectionPeriod).order_by(ProtectionPeriod.started_at)
            return list((await session.execute(found)).scalars())

    async def has_alarm(self, type_: str, device_id: str = "p1") -> None:
        await self.sql(
            "INSERT INTO alarm (id, version, case_id, hub_id, device_id, council_id, type, family, class, rank, words,"
            " condition, handling, events, raised_at, last_event_at, next_due_at, state, log_seq) VALUES"
            " (gen_random_uuid(), 1, gen_random_uuid(), 'h1', :device_id, 'S12000047', :type, :type, 'U', 30, 'x',"
            " 'active', 'raised', 1, now(), now(), now() + interval '1 h', '{}', 1)",
            type=type_,
            device_id=device_id,
        )


@pytest.fixture
async def street(database: Database) -> Street:
    street = Street(database)
    await street.settle()
    await street.live_in("A")
    return street


async def test_somebody_whose_unit_is_heard_is_protected_and_nobody_is_looked_at_again(street: Street) -> None:
    await street.beats()
    assert await street.look() == 1
    found = await street.stands()
    assert (found.state, found.tier, found.reasons, found.hub_id) == ("protected", "A", [], "h1")
    await street.beats()
    assert await street.look() == 0  # one heartbeat more changes nothing
    (period,) = await street.periods()
    assert (period.state, period.started_at, period.ended_at) == ("protected", found.since, None)


async def test_a_silent_unit_leaves_somebody_unprotected_until_it_is_back(street: Street) -> None:
    await street.sql("UPDATE hub SET created_at = now() - interval '1 year'")
    await street.beats()
    await street.look()
    for column in ("looked_at", "since", "began_at"):
        await street.sql(f"UPDATE person_protection SET {column} = {column} - interval '20 days'")  # noqa: S608
    await street.sql("UPDATE protection_period SET started_at = started_at - interval '20 days'")
    await street.was_heard(ago_s=4 * INTERVAL_S)
    await street.look()
    found = await street.stands()
    assert (found.state, found.reasons) == ("unprotected", ["silent"])
    last = await street.sql("SELECT last_proof FROM hub_presence")
    assert found.good_until == last[0][0]
    offline = next(started for state, started, _ in await street.history() if state == "offline")
    assert found.since == offline
    await street.come_back("h1")
    await street.look()
    periods = await street.periods()
    assert [period.state for period in periods] == ["protected", "unknown", "unprotected", "protected"]
    assert all(one.ended_at == after.started_at for one, after in pairwise(periods))
    assert (periods[2].started_at, periods[2].good_until) == (offline, last[0][0])
    assert periods[1].started_at == last[0][0] + timedelta(seconds=INTERVAL_S + GRACE_S)


async def test_what_a_unit_says_and_its_open_alarms_degrade_and_end(street: Street) -> None:
    await street.beats()
    await street.look()
    await street.sql("UPDATE hub_live SET mains = false")
    await street.look()
    assert (await street.stands()).reasons == ["on_battery"]
    await street.has_alarm("trigger_lost")
    await street.look()
    found = await street.stands()
    assert (found.state, found.reasons) == ("degraded", ["on_battery", "trigger_lost"])
    assert "h1: a trigger is no longer heard (p1)" in found.why
    await street.sql("UPDATE alarm SET condition = 'cleared'")
    await street.sql("UPDATE hub_live SET mains = true")
    await street.look()
    assert (await street.stands()).state == "protected"
    assert len(await street.periods()) == 4


async def test_our_own_gap_changes_nobody(street: Street) -> None:
    await street.beats()
    await street.look()
    before = await street.stands()
    await street.sql("UPDATE hub_live SET mains = false")
    await street.sql("UPDATE listening SET heard_at = clock_timestamp() - interval '1 minute'")
    await street.was_heard(ago_s=4 * INTERVAL_S)
    assert await street.look() == 0
    assert (await street.stands()).state == before.state == "protected"
    async with street.database.transaction() as session:
        await VerdictRepository(session).hear("main")
    await street.look()
    assert (await street.stands()).state == "degraded"  # by its battery; its silence counts from now on


async def test_whoever_is_away_is_expected_and_unprotected_again_when_nothing_is_heard_after(street: Street) -> None:
    await street.beats()
    await street.sql("UPDATE hub_presence SET away_until = now()")
    await street.judge()
    async with street.database.transaction() as session:
        now: datetime = (await VerdictRepository(session).ear()).now
        await VerdictRepository(session).plan_absence("h1", now + timedelta(days=3), "in hospital")
    await street.look()
    found = await street.stands()
    assert (found.state, found.reasons, found.rank) == ("unknown", ["away"], 4)
    assert found.away_until == now + timedelta(days=3)


async def test_a_unit_that_is_taken_away_leaves_somebody_unprotected_until_their_service_has_ended(
    street: Street,
) -> None:
    await street.beats()
    await street.look()
    await street.sql("UPDATE installation SET period = tstzrange(lower(period), now())")
    await street.look()
    found = await street.stands()
    assert (found.state, found.reasons) == ("unprotected", ["no_unit"])
    assert await street.look() == 0
    await street.sql("UPDATE person SET service_ended_on = current_date")
    await street.look()
    assert await street.sql("SELECT 1 FROM person_protection") == []
    assert (await street.periods())[-1].ended_at is not None


async def test_a_unit_that_was_never_heard_leaves_somebody_unprotected_after_an_hour_without_another_word(
    street: Street,
) -> None:
    await street.look()
    found = await street.stands()
    assert (found.state, found.reasons) == ("unknown", ["not_heard_yet"])
    assert found.look_at is not None
    await street.sql("UPDATE hub SET created_at = now() - interval '2 hours'")
    await street.look()
    assert (await street.stands()).state == "unknown"  # no fact has changed by which to look; its time has not come
    await street.sql("UPDATE person_protection SET look_at = now()")
    await street.look()
    assert (await street.stands()).reasons == ["never_heard"]


async def test_somebody_of_another_tier_is_so_at_once_in_a_period_of_their_own(street: Street) -> None:
    await street.beats()
    await street.look()
    await street.sql("UPDATE person SET risk_tier = 'C'")
    await street.look()
    stood = [(period.state, period.tier) for period in await street.periods()]
    assert stood == [("protected", "A"), ("protected", "C")]


async def test_what_no_change_tells_is_found_by_comparing_everybody(street: Street) -> None:
    await street.beats()
    await street.look()
    await street.has_alarm("jammed")
    await street.sql("DELETE FROM protection_change")
    assert await street.people.look_at_changes() == 0
    assert await street.people.look() == 1
    assert (await street.stands()).reasons == ["jammed"]


async def test_of_most_that_happens_nothing_is_written_down(street: Street) -> None:
    await street.beats()
    await street.sql("UPDATE hub_live SET mains = true, battery_pct = 90")
    await street.look()
    await street.beats()
    await street.has_alarm("pendant")
    await street.sql("UPDATE hub_live SET battery_pct = 60, signal_dbm = -70")
    await street.sql("UPDATE person SET given_name = 'Joan'")
    assert await street.sql("SELECT count(*) FROM protection_change") == [(0,)]


async def test_whom_another_worker_has_in_hand_is_looked_at_after_it(street: Street) -> None:
    await street.beats()
    await street.look()
    await street.has_alarm("jammed")
    async with street.database.transaction() as session:
        await session.execute(text("SELECT FROM person_protection FOR UPDATE"))
        assert await street.people.look_at_changes() == 0
    assert await street.people.look_at_changes() == 1
    assert (await street.stands()).reasons == ["jammed"]


async def test_the_triggers_know_of_all_faults(street: Street) -> None:
    for fault in FAULTS:
        await street.has_alarm(fault)
    assert await street.sql("SELECT count(*) FROM protection_change WHERE hub_id = 'h1'") == [(len(FAULTS),)]


async def test_very_many_people_are_looked_at_in_batches(database: Database) -> None:
    street = Street(database)
    await street.settle(2500)
    await street.live_in("C", 2500)
    await street.beats(*(f"h{n}" for n in range(1, 2001)))
    await street.look()
    counts = dict(await street.sql("SELECT state, count(*) FROM person_protection GROUP BY 1"))  # type: ignore[arg-type]
    assert counts == {"protected": 2000, "unknown": 500}
