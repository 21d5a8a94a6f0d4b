"""Two who act on one alarm at the same instant: whatever comes first, the log and what was sent agree."""

import asyncio
from uuid import UUID

import pytest

from alarms.escalation.domain import Holder, Ladder, RuleError, Step, Target
from alarms.escalation.inputs import Acked, Closed, Rerouted
from alarms.notify.domain import ContactTarget
from telecare.ingest.messages import MessageLane
from telecare.kernel.ids import new_id
from tests.integration.alarms.world import World
from tests.integration.ingest.conftest import desk, messages, said  # noqa: F401 - fixtures
from tests.integration.ingest.desk import Desk

RACES = 40
ANN = Holder(str(new_id()), "Ann")
TO_SUPERVISOR = Ladder("race", 1, (Step((Target.SUPERVISOR,), 600),), (Target.QUEUE,), 600, 300, 60)


@pytest.fixture
async def alarms(world: World) -> list[UUID]:
    """Alarms whose first step, which tells the supervisor, is due now."""
    await world.put_behind(ContactTarget.SUPERVISOR, "sue")
    ids = [await world.raise_alarm(hub_id=f"h{n}") for n in range(RACES)]
    for alarm_id in ids:
        await world.feed(alarm_id, Rerouted(TO_SUPERVISOR, "race"))
    return ids


async def kinds(world: World, alarm_id: UUID) -> list[str]:
    rows = await world.sql("SELECT kind FROM alarm_log WHERE alarm_id = :id ORDER BY seq", id=alarm_id)
    return [row.kind for row in rows]


async def test_many_workers_run_each_step_once(world: World, alarms: list[UUID]) -> None:
    await asyncio.gather(*(world.drive() for _ in range(6)))
    for alarm_id in alarms:
        assert (await kinds(world, alarm_id)).count("step") == 1
        assert await world.sent_to(alarm_id) == ["sue"]


async def test_a_claim_and_the_timer_at_the_same_instant_agree_with_what_was_sent(
    world: World, alarms: list[UUID]
) -> None:
    engine = world.engine()
    for alarm_id in alarms:
        await asyncio.gather(world.feed(alarm_id, Acked(ANN)), engine.drive(), engine.drive())
    told = 0
    for alarm_id in alarms:
        happened = [kind for kind in await kinds(world, alarm_id) if kind in {"step", "acked"}]
        assert happened in (["step", "acked"], ["acked"])
        assert len(await world.sent_to(alarm_id)) == happened.count("step")
        told += happened.count("step")
    states = [row.state for row in await world.sql("SELECT state FROM outbox")]
    assert states == ["cancelled"] * told  # nobody sent it meanwhile, and a claim calls off what waits


async def test_a_close_races_the_same_press_and_none_is_lost(
    world: World, desk: Desk, messages: MessageLane  # noqa: F811
) -> None:  # fmt: skip
    joined = 0
    for n in range(RACES // 2):
        await messages.settle(desk.press(f"h{n}", "first"))
        (first,) = [alarm for alarm in await desk.alarms() if alarm.hub_id == f"h{n}"]
        close = Closed(ANN, "duplicate_of", "a race")
        await asyncio.gather(messages.settle(desk.press(f"h{n}", "again")), world.feed(first.id, close))
        mine = [alarm for alarm in await desk.alarms() if alarm.hub_id == f"h{n}"]
        assert mine[0].handling == "closed"
        order = [kind for kind in await kinds(world, first.id) if kind in {"repeated", "closed"}]
        if len(mine) == 1:
            assert order == ["repeated", "closed"]
            joined += 1
        else:
            assert order == ["closed"]
            assert mine[1].handling == "raised"
    assert len(await desk.events()) == 2 * (RACES // 2)
    with pytest.raises(RuleError):
        await world.feed(first.id, close)
