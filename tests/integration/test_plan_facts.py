"""What a plan knows of a home, out of the database: calls that failed, models that fail, batteries, telco notices."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.seed import seed_fleet
from devices.switchover.planning.problem import Home
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.schemas import RulesIn
from telecare.access.models import User
from telecare.api.deps import Services
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import RefusedError
from telecare.kernel.ids import new_id
from telecare.switchover.plan_facts import HomeFacts, failure_rates, homes_of
from telecare.switchover.planning import problem_of

ARGYLL = "S12000035"
SECRET = "5e" * 32
# As a unit sends it: one that counts its attempts, and one that is neither UTF-8 nor JSON.
TRIED = b'{"event_id": "x", "type": "pendant", "attempt": %d}'
GARBLED = b'\xff\x00 "attempt": nine'
CALL = text(
    """
    INSERT INTO event (id, received_at, lane, topic, hub_id, council_id, dedup_key, type, treatment, payload,
                       payload_size, notes)
    SELECT gen_random_uuid(), clock_timestamp() - make_interval(days => CAST(:days_ago AS int)), 'alarm', 't', :hub_id,
           :council, CAST(:key AS text) || n, 'pendant', 'alarm', :payload, 1, '{}' FROM generate_series(1, :count) n
    """
)


@pytest.fixture
async def fleet(services: Services) -> None:
    """A fleet of which a third is of Argyll, and somebody who visits its homes."""
    async with services.database.transaction() as session:
        await seed_fleet(session, services.sealer, SECRET, 60)
        user = {"username": "mairi", "display_name": "Mairi Ross", "password_hash": "x", "role": "engineer"}
        engineer = User(id=new_id(), councils=[ARGYLL], **user)
        session.add(engineer)
        await session.flush()
        await PlanningRepository(session).put_engineer(
            engineer.id, council_id=ARGYLL, name="Mairi Ross", base_latitude=56.41, base_longitude=-5.47,
            weekdays=[0, 1, 2, 3, 4], starts_at=510, ends_at=990, skills=[], van={"hub": 8},
        )  # fmt: skip


async def call(session: AsyncSession, hub_id: str, payload: bytes, count: int = 1, days_ago: int = 1) -> None:
    """Have a unit's calls come in."""
    values = {"hub_id": hub_id, "council": ARGYLL, "payload": payload, "count": count, "days_ago": days_ago}
    values["key"] = f"{payload!r} {days_ago} "
    await session.execute(CALL, values)


async def facts(session: AsyncSession) -> dict[str, HomeFacts]:
    """Return what is known of each home."""
    return {each.hub_id: each for each in await homes_of(session, ARGYLL)}


@pytest.mark.usefixtures("fleet")
async def test_calls_that_had_to_be_tried_again_and_checks_without_an_answer_count_as_failed(
    database: Database,
) -> None:
    async with database.transaction() as session:
        tried, checked, deaf, *_ = await facts(session)
        await call(session, tried, TRIED % 1, count=3)
        await call(session, tried, TRIED % 4)
        await call(session, tried, GARBLED)
        await call(session, tried, TRIED % 9, days_ago=91)
        await call(session, deaf, TRIED % 5, days_ago=5)
        await session.execute(
            text(
                "INSERT INTO deaf_period (id, slot, started_at, ended_at) SELECT gen_random_uuid(), 'alarm',"
                " received_at - interval '1 hour', received_at - interval '5 minutes' FROM event WHERE hub_id = :hub"
            ),
            {"hub": deaf},
        )
        await notice(session, checked, 1)
        await session.execute(
            text(
                "INSERT INTO telco_check (id, council_id, notice_id, hub_id, planned_at, state, look_at, alarm_id,"
                " ended_at) SELECT gen_random_uuid(), council_id, id, :hub, planned_at, 'no_answer', planned_at,"
                " gen_random_uuid(), clock_timestamp() FROM telco_notice"
            ),
            {"hub": checked},
        )
        now = await facts(session)
    failed = {hub_id: each.failed_calls for hub_id, each in now.items() if each.failed_calls}
    # Attempts 1, 1, 1 and 4; what was told while we could not hear is not held against the unit.
    assert failed == {tried: 3, checked: 1}


