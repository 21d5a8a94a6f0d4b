"""A hub falls silent where somebody lives: an alarm with the deadline of their tier, ended on return."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from alarms.handling.models import Alarm
from alarms.handling.silence import HUB_OFFLINE
from devices.presence.silence_repository import Silent
from telecare.kernel.db import Database
from telecare.protection.silence import SilenceWatch
from tests.integration.alarms.world import World
from tests.integration.devices.standing import Fleet


class Street(Fleet):
    """A fleet with people, and somebody who looks for silent hubs."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.watch = SilenceWatch(database)

    async def look(self) -> None:
        await self.watch.incidents.look()
        await self.watch.tell()
        await self.watch.end()
        await self.watch.hasten()

    async def alarms(self, **values: Any) -> list[Alarm]:
        async with self.database.transaction() as session:
            found = (await session.execute(select(Alarm).order_by(Alarm.id))).scalars()
            return [one for one in found if all(getattr(one, name) == value for name, value in values.items())]


@pytest.fixture
async def street(database: Database) -> Street:
    street = Street(database)
    await street.settle()
    await street.live_in("A")
    return street


@pytest.mark.parametrize(("tier", "class_", "minutes"), [("A", "U", 15), ("B", "U", 60), ("C", "T", 240)])
async def test_a_silent_hub_is_one_alarm_with_the_deadline_of_its_persons_tier(
    database: Database, tier: str, class_: str, minutes: int
) -> None:
    """C17."""
    street = Street(database)
    await street.settle()
    await street.live_in(tier)
    await street.go_silent()
    for _ in range(3):
        await street.look()
    (alarm,) = await street.alarms()
    assert (alarm.type, alarm.class_, alarm.tier, alarm.person_name) == (HUB_OFFLINE, class_, tier, "Jean Rennie")
    since = next(started for state, started, _ in await street.history() if state == "offline")
    waits = sum(step["wait_s"] for step in alarm.state["ladder"]["steps"][:2])
    assert alarm.raised_at + timedelta(seconds=waits) <= since + timedelta(minutes=minutes)
    assert "Last heard at" in alarm.notes[0]


async def test_a_tier_that_changes_brings_the_deadline_nearer_and_never_further_away(database: Database) -> None:
    """C17."""
    street = Street(database)
    await street.settle()
    await street.live_in("C")
    await street.go_silent()
    await street.look()
    await World(database).drive()
    (before,) = await street.alarms()
    await street.sql("UPDATE person SET risk_tier = 'A'")
    await street.look()
    await World(database).drive()
    (sooner,) = await street.alarms()
    assert sooner.next_due_at is not None
    assert before.next_due_at is not None
    assert sooner.next_due_at < before.next_due_at - timedelta(hours=2)
    await street.sql("UPDATE person SET risk_tier = 'D'")
    await street.look()
    (after,) = await street.alarms()
    assert (after.tier, after.next_due_at, after.version) == ("D", sooner.next_due_at, sooner.version)


async def test_it_ends_by_itself_when_the_hub_is_heard_again_and_comes_anew_with_the_next_silence(
    street: Street,
) -> None:
    await street.go_silent()
    await street.look()
    await street.come_back("h1")
    await street.look()
    (alarm,) = await street.alarms()
    assert (alarm.handling, alarm.condition) == ("closed", "cleared")
    await street.was_heard(ago_s=2000)
    await street.judge()
    await street.look()
    assert len(await street.alarms(handling="raised")) == 1


async def test_whoever_is_away_by_plan_is_no_alarm(street: Street) -> None:
    """C24."""
    await street.beats()
    await street.judge()
    await street.sql(
        "UPDATE hub_presence SET away_until = clock_timestamp() + interval '3 days', look_at = clock_timestamp()"
    )
    await street.was_heard(ago_s=100_000)
    await street.judge()
    await street.look()
    assert await street.state() == "dormant"
    assert await street.alarms() == []


async def test_a_hub_that_serves_nobody_or_travels_by_telephone_is_no_alarm(database: Database) -> None:
    street = Street(database)
    await street.settle(2)
    await street.live_in("A", 1)
    await street.sql("UPDATE hub SET connection = 'digital_ready' WHERE hub_id = 'h1'")
    await street.go_silent(2)
    await street.look()
    assert await street.alarms() == []


async def test_a_hub_on_which_we_fail_keeps_no_other_from_being_told_of(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = Street(database)
    await street.settle(3)
    await street.live_in("A", 3)
    tell = street.watch._tell_of_one

    async def fails_on_the_first(silent: Silent) -> None:
        if silent.hub_id == "h1":
            raise ValueError
        await tell(silent)

    monkeypatch.setattr(street.watch, "_tell_of_one", fails_on_the_first)
    await street.go_silent(3)
    await street.look()
    assert [alarm.hub_id for alarm in await street.alarms()] == ["h2", "h3"]
    monkeypatch.undo()
    await street.look()
    assert len(await street.alarms()) == 3
