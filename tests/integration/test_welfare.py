"""A gap of ours becomes a list of who could have pressed in it, once; it is worked through, and ends at 100 %."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked, Closed
from alarms.handling.domain import Subject
from alarms.handling.models import Alarm
from alarms.welfare.domain import NEEDS_HELP, WELFARE, Channel, Outcome, PersonState
from alarms.welfare.models import CampaignPerson, WelfareCampaign
from alarms.welfare.repository import WelfareRepository
from alarms.welfare.service import WelfareService, Worker
from telecare.access.repository import AuditRepository
from telecare.kernel.db import Database
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, RefusedError
from telecare.protection.welfare import WelfareWatch, in_order, make_by_hand
from telecare.protection.welfare_repository import WelfareFacts
from tests.integration.alarms.world import World
from tests.integration.devices.standing import Fleet

FIFE = "S12000047"
FIONA, ROSS = Worker(uuid4(), "Fiona", "user:fiona"), Worker(uuid4(), "Ross", "user:ross")
SHEILA = Worker(uuid4(), "Sheila", "user:sheila", supervisor=True)


class Village(Fleet):
    """A fleet with people, gaps of ours, and somebody who makes and keeps the lists."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.watch = WelfareWatch(database, after_s=120)

    async def found(self, count: int = 3, tier: str = "C") -> None:
        await self.settle(count)
        await self.live_in(tier, count)

    async def was_deaf(self, from_s: float = 600, to_s: float = 10, slot: str = "main") -> None:
        """Let us have heard nothing from so many seconds ago until so many."""
        await self.sql(
            "INSERT INTO deaf_period (id, slot, started_at, ended_at) VALUES (gen_random_uuid(), :slot,"
            " clock_timestamp() - make_interval(secs => :from_s), clock_timestamp() - make_interval(secs => :to_s))",
            slot=slot,
            from_s=from_s,
            to_s=to_s,
        )

    async def look(self) -> None:
        """Look as the watch does, and at each campaign although it was looked at a moment ago."""
        await self.sql("UPDATE welfare_campaign SET looked_at = NULL")
        await self.watch.make()
        await self.watch.keep()

    async def campaigns(self) -> list[WelfareCampaign]:
        async with self.database.transaction() as session:
            return list((await session.execute(select(WelfareCampaign).order_by(WelfareCampaign.id))).scalars())

    async def one(self) -> WelfareCampaign:
        (campaign,) = await self.campaigns()
        return campaign

    async def people(self) -> list[CampaignPerson]:
        async with self.database.transaction() as session:
            return list((await session.execute(select(CampaignPerson).order_by(CampaignPerson.rank))).scalars())

    async def hubs(self) -> list[str]:
        return [person.hub_id for person in await self.people()]

    async def person_of(self, hub_id: str) -> UUID:
        found = await self.sql("SELECT person_id FROM installation WHERE hub_id = :hub_id", hub_id=hub_id)
        return UUID(str(found[0][0]))

    async def next(self, who: Worker) -> CampaignPerson | None:
        async with self.database.transaction() as session:
            campaign = await WelfareRepository(session).get((await self.one()).id)
            assert campaign is not None
            return await WelfareService(session, AuditRepository(session)).take_next(campaign, who)

    async def attempt(self, person_id: UUID, outcome: Outcome, who: Worker = FIONA, note: str = "") -> None:
        async with self.database.transaction() as session:
            service = WelfareService(session, AuditRepository(session))
            await service.attempt((await self.one()).id, person_id, Channel.PHONE, outcome, note, who)

    async def alarms(self, type_: str) -> list[Alarm]:
        async with self.database.transaction() as session:
            found = select(Alarm).where(Alarm.type == type_).order_by(Alarm.id)
            return list((await session.execute(found)).scalars())

    async def states(self) -> dict[str, str]:
        return {person.hub_id: person.state for person in await self.people()}


@pytest.fixture
async def village(database: Database) -> Village:
    village = Village(database)
    await village.found()
    return village


async def test_a_gap_is_one_list_and_one_urgent_alarm_whoever_looks_how_often(village: Village) -> None:
    await village.was_deaf()
    others = [WelfareWatch(village.database, after_s=120) for _ in range(4)]
    await asyncio.gather(*(each.make() for each in [village.watch, *others, *others]))
    for _ in range(3):
        await village.look()
    campaign = await village.one()
    assert (campaign.council_id, campaign.cause, campaign.made_by) == (FIFE, "deaf_period", "system")
    assert sorted(await village.hubs()) == ["h1", "h2", "h3"]
    (alarm,) = await village.alarms(WELFARE)
    assert (alarm.class_, alarm.council_id, alarm.handling, alarm.id) == ("U", FIFE, "raised", campaign.alarm_id)
    assert "it was our gap and not theirs" in alarm.notes[0]


