"""The engine on a real database: one alarm that cannot be driven, holes in a ladder, hands in its way."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from alarms.escalation.decide import decide
from alarms.escalation.domain import Decision, State
from alarms.escalation.inputs import Delivered, Fate, Input, Repeated, TimerDue
from alarms.handling.domain import Subject
from alarms.handling.repository import _CLAIM
from alarms.notify.domain import ContactTarget
from tests.homes import ARGYLL, FIFE
from tests.integration.alarms.world import World

UNREADABLE = "UPDATE alarm SET state = '{}' WHERE id = :id"
BREAK = (
    "ALTER TABLE alarm_log DISABLE TRIGGER USER",
    'UPDATE alarm_log SET input = \'{"input": "Nothing that we know"}\' WHERE alarm_id = :id',
    UNREADABLE,
)
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no line for this one' USING ERRCODE = 'check_violation';
END $$
"""


async def test_an_alarm_that_cannot_be_driven_goes_to_its_last_resort_by_hand_and_holds_up_nobody(
    world: World,
) -> None:
    """R17."""
    await world.put_behind(ContactTarget.SUPERVISOR, "sue")
    await world.put_behind(ContactTarget.DUTY_MANAGER, "dougie")
    poison, good = await world.raise_alarm("smoke", "h1"), await world.raise_alarm("pendant", "h2")
    for statement in BREAK:
        await world.sql(statement, id=poison)
    await world.drive()
    assert (await world.get(good)).next_step == "the second ring group told"
    stuck = await world.get(poison)
    assert (stuck.handling, stuck.log_seq) == ("raised", 2)
    assert "handle it by hand" in str(stuck.next_step)
    assert (await world.log(poison))[-1] == (
        "The service fails on this alarm (KeyError): handle it by hand. Told: sue, dougie."
    )
    assert sorted(await world.sent_to(poison)) == ["dougie", "sue"]
    (fault,) = await world.about_us()
    assert (fault.type, fault.class_, fault.handling) == ("alarm_not_driven", "U", "raised")
    assert fault.words == "The service fails on: Smoke detected"
    assert str(poison) in fault.notes[0]


async def test_a_state_that_cannot_be_read_is_made_anew_from_the_log(world: World) -> None:
    """Or nobody could ever close it."""
    alarm_id = await world.raise_alarm()
    await world.drive()
    before = (await world.get(alarm_id)).state
    await world.sql(UNREADABLE, id=alarm_id)
    await world.feed(alarm_id, Repeated("Pendant pressed", 10))
    after = (await world.get(alarm_id)).state
    assert {**before, "version": 3, "events": 2, "rank": 9} == after


async def test_it_is_tried_again_with_longer_pauses_and_told_each_time(world: World) -> None:
    await world.put_behind(ContactTarget.SUPERVISOR, "sue")
    poison = await world.raise_alarm()
    for statement in BREAK:
        await world.sql(statement, id=poison)
    pauses = []
    for _ in range(6):
        await world.sql("UPDATE alarm SET next_due_at = clock_timestamp() WHERE id = :id", id=poison)
        await world.drive()
        told_at = await world.sql("SELECT max(at) FROM alarm_log WHERE alarm_id = :id", id=poison)
        due = (await world.get(poison)).next_due_at
        assert due is not None
        pauses.append((due - told_at.scalar_one()).total_seconds())
    assert pauses == [30, 60, 120, 240, 300, 300]
    assert await world.sent_to(poison) == ["sue"] * 6
    assert len(await world.about_us()) == 1


