"""A hub falls silent where somebody lives: an alarm with the deadline of their tier, ended on return."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from alarms.handling.deadline_repository import DeadlineRepository
from alarms.handling.deadlines import Minutes
from alarms.handling.models import Alarm, AlarmLog
from alarms.handling.service import AlarmService
from alarms.handling.silence import HUB_OFFLINE, MASS_SILENCE
from alarms.policy.service import PolicyService
from devices.presence.silence_repository import Silent
from telecare.kernel.db import Database
from telecare.protection import silence
from telecare.protection.silence import SilenceWatch
from tests.integration.devices.standing import INTERVAL_S, Fleet


class Street(Fleet):
    """A fleet with people, and somebody who looks for silent hubs."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.watch = SilenceWatch(database)

    async def look(self) -> None:
        await self.watch.incidents.look()
        await self.watch.tell()
        await self.watch.tell_of_unheard()
        await self.watch.end()
        await self.watch.hasten()

    async def put_up(self, ago_s: float) -> None:
        """Let all hubs have been registered and installed so long ago."""
        await self.sql("UPDATE hub SET created_at = now() - make_interval(0,0,0,0,0,0,:ago)", ago=ago_s)
        await self.sql("UPDATE installation SET period = tstzrange(now() - interval '10 days', NULL)")

    async def is_in_tier(self, tier: str) -> None:
        """Let everybody be in this risk tier from now on, and be looked at."""
        await self.sql("UPDATE person SET risk_tier = :tier", tier=tier)
        await self.watch.hasten()

    async def wants(self, minutes: Minutes, council: str = "S12000047") -> None:
        """Let a council set these deadlines."""
        async with self.database.transaction() as session:
            await DeadlineRepository(session).add(council, minutes, "user:sue", "a longer way")

    async def offline_since(self) -> datetime:
        return next(started for state, started, _ in await self.history() if state == "offline")

    async def due_in(self) -> timedelta:
        """Return how long after the hub was offline all steps of its one alarm's ladder are told."""
        (alarm,) = await self.alarms()
        began = max(line.at for line in await self.lines(alarm) if line.kind in {"raised", "rerouted"})
        waits = sum(step["wait_s"] for step in alarm.state["ladder"]["steps"][:-1])
        return began + timedelta(seconds=waits) - await self.offline_since()

    async def lines(self, alarm: Alarm) -> list[AlarmLog]:
        async with self.database.transaction() as session:
            found = await session.execute(select(AlarmLog).where(AlarmLog.alarm_id == alarm.id).order_by(AlarmLog.seq))
            return list(found.scalars())

    async def has_policy(self, tier: str, *minutes: int) -> None:
        """Let a policy for silent hubs of a tier be live: queue, supervisor and duty manager, so many minutes apart."""
        waits = [f"{each}m" for each in (*minutes, 60)]
        tells = ("queue", "supervisor", "duty_manager")
        steps = ", ".join(f"{{tell: [{who}], wait: {wait}}}" for who, wait in zip(tells, waits, strict=True))
        words = (
            f"key: tier-{tier.lower()}\nname: Silent\nfor: {{types: [hub_offline], classes: [U, T], tiers: [{tier}]}}\n"
            f"steps: [{steps}]\ncatch_all: {{tell: [queue], every: 60m}}\n"
        )
        async with self.database.transaction() as session:
            await PolicyService(session, {HUB_OFFLINE: "T"}).create(words, "", "user:sue")

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
    assert await street.due_in() <= timedelta(minutes=minutes)
    assert "Last heard at" in alarm.notes[0]


async def test_more_risk_after_less_moves_no_deadline_away(street: Street) -> None:
    """C17."""
    await street.go_silent()
    await street.look()
    for tier in "DB":
        await street.is_in_tier(tier)
        (alarm,) = await street.alarms()
        assert (alarm.tier, alarm.state["ladder"]["name"]) == ("A", "silent hub, tier A")
        assert await street.due_in() <= timedelta(minutes=15)