@pytest.mark.usefixtures("fleet")
async def test_failed_handshakes_that_the_receiving_centre_counted_count_for_ninety_days(database: Database) -> None:
    async with database.transaction() as session:
        lately, long_ago, *_ = await facts(session)
        today = (await database_now(session)).date()
        for hub_id, days in ((lately, 89), (long_ago, 90)):
            await session.execute(
                text(
                    "UPDATE hub SET failed_handshakes = 29, handshakes_until = :until, handshakes_told_at = now(),"
                    " handshakes_told_by = 'system' WHERE hub_id = :hub"
                ),
                {"hub": hub_id, "until": today - timedelta(days=days)},
            )
        now = await facts(session)
        home = (await deadlines(session))[lately]
    assert {hub_id: each.failed_handshakes for hub_id, each in now.items() if each.failed_handshakes} == {lately: 29}
    until = today - timedelta(days=89)
    assert f"29 failed handshakes up to {until:%d %B %Y}, as the receiving centre counted" in [
        factor.words for factor in home.factors
    ]


@pytest.mark.usefixtures("fleet")
async def test_a_model_fails_as_often_as_its_units_were_tried_again_or_out_of_reach_and_little_says_nothing(
    database: Database,
) -> None:
    async with database.transaction() as session:
        homes = await facts(session)
        first = next(iter(homes.values()))
        other = next(each for each in homes.values() if each.model_id != first.model_id)
        await call(session, first.hub_id, TRIED % 1, count=40)
        await call(session, other.hub_id, TRIED % 2, count=49)
        assert await failure_rates(session, ARGYLL, {}) == {}
        await call(session, first.hub_id, TRIED % 2, count=20)
        assert await failure_rates(session, ARGYLL, {}) == {first.model_id: pytest.approx(20 / 80)}
        await stood(session, other.model_id, units=1)
        assert (await failure_rates(session, ARGYLL, {})).keys() == {first.model_id}, "80 days of one unit are too few"
        await stood(session, other.model_id)
        rates = await failure_rates(session, ARGYLL, {})
    assert rates[other.model_id] == pytest.approx(0.1, abs=0.01)


@pytest.mark.usefixtures("fleet")
async def test_what_the_council_says_of_a_model_counts_until_its_units_show_it(database: Database) -> None:
    async with database.transaction() as session:
        first = next(iter((await facts(session)).values()))
        row = await session.execute(text("SELECT make, name FROM device_model WHERE id = :id"), {"id": first.model_id})
        name = " ".join(row.one())
        said = {"model": name.upper(), "percent": 12.5, "why": "the maker's letter"}
        home = (await deadlines(session, models=[said]))[first.hub_id]
        assert "units of this model fail 12.5% of the time" in [factor.words for factor in home.factors]
        await call(session, first.hub_id, TRIED % 1, count=90)
        await call(session, first.hub_id, TRIED % 2, count=10)
        rates = await failure_rates(session, ARGYLL, {name: 0.125})
        assert rates == {first.model_id: pytest.approx(10 / 110)}
        with pytest.raises(RefusedError, match="no model Nobody 1"):
            await deadlines(session, models=[{**said, "model": "Nobody 1"}])


async def stood(session: AsyncSession, model_id: UUID, units: int = 1000) -> None:
    """Have units of a model been online for 72 days and lost for 8, what is long ago not counted."""
    await session.execute(text("DELETE FROM presence_period"))
    spans = (("lost", 200, 100), ("online", 80, 8), ("lost", 8, 0), ("dormant", 90, 80))
    for state, began, ended in spans:
        values = {"state": state, "began": began, "ended": ended, "model": model_id, "units": units, "council": ARGYLL}
        await session.execute(
            text(
                "INSERT INTO presence_period (hub_id, started_at, state, ended_at) SELECT hub_id,"
                " clock_timestamp() - make_interval(days => CAST(:began AS int)), :state,"
                " clock_timestamp() - make_interval(days => CAST(:ended AS int)) FROM hub"
                " WHERE model_id = :model AND council_id = :council ORDER BY hub_id LIMIT :units"
            ),
            values,
        )


@pytest.mark.usefixtures("fleet")
async def test_the_age_of_a_battery_is_that_of_the_units_first_home_and_a_low_one_is_said(database: Database) -> None:
    async with database.transaction() as session:
        hub_id = next(iter(await facts(session)))
        today = (await database_now(session)).date()
        await session.execute(
            text(
                "UPDATE installation SET period = tstzrange(clock_timestamp() - interval '3653 days', NULL)"
                " WHERE hub_id = :hub"
            ),
            {"hub": hub_id},
        )
        known = (await facts(session))[hub_id]
        assert known.battery_years(today) == pytest.approx(10, abs=0.01)
        assert known.battery_low_at is None
        await session.execute(
            text(
                "INSERT INTO alarm (id, version, case_id, council_id, hub_id, type, family, class, rank, words, notes,"
                " condition, handling, events, raised_at, last_event_at, closed_at, outcome, state, log_seq)"
                " SELECT gen_random_uuid(), 1, gen_random_uuid(), :council, :hub, 'hub_battery_low', 'f', 'T', 5, 'w',"
                " '{}', 'cleared', 'closed', 1, t, t, t, 'resolved', '{}', 1"
                " FROM (SELECT clock_timestamp() - interval '3 days' AS t) x"
            ),
            {"council": ARGYLL, "hub": hub_id},
        )
        known = (await facts(session))[hub_id]
        assert known.battery_low_at is not None
        problem = (await problem_of(session, ARGYLL, today, today + timedelta(days=14), today)).problem
    home = next(home for home in problem.homes if home.id == hub_id)
    low = f"its battery was low on {known.battery_low_at:%d %B %Y}"
    assert low in [factor.words for factor in home.factors]
    assert any(factor.words.startswith("in homes for 10 years") for factor in home.factors)


