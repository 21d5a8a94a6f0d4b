"""The numbers of the board's changes, and what a claim calls off, on a real database."""

import contextlib

from sqlalchemy import select, text

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked, Repeated
from alarms.handling.domain import Subject
from alarms.handling.models import BoardChange
from alarms.handling.service import AlarmService, Origin
from alarms.notify.domain import ContactTarget
from telecare.kernel.db import database_now, write_now
from tests.homes import ARGYLL
from tests.integration.alarms.world import World, opens

ANN = Holder("01900000-0000-7000-8000-000000000001", "Ann")


async def test_each_alarm_that_a_transaction_changed_has_a_number_and_none_is_left_out(world: World) -> None:
    one, other = [await world.raise_alarm("pendant", hub, Subject(council_id=ARGYLL)) for hub in "ab"]
    async with world.database.transaction() as session:
        service = AlarmService(session)
        for alarm_id in (one, other, one):
            await service.feed(alarm_id, Repeated("Pendant pressed", 10))
    async with world.database.transaction() as session:
        changes = (await session.execute(select(BoardChange).order_by(BoardChange.seq))).scalars().all()
    assert [(change.seq, change.alarm_id) for change in changes] == [(1, one), (2, other), (3, other), (4, one)]
    assert {change.council_id for change in changes} == {ARGYLL}


async def test_who_takes_long_to_commit_holds_up_nobody(world: World) -> None:
    """The row of the last number is what all changes wait for: the commit itself locks it, no client's pause does."""
    async with world.database.transaction() as session:
        now = await database_now(session)
        await AlarmService(session).open(opens("pendant"), Subject(), Origin("slow", None, now), now)
        await write_now(session)
        await session.execute(text("SET LOCAL lock_timeout = '2s'"))
        await world.raise_alarm("smoke", "quick")
    assert (await world.sql("SELECT count(*), max(seq) FROM board_change")).one() == (2, 2)


async def test_what_is_taken_back_leaves_no_hole_in_the_numbers(world: World) -> None:
    alarm_id = await world.raise_alarm()
    with contextlib.suppress(ZeroDivisionError):
        async with world.database.transaction() as session:
            await AlarmService(session).feed(alarm_id, Repeated("Pendant pressed", 10))
            await write_now(session)
            raise ZeroDivisionError
    await world.feed(alarm_id, Repeated("Pendant pressed", 10))
    assert (await world.sql("SELECT array_agg(seq ORDER BY seq) FROM board_change")).scalar_one() == [1, 2]


async def test_a_claim_calls_off_what_has_not_left_the_house(world: World) -> None:
    """R31."""
    await world.put_behind(ContactTarget.DUTY_MANAGER, "dougie")
    alarm_id = await world.raise_alarm()
    for _ in range(3):
        await world.drive()
        await world.sql(
            "UPDATE alarm SET state = jsonb_set(state, '{step_due_at}', to_jsonb(clock_timestamp())), "
            "next_due_at = clock_timestamp()"
        )
    assert await world.sent_to(alarm_id) == ["dougie"]
    await world.feed(alarm_id, Acked(ANN))
    states = await world.sql("SELECT state FROM outbox WHERE subject_id = :id", id=alarm_id)
    assert states.scalars().all() == ["cancelled"]
