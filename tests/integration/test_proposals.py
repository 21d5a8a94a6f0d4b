"""Whom to ring about the times of a plan, and what follows from each answer: by the rules of visits, or it says why."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from devices.switchover.proposals.domain import Answer
from devices.switchover.proposals.schemas import AnswerIn, ProposalOut
from devices.switchover.visits.domain import ContactChannel, ContactOutcome
from telecare.kernel.db import Database
from telecare.kernel.errors import InvalidError, NotFoundError, RefusedError
from telecare.switchover.proposals import Answered, Proposals
from telecare.switchover.swaps import StaleVisitError
from tests.integration.swap import S, Swap
from tests.integration.test_accepting import DAY, accept, appointment, planned


@pytest.fixture
async def swap(database: Database) -> Swap:
    return await Swap(database).settle()


async def proposed(swap: Swap, **columns: Any) -> UUID:
    return await planned(swap, appointment(swap, **columns) | {"engineers": ["Ewan"]})


async def listed(swap: Swap, plan_id: UUID) -> list[ProposalOut]:
    async with swap.database.transaction() as session:
        return (await Proposals(session, swap.people["sheila"]).open(plan_id, DAY, None, 50)).items


async def answer(swap: Swap, plan_id: UUID, what: Answer, **columns: Any) -> Answered:
    (one,) = await listed(swap, plan_id) or [None]
    said = {"hub_id": "OLD", "answer": what, "as_of": one.version if one else None} | columns
    async with swap.database.transaction() as session:
        return await Proposals(session, swap.people["sheila"]).answer(plan_id, AnswerIn(**said))


async def test_who_agrees_on_the_telephone_is_booked_at_the_proposed_time_and_off_the_list(swap: Swap) -> None:
    plan_id = await proposed(swap)
    (one,) = await listed(swap, plan_id)
    assert (one.state, one.version, one.in_programme, one.engineers) == (S.IDENTIFIED, 1, True, ["Ewan"])
    assert "Ewan would come on Friday 29 March 2030, 10:00 to 11:00" in one.say
    done = await answer(swap, plan_id, Answer.AGREES, told_before=ContactChannel.LETTER, note="her son will be there")
    visit = await swap.visit()
    assert (done.why, visit.state, visit.engineer, visit.new_hub_id) == ("", S.CONFIRMED, "Ewan", "NEW")
    assert (visit.starts_at, visit.ends_at) == (one.starts_at, one.ends_at)
    states = await swap.sql("SELECT to_state FROM visit_log WHERE to_state IS NOT NULL ORDER BY seq")
    assert [row[0] for row in states] == [
        "identified", "data_validated", "prioritised", "contacted", "consented", "surveyed", "stock_allocated",
        "booked", "confirmed",
    ]  # fmt: skip
    contacts = await swap.sql("SELECT channel, outcome, note FROM visit_contact ORDER BY at, id")
    assert [tuple(row) for row in contacts] == [
        ("letter", "sent", "Told before"), ("phone", "reached", "her son will be there"),
    ]  # fmt: skip
    (plan,) = await swap.sql("SELECT state, accepted_by FROM switchover_plan")
    assert tuple(plan) == ("accepted", "user:sheila")
    assert await listed(swap, plan_id) == []
    (again,) = await accept(swap, plan_id)
    assert again.became == "as_it_was"


async def test_a_visit_is_made_where_there_is_none_and_none_without_a_programme(swap: Swap) -> None:
    await swap.sql("UPDATE visit SET over_at = now(), over_why = 'a slip'")
    plan_id = await proposed(swap)
    (one,) = await listed(swap, plan_id)
    assert (one.visit_id, one.version, one.in_programme) == (None, None, True)
    done = await answer(swap, plan_id, Answer.NOT_REACHED)
    assert (done.made, done.visit.state, done.why) == (True, S.IDENTIFIED, "")
    (one,) = await listed(swap, plan_id)
    assert (one.last_outcome, one.last_by) == (ContactOutcome.NO_ANSWER, "Sheila")
    await swap.sql("UPDATE visit SET over_at = now(), over_why = 'a slip' WHERE over_at IS NULL")
    await swap.sql("UPDATE switchover_unit SET left_at = now(), left_why = 'a test'")
    assert [each.in_programme for each in await listed(swap, plan_id)] == [False]
    with pytest.raises(RefusedError, match="No programme has OLD"):
        await answer(swap, plan_id, Answer.AGREES)


async def test_what_they_said_stays_though_the_rules_stop_the_rest(swap: Swap) -> None:
    plan_id = await proposed(swap)
    stopped = await answer(swap, plan_id, Answer.AGREES)
    assert stopped.why.startswith("They were tried in 1 way")
    assert stopped.visit.state == S.PRIORITISED
    (one,) = await listed(swap, plan_id)
    assert (one.last_outcome, one.last_note) == (
        ContactOutcome.REACHED,
        "They agree to Friday 29 March 2030, 10:00 to 11:00",
    )
    await swap.sql("UPDATE hub SET status = 'retired' WHERE hub_id IN ('NEW', 'SPARE')")
    none = await answer(swap, plan_id, Answer.AGREES, told_before=ContactChannel.LETTER)
    assert (none.visit.state, none.why[:35]) == (S.SURVEYED, "They agreed, but no unit is in stoc")
    await swap.sql("UPDATE hub SET status = 'stock' WHERE hub_id IN ('NEW', 'SPARE')")
    booked = await answer(swap, plan_id, Answer.AGREES, new_hub_id="SPARE")
    assert (booked.why, booked.visit.state, booked.visit.new_hub_id) == ("", S.CONFIRMED, "SPARE")


async def test_another_time_waits_and_booking_the_day_passes_it_by(swap: Swap) -> None:
    plan_id = await proposed(swap)
    with pytest.raises(InvalidError) as vague:
        await answer(swap, plan_id, Answer.ANOTHER_TIME)
    assert [each["where"] for each in vague.value.extra["errors"]] == ["body.note", "body.next_contact_on"]
    assert await swap.sql("SELECT 1 FROM visit_contact") == []
    held = await answer(swap, plan_id, Answer.ANOTHER_TIME, note="Tuesdays only", next_contact_on=swap.later())
    assert (held.why, held.visit.state, held.visit.next_contact_on) == ("", S.HOLD, swap.later())
    (passed,) = await accept(swap, plan_id)
    assert (passed.became, passed.why[:17]) == ("passed_by", "its visit is hold")
    (one,) = await listed(swap, plan_id)
    assert (one.state, one.owner, one.last_note) == (S.HOLD, "Sheila", "Tuesdays only")
    later = await answer(
        swap, plan_id, Answer.ANOTHER_TIME, note="only in April", next_contact_on=swap.later(9)
    )  # fmt: skip
    assert (later.visit.state, later.visit.next_contact_on) == (S.HOLD, swap.later(9))
    agreed = await answer(swap, plan_id, Answer.AGREES, told_before=ContactChannel.LETTER)
    assert (agreed.why, agreed.visit.state) == ("", S.CONFIRMED)


async def test_who_refuses_is_somebodys_and_may_change_their_mind(swap: Swap) -> None:
    plan_id = await proposed(swap)
    no = {"note": "wants no stranger in the house", "next_contact_on": swap.later()}
    early = await answer(swap, plan_id, Answer.REFUSES, **no)
    assert early.why.startswith("They were tried in 1 way")
    declined = await answer(swap, plan_id, Answer.REFUSES, **no, told_before=ContactChannel.LETTER)
    visit = declined.visit
    assert (declined.why, visit.state, visit.owner, visit.next_contact_on) == ("", S.DECLINED, "Sheila", swap.later())
    again = await answer(swap, plan_id, Answer.REFUSES, note="still not", next_contact_on=swap.later(30), owner="Rory")
    assert (again.visit.state, again.visit.owner, again.visit.next_contact_on) == (S.DECLINED, "Rory", swap.later(30))
    (contact,) = await swap.sql("SELECT outcome FROM visit_contact ORDER BY at DESC LIMIT 1")
    assert contact[0] == "refused"
    agreed = await answer(swap, plan_id, Answer.AGREES, note="the daughter has spoken with her")
    assert (agreed.why, agreed.visit.state) == ("", S.CONFIRMED)


async def test_nobody_is_booked_twice_at_a_time_and_an_old_picture_is_refused(swap: Swap) -> None:
    other = await Swap(swap.database, swap.people, swap.models, programme_id=swap.programme_id, suffix="-2").settle()
    await other.go_to(S.STOCK_ALLOCATED)
    starts = (await listed(swap, await proposed(swap)))[0].starts_at
    await other.step(S.BOOKED, starts_at=starts + timedelta(minutes=30), ends_at=starts + timedelta(minutes=90))
    plan_id = await proposed(swap)
    clash = await answer(swap, plan_id, Answer.AGREES, told_before=ContactChannel.LETTER)
    assert clash.why.startswith("Ewan is booked for OLD-2 at that time")
    assert clash.visit.state == S.STOCK_ALLOCATED
    with pytest.raises(StaleVisitError):
        await answer(swap, plan_id, Answer.AGREES, as_of=1)
    with pytest.raises(NotFoundError):
        await answer(swap, plan_id, Answer.AGREES, hub_id="OLD-2")


async def test_who_is_in_the_middle_of_a_swap_is_not_rung(swap: Swap) -> None:
    await swap.go_to(S.INSTALLED)
    plan_id = await proposed(swap)
    assert await listed(swap, plan_id) == []
    with pytest.raises(RefusedError, match="go on from the page of the visit"):
        await answer(swap, plan_id, Answer.AGREES, as_of=(await swap.visit()).version)


async def test_a_time_that_has_passed_is_proposed_to_nobody(swap: Swap) -> None:
    plan_id = await proposed(swap)
    await swap.sql(
        "UPDATE switchover_plan SET result = jsonb_set(result, '{appointments,0,day}', '\"2020-03-02\"')"
    )  # fmt: skip
    async with swap.database.transaction() as session:
        assert (await Proposals(session, swap.people["sheila"]).open(plan_id, None, None, 50)).total == 0
    with pytest.raises(RefusedError, match="has passed"):
        await answer(swap, plan_id, Answer.AGREES, as_of=1)
