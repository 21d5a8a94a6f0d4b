"""Planned work on a real database: the rule in SQL is the rule, and a row that is due before its state is no fault."""

import itertools
import random
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from alarms.policy.repository import PolicyRepository
from alarms.work.domain import WorkState, quiet_until, state_of
from alarms.work.repository import WorkRepository
from telecare.kernel.db import Database, database_now
from tests.homes import ARGYLL, FIFE
from tests.integration.alarms.world import World

INSERT = """
INSERT INTO planned_work (id, reason, made_by, council_id, hub_id, starts_at, ends_at, ended_at, ended_by)
     VALUES (gen_random_uuid(), 'r', 'm', COLUMNS)
"""


async def test_the_lookup_of_a_new_alarm_and_the_lists_are_the_rules(database: Database) -> None:
    chance = random.Random(7)
    async with database.transaction() as session:
        now, work = await database_now(session), WorkRepository(session)
        minutes = [timedelta(minutes=number) for number in (-3, -2, -1, 0, 1, 2, 3)]
        for number in range(60):
            starts, ends = sorted(chance.sample(minutes, 2))
            council = chance.choice([None, ARGYLL, FIFE])
            hub = chance.choice([None, "h1", "h2"]) if council else None
            ended = chance.choice([False, False, True])
            await work.create(
                council_id=council, hub_id=hub, starts_at=now + starts, ends_at=now + ends + timedelta(seconds=number),
                reason="r", made_by="user:ann", ended_at=now if ended else None, ended_by="user:ann" if ended else None,
            )  # fmt: skip
        rows = await work.page((), now, limit=100)
        windows = [row.window for row in rows]
        asked = itertools.product((None, ARGYLL, FIFE), ("h1", "h2", "h3"), minutes[:4])
        for council, hub_id, since in asked:
            found = await PolicyRepository(session).governing(council, hub_id, now + since, now)
            assert found.work_until == quiet_until(windows, council, hub_id, now + since, now), (council, hub_id, since)
        for state in WorkState:
            listed = {row.id for row in await work.page((), now, state=state, limit=100)}
            assert listed == {row.id for row in rows if state_of(row.window, now) is state}
        on = await work.on_at(now)
        assert sorted(map(repr, on)) == sorted(repr(one) for one in windows if state_of(one, now) is WorkState.ON)


@pytest.mark.parametrize(
    "columns",
    [
        "NULL, NULL, now(), now(), NULL, NULL",
        "NULL, NULL, now(), now() + interval '15 days', NULL, NULL",
        "NULL, 'h1', now(), now() + interval '1 day', NULL, NULL",
        "NULL, NULL, now(), now() + interval '1 day', now(), NULL",
    ],
)
async def test_the_database_refuses_what_no_window_can_be(database: Database, columns: str) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text(INSERT.replace("COLUMNS", columns)))


async def test_a_row_that_is_due_before_its_state_takes_the_moment_of_its_state(world: World) -> None:
    alarm_id = await world.raise_alarm()
    await world.drive()
    before = await world.get(alarm_id)
    await world.sql("UPDATE alarm SET next_due_at = clock_timestamp() WHERE id = :id", id=alarm_id)
    await world.drive()
    after = await world.get(alarm_id)
    assert (after.next_due_at, after.next_step, after.log_seq) == (before.next_due_at, before.next_step, before.log_seq)
    assert not await world.about_us()
