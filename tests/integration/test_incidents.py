"""Many homes with one cause: one incident, one alarm a council, members that are ranked, named and let go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked, Cleared, Closed
from alarms.handling.models import Alarm
from alarms.handling.silence import HUB_OFFLINE
from alarms.incidents.domain import INCIDENT, urgency
from alarms.incidents.models import Incident, IncidentMember
from alarms.incidents.repository import IncidentRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.pure.sight import Sight
from telecare.protection.silence import SilenceWatch
from telecare.protection.standings import Standings
from tests.integration.alarms.world import World
from tests.integration.devices.standing import Fleet

FIFE, DUNDEE = "S12000047", "S12000042"


class Town(Fleet):
    """A fleet with people, and the watch over those hit."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.world = World(database)
        self.watch = SilenceWatch(database)

    async def look(self) -> None:
        watch = self.watch
        for look in (watch.incidents.look, watch.incidents.attach, watch.tell, watch.end, watch.hasten):
            await look()

    async def mains_fail(self, *numbers: int, ago_s: int = 60) -> list[Any]:
        failed = []
        for number in numbers:
            alarm_id = await self.world.raise_alarm("mains_fail", f"h{number}")
            await self.sql(
                "UPDATE alarm SET council_id = h.council_id, raised_at = raised_at - make_interval(secs => :ago)"
                " FROM hub h WHERE h.hub_id = alarm.hub_id AND alarm.id = :id",
                id=alarm_id,
                ago=ago_s,
            )
            failed.append(alarm_id)
        return failed

    async def incidents(self) -> list[Incident]:
        async with self.database.transaction() as session:
            return list((await session.execute(select(Incident).order_by(Incident.id))).scalars())

    async def states(self) -> dict[str, str]:
        async with self.database.transaction() as session:
            return {one.hub_id: one.state for one in (await session.execute(select(IncidentMember))).scalars()}

    async def alarms(self, type_: str) -> list[Alarm]:
        async with self.database.transaction() as session:
            statement = select(Alarm).where(Alarm.type == type_).order_by(Alarm.id)
            return list((await session.execute(statement)).scalars())

    async def told(self) -> set[str]:
        return {str(row[0]) for row in await self.sql("SELECT address FROM outbox")}


@pytest.fixture
async def town(database: Database) -> Town:
    """Seventy homes of one postcode sector."""
    town = Town(database)
    await town.settle(70)
    await town.live_in("C", 70)
    await town.sql("UPDATE device_model SET battery_hours = 24")
    return town


async def test_a_power_cut_in_one_postcode_is_one_incident_and_nobody_is_told_of_each_home(town: Town) -> None:
    """C12."""
    await town.world.put_behind_supervisor("fiona")
    await town.sql("UPDATE person SET risk_tier = 'A', given_name = 'Ishbel' WHERE id = (SELECT person_id"
                   " FROM installation WHERE hub_id = 'h7')")  # fmt: skip
    failed = await town.mains_fail(*range(1, 41))
    await town.look()
    failed += await town.mains_fail(*range(41, 61))
    await town.look()
    await town.world.drive()
    (incident,) = await town.incidents()
    assert (incident.kind, incident.key, incident.size) == ("postcode_sector", "KY15 4", 70)
    (alarm,) = await town.alarms(INCIDENT)
    assert (alarm.class_, alarm.council_id, alarm.words) == ("U", FIFE, "Incident, postcode sector KY15 4: 60 homes")
    assert alarm.notes[0].startswith("Worst off: Ishbel Rennie (tier A, on battery until about")
    assert any(line.startswith("20 homes more: ") for line in await town.world.log(alarm.id))
    for alarm_id in failed:
        one = await town.world.get(alarm_id)
        assert one.incident_id == incident.id
        assert one.next_due_at is not None
        assert one.next_due_at > datetime.now(UTC) + timedelta(hours=23)
        assert await town.world.sent_to(alarm_id) == []
    # Batteries are counted down, from what the hub says of its own.
    async with town.database.transaction() as session:
        now = await database_now(session)
        listed = await Standings(session).members(incident.id, Sight(), now, None, None, 100)
    assert [listed[0]["person_name"], len(listed)] == ["Ishbel Rennie", 60]
    left = listed[1]["battery_until"] - now
    assert timedelta(hours=23) < left < timedelta(hours=24)
    await town.beats("h9")
    await town.sql("UPDATE hub_live SET battery_pct = 50, mains = false, last_seen_at = now() WHERE hub_id = 'h9'")
    await town.look()
    async with town.database.transaction() as session:
        listed = await Standings(session).members(incident.id, Sight(), now, None, None, 100)
    assert listed[1]["hub_id"] == "h9"
    assert listed[1]["battery_until"] - now < timedelta(hours=13)


