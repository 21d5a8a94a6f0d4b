"""What belongs together: the alarms of one home, whichever of its hubs sends them (C22)."""

from uuid import UUID

from alarms.handling.domain import Subject
from tests.homes import ARGYLL, add_home
from tests.integration.alarms.world import World


async def test_the_old_and_the_new_hub_of_a_home_make_one_case(world: World) -> None:
    async with world.database.transaction() as session:
        morag, home = await add_home(session)
        angus, other_home = await add_home(session, given="Angus")

    async def case(hub_id: str, person: UUID | None, premises: UUID) -> UUID:
        subject = Subject(council_id=ARGYLL, person_id=person, premises_id=premises)
        return (await world.get(await world.raise_alarm("pendant", hub_id, subject))).case_id

    first = await case("old", morag, home)
    assert await case("new", morag, home) == first
    assert await case("his own", angus, home) == first, "the same home, whoever wears the pendant"
    assert await case("next door", None, other_home) != first


async def test_nobody_and_nowhere_make_no_case(world: World) -> None:
    one, other = await world.raise_alarm("pendant", "a"), await world.raise_alarm("pendant", "b")
    assert (await world.get(one)).case_id != (await world.get(other)).case_id
