"""A fleet file against the register: good rows are taken, bad ones reported, and the same file changes nothing."""

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from typer.testing import CliRunner

from devices.registry.context import hub_context
from devices.registry.importing import service
from devices.registry.importing.plan import Outcome
from devices.registry.importing.service import ImportReport, import_fleet
from devices.registry.importing.writing import BATCH, inserts
from devices.registry.leaving import Leaving, Withdrawal
from devices.registry.models import Contact, Hub, Line, Person, Premises
from devices.registry.service import RegistryService
from telecare.access.models import AuditEntry
from telecare.api.deps import Services
from telecare.cli.main import app
from telecare.kernel.errors import ConflictError
from tests.homes import ARGYLL, FIFE, HOME, add_hub, add_models, sheet

FULL = HOME | {
    "uprn": "906000001",
    "serial": "S1",
    "mobile_network": "Tay Mobile",
    "exchange": "Ardmore Bay",
    "pendant_ids": "p1",
    "detectors": "p2:smoke:kitchen",
    "key_safe_location": "left of the door",
    "key_safe_code": "4711",
    "line_number": "01632 960001",
    "line_kind": "pstn",
    "date_of_birth": "1940-01-31",
    "phone": "07700 900001",
    "risk_tier": "A",
    "contact1_name": "Una Kerr",
    "contact1_phone": "07700 900002",
    "contact2_name": "Tam Kerr",
    "contact2_email": "tam@family.example",
}


@pytest.fixture(autouse=True)
async def _models(services: Services) -> None:
    async with services.database.transaction() as session:
        await add_models(session)


async def run(
    services: Services, *homes: dict[str, str], dry_run: bool = False, councils: frozenset[str] = frozenset()
) -> ImportReport:
    async with services.database.transaction() as session:
        return await import_fleet(session, services.sealer, sheet(*homes), dry_run=dry_run, councils=councils)


async def only(services: Services, home: dict[str, str]) -> Outcome:
    (outcome,) = (await run(services, home)).outcomes
    return outcome


async def fault(services: Services, home: dict[str, str]) -> tuple[str, str]:
    outcome = await only(services, home)
    assert outcome.status == "error"
    return outcome.faults[0].column, outcome.faults[0].what


async def count(services: Services, table: type) -> int:
    async with services.database.transaction() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_home_comes_in_whole(services: Services) -> None:
    assert (await only(services, FULL)).status == "created"
    async with services.database.transaction() as session:
        context = await hub_context(session, "SK-1", None)
        assert context is not None
        assert context.now is not None
        assert (context.now.person_name, context.now.risk_tier) == ("Morag Sinclair", "A")
        assert context.now.place == "4 Harbour Row, Port Corran PX31 4AB"
        assert context.rooms == {"p1": ("pendant", None), "p2": ("smoke", "kitchen")}
        contacts = (await session.execute(select(Contact.name, Contact.phone).order_by(Contact.position))).all()
        assert [tuple(row) for row in contacts] == [("Una Kerr", "+447700900002"), ("Tam Kerr", None)]
        premises = (await session.execute(select(Premises))).scalar_one()
        assert "4711" not in (premises.key_safe_code_sealed or "4711")
        registry = RegistryService(session, frozenset())
        assert (await registry.open_key_safe(services.sealer, premises.id))[1] == "4711"


async def test_the_same_file_again_changes_nothing(services: Services) -> None:
    homes = [FULL, HOME | {"hub_id": "SK-2", "given_name": "Una", "address": "5 Harbour Row"}]
    assert (await run(services, *homes)).counts == {"created": 2, "updated": 0, "unchanged": 0, "error": 0}
    again = await run(services, *homes)
    assert again.counts == {"created": 0, "updated": 0, "unchanged": 2, "error": 0}
    assert all(outcome.changes == () for outcome in again.outcomes)
    assert [await count(services, table) for table in (Hub, Person, Premises, Contact, Line)] == [2, 2, 2, 2, 1]


async def test_a_dry_run_says_the_same_and_does_nothing(services: Services) -> None:
    trial = await run(services, FULL, dry_run=True)
    assert [await count(services, table) for table in (Hub, Person, Premises)] == [0, 0, 0]
    assert replace(await run(services, FULL), dry_run=True) == trial


