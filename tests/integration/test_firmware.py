"""A rollout on a real database, without a broker: who is asked, what commands and heartbeats make of it, and halts."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from alarms.handling.models import Alarm
from devices.commands.repository import CommandRepository
from devices.commands.service import CommandService
from devices.commands.tasks import CommandExpiry
from devices.firmware.domain import ImageState, RolloutState
from devices.firmware.models import FirmwareHub, FirmwareLog, FirmwareRollout
from devices.firmware.repository import ImageRepository, RolloutRepository
from devices.firmware.service import ImageService, RolloutService
from devices.presence.domain import HeartbeatRow
from devices.presence.repository import PresenceRepository
from telecare.firmware.standings import standings_of_model
from telecare.firmware.waves import FirmwareWaves
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from tests.homes import FIFE
from tests.integration.devices.standing import Fleet

NEW, BY = "2.0", "user:fiona"
AT_ONCE = {"soak_s": 0, "patience_s": 3600, "at_night": True, "at_once": 20}
RULE = {"halt_failures": 3, "halt_failed_pct": 50, "halt_silent": 1, "back_within_s": 600, "offline_margin_pct": 5}

FREEZE = """
    INSERT INTO planned_work (id, starts_at, ends_at, reason, made_by)
    VALUES (gen_random_uuid(), now() - interval '1 hour', now() + interval '1 hour', 'freeze', 'user:x')
"""
BY_HAND = """
    INSERT INTO hub_command (id, council_id, hub_id, command, state, requested_by, expires_at)
    SELECT gen_random_uuid(), council_id, hub_id, 'update_firmware', 'queued', 'user:x', now() + interval '1 hour'
      FROM hub
"""
PENDANT = """
    INSERT INTO alarm (id, version, case_id, hub_id, council_id, type, family, class, rank, words, condition, handling,
                       events, raised_at, last_event_at, next_due_at, state, log_seq)
    VALUES (gen_random_uuid(), 1, gen_random_uuid(), 'h1', 'S12000047', 'pendant', 'personal', 'L', 20, 'Pendant',
            'active', 'raised', 1, now(), now(), now() + interval '1 hour', '{}', 1)
"""


class Estate(Fleet):
    """A fleet that is online, with people, and a worker that drives rollouts."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.worker = FirmwareWaves(database)

    async def build(self, count: int, tier: str = "C") -> None:
        await self.settle(count)
        await self.live_in(tier, count)
        await self.tell("1.0", *(f"h{n}" for n in range(1, count + 1)))

    async def tell(self, version: str, *hub_ids: str) -> None:
        """Let hubs beat twice with a firmware, so that they are online."""
        for _ in range(2):
            async with self.database.transaction() as session:
                at = await database_now(session)
                rows = [HeartbeatRow(new_id(), hub_id, at, b"{}", firmware=version, mains=True) for hub_id in hub_ids]
                await PresenceRepository(session).record(rows)
            await self.judge()

    async def image(self) -> UUID:
        model_id = (await self.sql("SELECT id FROM device_model"))[0][0]
        async with self.database.transaction() as session:
            image = await ImageRepository(session).add(
                model_id=model_id, version=NEW, url="https://firmware.example/2", sha256="0" * 64, made_by=BY
            )
            assert image is not None
            await ImageService(session).release(image.id, BY)
            return image.id

    async def roll_out(self, shares: tuple[int, ...] = (10, 100), **columns: Any) -> UUID:
        """Make and start a rollout."""
        image_id = await self.image()
        async with self.database.transaction() as session:
            image = await ImageRepository(session).require(image_id)
            hubs = await standings_of_model(session, image.model_id, FIFE)
            values = {"council_id": FIFE, "reason": "mends the clock", "from_versions": [], "first_hubs": []}
            values |= AT_ONCE | RULE | {"shares": list(shares)} | columns
            service = RolloutService(session)
            rollout = await service.make(hubs, image_id=image_id, made_by=BY, **values)
            await service.start(rollout.id, hubs, BY)
            return rollout.id

    async def members(self, state: str | None = None) -> dict[str, FirmwareHub]:
        async with self.database.transaction() as session:
            rows = (await session.execute(select(FirmwareHub).order_by(FirmwareHub.hub_id))).scalars()
            return {row.hub_id: row for row in rows if state is None or row.state == state}

    async def rollout(self) -> FirmwareRollout:
        async with self.database.transaction() as session:
            return (await session.execute(select(FirmwareRollout))).scalar_one()

    async def say(self, hub_id: str, status: str, reason: str | None = None) -> None:
        """Let a hub answer the command that it was asked with."""
        member = (await self.members())[hub_id]
        assert member.command_id is not None
        async with self.database.transaction() as session:
            said = {"status": status, "reason": reason, "at": None}
            now = await database_now(session)
            assert await CommandService(session).settle(hub_id, member.command_id, said, now)

    async def alarms(self) -> list[Alarm]:
        async with self.database.transaction() as session:
            return list((await session.execute(select(Alarm).order_by(Alarm.id))).scalars())

    async def log(self) -> list[str]:
        async with self.database.transaction() as session:
            return list((await session.execute(select(FirmwareLog.what).order_by(FirmwareLog.id))).scalars())