async def test_a_short_gap_is_nobodys_list(village: Village) -> None:
    await village.was_deaf(from_s=100)
    await village.look()
    assert await village.campaigns() == []
    assert await village.sql("SELECT 1 FROM deaf_period WHERE checked_at IS NULL") == []


async def test_who_is_silent_still_stands_above_who_was_heard_and_nobody_is_dropped(village: Village) -> None:
    await village.sql("UPDATE person SET risk_tier = 'A' WHERE id = :id", id=await village.person_of("h1"))
    await village.was_deaf()
    await village.look()
    assert (await village.hubs())[0] == "h1"  # tier A, and all are silent
    await village.beats("h1", "h2")
    await village.look()
    assert await village.hubs() == ["h3", "h1", "h2"]
    assert [person.standing for person in await village.people()] == ["silent", "back", "back"]
    gap = await village.one()
    await village.sql(
        "INSERT INTO event (id, lane, topic, hub_id, type, treatment, device_at, payload, payload_size)"
        " VALUES (gen_random_uuid(), 'event', 't', 'h1', 'mains_fail', 'alarm', :at, '', 0)",
        at=gap.gap_from + timedelta(seconds=60),
    )
    await village.look()
    assert [(person.hub_id, person.standing) for person in await village.people()][-1] == ("h1", "delivered")


async def test_whoever_is_served_by_telephone_was_not_there_or_came_later_is_not_on_it(database: Database) -> None:
    village = Village(database)
    await village.found(4)
    await village.sql("UPDATE hub SET connection = 'analogue' WHERE hub_id = 'h1'")
    past, now = "tstzrange(now() - interval '1 year', now() - interval '1 day')", "tstzrange(now(), NULL)"
    await village.sql(f"UPDATE installation SET period = {past} WHERE hub_id = 'h2'")  # noqa: S608
    await village.sql(f"UPDATE installation SET period = {now} WHERE hub_id = 'h3'")  # noqa: S608
    await village.was_deaf()
    await village.look()
    assert await village.hubs() == ["h4"]


async def test_gaps_of_several_slots_in_one_outage_are_one_list_and_what_was_known_before_its_end_is_asked_again(
    village: Village,
) -> None:
    await village.was_deaf(from_s=900, to_s=300)
    await village.look()
    await village.sql("UPDATE welfare_campaign SET made_at = made_at - interval '250 seconds'")
    await village.attempt(await village.person_of("h1"), Outcome.SAFE)
    await village.sql(
        "UPDATE campaign_person SET settled_at = clock_timestamp() - interval '200 s' WHERE state = 'safe'"
    )
    await village.was_deaf(from_s=800, to_s=100, slot="two")
    await village.look()
    campaign = await village.one()
    assert campaign.gap_to - campaign.gap_from > timedelta(seconds=790)
    assert await village.sql("SELECT count(*) FROM campaign_gap") == [(2,)]
    assert set((await village.states()).values()) == {"to_check"}


async def test_two_operators_never_have_the_same_person(database: Database) -> None:
    village = Village(database)
    await village.found(12)
    await village.was_deaf()
    await village.look()
    crew = [Worker(uuid4(), f"Operator {n}", f"user:o{n}") for n in range(8)]
    got = await asyncio.gather(*(village.next(who) for who in crew))
    assert len({person.person_id for person in got if person}) == len(crew)
    again = await village.next(crew[0])
    assert again is not None
    assert got[0] is not None
    assert again.person_id == got[0].person_id
    with pytest.raises(ConflictError, match="has this person until"):
        await village.attempt(got[0].person_id, Outcome.SAFE, crew[1])
    # Whoever goes away loses them to the next, who gets the one most at risk.
    await village.sql("UPDATE campaign_person SET held_until = clock_timestamp() - interval '1 s' WHERE rank = 1")
    first = await village.next(SHEILA)
    assert first is not None
    assert first.rank == 1


async def test_who_takes_somebody_while_a_list_is_ranked_anew_waits_for_that_and_has_them(village: Village) -> None:
    await village.was_deaf()
    await village.look()
    gap = (await village.one()).id
    async with asyncio.timeout(20), asyncio.TaskGroup() as group, village.database.transaction() as session:
        campaign = await WelfareRepository(session).get(gap, lock=True)
        assert campaign is not None
        known = await WelfareFacts(session).of_campaign(gap, (campaign.gap_from, campaign.gap_to), digital_only=True)
        people = await in_order(known, campaign.gap_to, campaign.gap_to)
        await WelfareService(session, AuditRepository(session)).keep(campaign, people, campaign.gap_to)
        taking = group.create_task(village.next(FIONA))
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not await village.sql(waits):
            assert not taking.done()
    got = taking.result()
    assert got is not None
    assert got.rank == 1


