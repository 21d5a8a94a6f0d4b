"""Who is planned, by the state of the visit that is under way: nobody is forgotten, and nobody is sent too soon."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.problem import Home
from devices.switchover.planning.repository import PlanningRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.switchover.accepting import Accepting, Became
from telecare.switchover.plan_facts import homes_of
from telecare.switchover.plan_runner import PlanRunner
from telecare.switchover.planning import Known, problem_of
from telecare.switchover.swaps import LONDON
from tests.integration.swap import ARGYLL, ON_THE_WAY, S, Swap

WAITS = {
    S.NO_ACCESS: (S.ON_SITE, "nobody opened"),
    S.RESCHEDULED: (S.CONFIRMED, "it was put off"),
    S.ABORTED_NO_SIGNAL: (S.INSTALLED, "there was no signal"),
    S.ROLLED_BACK: (S.INSTALLED, "it was rolled back"),
    S.UNREACHABLE: (S.CONTACTED, "nobody can reach them"),
    S.HOLD: (S.CONFIRMED, "it is on hold"),
    S.HOSPITAL: (S.ON_SITE, "they are in hospital"),
}
"""From where each comes here, and what a plan says of it."""
AT_WORK = (
    S.ON_SITE, S.INSTALLED, S.PERIPHERALS_PAIRED, S.E2E_TESTED, S.SOAK, S.ACCEPTED, S.OLD_UNIT_DECOMMISSIONED,
)  # fmt: skip


@pytest.fixture
async def swap(database: Database) -> Swap:
    """A home with a place, and an engineer who visits it."""
    made = await Swap(database).settle()
    await made.sql("UPDATE premises SET latitude = 56.41, longitude = -5.47")
    async with database.transaction() as session:
        await PlanningRepository(session).put_engineer(
            made.people["ewan"].id, council_id=ARGYLL, name="Ewan", base_latitude=56.4, base_longitude=-5.4,
            weekdays=[0, 1, 2, 3, 4], starts_at=510, ends_at=990, skills=[], van={"hub": 8},
        )  # fmt: skip
        await PlanningRepository(session).put_rules(ARGYLL, {"lines_end_on": None}, "system")
    return made


async def today_of(swap: Swap) -> date:
    async with swap.database.transaction() as session:
        return (await database_now(session)).astimezone(LONDON).date()


async def known(swap: Swap, days: int = 56, later: int = 0) -> Known:
    """Return what a plan of the coming days would know, made so many days later."""
    today = await today_of(swap) + timedelta(days=later)
    async with swap.database.transaction() as session:
        return await problem_of(session, ARGYLL, today, today + timedelta(days=days), today)


async def only_home(swap: Swap, days: int = 56, later: int = 0) -> Home:
    found = await known(swap, days, later)
    (home,) = found.problem.homes
    assert (home.id, found.left_out) == ("OLD", ())
    return home


async def waits(swap: Swap, state: S, days: int) -> date:
    """Have the visit wait in a state; return until when."""
    last, _ = WAITS.get(state, (S.CONTACTED, ""))
    await swap.go_to(last)
    until = await today_of(swap) + timedelta(days=days)
    await swap.step(state, why="a test", next_contact_on=until, owner="Sheila")
    return until


@pytest.mark.parametrize("state", ON_THE_WAY[: ON_THE_WAY.index(S.BOOKED)])
async def test_a_visit_without_a_time_is_planned(swap: Swap, state: S) -> None:
    await swap.go_to(state)
    assert (await only_home(swap)).not_before is None


@pytest.mark.parametrize("state", WAITS)
async def test_a_visit_that_waits_is_planned_from_its_day_on_and_it_is_said(swap: Swap, state: S) -> None:
    until = await waits(swap, state, 20)
    home = await only_home(swap)
    words = f"its visit waits until {until:%d %B %Y}: {WAITS[state][1]}"
    assert (home.not_before, home.factors[-1].words) == (until, words)
    (left,) = (await known(swap, days=14)).left_out
    assert (left.home_id, left.why) == ("OLD", words)


async def test_who_declined_is_in_no_plan_before_they_are_asked_again(swap: Swap) -> None:
    until = await waits(swap, S.DECLINED, 30)
    found = await known(swap)
    assert (found.problem.homes, [each.home_id for each in found.left_out]) == ((), ["OLD"])
    assert found.left_out[0].why == f"its visit waits until {until:%d %B %Y}: they declined"
    assert (await only_home(swap, later=30)).not_before == until


@pytest.mark.parametrize("state", [S.BOOKED, S.CONFIRMED])
async def test_a_booking_is_kept_until_it_is_over_and_planned_anew_after_it(swap: Swap, state: S) -> None:
    await swap.go_to(state)
    begun = "UPDATE visit SET starts_at = now() - interval '5 minutes', ends_at = now() + interval '5 minutes'"
    for change in ("SELECT 1", begun):
        await swap.sql(change)
        async with swap.database.transaction() as session:
            (facts,) = await homes_of(session, ARGYLL)
        assert facts.booking is not None
    await swap.sql("UPDATE visit SET starts_at = starts_at - interval '2 days', ends_at = ends_at - interval '2 days'")
    home = await only_home(swap)
    assert home.factors[-1].words.startswith("planned anew: nothing came of the visit that was booked for ")
    assert home.needs == {"hub": 1}


@pytest.mark.parametrize("state", AT_WORK)
async def test_where_somebody_is_at_work_or_a_new_hub_stands_nothing_is_planned(swap: Swap, state: S) -> None:
    await swap.go_to(state)
    found = await known(swap)
    assert (found.problem.homes, found.left_out) == ((), ())


async def test_a_new_hub_that_stands_there_while_they_are_in_hospital_is_not_planned(swap: Swap) -> None:
    await swap.go_to(S.INSTALLED)
    await swap.step(S.HOSPITAL, why="a fall", next_contact_on=Swap.later())
    assert (await known(swap)).problem.homes == ()


async def test_a_visit_that_is_called_off_is_planned_again(swap: Swap) -> None:
    await swap.go_to(S.CONFIRMED)
    await swap.sql("UPDATE visit SET over_at = now(), over_why = 'called off'")
    assert (await only_home(swap)).not_before is None


async def test_whom_nobody_opened_is_booked_from_a_new_plan(swap: Swap) -> None:
    await waits(swap, S.NO_ACCESS, 3)
    first = await today_of(swap) + timedelta(days=2)
    plan_id = new_id()
    async with swap.database.transaction() as session:
        columns = {"council_id": ARGYLL, "first_on": first, "last_on": first + timedelta(days=12), "seconds": 0.1}
        session.add(SwitchoverPlan(id=plan_id, made_by="user:sheila", **columns))
    assert await PlanRunner(swap.database).make_next()
    async with swap.database.transaction() as session:
        plan = await PlanningRepository(session).require(plan_id)
        assert plan.result is not None, plan.failed_why
        (planned,) = plan.result["appointments"]
        day = date.fromisoformat(planned["day"])
        _, (booking,) = await Accepting(session, swap.people["sheila"]).accept(plan_id, day)
    assert day > first
    assert (booking.became, await swap.state()) == (Became.BOOKED, S.BOOKED)


async def test_a_home_that_needs_a_visit_only_since_a_plan_was_made_does_not_break_its_replan(swap: Swap) -> None:
    first = await today_of(swap) + timedelta(days=2)
    columns = {"council_id": ARGYLL, "first_on": first, "last_on": first + timedelta(days=12), "seconds": 0.1}
    before, again = new_id(), new_id()
    async with swap.database.transaction() as session:
        result = {"appointments": [], "unplanned": [], "moves": []}
        session.add(SwitchoverPlan(id=before, state="ready", result=result, made_by="user:sheila", **columns))
        await session.flush()
        session.add(SwitchoverPlan(id=again, replaces_id=before, made_by="user:sheila", **columns))
    assert await PlanRunner(swap.database).make_next()
    async with swap.database.transaction() as session:
        plan = await PlanningRepository(session).require(again)
        assert plan.result is not None, plan.failed_why
    assert [each["home_id"] for each in plan.result["unplanned"]] == ["OLD"]


async def test_a_unit_of_a_programme_of_another_cause_is_planned_by_its_day(swap: Swap) -> None:
    """It is digital from end to end, so only the programme says that it must go."""
    await swap.sql("UPDATE hub SET connection = 'digital' WHERE hub_id = 'OLD'")
    assert (await known(swap)).problem.homes == ()
    today = await today_of(swap)
    due = today + timedelta(days=40)
    await due_by(swap, due)
    home = await only_home(swap)
    assert home.deadline is not None
    assert (home.deadline.on, home.deadline.why) == (due - timedelta(days=7), f"2G ends has it due by {due:%d %B %Y}")
    assert home.factors[0].key != "line"
    for over in (
        "UPDATE switchover_unit SET done_at = now()",
        "UPDATE switchover_unit SET left_at = now(), left_why = 'x', done_at = NULL",
    ):
        await swap.sql(over)
        assert (await known(swap)).problem.homes == ()
    await swap.sql("UPDATE switchover_unit SET left_at = NULL, left_why = NULL")
    await swap.sql(
        "UPDATE switchover_programme SET ended_at = now(), ended_by = 'user:sheila' WHERE cause = 'radio_2g'"
    )
    assert (await known(swap)).problem.homes == ()


async def test_of_a_line_and_a_programme_the_first_day_binds(swap: Swap) -> None:
    today = await today_of(swap)
    await swap.sql(
        "INSERT INTO line (id, council_id, premises_id, kind)"
        " SELECT gen_random_uuid(), council_id, id, 'pstn' FROM premises"
    )
    rules = {"lines_end_on": (today + timedelta(days=30)).isoformat()}
    async with swap.database.transaction() as session:
        await PlanningRepository(session).put_rules(ARGYLL, rules, "system")
    await due_by(swap, today + timedelta(days=50))
    for due, first in ((50, 30), (20, 20)):
        await swap.sql("UPDATE switchover_unit SET due_on = :due", due=today + timedelta(days=due))
        home = await only_home(swap)
        assert home.deadline is not None
        assert home.deadline.on == today + timedelta(days=first - 7)


async def due_by(swap: Swap, due: date) -> None:
    """Put the old unit into a programme of a mobile network's end."""
    async with swap.database.transaction() as session:
        await session.execute(
            text(
                "WITH made AS (INSERT INTO switchover_programme (id, name, cause, deadline, councils, made_by)"
                " VALUES (gen_random_uuid(), '2G ends', 'radio_2g', :due, ARRAY['S12000035'], 'test') RETURNING id)"
                " INSERT INTO switchover_unit (id, council_id, programme_id, hub_id, person_id, premises_id, reasons,"
                " due_on) SELECT gen_random_uuid(), u.council_id, made.id, u.hub_id, u.person_id, u.premises_id, '[]',"
                " :due FROM switchover_unit u, made WHERE u.hub_id = 'OLD'"
            ),
            {"due": due},
        )