@pytest.fixture
async def estate(database: Database) -> Estate:
    return Estate(database)


async def test_a_rollout_goes_wave_by_wave_and_only_heartbeats_prove_it(estate: Estate) -> None:
    await estate.build(10)
    await estate.roll_out()
    await estate.worker.drive()
    (first,) = await estate.members("asked")
    async with estate.database.transaction() as session:
        (command,) = await CommandRepository(session).page(first, None, 5)
        audit = await session.execute(text("SELECT actor, details FROM audit WHERE action = 'command_sent'"))
        ((actor, details),) = audit.all()
    assert command.args == {"version": NEW, "url": "https://firmware.example/2", "sha256": "0" * 64}
    assert (actor, details["version"], details["command_id"]) == ("system", NEW, str(command.id))
    for step in ("downloading", "verified", "updating", "done"):
        await estate.say(first, step)
        await estate.worker.drive()
        assert list(await estate.members("updating")) == [first]
    assert (await estate.members())[first].why is None
    await estate.tell(NEW, first)
    await estate.worker.drive()
    assert (await estate.members("done"))[first].why == "Its heartbeat tells 2.0"
    others = await estate.members("asked")
    assert len(others) == 9
    await estate.tell(NEW, *others)
    await estate.worker.drive()
    assert (await estate.rollout()).state == RolloutState.DONE
    assert len(await estate.members("done")) == 10
    assert await estate.alarms() == []
    assert (await estate.log())[-3:] == ["Wave 2 of 2 began", "Wave 2 has settled", "All waves are through"]


async def test_failures_halt_it_tell_a_human_and_nobody_is_asked_until_a_human_lets_it_go_on(estate: Estate) -> None:
    await estate.build(10)
    rollout_id = await estate.roll_out((20, 100), at_once=2)
    await estate.worker.drive()
    for hub_id in await estate.members("asked"):
        await estate.say(hub_id, "failed", "the checksum does not fit")
    for _ in range(3):
        await estate.worker.drive()
    halted = await estate.rollout()
    assert (halted.state, halted.halted_why) == (RolloutState.HALTED, "2 of 2 hubs failed: it halts above 50 %")
    (alarm,) = await estate.alarms()
    assert (alarm.type, alarm.class_, alarm.council_id) == ("firmware_halted", "U", FIFE)
    assert f"/firmware/{rollout_id}" in alarm.notes[1]
    assert len(await estate.members("pending")) == 8
    async with estate.database.transaction() as session:
        await RolloutService(session).resume(rollout_id, BY, "the maker has mended it")
    await estate.worker.drive()
    assert (await estate.rollout()).state == RolloutState.RUNNING
    again = list(await estate.members("asked"))
    assert len(again) == 2
    for hub_id in again:
        await estate.say(hub_id, "failed")
    await estate.worker.drive()
    assert (await estate.rollout()).state == RolloutState.HALTED
    assert len(await estate.alarms()) == 2, "a second halt is news, whoever has the alarm of the first"
    assert "Goes on after it was halted: the maker has mended it" in await estate.log()


async def test_one_that_starts_anew_and_is_not_heard_halts_it(estate: Estate) -> None:
    await estate.build(5)
    await estate.roll_out((20, 100))
    await estate.worker.drive()
    (first,) = await estate.members("asked")
    await estate.say(first, "updating")
    await estate.worker.drive()
    assert (await estate.rollout()).state == RolloutState.RUNNING
    await estate.sql("UPDATE hub_command SET step_at = step_at - interval '11 minutes'")
    await estate.worker.drive()
    member = (await estate.members("failed"))[first]
    assert member.silent
    halted = await estate.rollout()
    assert halted.halted_why == "1 hub began to update and was not heard again within 10 min"


