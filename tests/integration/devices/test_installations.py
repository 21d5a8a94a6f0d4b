"""A hub is in one place at a time, whoever installs it, and its history says where it was."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from devices.registry.context import hub_context
from devices.registry.domain import HubStatus
from devices.registry.models import Hub, Installation
from devices.registry.service import RegistryService
from telecare.kernel.db import Database
from telecare.kernel.errors import InvalidError, NotFoundError, RefusedError
from tests.homes import ARGYLL, FIFE, add_home, add_hub, add_models

Home = tuple[UUID, UUID]
NOBODY: frozenset[str] = frozenset()


@pytest.fixture
async def homes(database: Database) -> tuple[Home, Home]:
    async with database.transaction() as session:
        await add_hub(session, (await add_models(session))["Halo"])
        return await add_home(session), await add_home(session, given="Una")


async def install(database: Database, home: Home, since: datetime | None = None, *, move: bool = False) -> None:
    async with database.transaction() as session:
        await RegistryService(session, NOBODY).install("SK-1", *home, since, move=move)


async def end(database: Database, until: datetime | None = None) -> None:
    async with database.transaction() as session:
        await RegistryService(session, NOBODY).end_installation("SK-1", until)


async def status(database: Database) -> str:
    async with database.transaction() as session:
        return (await session.execute(select(Hub.status))).scalar_one()


async def test_of_two_who_install_a_hub_at_once_one_wins(database: Database, homes: tuple[Home, Home]) -> None:
    ends = await asyncio.gather(*(install(database, home) for home in homes * 3), return_exceptions=True)
    refused = [each for each in ends if each is not None]
    assert len(refused) == 5
    assert all(isinstance(each, RefusedError) and "4 Harbour Row" in each.detail for each in refused)
    async with database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(Installation))).scalar_one() == 1
    assert await status(database) == HubStatus.IN_SERVICE


async def test_the_refusal_names_where_the_hub_is(database: Database, homes: tuple[Home, Home]) -> None:
    await install(database, homes[0])
    with pytest.raises(RefusedError) as refused:
        await install(database, homes[1])
    assert "Morag Sinclair" in refused.value.detail
    assert "PX31 4AB" in refused.value.detail


async def test_the_past_cannot_be_installed_over(database: Database, homes: tuple[Home, Home]) -> None:
    start = datetime.now(UTC) - timedelta(days=10)
    await install(database, homes[0], start)
    await end(database, start + timedelta(days=5))
    with pytest.raises(RefusedError, match="Morag Sinclair"):
        await install(database, homes[1], start + timedelta(days=4))
    await install(database, homes[1], start + timedelta(days=5))


async def test_a_move_ends_and_begins_in_one_moment(database: Database, homes: tuple[Home, Home]) -> None:
    start = datetime.now(UTC) - timedelta(days=2)
    moved = start + timedelta(days=1)
    await install(database, homes[0], start)
    await install(database, homes[1], moved, move=True)
    async with database.transaction() as session:
        rows = await RegistryService(session, NOBODY).hubs.installations("SK-1")
        assert [(row.person_id, row.since, row.until) for row in rows] == [
            (homes[1][0], moved, None),
            (homes[0][0], start, moved),
        ]
        context = await hub_context(session, "SK-1", start + timedelta(hours=1))
    assert context is not None
    assert context.now is not None
    assert context.then is not None
    assert (context.now.person_name, context.then.person_name) == ("Una Sinclair", "Morag Sinclair")


async def test_a_hub_that_is_taken_out_is_known_by_its_last_place(database: Database, homes: tuple[Home, Home]) -> None:
    await install(database, homes[0])
    await end(database)
    assert await status(database) == HubStatus.STOCK
    async with database.transaction() as session:
        context = await hub_context(session, "SK-1", None)
    assert context is not None
    assert context.now is None
    assert context.last is not None
    assert context.last.place == "4 Harbour Row, Port Corran PX31 4AB"
    with pytest.raises(NotFoundError):
        await end(database)


async def test_moments_are_of_the_past(database: Database, homes: tuple[Home, Home]) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=2)
    await install(database, homes[0], soon)  # a clock that is a little fast
    with pytest.raises(RefusedError, match="after it has begun"):
        await end(database, datetime.now(UTC) - timedelta(days=1))
    await end(database)
    with pytest.raises(InvalidError):
        await install(database, homes[0], datetime.now(UTC) + timedelta(days=1))


async def test_an_installed_hub_is_not_retired_and_a_retired_one_not_installed(
    database: Database, homes: tuple[Home, Home]
) -> None:
    await install(database, homes[0])
    async with database.transaction() as session:
        with pytest.raises(RefusedError, match="end its installation"):
            await RegistryService(session, NOBODY).change_hub("SK-1", {"status": HubStatus.RETIRED})
    await end(database)
    async with database.transaction() as session:
        await RegistryService(session, NOBODY).change_hub("SK-1", {"status": HubStatus.RETIRED})
    with pytest.raises(RefusedError, match="retired"):
        await install(database, homes[0])


@pytest.mark.usefixtures("homes")
async def test_hub_person_and_premises_are_of_one_council(database: Database) -> None:
    async with database.transaction() as session:
        elsewhere = await add_home(session, FIFE)
    with pytest.raises(RefusedError, match="different councils"):
        await install(database, elsewhere)
    async with database.transaction() as session:
        with pytest.raises(NotFoundError):
            await RegistryService(session, frozenset({ARGYLL})).install("SK-1", *elsewhere)
