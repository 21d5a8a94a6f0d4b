"""The exposure list on a real database: found and ended by facts, planned by people, told of when nothing is done."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from alarms.handling.models import Alarm
from alarms.handling.switchover import EXPOSURE_OVERDUE
from devices.registry.domain import LineKind
from devices.switchover.exposure.domain import ExposureCause
from devices.switchover.exposure.models import Exposure
from devices.switchover.exposure.repository import ExposureRepository
from devices.switchover.exposure.service import ExposureService, StaleExposureError
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import RefusedError
from telecare.switchover.exposure import ExposureWatch
from tests.integration.devices.standing import Fleet

RORY = ("Rory", "user:rory")


class Street(Fleet):
    """Homes with analogue units and lines, and somebody who looks."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.watch = ExposureWatch(database)

    async def line(self, kind: str, number: int = 1, checked: date | None = None) -> None:
        """Put a line into the home of a hub."""
        await self.sql(
            "INSERT INTO line (id, council_id, premises_id, kind, provider, checked_on)"
            " SELECT gen_random_uuid(), council_id, premises_id, :kind, 'Norvik', :checked"
            " FROM installation WHERE hub_id = :hub_id",
            kind=kind, checked=checked, hub_id=f"h{number}",
        )  # fmt: skip

    async def look(self) -> None:
        await self.watch.look()
        await self.watch.tell()
        await self.watch.count()

    async def entries(self) -> list[Exposure]:
        async with self.database.transaction() as session:
            return list((await session.execute(select(Exposure).order_by(Exposure.found_at, Exposure.id))).scalars())

    async def only(self) -> Exposure:
        (entry,) = await self.entries()
        return entry

    async def plan(self, entry: Exposure, days: int = 3) -> None:
        async with self.database.transaction() as session:
            day = (await database_now(session)).date() + timedelta(days=days)
            await ExposureService(session).plan(entry.id, "Rory", "book a visit", day, "Rory", entry.version)

    async def close(self, entry: Exposure, cause: ExposureCause, kind: LineKind | None = None, as_of: int = 0) -> None:
        async with self.database.transaction() as session:
            service = ExposureService(session)
            await service.close(entry.id, cause, "rang the provider", RORY, as_of or entry.version, kind)

    async def alarms(self) -> list[Alarm]:
        async with self.database.transaction() as session:
            found = (await session.execute(select(Alarm).order_by(Alarm.id))).scalars()
            return [one for one in found if one.type == EXPOSURE_OVERDUE]

    async def digital_for(self, number: int, *, accepted: bool) -> None:
        """Put a digital unit into a home beside the analogue one."""
        await self.sql(
            "INSERT INTO hub (hub_id, council_id, model_id, connection, status)"
            " SELECT 'new', council_id, model_id, 'digital', 'in_service' FROM hub WHERE hub_id = 'h1'"
        )
        await self.sql(
            "INSERT INTO installation"
            " (id, council_id, hub_id, person_id, premises_id, period, accepted_at, accepted_by)"
            " SELECT gen_random_uuid(), council_id, 'new', person_id, premises_id, tstzrange(now(), NULL),"
            " CASE WHEN :accepted THEN now() END, CASE WHEN :accepted THEN 'user:rory' END"
            " FROM installation WHERE hub_id = :hub_id",
            hub_id=f"h{number}",
            accepted=accepted,
        )


@pytest.fixture
async def street(database: Database) -> Street:
    street = Street(database)
    await street.settle(3)
    await street.sql("UPDATE hub SET status = 'in_service', connection = 'analogue'")
    await street.live_in("C", 3)
    return street


async def test_every_analogue_unit_on_a_digital_line_is_found_once_with_its_age(street: Street) -> None:
    await street.line("voip_ata", 1, date(2026, 1, 5))
    await street.line("pstn", 2)
    await street.line("voip_router", 3)
    await street.sql("UPDATE hub SET connection = 'digital_ready' WHERE hub_id = 'h3'")
    for _ in range(2):
        await street.look()
    found = {entry.hub_id: entry for entry in await street.entries()}
    assert set(found) == {"h1", "h3"}
    assert found["h1"].known_since < found["h1"].found_at - timedelta(days=30)
    assert (found["h1"].line_kind, found["h1"].provider, found["h1"].owner) == ("voip_ata", "Norvik", None)
    await street.beats("h3")  # it speaks MQTT now: it is no longer on its line, and not accepted either
    await street.judge()
    await street.look()
    found = {entry.hub_id: entry for entry in await street.entries()}
    assert (found["h3"].closed_at, "accepted" in (found["h3"].gone or "")) == (None, True)


async def test_an_accepted_digital_unit_ends_it_and_one_that_is_not_accepted_does_not(street: Street) -> None:
    await street.line("voip_ata")
    await street.look()
    await street.digital_for(1, accepted=False)
    await street.look()
    assert (await street.only()).closed_at is None
    await street.sql("UPDATE installation SET accepted_at = now(), accepted_by = 'user:rory' WHERE hub_id = 'new'")
    await street.look()
    entry = await street.only()
    assert (entry.cause, entry.closed_by) == (ExposureCause.DIGITAL_UNIT, None)


