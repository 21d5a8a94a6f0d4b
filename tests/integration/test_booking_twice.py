"""Nobody is booked for two homes at a time: by hand, as the second of a pair, by both at once, or back from a hold."""

import asyncio
from datetime import datetime, timedelta

import pytest

from devices.switchover.visits.schemas import StepIn
from telecare.kernel.db import Database
from telecare.kernel.errors import RefusedError
from telecare.switchover.swaps import LONDON, Swaps
from tests.integration.swap import S, Swap

TEN = datetime(2030, 3, 29, 10, tzinfo=LONDON)
HOUR = timedelta(hours=1)
WAITING = """
    SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
     WHERE l.locktype = 'advisory' AND NOT l.granted
"""
TAKEN = "Ewan is booked for OLD at that time: choose another time"


@pytest.fixture
async def homes(database: Database) -> tuple[Swap, Swap]:
    """Two homes for each of which a unit is kept."""
    one = await Swap(database).settle()
    other = await Swap(database, one.people, one.models, programme_id=one.programme_id, suffix="-2").settle()
    for home in (one, other):
        await home.go_to(S.STOCK_ALLOCATED)
    return one, other


async def test_a_time_that_overlaps_another_homes_is_refused_and_one_behind_it_is_not(
    homes: tuple[Swap, Swap],
) -> None:
    one, other = homes
    await one.step(S.BOOKED, starts_at=TEN, ends_at=TEN + HOUR)
    for minutes in (-59, 0, 59):
        starts = TEN + timedelta(minutes=minutes)
        with pytest.raises(RefusedError, match=TAKEN):
            await other.step(S.BOOKED, starts_at=starts, ends_at=starts + HOUR)
    assert await other.state() == S.STOCK_ALLOCATED
    await other.step(S.BOOKED, starts_at=TEN + HOUR, ends_at=TEN + 2 * HOUR)
    with pytest.raises(RefusedError, match=TAKEN):
        await other.step(S.CONFIRMED, starts_at=TEN, ends_at=TEN + HOUR)
    await other.step(S.CONFIRMED)


async def test_who_comes_along_is_booked_as_well(homes: tuple[Swap, Swap]) -> None:
    one, other = homes
    ewan, rory = (one.people[name].id for name in ("ewan", "rory"))
    times = {"starts_at": TEN, "ends_at": TEN + HOUR}
    await one.step(S.BOOKED, engineer_id=rory, second_engineer_id=ewan, **times)
    with pytest.raises(RefusedError, match=TAKEN):
        await other.step(S.BOOKED, engineer_id=ewan, **times)
    with pytest.raises(RefusedError, match="Rory is booked for OLD at that time"):
        await other.step(S.BOOKED, engineer_id=rory, **times)


async def test_of_two_who_book_at_once_one_is_refused(homes: tuple[Swap, Swap]) -> None:
    """The second one waits for what becomes of the first, which nobody else can see yet."""
    one, other = homes
    async with one.database.transaction() as session:
        swaps = Swaps(session, one.people["ewan"])
        visit, columns = await swaps.visits.require(one.visit_id), {"starts_at": TEN, "ends_at": TEN + HOUR}
        ewan = one.people["ewan"].id
        await swaps.step(visit.id, StepIn(to=S.BOOKED, as_of=visit.version, engineer_id=ewan, **columns))
        second = asyncio.create_task(other.step(S.BOOKED, **columns))
        while not (await one.sql(WAITING) or second.done()):
            await asyncio.wait({second}, timeout=0.01)
    with pytest.raises(RefusedError, match=TAKEN):
        await second
    assert (await one.state(), await other.state()) == (S.BOOKED, S.STOCK_ALLOCATED)


async def test_a_hold_does_not_go_back_to_a_time_that_is_another_homes_now(homes: tuple[Swap, Swap]) -> None:
    one, other = homes
    times = {"starts_at": TEN, "ends_at": TEN + HOUR}
    await other.step(S.BOOKED, **times)
    await other.step(S.CONFIRMED)
    await other.step(S.HOLD, why="a fall", next_contact_on=Swap.later())
    await one.step(S.BOOKED, **times)
    with pytest.raises(RefusedError, match=TAKEN):
        await other.step(S.CONFIRMED)
    await other.step(S.RESCHEDULED, why="another day", next_contact_on=Swap.later())


async def test_what_was_booked_twice_before_goes_on(homes: tuple[Swap, Swap]) -> None:
    """An upgrade changes nothing of bookings that are there."""
    one, other = homes
    await one.step(S.BOOKED, starts_at=TEN, ends_at=TEN + HOUR)
    await other.step(S.BOOKED, starts_at=TEN + HOUR, ends_at=TEN + 2 * HOUR)
    await one.sql("UPDATE visit SET starts_at = starts_at - interval '1 hour' WHERE old_hub_id = 'OLD-2'")
    for to in (S.CONFIRMED, S.ON_SITE):
        await other.step(to)
