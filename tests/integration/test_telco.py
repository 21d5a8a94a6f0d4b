"""The loop with the providers on a real database: what is told, holds that stay, checks within the hour and after."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from alarms.handling.models import Alarm
from alarms.handling.switchover import LINE_MOVED, NOTICES
from devices.commands.models import HubCommand
from devices.commands.service import CommandService
from devices.jobs.models import Job
from devices.switchover.telco.domain import NoticeKind, NoticeStatus, Purpose
from devices.switchover.telco.models import TelcoAgreement, TelcoBatch, TelcoCheck, TelcoHold
from devices.switchover.telco.reading import ReadNotice
from devices.switchover.telco.service import Taken, TelcoService
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import RefusedError
from telecare.switchover.liveness import LivenessWatch
from tests.integration.devices.standing import Fleet

FIFE = "S12000047"
LINE = "+44163296010{}"


Row = TypeVar("Row")


class Exchange(Fleet):
    """Homes with lines of one provider, and somebody who checks."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.watch = LivenessWatch(database)

    async def now(self) -> datetime:
        async with self.database.transaction() as session:
            return await database_now(session)

    async def notify(self, number: int = 1, minutes: float = 0, status: NoticeStatus = NoticeStatus.PLANNED) -> Taken:
        """Let the provider announce that a line is moved in so many minutes."""
        at = await self.now() + timedelta(minutes=minutes)
        async with self.database.transaction() as session:
            one = ReadNotice(LINE.format(number), at, NoticeKind.NON_VOLUNTARY, status)
            return await TelcoService(session).take(FIFE, "Norvik", [one], "user:rory")

    async def passes(self, minutes: float) -> None:
        """Let so much time have passed for everything that is known of the migration."""
        gap = f"interval '{minutes} minutes'"
        await self.sql(
            f"UPDATE telco_notice SET planned_at = planned_at - {gap}, checks_for = checks_for - {gap},"  # noqa: S608
            f" told_for = told_for - {gap}, last_at = last_at - {gap}"
        )
        await self.sql(
            f"UPDATE telco_check SET planned_at = planned_at - {gap}, look_at = look_at - {gap},"  # noqa: S608
            f" asked_at = asked_at - {gap}"
        )

    async def look(self) -> None:
        await self.watch.begin()
        await self.watch.step()
        await self.watch.tell()

    async def check(self) -> TelcoCheck:
        (one,) = await self.rows(TelcoCheck)
        return one

    async def rows(self, model: type[Row]) -> Sequence[Row]:
        async with self.database.transaction() as session:
            return (await session.execute(select(model).order_by(model.id))).scalars().all()  # type: ignore[attr-defined]

    async def alarms(self, type_: str = LINE_MOVED) -> list[Alarm]:
        return [one for one in await self.rows(Alarm) if one.type == type_]

    async def agree(self) -> UUID:
        async with self.database.transaction() as session:
            today = (await database_now(session)).date()
            row = await TelcoService(session).agree(
                FIFE, "Norvik", "user:rory", legal_basis="the Act", dpia_reference="D1", starts_on=today,
                review_on=today + timedelta(days=90), fields=["device_type", "telephone_number"],
            )  # fmt: skip
            return row.id

    async def share(self, agreement: UUID, purpose: Purpose) -> list[str]:
        async with self.database.transaction() as session:
            service = TelcoService(session)
            batch = await service.share(agreement, purpose, "user:rory")
            return sorted(number for number, _ in await service.telco.numbers_of(batch.id))

    async def hold(self, number: int = 1) -> None:
        async with self.database.transaction() as session:
            await TelcoService(session).hold(FIFE, LINE.format(number), None, "no signal at home", "user:rory")


@pytest.fixture
async def exchange(database: Database) -> Exchange:
    exchange = Exchange(database)
    await exchange.settle(3)
    await exchange.sql("UPDATE hub SET status = 'in_service'")
    await exchange.live_in("B", 3)
    await exchange.sql(
        "INSERT INTO line (id, council_id, premises_id, kind, provider, number)"
        " SELECT gen_random_uuid(), council_id, premises_id, 'pstn', 'norvik', '+44163296010' || substr(hub_id, 2)"
        " FROM installation"
    )
    return exchange


async def heard(exchange: Exchange) -> None:
    await exchange.beats("h1")
    await exchange.judge()


async def test_a_digital_unit_is_asked_and_its_answer_ends_the_check(exchange: Exchange) -> None:
    await heard(exchange)
    await exchange.notify(minutes=5)
    await exchange.look()
    assert await exchange.rows(TelcoCheck) == []
    await exchange.passes(10)
    await exchange.look()
    assert (await exchange.check()).state == "due"
    await exchange.passes(12)
    await exchange.look()
    (command,) = await exchange.rows(HubCommand)
    assert (command.hub_id, command.command, (await exchange.check()).state) == ("h1", "test", "asked")
    async with exchange.database.transaction() as session:
        answer = {"status": "done"}
        await CommandService(session).settle("h1", command.id, answer, await database_now(session))
    await exchange.look()
    assert ((await exchange.check()).state, await exchange.alarms()) == ("answered", [])


async def test_a_digital_unit_that_stays_silent_is_a_case_within_the_hour(exchange: Exchange) -> None:
    await heard(exchange)
    await exchange.notify()
    for _ in range(6):
        await exchange.passes(11)
        await exchange.sql("UPDATE hub_command SET state = 'expired', finished_at = now() WHERE state = 'queued'")
        await exchange.look()
    check, (alarm,) = await exchange.check(), await exchange.alarms()
    assert (check.state, check.alarm_id) == ("no_answer", alarm.id)
    assert (alarm.class_, alarm.hub_id, alarm.handling) == ("U", "h1", "raised")
    assert len(await exchange.rows(HubCommand)) > 1  # it was asked again before
    await exchange.look()
    assert len(await exchange.alarms()) == 1