@pytest.mark.parametrize(("tier", "minutes"), [("A", 15), ("B", 60)])
async def test_more_risk_brings_the_deadline_nearer(database: Database, tier: str, minutes: int) -> None:
    """C17."""
    street = Street(database)
    await street.settle()
    await street.live_in("D")
    await street.go_silent()
    await street.look()
    await street.is_in_tier("C")
    await street.is_in_tier(tier)
    assert await street.due_in() <= timedelta(minutes=minutes)


async def test_a_nearer_deadline_of_the_council_moves_open_silences_at_once_and_a_later_one_none(
    database: Database,
) -> None:
    street = Street(database)
    await street.settle()
    await street.live_in("C")
    await street.go_silent(ago_s=4 * INTERVAL_S + 600)
    await street.look()
    assert timedelta(minutes=239) < await street.due_in() <= timedelta(minutes=240)
    await street.wants(Minutes(15, 60, 90))
    for _ in range(2):
        await street.look()
    (alarm,) = await street.alarms()
    assert timedelta(minutes=89) < await street.due_in() <= timedelta(minutes=90)
    (line,) = [line for line in await street.lines(alarm) if line.kind == "rerouted"]
    assert "Its council wants a human on it by" in line.text
    await street.wants(Minutes(60, 120, 600))
    await street.look()
    assert await street.due_in() <= timedelta(minutes=90)
    assert [line.kind for line in await street.lines(alarm)].count("rerouted") == 1
    await street.sql("UPDATE silence_deadlines SET set_at = set_at - interval '2 minutes'")
    await street.look()
    assert await street.sql("SELECT count(*) FROM silence_deadlines WHERE applied_at IS NULL") == [(0,)]


async def test_a_nearer_deadline_that_could_not_be_set_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = Street(database)
    await street.settle()
    await street.live_in("C")
    await street.go_silent()
    await street.look()
    await street.wants(Minutes(15, 60, 90))
    monkeypatch.setattr(silence, "LOOKED_AT_FOR", timedelta())
    with monkeypatch.context() as failing:
        failing.setattr(AlarmService, "bring_forward", _fails)
        await street.look()
    assert await street.due_in() > timedelta(minutes=90)
    await street.look()
    assert await street.due_in() <= timedelta(minutes=90)


async def _fails(*_: Any) -> None:
    raise ValueError("not this one")


async def test_a_new_silence_goes_by_the_deadline_of_its_own_council(street: Street) -> None:
    await street.wants(Minutes(5, 60, 240), "S12000049")
    await street.wants(Minutes(30, 60, 240))
    await street.sql("UPDATE silence_deadlines SET set_at = set_at - interval '1 day'")
    await street.go_silent()
    await street.look()
    assert timedelta(minutes=29) < await street.due_in() <= timedelta(minutes=30)


async def test_of_policies_the_graver_tiers_counts_when_it_is_sooner(database: Database) -> None:
    street = Street(database)
    await street.settle()
    await street.live_in("C")
    await street.has_policy("C", 20, 20)
    await street.has_policy("B", 25, 30)
    await street.has_policy("A", 5, 10)
    await street.go_silent()
    await street.look()
    policies = []
    for tier in "BADC":
        await street.is_in_tier(tier)
        (alarm,) = await street.alarms()
        policies.append((alarm.state["ladder"]["policy"], alarm.tier))
    assert policies == [("tier-c", "C"), ("tier-a", "A"), ("tier-a", "A"), ("tier-a", "A")]


async def test_a_tier_without_a_policy_has_the_built_in_deadline_in_place_of_anothers_policy(
    database: Database,
) -> None:
    street = Street(database)
    await street.settle()
    await street.live_in("C")
    await street.has_policy("C", 30, 30)
    await street.go_silent()
    await street.look()
    await street.is_in_tier("A")
    assert await street.due_in() <= timedelta(minutes=15)


