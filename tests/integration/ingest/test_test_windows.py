"""A test window from its opening to its end, against what a hub sends meanwhile (C15), on a real database."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from alarms.intake.repository import IntakeRepository
from devices.registry.repository import HubRepository
from devices.registry.service import RegistryService
from devices.testing.service import WindowService
from telecare.ingest.messages import MessageLane
from telecare.kernel.db import Database
from telecare.kernel.errors import NotFoundError, RefusedError
from tests.homes import add_home, add_hub, add_models
from tests.integration.ingest.desk import Desk, Said

ALL: frozenset[str] = frozenset()


@pytest.fixture
async def home(database: Database) -> None:
    """A hub at Morag's, with two pendants."""
    async with database.transaction() as session:
        await add_hub(session, (await add_models(session))["Halo"])
        await RegistryService(session, ALL).install("SK-1", *(await add_home(session)))
        hubs = HubRepository(session, ALL)
        for device in ("p1", "p2"):
            await hubs.pair(await hubs.row("SK-1"), device_id=device, kind="pendant", room=None)


async def open_window(database: Database, *devices: str, minutes: float = 30) -> None:
    async with database.transaction() as session:
        service = WindowService(session, ALL)
        now = await IntakeRepository(session).lock_hub("SK-1")
        hub, lasts = await service.hubs.require("SK-1"), timedelta(minutes=minutes)
        await service.open(hub, devices, now, lasts=lasts, reason="new pendant", by="user:eilidh", name="Eilidh Ross")


async def end_window(database: Database) -> None:
    async with database.transaction() as session:
        now = await IntakeRepository(session).lock_hub("SK-1")
        await WindowService(session, ALL).end("SK-1", now, "user:eilidh")


def statuses(said: Said) -> list[str]:
    return [answer["status"] for answer in said.answers]


@pytest.mark.usefixtures("home")
async def test_a_press_is_a_test_until_the_window_ends_and_the_next_one_is_real(
    database: Database, messages: MessageLane, desk: Desk, said: Said
) -> None:
    await open_window(database, "p1")
    await messages.settle(desk.press("SK-1", "1", device={"id": "p1"}))
    (event,) = await desk.events()
    assert (event.treatment, event.alarm_id) == ("test", None)
    assert event.notes[0].startswith("A test: Eilidh Ross tries this trigger out")
    async with database.transaction() as session:
        (proof,) = await IntakeRepository(session).proofs_of("SK-1")
    assert (proof.device_id, proof.last_alarm_at, proof.event_id) == ("p1", None, event.id)
    assert proof.last_test_at
    await messages.settle(desk.press("SK-1", "2", device={"id": "p2"}))
    (alarm,) = await desk.alarms()
    assert alarm.person_name == "Morag Sinclair"
    assert "In a test window of Eilidh Ross, but real: it is not from a trigger under test" in alarm.notes
    await end_window(database)
    await messages.settle(desk.press("SK-1", "3", device={"id": "p1"}))
    assert statuses(said) == ["test", "accepted", "accepted"]
    assert said.answers[2]["alarm_id"], "the next press has an alarm"


@pytest.mark.usefixtures("home")
async def test_a_hub_alone_never_makes_its_own_alarms_tests(messages: MessageLane, desk: Desk, said: Said) -> None:
    await messages.settle(desk.press("SK-1", "1", type="installer_mode"))
    await messages.settle(desk.press("SK-1", "2", device={"id": "p1"}))
    assert statuses(said) == ["accepted", "accepted"]
    assert [alarm.type for alarm in await desk.alarms()] == ["pendant"]


@pytest.mark.usefixtures("home")
async def test_a_press_and_the_windows_end_take_turns_and_after_the_end_all_is_real(
    database: Database, messages: MessageLane, desk: Desk, said: Said
) -> None:
    """Whoever is told that the window has ended can rely on it: no later press is a test."""
    await open_window(database, "p1")
    presses = [desk.press("SK-1", str(number), device={"id": "p1"}) for number in range(6)]
    await asyncio.gather(*(messages.settle(press) for press in presses), end_window(database))
    async with database.transaction() as session:
        wrong = "SELECT count(*) FROM event e, test_window w WHERE e.treatment = 'test' AND e.received_at >= w.ended_at"
        assert (await session.execute(text(wrong))).scalar_one() == 0
    said.answers.clear()
    await messages.settle(desk.press("SK-1", "after", device={"id": "p1"}))
    assert statuses(said) == ["accepted"]


@pytest.mark.usefixtures("home")
async def test_one_whose_window_has_run_out_is_real(
    database: Database, messages: MessageLane, desk: Desk, said: Said
) -> None:
    await open_window(database, "p1")
    await desk.sql("UPDATE test_window SET starts_at = now() - interval '1 h', ends_at = clock_timestamp()")
    await messages.settle(desk.press("SK-1", "1", device={"id": "p1"}))
    assert statuses(said) == ["accepted"]
    await open_window(database, "p1"), "one that is over is in nobody's way"


@pytest.mark.usefixtures("home")
async def test_a_press_that_was_waiting_as_the_window_opened_is_real(
    database: Database, messages: MessageLane, desk: Desk, said: Said
) -> None:
    """Its receipt counts, not the moment at which its turn comes."""
    press = desk.press("SK-1", "1", device={"id": "p1"})
    await open_window(database, "p1")
    await messages.settle(press)
    assert statuses(said) == ["accepted"]


@pytest.mark.usefixtures("home")
async def test_a_hub_has_one_window_at_a_time_and_none_for_longer_than_two_hours(database: Database) -> None:
    await open_window(database, "p1")
    with pytest.raises(RefusedError, match="Eilidh Ross has a test window on"):
        await open_window(database, "p2")
    await end_window(database)
    with pytest.raises(NotFoundError):
        await end_window(database)
    with pytest.raises(IntegrityError, match="ck_test_window_ends_at"):
        await open_window(database, "p1", minutes=121)


@pytest.mark.usefixtures("home")
async def test_the_same_press_again_after_the_end_is_still_that_press(
    database: Database, messages: MessageLane, desk: Desk, said: Said
) -> None:
    await open_window(database, "p1")
    await messages.settle(desk.press("SK-1", "1", device={"id": "p1"}))
    await end_window(database)
    await messages.settle(desk.press("SK-1", "1", device={"id": "p1"}, attempt=2))
    assert statuses(said) == ["test", "duplicate"]
    assert await desk.alarms() == []