async def test_after_a_downtime_of_ours_all_that_is_late_is_done_at_once(exchange: Exchange) -> None:
    await exchange.sql("UPDATE hub SET connection = 'analogue' WHERE hub_id IN ('h1', 'h2')")
    await exchange.notify(1)
    await exchange.notify(2)
    await exchange.passes(300)
    await exchange.look()
    assert len(await exchange.alarms()) == 2
    assert {(job.kind, job.state) for job in await exchange.rows(Job)} == {("line_moved", "open")}
    assert {check.state for check in await exchange.rows(TelcoCheck)} == {"no_answer"}


async def test_an_analogue_unit_is_a_job_to_ring_it_and_what_was_said_decides(exchange: Exchange) -> None:
    await exchange.sql("UPDATE hub SET connection = 'analogue'")
    await exchange.notify()
    await exchange.passes(16)
    await exchange.look()
    check, (job,) = await exchange.check(), await exchange.rows(Job)
    assert (check.state, check.job_id, job.kind) == ("to_ring", job.id, "line_moved")
    assert job.due_at <= check.planned_at + timedelta(minutes=60, seconds=1)
    await exchange.sql("UPDATE telco_check SET rung = false, rung_words = 'dead line', look_at = now()")
    await exchange.look()
    (alarm,) = await exchange.alarms()
    assert any("dead line" in note for note in alarm.notes)


async def test_what_comes_long_after_the_fact_is_a_record_and_a_cancelled_one_nothing(exchange: Exchange) -> None:
    await exchange.notify(1, minutes=-3000)
    await exchange.notify(2, minutes=-1, status=NoticeStatus.CANCELLED)
    await exchange.look()
    assert await exchange.rows(TelcoCheck) == []


async def test_no_check_ends_unanswered_without_a_case_whatever_writes(exchange: Exchange) -> None:
    await exchange.notify()
    await exchange.passes(1)
    await exchange.look()
    with pytest.raises(IntegrityError):
        await exchange.sql("UPDATE telco_check SET state = 'no_answer', ended_at = now()")


async def test_a_hold_survives_any_order_of_re_issues(exchange: Exchange) -> None:
    agreement = await exchange.agree()
    await exchange.hold()
    chance = random.Random(7)
    for _ in range(12):
        act = chance.choice(("notice", "again", "share", "hold", "moved", "cancelled"))
        if act == "notice":
            await exchange.notify(1, minutes=chance.randrange(60, 9000))
        elif act == "again":
            await exchange.notify(1, minutes=120)
        elif act == "share":
            assert LINE.format(1) in await exchange.share(agreement, Purpose.IDENTIFY)
        elif act == "moved":
            await exchange.notify(1, minutes=-10, status=NoticeStatus.MIGRATED)
        elif act == "cancelled":
            await exchange.notify(1, minutes=50, status=NoticeStatus.CANCELLED)
        else:
            await exchange.hold()
        (hold,) = await exchange.rows(TelcoHold)
        assert (hold.lifted_at, hold.number) == (None, LINE.format(1))
        assert await exchange.share(agreement, Purpose.DO_NOT_MIGRATE) == [LINE.format(1)]
    taken = await exchange.notify(1, minutes=500)
    assert taken.held == [LINE.format(1)]


async def test_a_notice_against_a_hold_and_one_of_no_home_reach_a_human_once_for_each_time(exchange: Exchange) -> None:
    await exchange.hold(1)
    await exchange.notify(1, minutes=600)
    await exchange.notify(9, minutes=600)
    await exchange.notify(2, minutes=600)
    for _ in range(2):
        await exchange.look()
    (alarm,) = await exchange.alarms(NOTICES)
    assert "2 lines" in alarm.words
    assert LINE.format(2) not in repr(alarm.notes)
    await exchange.notify(1, minutes=600, status=NoticeStatus.CANCELLED)
    await exchange.notify(9, minutes=600, status=NoticeStatus.CANCELLED)
    await exchange.look()
    (alarm,) = await exchange.alarms(NOTICES)
    assert alarm.condition == "cleared"


async def test_a_confirmed_solution_is_told_once_and_never_of_a_held_line(exchange: Exchange) -> None:
    agreement = await exchange.agree()
    with pytest.raises(RefusedError, match="nothing to tell"):
        await exchange.share(agreement, Purpose.SOLUTION_CONFIRMED)
    await exchange.sql("UPDATE installation SET accepted_at = now(), accepted_by = 'user:rory' WHERE hub_id <> 'h3'")
    await exchange.hold(2)
    assert await exchange.share(agreement, Purpose.SOLUTION_CONFIRMED) == [LINE.format(1)]
    with pytest.raises(RefusedError, match="nothing to tell"):
        await exchange.share(agreement, Purpose.SOLUTION_CONFIRMED)


async def test_a_batch_leaves_once_with_the_bytes_of_its_hash(exchange: Exchange) -> None:
    agreement = await exchange.agree()
    await exchange.share(agreement, Purpose.IDENTIFY)
    (batch,) = await exchange.rows(TelcoBatch)
    async with exchange.database.transaction() as session:
        _, file = await TelcoService(session).hand_out(batch.id, "user:rory")
    assert file.decode().splitlines() == [
        "telephone_number,device_type",
        *(f'{LINE.format(number)},"telecare, digital"' for number in (1, 2, 3)),
    ]
    async with exchange.database.transaction() as session:
        with pytest.raises(RefusedError, match="leaves once"):
            await TelcoService(session).hand_out(batch.id, "user:rory")
    assert len(await exchange.rows(TelcoAgreement)) == 1