async def test_no_entry_ends_without_a_cause_whatever_writes_to_the_database(street: Street) -> None:
    await street.line("voip_ata")
    await street.look()
    with pytest.raises(RefusedError, match="Nobody has it yet"):
        await street.close(await street.only(), ExposureCause.LINE_CORRECTED, LineKind.PSTN)
    await street.plan(await street.only())
    entry = await street.only()
    for change in (
        "closed_at = now()",
        "cause = 'digital_unit'",
        "closed_at = now(), cause = 'line_corrected'",
        "closed_at = now(), cause = 'other_line', owner = 'Rory', reason = 'so'",
    ):
        with pytest.raises(IntegrityError):
            await street.sql(f"UPDATE exposure SET {change}")  # noqa: S608 - ours, above
    with pytest.raises(RefusedError, match="still has a digital line"):
        await street.close(entry, ExposureCause.LINE_CORRECTED)
    with pytest.raises(RefusedError, match="no analogue line"):
        await street.close(entry, ExposureCause.OTHER_LINE)
    with pytest.raises(RefusedError, match="swap the unit"):
        await street.close(entry, ExposureCause.LINE_CORRECTED, LineKind.VOIP_ROUTER)
    with pytest.raises(StaleExposureError):
        await street.close(entry, ExposureCause.LINE_CORRECTED, LineKind.PSTN, as_of=entry.version + 1)
    assert (await street.only()).closed_at is None
    assert await street.sql("SELECT kind FROM line") == [("voip_ata",)]


async def test_a_line_that_changes_in_the_register_waits_for_who_and_why(street: Street) -> None:
    await street.line("voip_ata")
    await street.look()
    await street.sql("UPDATE line SET kind = 'pstn'")
    await street.look()
    entry = await street.only()
    assert (entry.closed_at, entry.gone is not None) == (None, True)
    await street.sql("UPDATE line SET kind = 'voip_ata'")
    await street.look()
    entry = await street.only()
    assert entry.gone is None
    await street.plan(entry)
    await street.close(await street.only(), ExposureCause.LINE_CORRECTED, LineKind.PSTN)
    entry = await street.only()
    assert (entry.cause, entry.closed_by, entry.owner) == (ExposureCause.LINE_CORRECTED, "user:rory", "Rory")
    assert await street.sql("SELECT kind FROM line") == [("pstn",)]
    await street.look()
    assert len(await street.entries()) == 1


async def test_a_unit_on_the_other_line_stays_off_the_list_while_there_is_one(street: Street) -> None:
    await street.line("voip_ata")
    await street.line("pstn")
    await street.look()
    await street.plan(await street.only())
    await street.close(await street.only(), ExposureCause.OTHER_LINE)
    await street.look()
    assert len(await street.entries()) == 1
    await street.sql("DELETE FROM line WHERE kind = 'pstn'")
    await street.look()
    assert [entry.closed_at is None for entry in await street.entries()] == [False, True]


async def test_an_analogue_unit_in_the_place_of_another_has_its_age(street: Street) -> None:
    await street.line("voip_ata", 1, date(2026, 1, 5))
    await street.look()
    await street.sql("UPDATE hub SET status = 'in_service', connection = 'analogue'")
    before = await street.only()
    await street.sql(
        "INSERT INTO hub (hub_id, council_id, model_id, connection, status)"
        " SELECT 'spare', council_id, model_id, 'analogue', 'in_service' FROM hub WHERE hub_id = 'h1'"
    )
    comes = (
        "INSERT INTO installation (id, council_id, hub_id, person_id, premises_id, period, accepted_at, accepted_by)"
        " SELECT gen_random_uuid(), council_id, 'spare', person_id, premises_id, tstzrange(now(), NULL), now(), 'x'"
        " FROM installation WHERE hub_id = 'h1'"
    )
    async with street.database.transaction() as session:
        await session.execute(text(comes))
        await session.execute(
            text("UPDATE installation SET period = tstzrange(lower(period), now()) WHERE hub_id = 'h1'")
        )
    await street.look()
    old, new = await street.entries()
    assert (old.cause, new.hub_id, new.closed_at) == (ExposureCause.REPLACED, "spare", None)
    assert new.known_since == before.known_since


async def test_what_has_no_next_action_in_time_is_told_once_for_each_plan(street: Street) -> None:
    await street.line("voip_ata", 1)
    await street.line("voip_ata", 2)
    await street.look()
    assert await street.alarms() == []
    await street.sql("UPDATE exposure SET due_at = now() - interval '1 minute'")
    for _ in range(2):
        await street.look()
    (alarm,) = await street.alarms()
    assert (alarm.words[0], alarm.class_, alarm.condition) == ("2", "T", "active")
    for entry in await street.entries():
        await street.plan(entry)
    await street.look()
    (alarm,) = await street.alarms()
    assert alarm.condition == "cleared" or alarm.handling == "closed"
    with pytest.raises(RefusedError, match="still to come"):
        await street.plan((await street.entries())[0], days=-1)
    await street.sql("UPDATE exposure SET due_at = now() - interval '1 minute' WHERE hub_id = 'h1'")
    await street.look()
    assert [entry.overdue_told_at is not None for entry in await street.entries()].count(True) == 1


async def test_two_who_look_at_once_find_it_once(street: Street) -> None:
    await street.line("voip_ata")
    async with street.database.transaction() as session:
        assert await ExposureRepository(session).lock_looks()
        await street.watch.look()
    assert await street.entries() == []
    await street.look()
    assert len(await street.entries()) == 1
