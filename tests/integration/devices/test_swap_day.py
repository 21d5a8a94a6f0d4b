"""The old hub stays until the new one is accepted and no alarm of the home is open (C22): by service and by SQL."""

import asyncio
import random
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from alarms.handling.domain import Subject
from alarms.intake.repository import IntakeRepository
from devices.registry.leaving import Withdrawal
from devices.registry.repository import HubRepository
from devices.registry.service import RegistryService
from devices.testing.service import WindowService
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import NotFoundError, RefusedError
from telecare.kernel.ids import new_id
from telecare.protection.swap_day import SwapDay
from tests.homes import ARGYLL, add_home, add_hub, add_models
from tests.integration.alarms.world import World

ALL: frozenset[str] = frozenset()
HUBS = ("OLD", "NEW", "THIRD")
GONE = Withdrawal("moves to a care home", "user:ewan", "Sheila")
Home = tuple[UUID, UUID]


@pytest.fixture
async def homes(database: Database) -> tuple[Home, Home]:
    async with database.transaction() as session:
        model = (await add_models(session))["Halo"]
        for hub_id in HUBS:
            await add_hub(session, model, hub_id)
        return await add_home(session), await add_home(session, given="Una")


class Engineer:
    """What somebody does to hubs, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def install(self, hub_id: str, home: Home, *, move: bool = False) -> None:
        async with self.database.transaction() as session:
            swap = SwapDay(session, ALL)
            leaving = await swap.leaving(hub_id, "user:ewan")
            await swap.registry.install(hub_id, *home, move=move, leaving=leaving)

    async def end(self, hub_id: str, withdrawal: Withdrawal | None = None) -> None:
        async with self.database.transaction() as session:
            swap = SwapDay(session, ALL)
            leaving = await swap.leaving(hub_id, "user:ewan", withdrawal)
            await swap.registry.end_installation(hub_id, None, leaving)

    async def accept(self, hub_id: str) -> None:
        """Accept a hub that has shown all, whatever that was."""
        async with self.database.transaction() as session:
            await RegistryService(session, ALL).accept(hub_id, [], "user:ewan")

    async def sql(self, statement: str, **values: object) -> None:
        async with self.database.transaction() as session:
            await session.execute(text(statement), values)


@pytest.fixture
def ewan(database: Database) -> Engineer:
    return Engineer(database)


async def test_a_swap_day_from_its_morning_to_its_evening(
    database: Database, homes: tuple[Home, Home], ewan: Engineer
) -> None:
    morag, world = homes[0], World(database)
    await ewan.install("OLD", morag)
    await ewan.accept("OLD")
    await ewan.install("NEW", morag)
    with pytest.raises(RefusedError, match="Accept NEW first"):
        await ewan.end("OLD")
    await ewan.accept("NEW")
    subject = Subject(council_id=ARGYLL, person_id=morag[0], premises_id=morag[1])
    for hub_id in ("OLD", "NEW"):
        alarm = await world.raise_alarm("pendant", hub_id, subject)
        for stays in ("OLD", "NEW"):
            with pytest.raises(RefusedError, match="an alarm of this home is open"):
                await ewan.end(stays)
        await ewan.sql(
            "UPDATE alarm SET handling = 'closed', closed_at = now(), next_due_at = NULL, outcome = 'reassured',"
            " assigned_to = NULL WHERE id = :id",
            id=alarm,
        )
    await ewan.end("OLD")
    with pytest.raises(RefusedError, match="only hub of this person"):
        await ewan.end("NEW")
    with pytest.raises(RefusedError, match="only hub of this person"):
        await ewan.install("NEW", homes[1], move=True)
    await ewan.end("NEW", GONE)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE installation SET period = tstzrange(lower(period), clock_timestamp()) WHERE hub_id = 'OLD'",
        "UPDATE installation SET person_id = :other, premises_id = :place WHERE hub_id = 'OLD'",
        "UPDATE installation SET accepted_at = NULL, accepted_by = NULL WHERE hub_id = 'OLD'",
        "UPDATE installation SET hub_id = 'THIRD' WHERE hub_id = 'OLD'",
        "DELETE FROM installation WHERE hub_id = 'OLD'",
        "UPDATE hub SET status = 'retired' WHERE hub_id = 'OLD'",
    ],
)
async def test_the_database_refuses_it_by_itself(homes: tuple[Home, Home], ewan: Engineer, statement: str) -> None:
    await ewan.install("OLD", homes[0])
    await ewan.accept("OLD")
    await ewan.install("NEW", homes[0])
    values = {"other": homes[1][0], "place": homes[1][1]} if ":other" in statement else {}
    with pytest.raises(IntegrityError, match=r"stays where it is|is installed"):
        await ewan.sql(statement, **values)
    await ewan.accept("NEW")
    if "hub SET" not in statement:
        await ewan.sql(statement, **values)


async def test_the_database_keeps_every_hub_of_a_home_with_an_open_alarm(
    database: Database, homes: tuple[Home, Home], ewan: Engineer
) -> None:
    await ewan.install("OLD", homes[0])
    await World(database).raise_alarm("pendant", "elsewhere", Subject(council_id=ARGYLL, premises_id=homes[0][1]))
    with pytest.raises(IntegrityError, match="an alarm of this home is open"):
        await ewan.sql("DELETE FROM installation WHERE hub_id = 'OLD'")


@pytest.mark.parametrize("type_", ["hub_offline", "mains_fail"])
async def test_what_is_wrong_with_a_hub_itself_does_not_keep_it(
    database: Database, homes: tuple[Home, Home], ewan: Engineer, type_: str
) -> None:
    morag = homes[0]
    for hub_id in ("OLD", "NEW"):
        await ewan.install(hub_id, morag)
        await ewan.accept(hub_id)
    subject = Subject(council_id=ARGYLL, person_id=morag[0], premises_id=morag[1])
    await World(database).raise_alarm(type_, "OLD", subject)
    await ewan.end("OLD")


async def test_of_two_who_each_take_one_of_two_hubs_away_one_is_refused(
    homes: tuple[Home, Home], ewan: Engineer
) -> None:
    for hub_id in ("OLD", "NEW"):
        await ewan.install(hub_id, homes[0])
        await ewan.accept(hub_id)
    by_sql = "UPDATE installation SET period = tstzrange(lower(period), clock_timestamp()) WHERE hub_id = 'NEW'"
    ends = await asyncio.gather(ewan.end("OLD"), ewan.sql(by_sql), return_exceptions=True)
    refused = [each for each in ends if each is not None]
    assert len(refused) == 1
    assert isinstance(refused[0], RefusedError | IntegrityError)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_two_engineers_at_once_leave_nobody_without_a_hub_that_was_accepted(
    database: Database, homes: tuple[Home, Home], ewan: Engineer, seed: int
) -> None:
    chance, relying = random.Random(seed), set[UUID]()

    async def act() -> None:
        hub_id, home = chance.choice(HUBS), chance.choice(homes)
        acts = (
            lambda: ewan.install(hub_id, home), lambda: ewan.install(hub_id, home, move=True),
            lambda: ewan.accept(hub_id), lambda: ewan.end(hub_id), lambda: ewan.end(hub_id, GONE),
        )  # fmt: skip
        await chance.choices(acts, (4, 2, 4, 4, 1))[0]()

    for _ in range(25):
        ends = await asyncio.gather(act(), act(), return_exceptions=True)
        assert all(each is None or isinstance(each, RefusedError | NotFoundError) for each in ends), ends
        async with database.transaction() as session:
            query = (
                "SELECT person_id, count(*) FILTER (WHERE upper_inf(period) AND accepted_at IS NOT NULL),"
                " (array_agg(withdrawn_by ORDER BY upper(period) DESC NULLS LAST))[1] FROM installation GROUP BY 1"
            )
            for person, accepted, withdrawn in await session.execute(text(query)):
                if accepted:
                    relying.add(person)
                elif person in relying:
                    assert withdrawn, "left without a hub"
                    relying.discard(person)


async def test_a_hub_is_accepted_by_what_it_has_shown_since_it_came(
    database: Database, homes: tuple[Home, Home], ewan: Engineer
) -> None:
    async def shows(device: str) -> UUID:
        event_id, row = (
            new_id(),
            {"lane": "alarm", "topic": "t", "treatment": "test", "payload": b"", "payload_size": 0},
        )
        async with database.transaction() as session:
            intake = IntakeRepository(session)
            now = await database_now(session)
            await intake.add_event(id=event_id, received_at=now, hub_id="OLD", council_id=ARGYLL, **row)
            intake.stamp_proof(
                hub_id="OLD", device_id=device, path=None, council_id=ARGYLL, event_id=event_id, alarm_at=None,
                test_at=now,
            )  # fmt: skip
        return event_id

    async def accept() -> list[UUID]:
        async with database.transaction() as session:
            return list((await SwapDay(session, ALL).accept("OLD", "user:ewan")).accepted_events)

    async with database.transaction() as session:
        hubs = HubRepository(session, ALL)
        await hubs.pair(await hubs.row("OLD"), device_id="p1", kind="pendant", room=None)
    await shows("p1")
    await ewan.install("OLD", homes[0])
    with pytest.raises(RefusedError) as refused:
        await accept()
    assert refused.value.extra["missing"] == [
        "pendant: an alarm or a test has arrived", "heartbeats: it is online now",
    ]  # fmt: skip
    event_id = await shows("p1")
    await ewan.sql("INSERT INTO hub_presence (hub_id, state, since) VALUES ('OLD', 'online', now())")
    assert await accept() == [event_id]
    await shows("p1")
    assert await accept() == [event_id], "a second time changes nothing"


async def test_a_hub_that_moves_house_with_its_person_stays_accepted(
    database: Database, homes: tuple[Home, Home], ewan: Engineer
) -> None:
    (morag, _), (_, elsewhere) = homes
    await ewan.install("OLD", homes[0])
    await ewan.install("OLD", (morag, elsewhere), move=True)
    await ewan.accept("OLD")
    await ewan.install("OLD", homes[0], move=True)
    async with database.transaction() as session:
        rows = await HubRepository(session, ALL).installations("OLD")
    assert [(row.until is None, row.accepted_by) for row in rows] == [
        (True, "user:ewan"), (False, "user:ewan"), (False, None),
    ]  # fmt: skip


async def test_a_test_window_ends_with_the_installation(
    database: Database, homes: tuple[Home, Home], ewan: Engineer
) -> None:
    await ewan.install("OLD", homes[0])
    async with database.transaction() as session:
        service = WindowService(session, ALL)
        now = await IntakeRepository(session).lock_hub("OLD")
        hub = await service.hubs.require("OLD")
        await service.open(hub, [""], now, lasts=timedelta(minutes=9), reason="a visit", by="user:ewan", name="Ewan")
    await ewan.end("OLD")
    async with database.transaction() as session:
        window = await WindowService(session, ALL).windows.latest("OLD")
    assert window is not None
    assert window.ended_by == "user:ewan"


async def test_a_withdrawal_has_two_names_and_an_end(homes: tuple[Home, Home], ewan: Engineer) -> None:
    await ewan.install("OLD", homes[0], move=False)
    names = "withdrawn_why = 'x', withdrawn_by = 'user:ewan', withdrawn_with"
    for statement in (f"{names} = 'Sheila'", f"{names} = 'user:ewan'", "withdrawn_why = 'x'"):
        with pytest.raises(IntegrityError, match="ck_installation_withdrawn"):
            await ewan.sql(f"UPDATE installation SET {statement}")  # noqa: S608
