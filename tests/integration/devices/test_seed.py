"""The fictional fleet: whole, the same at each start, and nobody's telephone number in it."""

import re

import pytest
from sqlalchemy import func, select, text

from devices.registry.councils import COUNCILS
from devices.registry.models import Contact, Council, Hub, Installation, Line, Person, Premises
from devices.registry.seed import SeededHub, hub_password, seed_fleet
from telecare.api.deps import Services
from telecare.kernel.pure.mqtt_credentials import verify

SECRET = "5e" * 32
DRAMA = re.compile(r"\+44(131496\d{4}|141496\d{4}|1632960\d{3}|7700900\d{3})")


async def seed(services: Services, homes: int) -> list[SeededHub]:
    async with services.database.transaction() as session:
        return await seed_fleet(session, services.sealer, SECRET, homes)


async def test_a_home_is_whole(services: Services) -> None:
    await seed(services, 60)
    async with services.database.transaction() as session:
        for table in (Hub, Person, Premises, Line, Installation):
            assert (await session.execute(select(func.count()).select_from(table))).scalar_one() == 60
        councils = (await session.execute(text("SELECT council_id, count(*) FROM hub GROUP BY 1"))).all()
        assert sorted(count for _, count in councils) == [20, 20, 20]
        alone = text("SELECT count(*) FROM person WHERE id NOT IN (SELECT person_id FROM contact)")
        assert (await session.execute(alone)).scalar_one() == 0
        code = (await session.execute(select(Premises.key_safe_code_sealed).limit(30))).scalars()
        assert all(services.sealer.open(sealed).isdecimal() for sealed in code if sealed)


async def test_a_second_start_finds_the_fleet_and_a_larger_one_adds_to_it(services: Services) -> None:
    first = await seed(services, 30)
    assert await seed(services, 30) == first
    assert await seed(services, 10) == first[: len(await seed(services, 10))]
    more = await seed(services, 40)
    assert more[: len(first)] == first
    async with services.database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(Hub))).scalar_one() == 40


async def test_passwords_follow_from_the_secret_and_only_their_hashes_are_stored(services: Services) -> None:
    hubs = await seed(services, 30)
    async with services.database.transaction() as session:
        stored = dict((await session.execute(select(Hub.hub_id, Hub.mqtt_credential))).all())
    for hub in hubs:
        assert hub.password == hub_password(SECRET, hub.hub_id)
        assert verify(hub.password, stored[hub.hub_id] or "")
    assert {hub_id for hub_id, credential in stored.items() if credential} == {hub.hub_id for hub in hubs}
    assert hub_password("00" * 32, hubs[0].hub_id) != hubs[0].password


async def test_every_number_is_reserved_for_drama_and_every_address_for_examples(services: Services) -> None:
    await seed(services, 200)
    async with services.database.transaction() as session:
        for column in (Person.phone, Contact.phone, Line.number):
            for number in (await session.execute(select(column).where(column.is_not(None)))).scalars():
                assert DRAMA.fullmatch(number or ""), number
        emails = (await session.execute(select(Contact.email).where(Contact.email.is_not(None)))).scalars()
        assert all(email is not None and email.endswith((".example", "@example.org")) for email in emails)


@pytest.mark.parametrize("homes", [1, 2])
async def test_the_smallest_fleet_has_a_hub_that_speaks(services: Services, homes: int) -> None:
    assert await seed(services, homes)


async def test_the_schema_comes_with_the_councils(services: Services) -> None:
    async with services.database.transaction() as session:
        assert dict((await session.execute(select(Council.code, Council.name))).all()) == COUNCILS