async def test_a_silent_hub_that_is_put_up_for_somebody_else_is_an_alarm_of_theirs(street: Street) -> None:
    await street.go_silent()
    await street.look()
    await street.sql(
        "WITH other AS (INSERT INTO person (id, council_id, given_name, family_name, risk_tier)"
        " VALUES (gen_random_uuid(), 'S12000047', 'Isa', 'Bell', 'B') RETURNING id)"
        " UPDATE installation SET person_id = other.id FROM other"
    )
    for _ in range(2):
        await street.look()
    before, after = await street.alarms()
    assert (before.person_name, before.condition) == ("Jean Rennie", "cleared")
    assert (after.person_name, after.tier, after.condition) == ("Isa Bell", "B", "active")


async def test_the_alarm_of_a_silent_hub_ends_when_it_is_taken_away(street: Street) -> None:
    await street.go_silent()
    await street.look()
    await street.sql("UPDATE installation SET period = tstzrange(lower(period), now())")
    for _ in range(2):
        await street.look()
    (alarm,) = await street.alarms()
    assert alarm.condition == "cleared"


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


async def test_a_hub_that_was_put_up_and_never_heard_is_an_alarm_as_a_silent_one_is(street: Street) -> None:
    await street.look()
    assert await street.alarms() == []  # registered just now
    await street.put_up(ago_s=3500)
    await street.look()
    assert await street.alarms() == []
    await street.put_up(ago_s=3700)
    for _ in range(3):
        await street.look()
    (alarm,) = await street.alarms()
    assert (alarm.type, alarm.class_, alarm.tier, alarm.person_name) == (HUB_OFFLINE, "U", "A", "Jean Rennie")
    assert (alarm.words, alarm.notes[0][:36]) == ("The unit was never heard", "Never heard since it was put up, and")
    await street.beats()
    await street.judge()
    await street.look()
    (alarm,) = await street.alarms()
    assert (alarm.handling, alarm.condition) == ("closed", "cleared")


async def test_what_nobody_could_hear_or_need_is_not_held_against_a_hub_that_was_never_heard(street: Street) -> None:
    await street.put_up(ago_s=100_000)
    await street.sql("UPDATE listening SET heard_at = clock_timestamp() - interval '1 minute'")
    await street.look()  # we are deaf
    await street.hears()
    await street.sql("UPDATE deaf_period SET started_at = now() - interval '28 hours'")
    await street.look()  # since just now we hear again
    await street.sql("UPDATE deaf_period SET started_at = now() - interval '5 minutes'")  # it was overdue before
    await street.sql("UPDATE hub_presence SET away_until = clock_timestamp() - interval '5 minutes'")
    await street.look()  # whoever lives there has just come home
    assert await street.alarms() == []
    await street.sql("UPDATE hub_presence SET away_until = NULL")
    await street.sql("UPDATE hub SET connection = 'analogue'")
    await street.look()
    assert await street.alarms() == []
    await street.sql("UPDATE hub SET connection = 'digital'")
    await street.look()
    assert len(await street.alarms()) == 1


async def test_a_hub_that_sent_a_test_and_no_heartbeat_has_a_standing_from_then_on(street: Street) -> None:
    await street.put_up(ago_s=100_000)
    await street.proves(ago_s=4 * INTERVAL_S)
    await street.look()
    assert await street.alarms() == []
    await street.judge()
    await street.look()
    assert await street.state() == "offline"
    assert [alarm.words for alarm in await street.alarms()] == ["The unit is silent"]


async def test_many_that_were_never_heard_are_one_alarm(database: Database) -> None:
    street = Street(database)
    await street.settle(40)
    await street.live_in("B", 40)
    await street.put_up(ago_s=100_000)
    await street.look()
    (mass,) = await street.alarms()
    assert mass.type == MASS_SILENCE


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