async def test_a_list_is_worked_through_to_the_end_and_its_alarm_ends_with_it(village: Village) -> None:
    await village.was_deaf()
    await village.look()
    for _ in range(3):
        person = await village.next(FIONA)
        assert person is not None
        await village.attempt(person.person_id, Outcome.SAFE, note="spoke with her")
    campaign = await village.one()
    assert (campaign.closed_by, campaign.closed_why) == ("system", "Everybody is accounted for")
    (alarm,) = await village.alarms(WELFARE)
    assert (alarm.handling, alarm.condition) == ("closed", "cleared")
    said = await village.sql("SELECT action, count(*) FROM audit WHERE action LIKE 'welfare%' GROUP BY 1 ORDER BY 1")
    assert said == [("welfare_attempt", 3), ("welfare_closed", 1), ("welfare_made", 1), ("welfare_taken", 3)]


async def test_two_last_ones_at_once_end_it_too(village: Village) -> None:
    await village.was_deaf()
    await village.look()
    ids = [person.person_id for person in await village.people()]
    await asyncio.gather(*(village.attempt(person_id, Outcome.SAFE) for person_id in ids))
    assert (await village.one()).closed_at is not None


async def test_who_does_not_answer_is_left_alone_for_a_while_and_then_comes_again(village: Village) -> None:
    await village.was_deaf()
    await village.look()
    first = await village.next(FIONA)
    assert first is not None
    await village.attempt(first.person_id, Outcome.NO_ANSWER)
    async with village.database.transaction() as session:
        free = await WelfareRepository(session).next_moment((await village.one()).id)
    assert free is not None
    assert free < (await village.one()).made_at  # the others can be taken at once
    others = []
    for _ in range(2):
        person = await village.next(FIONA)
        assert person is not None
        others.append(person.person_id)
        await village.attempt(person.person_id, Outcome.SAFE)
    assert first.person_id not in others
    assert await village.next(FIONA) is None
    await village.sql("UPDATE campaign_person SET again_at = clock_timestamp() WHERE again_at IS NOT NULL")
    again = await village.next(ROSS)
    assert again is not None
    assert (again.person_id, again.state, again.attempts) == (first.person_id, PersonState.TRYING, 1)


async def test_whoever_needs_help_is_a_life_safety_alarm_of_their_own(village: Village) -> None:
    await village.was_deaf()
    await village.look()
    person_id = await village.person_of("h2")
    await village.attempt(person_id, Outcome.NEEDS_HELP, note="on the floor since the night")
    await village.attempt(person_id, Outcome.NEEDS_HELP)  # said twice is one alarm
    (alarm,) = await village.alarms(NEEDS_HELP)
    assert (alarm.class_, alarm.person_id, alarm.hub_id, alarm.person_name) == ("L", person_id, "h2", "Jean Rennie")
    assert "on the floor since the night" in alarm.notes[0]
    assert (await village.states())["h2"] == "needs_help"
    assert (await village.one()).closed_at is None


async def test_unreachable_and_an_early_end_are_a_supervisors_with_the_reason(village: Village) -> None:
    await village.was_deaf()
    await village.look()
    person_id = await village.person_of("h1")
    with pytest.raises(ForbiddenError, match="supervisor"):
        await village.attempt(person_id, Outcome.UNREACHABLE, FIONA, "nobody opens")
    with pytest.raises(RefusedError, match="note"):
        await village.attempt(person_id, Outcome.UNREACHABLE, SHEILA)
    await village.attempt(person_id, Outcome.UNREACHABLE, SHEILA, "nobody opens, the police know")
    campaign = await village.one()
    async with village.database.transaction() as session:
        service = WelfareService(session, AuditRepository(session))
        with pytest.raises(ForbiddenError):
            await service.close(campaign.id, FIONA, "end of shift")
        with pytest.raises(RefusedError):
            await service.close(campaign.id, SHEILA, " ")
        await service.close(campaign.id, SHEILA, "the wardens go from door to door")
    assert (await village.one()).closed_by == "user:sheila"
    assert (await village.alarms(WELFARE))[0].handling == "closed"
    with pytest.raises(ConflictError, match="over"):
        await village.attempt(person_id, Outcome.SAFE)