async def test_a_storm_that_takes_the_next_postcode_is_one_of_the_town(town: Town) -> None:
    """The homes of the first postcode, which have an incident, show how far it has got."""
    await town.sql(
        "UPDATE premises SET exchange = 'Cupar', postcode = CASE WHEN n <= 16 THEN 'KY15 5AA' ELSE 'KY15 6AA' END"
        "  FROM (SELECT premises_id, substr(hub_id, 2)::int AS n FROM installation) AS homes"
        " WHERE id = premises_id AND n <= 40"
    )
    await town.mains_fail(*range(1, 17))
    await town.look()
    await town.mains_fail(*range(17, 33))
    await town.look()
    assert [(one.kind, one.key) for one in await town.incidents()] == [
        ("postcode_sector", "KY15 5"),
        ("exchange", "Cupar"),
    ]
    await town.mains_fail(33, ago_s=1)
    await town.look()
    assert len(await town.states()) == 33


async def test_it_closes_itself_as_they_return_and_keeps_who_does_not(town: Town) -> None:
    failed = await town.mains_fail(*range(1, 9))
    await town.look()
    for alarm_id in failed[:6]:
        await town.world.feed(alarm_id, Cleared("Mains power back"))
    await town.look()
    assert sorted((await town.states()).values()) == ["joined"] * 2 + ["returned"] * 6
    assert (await town.incidents())[0].state == "open"
    await town.sql("UPDATE incident SET last_moved_at = last_moved_at - interval '11 minutes'")
    await town.look()
    await town.look()
    (incident,) = await town.incidents()
    assert (incident.state, (await town.states())["h8"]) == ("closed", "stayed")
    (alarm,) = await town.alarms(INCIDENT)
    assert (alarm.handling, alarm.condition) == ("raised", "cleared")
    assert any("2 stay out and have alarms of their own" in line for line in await town.world.log(alarm.id))
    own = await town.world.get(failed[7])  # it goes on by itself
    assert (own.incident_id, own.state["ladder"]["name"]) == (None, "default technical")
    await town.mains_fail(10)
    await town.look()
    assert len(await town.incidents()) == 1


async def test_who_stays_silent_gets_an_alarm_of_their_own(town: Town) -> None:
    await town.go_silent(8)
    await town.look()
    assert (await town.alarms(HUB_OFFLINE), len(await town.alarms(INCIDENT))) == ([], 1)
    await town.come_back(*(f"h{n}" for n in range(1, 7)))
    await town.look()
    await town.sql("UPDATE incident SET last_moved_at = last_moved_at - interval '11 minutes'")
    for _ in range(2):
        await town.look()
    assert [alarm.hub_id for alarm in await town.alarms(HUB_OFFLINE)] == ["h7", "h8"]


async def test_an_alarm_that_goes_on_by_itself_is_due_from_when_the_hub_was_offline(town: Town) -> None:
    await town.go_silent(3)
    await town.look()
    await town.sql("UPDATE alarm SET raised_at = raised_at + interval '10 minutes'")  # so late was the look
    await town.go_silent(8)
    for _ in range(2):
        await town.look()
    await town.come_back(*(f"h{n}" for n in range(2, 9)))
    await town.look()
    await town.sql("UPDATE incident SET last_moved_at = last_moved_at - interval '11 minutes'")
    for _ in range(3):
        await town.look()
    alarm = next(one for one in await town.alarms(HUB_OFFLINE) if one.hub_id == "h1")
    since = next(started for state, started, _ in await town.history() if state == "offline")
    waits = sum(step["wait_s"] for step in alarm.state["ladder"]["steps"][:-1])
    assert (alarm.incident_id, alarm.state["ladder"]["name"]) == (None, "silent hub, tier C")
    assert alarm.state["step_due_at"] is not None
    assert datetime.fromisoformat(alarm.state["step_due_at"]) + timedelta(seconds=waits) <= since + timedelta(hours=4)