async def notice(session: AsyncSession, hub_id: str, days: int, status: str = "planned") -> date:
    """Have a provider give notice of the migration of a home's line, in so many days; return that day."""
    on = (await database_now(session)).date() + timedelta(days=days)
    numbered = "UPDATE line SET kind = 'pstn', number = '+441631' || (100000 + abs(hashtext(:hub)) % 899999) WHERE"
    await session.execute(
        text(f"{numbered} premises_id = (SELECT premises_id FROM installation WHERE hub_id = :hub)"),  # noqa: S608
        {"hub": hub_id},
    )
    await session.execute(
        text(
            "INSERT INTO telco_notice (id, council_id, provider, number, planned_at, kind, status, first_at, last_at,"
            " received_by) SELECT gen_random_uuid(), l.council_id, 'Northern Lines', l.number, :at, 'non_voluntary',"
            " :status, now(), now(), 'system' FROM line l JOIN installation i ON i.premises_id = l.premises_id"
            " WHERE i.hub_id = :hub LIMIT 1"
        ),
        {"hub": hub_id, "at": datetime.combine(on, time(12), UTC), "status": status},
    )
    return on


async def hold(session: AsyncSession, hub_id: str, until: date | None) -> None:
    """Say that the line of a home must not be migrated."""
    await session.execute(
        text(
            "INSERT INTO telco_hold (id, council_id, number, until, reason, set_by, set_at) SELECT gen_random_uuid(),"
            " l.council_id, l.number, :until, 'hospital', 'system', now() FROM line l"
            " JOIN installation i ON i.premises_id = l.premises_id WHERE i.hub_id = :hub LIMIT 1"
        ),
        {"hub": hub_id, "until": until},
    )


async def deadlines(session: AsyncSession, **rules: Any) -> Mapping[str, Home]:
    """Return the homes of a plan of the coming eight weeks."""
    document = RulesIn.model_validate(rules).model_dump(mode="json")
    await PlanningRepository(session).put_rules(ARGYLL, document, "system")
    today = (await database_now(session)).date()
    known = await problem_of(session, ARGYLL, today, today + timedelta(days=56), today)
    return {home.id: home for home in known.problem.homes}


@pytest.mark.usefixtures("fleet")
async def test_the_notified_date_of_a_line_binds_its_home_and_a_hold_puts_it_off(database: Database) -> None:
    async with database.transaction() as session:
        soon, tight, cancelled, held, later, plain, *_ = [
            each.hub_id for each in (await facts(session)).values() if each.lines == ["pstn"]
        ]
        today = (await database_now(session)).date()
        ends = today + timedelta(days=50)
        on = await notice(session, soon, 30)
        in_margin = await notice(session, tight, 4)
        await notice(session, cancelled, 20, "cancelled")
        await notice(session, held, 20)
        await hold(session, held, None)
        await notice(session, later, 20)
        until = today + timedelta(days=40)
        await hold(session, later, until)
        homes = await deadlines(session, lines_end_on=str(ends), margin_days=7)
        free = await deadlines(session, lines_end_on=None)
    found = {hub_id: home.deadline for hub_id, home in homes.items() if home.deadline is not None}
    week = timedelta(days=7)
    assert found[soon].on == on - week
    assert found[soon].why == f"Northern Lines moves the line on {on:%d %B %Y}"
    assert found[tight].on == in_margin - timedelta(days=1), "the margin is used up: the day before is the last"
    assert found[later].on == until + timedelta(days=1) - week, "a hold puts the migration off"
    assert [found[hub_id].on for hub_id in (cancelled, held, plain)] == [ends - week] * 3
    assert homes[soon].harm.changes_on == on
    assert {hub_id for hub_id, home in free.items() if home.deadline} == {soon, tight, later}