async def test_what_changed_is_named_and_empty_cells_leave_what_is_known(services: Services) -> None:
    await run(services, FULL)
    later = HOME | {
        "uprn": "906000001",
        "address": "4A Harbour Row",
        "phone": "07700 900009",
        "key_safe_code": "4712",
        "contact1_name": "una kerr",
        "contact1_phone": "07700 900003",
        "line_kind": "voip_ata",
        "detectors": "p2:smoke:hall",
    }
    outcome = await only(services, later)
    assert outcome.status == "updated"
    assert set(outcome.changes) == {
        "premises: address", "premises: key safe code", "person: phone", "contact: phone", "contact: name",
        "line: kind", "peripheral: room",
    }  # fmt: skip
    async with services.database.transaction() as session:
        person = (await session.execute(select(Person))).scalar_one()
        assert (person.phone, person.risk_tier) == ("+447700900009", "A")
        line = (await session.execute(select(Line))).scalar_one()
        assert (line.kind, line.number) == ("voip_ata", "+441632960001")
    assert (await only(services, later)).status == "unchanged"


async def test_bad_rows_are_reported_and_good_ones_taken(services: Services) -> None:
    homes = [HOME, HOME | {"hub_id": "SK-2", "postcode": "x"}, HOME | {"hub_id": "SK-3", "model": "Hola"}, HOME]
    report = await run(services, *homes)
    assert [outcome.status for outcome in report.outcomes] == ["created", "error", "error", "error"]
    assert "did you mean Skerry Halo?" in report.outcomes[2].faults[0].what
    assert await count(services, Hub) == 1


async def test_two_hubs_of_one_home_share_its_person_and_premises(services: Services) -> None:
    await run(services, FULL, FULL | {"hub_id": "SK-2", "serial": "S2"})
    assert [await count(services, table) for table in (Hub, Person, Premises, Contact, Line)] == [2, 1, 1, 2, 1]


async def test_rows_that_contradict_each_other_do_not_go_to_and_fro(services: Services) -> None:
    homes = [FULL | {"hazards": "Dog"}, FULL | {"hub_id": "SK-2", "hazards": "Cat"}]
    assert (await run(services, *homes)).outcomes[1].remarks == ("person: hazards: a row before says otherwise",)
    assert (await run(services, *homes)).counts["unchanged"] == 2