async def test_that_somebody_was_told_of_it_is_no_reason_to_try_it_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each result of a message would otherwise have the next one sent, without end."""

    def decide_or_fail(state: State | None, event: Input, now: datetime) -> Decision:
        return decide(state, event, None if isinstance(event, TimerDue) else now)

    await world.put_behind(ContactTarget.SUPERVISOR, "sue")
    poison = await world.raise_alarm()
    monkeypatch.setattr("alarms.handling.service.decide", decide_or_fail)
    await world.drive()
    due = (await world.get(poison)).next_due_at
    await world.feed(poison, Delivered("sue", "email", Fate.SENT, "", "sue@council.example"))
    await world.drive()
    told = await world.get(poison)
    assert told.next_due_at == due
    assert "handle it by hand" in str(told.next_step)
    assert await world.sent_to(poison) == ["sue"]


async def test_not_even_one_that_the_database_refuses_to_change_holds_up_the_others(world: World) -> None:
    """It is first in the queue, and it stays overdue, as `/readyz` tells."""
    poison, good = await world.raise_alarm("smoke", "h1"), await world.raise_alarm("pendant", "h2")
    await world.sql(REFUSE)
    await world.sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON alarm_log FOR EACH ROW "
        f"WHEN (NEW.alarm_id = '{poison}') EXECUTE FUNCTION refuse()"
    )
    async with asyncio.timeout(20):
        await world.drive()
    assert (await world.get(good)).next_step == "the second ring group told"
    assert (await world.get(poison)).next_step == "the operators' queue told"


async def go_through_steps(world: World, count: int) -> None:
    """Drive all life-safety alarms through so many steps of their ladders, each as if its time had come."""
    for _ in range(count):
        await world.sql(
            "UPDATE alarm SET state = jsonb_set(state, '{step_due_at}', to_jsonb(clock_timestamp())), "
            "next_due_at = clock_timestamp() WHERE class = 'L'"
        )
        await world.drive()


async def test_a_hole_in_a_ladder_is_on_the_board_once_for_each_council_until_it_is_mended(world: World) -> None:
    """R27."""
    await world.put_behind(ContactTarget.DUTY_MANAGER, "dougie")
    argyll = [await world.raise_alarm("pendant", f"h{n}", Subject(council_id=ARGYLL)) for n in range(2)]
    await world.raise_alarm("pendant", "h9", Subject(council_id=FIFE))
    await go_through_steps(world, 4)
    faults = await world.about_us()
    assert {fault.type for fault in faults} == {"uncovered_step"}
    assert sorted((fault.words, fault.council_id) for fault in faults) == sorted(
        (f"Nobody stands behind {whom}", council)
        for whom in ("the supervisor", "the partner control room")
        for council in (ARGYLL, FIFE)
    )
    assert all(fault.next_due_at for fault in faults)
    assert "dougie" in await world.sent_to(argyll[0])


async def test_an_alarm_of_nobody_knows_where_is_told_to_each_councils_people(world: World) -> None:
    """C13: every council has its own contact points, and any of them may be the one."""
    for name, council in (("sue", ARGYLL), ("sam", FIFE)):
        await world.put_behind(ContactTarget.SUPERVISOR, name, council)
    stranger = await world.raise_alarm("unknown_hub", "stranger")
    known = await world.raise_alarm("pendant", "h", Subject(council_id=FIFE))
    await go_through_steps(world, 4)
    assert {"sue", "sam"} <= {*await world.sent_to(stranger)}
    assert {*await world.sent_to(known)} == {"sam"}


async def test_a_fault_of_ours_finds_no_faults(world: World) -> None:
    """Its own ladder has the same hole, and that is no news."""
    await world.raise_alarm()
    for _ in range(9):
        await world.drive()
        await world.sql(
            "UPDATE alarm SET state = jsonb_set(state, '{step_due_at}', to_jsonb(clock_timestamp())), "
            "next_due_at = clock_timestamp()"
        )
    assert len(await world.about_us()) == len({fault.family for fault in await world.about_us()})


async def test_a_jump_of_the_databases_clock_is_on_the_board(world: World) -> None:
    """R19."""
    engine = world.engine()
    await engine.look_at_the_clock()
    await engine.look_at_the_clock()
    assert await world.about_us() == []
    for hours in (1, 2):  # as if it had been so much later at the last look
        now = time.monotonic()
        engine.clock.jump(now, datetime.now(UTC) + timedelta(hours=hours), now)
        await engine.look_at_the_clock()
    (fault,) = await world.about_us()
    assert (fault.type, fault.class_) == ("clock_jumped", "U")
    assert fault.words in {"The database's clock jumped by -3600 s", "The database's clock jumped by -3599 s"}


async def test_an_alarm_in_other_hands_is_passed_by_and_taken_as_soon_as_it_is_free(world: World) -> None:
    held, free = await world.raise_alarm("smoke", "h1"), await world.raise_alarm("pendant", "h2")
    stop = asyncio.Event()
    engine = world.engine()
    async with world.database.transaction() as session:
        await session.execute(text("SELECT 1 FROM alarm WHERE id = :id FOR UPDATE"), {"id": held})
        await world.drive()
        assert (await world.get(free)).version == 2
        assert (await world.get(held)).version == 1
        running = asyncio.create_task(engine.run(stop))
    async with asyncio.timeout(5):
        while (await world.get(held)).version == 1:  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(running, timedelta(seconds=5).total_seconds())


async def test_what_is_due_is_found_by_an_index_however_many_alarms_are_open(world: World) -> None:
    """A moment that may change within a statement cannot be asked of an index: each open alarm would be read."""
    claim = str(_CLAIM.compile(dialect=postgresql.dialect(paramstyle="named")))
    claim = claim.replace(":but::UUID[]", "ARRAY[]::uuid[]")
    async with world.database.transaction() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = "\n".join((await session.execute(text(f"EXPLAIN {claim}"))).scalars())
    assert "ix_alarm_due" in plan
    assert re.search(r"Index Cond: \(next_due_at <= statement_timestamp\(\)\)", plan)