async def handle(world: World, hub_id: str, person_id: UUID, outcome: str) -> UUID:
    """A press that a human ends with this outcome."""
    alarm_id = await world.raise_alarm(hub_id=hub_id, subject=Subject(council_id=FIFE, person_id=person_id))
    by = Holder(str(FIONA.id), FIONA.name)
    await world.feed(alarm_id, Acked(by))
    closed: dict[str, Any] = {"outcome": outcome, "voice_confirmed": True, "reason": "a reason"}
    await world.feed(alarm_id, Closed(by, **closed))
    return alarm_id


async def test_a_human_who_spoke_with_them_since_proves_a_person_and_nothing_less_does(village: Village) -> None:
    world = World(village.database)
    await village.was_deaf()
    await village.look()
    await handle(world, "h1", await village.person_of("h1"), "reassured")
    await handle(world, "h2", await village.person_of("h2"), "duplicate_of")
    await world.raise_alarm(hub_id="h3", subject=Subject(council_id=FIFE, person_id=await village.person_of("h3")))
    await village.beats("h1", "h2", "h3")
    await village.look()
    assert await village.states() == {"h1": "proven", "h2": "to_check", "h3": "to_check"}
    (proven,) = [person for person in await village.people() if person.state == "proven"]
    assert "reassured" in (proven.settled_why or "")


async def test_what_a_human_did_before_the_end_of_the_gap_proves_nobody(village: Village) -> None:
    world = World(village.database)
    alarm_id = await handle(world, "h1", await village.person_of("h1"), "reassured")
    await world.sql("UPDATE alarm SET closed_at = closed_at - interval '60 s' WHERE id = :id", id=alarm_id)
    await village.was_deaf()
    await village.look()
    assert (await village.states())["h1"] == "to_check"


async def test_an_alarm_that_is_closed_while_people_are_left_comes_back(village: Village) -> None:
    world = World(village.database)
    await village.was_deaf()
    await village.look()
    (alarm,) = await village.alarms(WELFARE)
    by = Holder(str(FIONA.id), FIONA.name)
    await world.feed(alarm.id, Acked(by))
    await world.feed(alarm.id, Closed(by, outcome="duplicate_of", voice_confirmed=False, reason="seen"))
    await village.look()
    assert len(await village.alarms(WELFARE)) == 1
    await world.sql("UPDATE alarm SET closed_at = closed_at - interval '20 minutes'")
    await village.look()
    first, second = await village.alarms(WELFARE)
    assert (first.handling, second.handling) == ("closed", "raised")
    assert (await village.one()).alarm_id == second.id


async def by_hand(village: Village, **values: Any) -> WelfareCampaign:
    async with village.database.transaction() as session:
        return await make_by_hand(session, council_id=FIFE, reason="a flood", by="user:sheila", **values)


async def test_a_campaign_by_hand_is_about_a_council_a_list_or_a_mass_alarm(village: Village) -> None:
    await village.sql("UPDATE hub SET connection = 'analogue' WHERE hub_id = 'h3'")
    everybody = await by_hand(village)
    some = await by_hand(village, hub_ids=["h1"], person_ids=[await village.person_of("h3")])
    alarm_id = uuid4()
    await village.beats("h2")
    await village.judge()
    await village.sql("UPDATE hub_presence SET told_alarm_id = :id WHERE hub_id = 'h2'", id=alarm_id)
    silent = await by_hand(village, alarm_id=alarm_id)
    async with village.database.transaction() as session:
        campaigns = WelfareRepository(session)
        found = {
            each.id: sorted(person.hub_id for person in await campaigns.people(each.id))
            for each in (everybody, some, silent)
        }
    assert list(found.values()) == [["h1", "h2", "h3"], ["h1", "h3"], ["h2"]]
    with pytest.raises(InvalidError, match="nobody to check on"):
        await by_hand(village, hub_ids=["h99"])
    # A mass alarm of which no hub is silent any more names nobody: it does not become all of the council.
    with pytest.raises(InvalidError, match="nobody to check on"):
        await by_hand(village, alarm_id=uuid4())


async def test_who_was_found_safe_in_one_list_is_proven_in_the_other(village: Village) -> None:
    await village.was_deaf()
    await village.look()
    other = await by_hand(village, hub_ids=["h1"])
    person_id = await village.person_of("h1")
    async with village.database.transaction() as session:
        service = WelfareService(session, AuditRepository(session))
        await service.attempt(other.id, person_id, Channel.VISIT, Outcome.SAFE, "", ROSS)
    await village.look()
    states = {(person.campaign_id == other.id, person.hub_id): person.state for person in await village.people()}
    assert states[True, "h1"] == "safe"
    assert states[False, "h1"] == "proven"