async def test_whoever_is_past_the_deadline_of_their_tier_is_named(town: Town) -> None:
    await town.sql("UPDATE person SET risk_tier = 'A', given_name = 'Morag' WHERE id = (SELECT person_id"
                   " FROM installation WHERE hub_id = 'h3')")  # fmt: skip
    await town.go_silent(8)
    await town.look()
    (alarm,) = await town.alarms(INCIDENT)
    assert "Morag Rennie (tier A, silent since" in alarm.notes[0]
    assert not any(note.startswith("Past") for note in alarm.notes)
    await town.sql("UPDATE hub_presence SET since = since - interval '16 minutes'")
    for _ in range(2):
        await town.look()
    (alarm,) = await town.alarms(INCIDENT)
    named = [line for line in await town.world.log(alarm.id) if line.startswith("Past the deadline of their tier")]
    assert len(named) == 1
    assert "Morag Rennie" in named[0]
    assert alarm.notes[0].startswith("Past the deadline of their tier: Morag Rennie")


@pytest.mark.parametrize("tiers", ["AD", "DAD"])
async def test_less_risk_moves_no_deadline_away_in_an_incident(town: Town, tiers: str) -> None:
    """C17."""
    await town.go_silent(8)
    await town.look()
    for tier in tiers:
        await town.sql("UPDATE person SET risk_tier = :tier WHERE id = (SELECT person_id FROM installation"
                       " WHERE hub_id = 'h3')", tier=tier)  # fmt: skip
        await town.look()
    await town.sql("UPDATE hub_presence SET since = since - interval '16 minutes'")
    await town.look()
    (alarm,) = await town.alarms(INCIDENT)
    overdue = "SELECT hub_id FROM incident_member WHERE overdue_told_at IS NOT NULL"
    assert await town.sql(overdue) == [("h3",)]
    assert alarm.notes[0].startswith("Past the deadline of their tier: ")


async def test_whoever_closes_its_alarm_is_asked_anew_when_there_is_news(town: Town) -> None:
    await town.go_silent(8)
    await town.look()
    (alarm,) = await town.alarms(INCIDENT)
    fiona = Holder(str(alarm.id), "Fiona")
    await town.world.feed(alarm.id, Acked(fiona))
    await town.world.feed(alarm.id, Closed(fiona, "technical_job", "the network provider was called"))
    await town.look()
    assert len(await town.alarms(INCIDENT)) == 1
    await town.sql("UPDATE hub_presence SET since = since - interval '5 hours' WHERE hub_id = 'h2'")
    await town.look()
    _, again = await town.alarms(INCIDENT)
    assert (again.handling, again.notes[0].startswith("Past the deadline")) == ("raised", True)


async def test_life_safety_and_whatever_else_never_belongs_to_it(town: Town) -> None:
    await town.mains_fail(*range(1, 9))
    pendant = await town.world.raise_alarm("pendant", "h1")
    smoke = await town.world.raise_alarm("smoke", "h2")
    tamper = await town.world.raise_alarm("tamper", "h3")
    await town.look()
    await town.look()
    for alarm_id in (pendant, smoke, tamper):
        alarm = await town.world.get(alarm_id)
        assert (alarm.incident_id, alarm.handling) == (None, "raised")
    with pytest.raises(Exception, match="life_safety_stands_alone"):
        await town.sql("UPDATE alarm SET incident_id = (SELECT id FROM incident) WHERE class = 'L'")


async def test_alarms_that_came_before_it_are_taken_in(town: Town) -> None:
    await town.go_silent(3)
    await town.look()
    assert len(await town.alarms(HUB_OFFLINE)) == 3
    await town.go_silent(9)
    await town.look()
    (incident,) = await town.incidents()
    before = await town.alarms(HUB_OFFLINE)
    assert [alarm.incident_id for alarm in before] == [incident.id] * 3
    assert set((await town.states()).values()) == {"joined"}
    assert len(await town.states()) == 9
    await town.come_back(*(f"h{n}" for n in range(1, 10)))
    await town.look()
    assert {alarm.handling for alarm in await town.alarms(HUB_OFFLINE)} == {"closed"}
    assert (await town.incidents())[0].state == "closed"