async def test_a_large_file_lets_the_process_go_on(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process takes alarms too: its loop goes round and round while a file is read and while it is planned."""
    raw = sheet(*(FULL | {"hub_id": f"SK-{number}", "uprn": str(number + 1)} for number in range(1500)))
    done, went_round, meanwhile = asyncio.Event(), threading.Event(), dict[str, bool]()

    def watched(name: str) -> None:
        does = getattr(service, name)

        def doing(*arguments: Any) -> Any:
            went_round.clear()
            result = does(*arguments)
            meanwhile[name] = went_round.wait(20)  # for ever, if it is the loop that waits here
            return result

        monkeypatch.setattr(service, name, doing)

    async def go_round() -> None:
        while not done.is_set():
            went_round.set()
            await asyncio.sleep(0)

    watched("read_fleet")
    watched("plan")
    going = asyncio.create_task(go_round())
    async with services.database.transaction() as session:
        await import_fleet(session, services.sealer, raw, dry_run=True)
    done.set()
    await going
    assert meanwhile == {"read_fleet": True, "plan": True}


def test_a_statement_is_of_so_many_rows_at_most() -> None:
    """Putting one together is done by the loop: however long the file is, it takes no longer."""
    rows = [{"hub_id": f"SK-{number}"} for number in range(BATCH * 2 + 1)]
    arrays = [next(iter(each.compile().params.values())) for each in inserts(Hub, rows)]
    assert [len(array) for array in arrays] == [BATCH, BATCH, 1]


async def test_a_file_may_take_longer_than_a_transaction_may_stand_still(services: Services) -> None:
    raw = sheet(*(HOME | {"hub_id": f"SK-{number}"} for number in range(300)))
    async with services.database.transaction() as session:
        await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '5ms'"))
        assert (await import_fleet(session, services.sealer, raw, dry_run=True)).counts["created"] == 300


async def test_a_hub_is_never_moved(services: Services) -> None:
    await run(services, FULL)
    column, what = await fault(services, FULL | {"given_name": "Agnes"})
    assert (column, "the hub serves Morag Sinclair" in what) == ("family_name", True)
    column, what = await fault(services, FULL | {"uprn": "906000002", "address": "9 Mill Brae"})
    assert (column, "the hub is at 4 Harbour Row" in what) == ("address", True)


async def test_the_rules_of_the_register_hold(services: Services) -> None:
    async with services.database.transaction() as session:
        model = (await session.execute(text("SELECT id FROM device_model WHERE name = 'Halo'"))).scalar_one()
        await add_hub(session, model, "SK-7", council_id=FIFE)
        await add_hub(session, model, "SK-8", status="retired")
    assert await fault(services, HOME | {"hub_id": "SK-7"}) == ("hub_id", "another council has a hub with this id")
    assert (await fault(services, HOME | {"hub_id": "SK-8"}))[0] == "hub_id"
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%d/%m/%Y}"
    assert (await fault(services, HOME | {"installed_on": tomorrow}))[0] == "installed_on"
    assert await fault(services, HOME | {"date_of_birth": tomorrow}) == ("date_of_birth", "this day has not come")
    analogue = HOME | {"model": "Lifeline 400", "connection": "digital"}
    assert await fault(services, analogue) == ("connection", "Skerry Lifeline 400 is analogue at best")


async def test_an_earlier_stay_elsewhere_is_not_written_over(services: Services) -> None:
    await run(services, HOME | {"installed_on": "2026-01-01"})
    async with services.database.transaction() as session:
        gone = Leaving(withdrawal=Withdrawal("moves away", "user:ewan", "Sheila"))
        await RegistryService(session, frozenset()).end_installation("SK-1", datetime(2026, 6, 1, tzinfo=UTC), gone)
    elsewhere = HOME | {"given_name": "Una", "address": "9 Mill Brae"}
    assert (await fault(services, elsewhere | {"installed_on": "2026-05-31"}))[0] == "installed_on"
    assert (await only(services, elsewhere | {"installed_on": "2026-06-01"})).status == "updated"


async def test_what_stands_somewhere_is_taken_over_as_accepted_and_one_beside_it_must_show_itself(
    services: Services,
) -> None:
    born = HOME | {"date_of_birth": "1940-01-31"}
    await run(services, born)
    await run(services, born | {"hub_id": "SK-2"})
    query = "SELECT hub_id, accepted_by FROM installation ORDER BY hub_id"
    async with services.database.transaction() as session:
        people = (await session.execute(text("SELECT count(DISTINCT person_id) FROM installation"))).scalar_one()
        assert [tuple(row) for row in await session.execute(text(query))] == [("SK-1", "import"), ("SK-2", None)]
    assert people == 1


async def test_only_ones_own_councils(services: Services) -> None:
    report = await run(services, HOME, HOME | {"council": FIFE, "hub_id": "SK-2"}, councils=frozenset({ARGYLL}))
    assert [outcome.status for outcome in report.outcomes] == ["created", "error"]


async def test_one_import_at_a_time(services: Services) -> None:
    started = asyncio.Event()

    async def first() -> None:
        async with services.database.transaction() as session:
            await import_fleet(session, services.sealer, sheet(FULL), dry_run=False)
            started.set()
            await asyncio.sleep(0.3)

    async def second() -> None:
        await started.wait()
        await run(services, FULL)

    ends = await asyncio.gather(first(), second(), return_exceptions=True)
    assert ends[0] is None
    assert isinstance(ends[1], ConflictError)


async def test_a_thousand_homes_take_few_statements(services: Services) -> None:
    homes = [FULL | {"hub_id": f"SK-{n}", "uprn": str(n), "address": f"{n} Shore Street"} for n in range(1, 1001)]
    async with services.database.transaction() as session:
        report = await import_fleet(session, services.sealer, sheet(*homes), dry_run=False)
        statements = text("SELECT count(*) FROM installation")
        assert (await session.execute(statements)).scalar_one() == 1000
    assert report.counts["created"] == 1000


async def test_the_command_line_imports_and_writes_down_which_homes(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "homes.csv"
    file.write_bytes(sheet(FULL, HOME | {"hub_id": "SK-2", "postcode": "x"}))
    monkeypatch.setenv("TELECARE_DATABASE_URL", services.settings.database_url.get_secret_value())
    monkeypatch.setenv("TELECARE_SEAL_KEY", services.settings.seal_key.get_secret_value())
    done = await asyncio.to_thread(CliRunner().invoke, app, ["import", "fleet", str(file)])
    assert done.exit_code == 1, done.output
    assert "postcode" in done.output
    async with services.database.transaction() as session:
        query = select(AuditEntry.actor, AuditEntry.action, AuditEntry.council_id, AuditEntry.details)
        entries = [tuple(row) for row in await session.execute(query.order_by(AuditEntry.id))]
    assert entries == [
        ("system", "fleet_imported", None, {"created": 1, "updated": 0, "unchanged": 0, "error": 1}),
        ("system", "homes_imported", ARGYLL, {"hub_ids": ["SK-1"]}),
    ]
