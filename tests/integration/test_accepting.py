"""A plan becomes booked visits: of those who have agreed, once, and what moves says why."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.visits.domain import ContactChannel, ContactOutcome
from devices.switchover.visits.repository import VisitRepository
from telecare.kernel.db import Database
from telecare.kernel.errors import NotFoundError, RefusedError
from telecare.kernel.ids import new_id
from telecare.switchover.accepting import Accepting, Became, Booking
from telecare.switchover.plan_facts import homes_of
from telecare.switchover.promises import PromiseWatch
from telecare.switchover.swaps import LONDON
from tests.integration.swap import ARGYLL, S, Swap

DAY = date.fromisoformat("2030-03-29")
"""The last working day before the clocks change: minutes are those of the clock on the wall."""


@pytest.fixture
async def swap(database: Database) -> Swap:
    return await Swap(database).settle()


def appointment(
    swap: Swap, hub_id: str = "OLD", day: date = DAY, start: int = 600, who: str = "ewan", second: str = ""
) -> dict[str, Any]:
    crew = [str(swap.people[each].id) for each in (who, second) if each]
    return {"hub_id": hub_id, "day": day.isoformat(), "start": start, "end": start + 60, "crew": crew}


async def planned(swap: Swap, *appointments: dict[str, Any], moves: tuple[dict[str, Any], ...] = ()) -> UUID:
    """Keep a plan as the planner does."""
    result = {"appointments": list(appointments), "moves": list(moves), "unplanned": []}
    plan_id = new_id()
    async with swap.database.transaction() as session:
        session.add(
            SwitchoverPlan(
                id=plan_id, council_id=ARGYLL, state="ready", first_on=DAY, last_on=DAY + timedelta(days=9),
                seconds=1.0, result=result, made_by="user:sheila",
            )
        )  # fmt: skip
    return plan_id


async def accept(swap: Swap, plan_id: UUID, day: date = DAY) -> list[Booking]:
    async with swap.database.transaction() as session:
        return (await Accepting(session, swap.people["sheila"]).accept(plan_id, day))[1]


async def test_who_has_agreed_is_booked_once_and_of_the_others_it_says_why(swap: Swap) -> None:
    plan_id = await planned(swap, appointment(swap), appointment(swap, "ELSEWHERE", start=700))
    early = {each.hub_id: each for each in await accept(swap, plan_id)}
    assert [early[hub].became for hub in ("ELSEWHERE", "OLD")] == [Became.PASSED_BY] * 2
    assert early["ELSEWHERE"].why.startswith("no visit is under way")
    assert early["OLD"].why.startswith("its visit is identified: book it once")
    (plan,) = await swap.sql("SELECT state FROM switchover_plan")
    assert plan[0] == "ready"
    await swap.go_to(S.STOCK_ALLOCATED)
    (booked,) = [each for each in await accept(swap, plan_id) if each.hub_id == "OLD"]
    visit = await swap.visit()
    assert (booked.became, visit.state, visit.engineer) == (Became.BOOKED, S.BOOKED, "Ewan")
    assert visit.starts_at == datetime(2030, 3, 29, 10, tzinfo=LONDON)
    (again,) = [each for each in await accept(swap, plan_id) if each.hub_id == "OLD"]
    assert (again.became, (await swap.visit()).version) == (Became.AS_IT_WAS, visit.version)
    (plan,) = await swap.sql("SELECT state, accepted_by FROM switchover_plan")
    assert tuple(plan) == ("accepted", "user:sheila")


async def test_what_was_promised_moves_with_the_reason_and_the_household_is_to_be_told(swap: Swap) -> None:
    await swap.go_to(S.CONFIRMED)
    monday = DAY + timedelta(days=3)
    move = {"hub_id": "OLD", "why": "Ewan is ill"}
    plan_id = await planned(swap, appointment(swap, day=monday, who="rory"), moves=(move,))
    (moved,) = await accept(swap, plan_id, monday)
    visit = await swap.visit()
    assert (moved.became, visit.state, visit.engineer) == (Became.MOVED, S.BOOKED, "Rory")
    # The clocks have changed: ten in the morning is nine in UTC.
    assert visit.starts_at == datetime(2030, 4, 1, 10, tzinfo=LONDON)
    lines = await swap.sql("SELECT text FROM visit_log WHERE to_state = 'rescheduled'")
    watch = PromiseWatch(swap.database)
    await watch.look()
    (job,) = await swap.sql("SELECT kind, hub_id FROM job")
    assert tuple(job) == ("visit_waits", "OLD")
    await swap.contact(ContactChannel.PHONE, ContactOutcome.REACHED)
    async with swap.database.transaction() as session:
        assert await VisitRepository(session).untold() == []
    assert lines[0][0].startswith("Moved with the plan: Ewan is ill. Nobody has told the household yet")


async def test_both_of_a_pair_are_booked_and_a_plan_with_one_takes_the_other_off(swap: Swap) -> None:
    await swap.go_to(S.STOCK_ALLOCATED)
    (booked,) = await accept(swap, await planned(swap, appointment(swap, second="rory")))
    visit = await swap.visit()
    assert (booked.became, visit.crew_names, visit.second_person) == (Became.BOOKED, "Ewan and Rory", True)
    (line,) = await swap.sql("SELECT text FROM visit_log WHERE to_state = 'booked'")
    assert line.text == "Ewan and Rory go there on 29 March 2030"
    async with swap.database.transaction() as session:
        (known,) = await homes_of(session, ARGYLL)
    assert known.booking is not None
    assert known.booking.crew == (str(swap.people["ewan"].id), str(swap.people["rory"].id))
    (same,) = await accept(swap, await planned(swap, appointment(swap, second="rory")))
    assert same.became is Became.AS_IT_WAS
    (moved,) = await accept(swap, await planned(swap, appointment(swap)))
    assert (moved.became, (await swap.visit()).second_engineer) == (Became.MOVED, None)


async def test_a_visit_in_the_home_is_not_touched_and_days_without_visits_are_refused(swap: Swap) -> None:
    await swap.go_to(S.INSTALLED)
    plan_id = await planned(swap, appointment(swap))
    (passed,) = await accept(swap, plan_id)
    assert (passed.became, await swap.state()) == (Became.PASSED_BY, S.INSTALLED)
    with pytest.raises(RefusedError, match="no visits on 30 March 2030"):
        await accept(swap, plan_id, DAY + timedelta(days=1))
    await swap.sql("UPDATE switchover_plan SET state = 'queued', result = NULL, accepted_at = NULL, accepted_by = NULL")
    with pytest.raises(RefusedError, match="not made"):
        await accept(swap, plan_id)
    with pytest.raises(NotFoundError):
        await accept(swap, new_id())


@pytest.mark.parametrize("second", ["", "ewan"], ids=["led", "come along to"])
async def test_who_has_been_booked_by_hand_since_is_not_sent_to_two_homes(swap: Swap, second: str) -> None:
    """The plan does not know of it; a visit that the same act moves away is no hindrance."""
    other = await Swap(swap.database, swap.people, swap.models, programme_id=swap.programme_id, suffix="-2").settle()
    await other.go_to(S.STOCK_ALLOCATED)
    await swap.go_to(S.STOCK_ALLOCATED)
    at = datetime(2030, 3, 29, 10, 30, tzinfo=LONDON)
    lead = swap.people["rory" if second else "ewan"].id
    along = swap.people[second].id if second else None
    times = {"starts_at": at, "ends_at": at + timedelta(hours=1)}
    await other.step(S.BOOKED, engineer_id=lead, second_engineer_id=along, **times)
    plan_id = await planned(swap, appointment(swap))
    (passed,) = await accept(swap, plan_id)
    assert passed.became is Became.PASSED_BY
    assert passed.why.startswith("Ewan is booked for OLD-2 at that time")
    both = await planned(swap, appointment(swap), appointment(swap, "OLD-2", start=660))
    assert [each.became for each in await accept(swap, both)] == [Became.BOOKED, Became.MOVED]