async def test_a_network_of_two_councils_is_one_incident_and_one_alarm_in_each(town: Town) -> None:
    """R40: a council's humans are told of their own homes."""
    await town.sql("UPDATE hub SET mobile_network = 'Tay Mobile'")
    await town.sql("UPDATE installation SET period = tstzrange(lower(period), now() - interval '1 second')"
                   " WHERE substr(hub_id, 2)::int > 35")  # fmt: skip
    await town.sql(
        "WITH hubs AS (SELECT 'd' || n AS hub_id, gen_random_uuid() AS person, gen_random_uuid() AS place"
        "                FROM generate_series(1, 30) AS n),"
        " units AS (INSERT INTO hub (hub_id, council_id, model_id, connection, mobile_network)"
        "           SELECT hub_id, :code, (SELECT id FROM device_model LIMIT 1), 'digital', 'Tay Mobile' FROM hubs),"
        " people AS (INSERT INTO person (id, council_id, given_name, family_name, risk_tier)"
        "            SELECT person, :code, 'Ann', 'Dey', 'B' FROM hubs),"
        " places AS (INSERT INTO premises (id, council_id, address, town, postcode)"
        "            SELECT place, :code, '2 Nethergate', 'Dundee', 'DD1 4DQ' FROM hubs)"
        " INSERT INTO installation (id, council_id, hub_id, person_id, premises_id, period)"
        " SELECT gen_random_uuid(), :code, hub_id, person, place, tstzrange(now() - interval '1 year', NULL) FROM hubs",
        code=DUNDEE,
    )
    await town.beats(*(f"h{n}" for n in range(1, 31)), *(f"d{n}" for n in range(1, 31)), ago_s=1200)
    await town.judge()
    await town.look()
    (incident,) = await town.incidents()
    assert (incident.kind, incident.key) == ("mobile_network", "Tay Mobile")
    alarms = await town.alarms(INCIDENT)
    assert sorted(str(alarm.council_id) for alarm in alarms) == [DUNDEE, FIFE]
    assert {alarm.words for alarm in alarms} == {"Incident, mobile network Tay Mobile: 30 homes"}
    theirs = next(alarm for alarm in alarms if alarm.council_id == FIFE)
    assert "Ann Dey" not in " ".join([*theirs.notes, *await town.world.log(theirs.id)])
    async with town.database.transaction() as session:
        now = await database_now(session)
        seen = await Standings(session).members(incident.id, Sight(frozenset({FIFE})), now, None, None, 100)
    assert {row["council_id"] for row in seen} == {FIFE}


async def test_the_database_ranks_as_the_domain_does(town: Town) -> None:
    await town.go_silent(5)
    await town.mains_fail(*range(6, 31))
    await town.sql("UPDATE person SET risk_tier = chr(65 + abs(hashtext(id::text)) % 4)")
    await town.look()
    await town.sql("UPDATE incident_member SET battery_until = now() + make_interval(mins => substr(hub_id, 2)::int)"
                   " WHERE offline_since IS NULL")  # fmt: skip
    await town.sql("UPDATE incident_member SET mains_lost_at = NULL, path_lost_at = now() WHERE hub_id = 'h30'")
    (incident,) = await town.incidents()
    async with town.database.transaction() as session:
        now = await database_now(session)
        listed = await Standings(session).members(incident.id, Sight(), now, None, None, 100)
    assert len(listed) == 30
    expected = [urgency(row["risk_tier"], row["lasts_until"], now) for row in listed]
    assert all(abs(row["urgency"] - right) <= 1 for row, right in zip(listed, expected, strict=True))
    assert [row["urgency"] for row in listed] == sorted((row["urgency"] for row in listed), reverse=True)
    assert listed[-1]["hub_id"] == "h30"


async def test_only_one_copy_looks_at_a_time(town: Town) -> None:
    await town.go_silent(8)
    async with town.database.transaction() as session:
        assert await IncidentRepository(session).take_turn()
        await town.watch.incidents.look()
        assert await town.incidents() == []
    await town.watch.incidents.look()
    assert len(await town.incidents()) == 1