async def test_updated_hubs_that_go_offline_more_than_the_others_halt_it(estate: Estate) -> None:
    await estate.build(10)
    await estate.roll_out((20, 100), soak_s=3600)
    await estate.worker.drive()
    first = list(await estate.members("asked"))
    await estate.tell(NEW, *first)
    await estate.worker.drive()
    assert (await estate.rollout()).state == RolloutState.RUNNING
    await estate.sql("UPDATE hub_presence SET state = 'offline' WHERE hub_id = ANY(:ids)", ids=first)
    await estate.worker.drive()
    assert "2 of 2 updated hubs are offline, against 0 of the 8 others" in str((await estate.rollout()).halted_why)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE hub_live SET mains = false", "It is on battery"),
        ("UPDATE hub_presence SET state = 'late'", "It is not online: late"),
        ("UPDATE hub_presence SET away_until = now() + interval '1 day'", "Its person is away by plan"),
        (FREEZE, "Planned work is on here"),
        (BY_HAND, "Another update is on its way in this home"),
        (PENDANT, "A life-safety alarm of this home is open"),
    ],
)
async def test_who_cannot_update_now_is_waited_for_and_left_out_in_the_end(
    estate: Estate, statement: str, why: str
) -> None:
    await estate.build(1)
    await estate.sql(statement)
    await estate.roll_out((100,))
    await estate.worker.drive()
    member = (await estate.members("pending"))["h1"]
    assert member.why == why
    await estate.sql("UPDATE firmware_hub SET looked_at = NULL")
    await estate.sql("UPDATE firmware_wave SET began_at = began_at - interval '2 hours'")
    await estate.worker.drive()
    assert (await estate.members("skipped"))["h1"].why == why


async def test_a_hub_that_is_of_another_model_since_is_left_out(estate: Estate) -> None:
    await estate.build(2)
    await estate.roll_out((100,))
    await estate.sql(
        "WITH other AS (INSERT INTO device_model (id, make, name, connection)"
        " VALUES (gen_random_uuid(), 'Skerry', 'Halo M', 'digital') RETURNING id)"
        " UPDATE hub SET model_id = other.id FROM other WHERE hub_id = 'h1'"
    )
    await estate.worker.drive()
    assert (await estate.members("skipped"))["h1"].why == "It is of another model now"
    assert list(await estate.members("asked")) == ["h2"]


async def test_two_hubs_of_one_home_update_one_after_the_other(estate: Estate) -> None:
    await estate.build(2)
    await estate.sql("UPDATE installation SET premises_id = (SELECT min(premises_id::text)::uuid FROM installation)")
    await estate.roll_out((100,))
    await estate.worker.drive()
    (asked,) = await estate.members("asked")
    (waits,) = await estate.members("pending")
    await estate.sql("UPDATE firmware_hub SET looked_at = NULL")
    await estate.worker.drive()
    assert list(await estate.members("asked")) == [asked]
    await estate.tell(NEW, asked)
    await CommandExpiry(estate.database).prove()
    await estate.sql("UPDATE firmware_hub SET looked_at = NULL")
    await estate.worker.drive()
    assert list(await estate.members("asked")) == [waits]


async def test_nobody_in_tier_a_goes_first_and_with_one_wave_not_at_all(estate: Estate) -> None:
    await estate.build(4, tier="A")
    await estate.roll_out((100,))
    await estate.worker.drive()
    assert len(await estate.members("skipped")) == 4
    assert (await estate.rollout()).state == RolloutState.DONE


async def test_what_has_not_been_sent_at_a_halt_is_taken_back(estate: Estate) -> None:
    await estate.build(4)
    rollout_id = await estate.roll_out((100,))
    await estate.worker.drive()
    asked = list(await estate.members("asked"))
    async with estate.database.transaction() as session:
        (sent, *_) = await CommandRepository(session).lease(1, timedelta(seconds=10))
        await CommandService(session).note_published(sent.id)
    async with estate.database.transaction() as session:
        image_id = (await RolloutRepository(session).lock(rollout_id) or await estate.rollout()).image_id
        blocked = await ImageService(session).block(image_id, BY, "it loses the SIM")
        assert blocked.state == ImageState.BLOCKED
    await estate.worker.drive()
    assert (await estate.rollout()).halted_why == "The image is not released any more"
    assert list(await estate.members("asked")) == [sent.hub_id]
    taken_back = await estate.members("skipped")
    assert set(taken_back) == set(asked) - {sent.hub_id}
    async with estate.database.transaction() as session:
        assert await CommandRepository(session).lease(50, timedelta(seconds=10)) == []
    await estate.tell(NEW, sent.hub_id)  # what is on its way is followed to its end
    await estate.worker.drive()
    assert list(await estate.members("done")) == [sent.hub_id]


async def test_two_workers_ask_each_hub_once(estate: Estate) -> None:
    await estate.build(12)
    await estate.roll_out((10, 100), at_once=3)
    workers = [FirmwareWaves(estate.database) for _ in range(4)]
    for _ in range(20):
        await asyncio.gather(*(worker.drive() for worker in workers))
        asked = list(await estate.members("asked"))
        assert len(asked) <= 3
        if asked:
            await estate.tell(NEW, *asked)
    assert (await estate.rollout()).state == RolloutState.DONE
    commands = await estate.sql("SELECT count(*), count(DISTINCT hub_id) FROM hub_command")
    assert commands == [(12, 12)]
