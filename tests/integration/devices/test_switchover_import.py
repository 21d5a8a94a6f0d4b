"""A council's own spreadsheet, the whole way: read, mapped, tried out, made live; the same again changes nothing."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from uuid import UUID

import pytest
import xlsxwriter
from sqlalchemy import func, select, text

from devices.registry.importing.repository import LOCK
from devices.registry.models import Contact, Hub, Line, Peripheral, Person, Premises
from devices.registry.repository import HubRepository
from devices.registry.schemas import HubOut
from devices.switchover.importing.domain import FileKind, FileState, RowStatus
from devices.switchover.importing.models import ImportChunk, ImportFile, ImportRow
from devices.switchover.importing.report import rows_of
from devices.switchover.importing.repository import ImportFileRepository
from devices.switchover.importing.service import ImportFileService, StaleImportError
from devices.switchover.importing.steps import ImportSteps
from devices.switchover.importing.tasks import ImportWorker
from devices.switchover.telco.models import TelcoNotice
from devices.switchover.telco.service import LONDON, TelcoService
from telecare.access.models import AuditEntry
from telecare.access.repository import AuditRepository
from telecare.api.deps import Services
from telecare.kernel.errors import InvalidError, NotFoundError, RefusedError
from telecare.kernel.looking import Watcher
from tests.homes import ARGYLL, FIFE, add_models

HEADINGS = [
    "Council", "Unit No", "Make & Model", "Address 1", "Address 2", "Town", "Post Code", "Client Name", "D.O.B.",
    "Tel No",
    "Mobile", "NOK Name", "NOK Tel", "Key Safe No", "Lives Alone", "Shoe size",
]  # fmt: skip
MORAG = [
    "Argyll & Bute", "SK-1", "Skerry Halo", "4 Harbour Row", "", "Port Corran", "px314ab", "SINCLAIR, Morag",
    "31-Jan-40",
    "(01632) 960 001", "7700900001", "Una Kerr", "07700 900002 (daughter)", "4711", "Y", "6",
]  # fmt: skip
TAM = [
    "S12000015", "SK-2", "Skerry Halo", "Flat 2", "9 Kirk Lane", "Inverkell", "KY12  OAB", "Mr Tam Kerr",
    "02/03/1938", "n/a",
    "", "", "", "", "x", "9",
]  # fmt: skip


@pytest.fixture(autouse=True)
async def _models(services: Services) -> None:
    async with services.database.transaction() as session:
        await add_models(session)


def workbook(*rows: list[str], headings: list[str] = HEADINGS) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for number, row in enumerate([["Telecare users"], headings, *rows]):
        sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


class Desk:
    """Somebody with a file."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.steps = ImportSteps(services.database, services.sealer, AuditRepository)

    async def send(
        self, raw: bytes, kind: FileKind = FileKind.HOMES, council: str | None = None, name: str = "list.xlsx"
    ) -> ImportFile:
        async with self.services.database.transaction() as session:
            service = ImportFileService(session, self.services.sealer)
            file = await service.receive(raw, name, kind, council, "user:fiona")
        await self.steps.next(file.id)
        return await self.get(file.id)

    async def get(self, file_id: UUID) -> ImportFile:
        async with self.services.database.transaction() as session:
            return await ImportFileRepository(session).require(file_id)

    async def ask(self, file: ImportFile, state: FileState) -> ImportFile:
        async with self.services.database.transaction() as session:
            await ImportFileService(session, self.services.sealer).ask(file.id, state, "user:fiona")
        await self.steps.next(file.id)
        return await self.get(file.id)

    async def live(self, raw: bytes, kind: FileKind = FileKind.HOMES, council: str | None = None) -> ImportFile:
        file = await self.ask(await self.send(raw, kind, council), FileState.CHECKING)
        assert file.state == FileState.CHECKED, file.said
        file = await self.ask(file, FileState.COMMITTING)
        assert file.state == FileState.LIVE, file.said
        return file

    async def report(self, file: ImportFile) -> list[list[str]]:
        return [row async for batch in rows_of(self.services.database, self.services.sealer, file) for row in batch]

    async def count(self, *tables: type) -> list[int]:
        async with self.services.database.transaction() as session:
            return [(await session.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


async def test_a_councils_own_spreadsheet_comes_in_whole(desk: Desk, services: Services) -> None:
    file = await desk.send(workbook(MORAG, TAM))
    assert (file.state, file.rows) == (FileState.READ, 2)
    assert [column["field"] for column in file.columns][:9] == [
        "council", "hub_id", "make_and_model", "address", "address_2", "town", "postcode", "full_name", "date_of_birth",
    ]  # fmt: skip
    file = await desk.ask(file, FileState.CHECKING)
    assert (file.state, file.counts["created"], file.counts["error"]) == (FileState.CHECKED, 2, 0)
    assert await desk.count(Hub, Person, Premises) == [0, 0, 0]
    file = await desk.ask(file, FileState.COMMITTING)
    assert (file.state, file.counts["created"]) == (FileState.LIVE, 2)
    async with services.database.transaction() as session:
        morag, tam = (await session.execute(select(Person).order_by(Person.given_name))).scalars()
        assert (morag.given_name, morag.family_name, morag.date_of_birth.isoformat()) == (
            "Morag",
            "Sinclair",
            "1940-01-31",
        )
        assert (morag.phone, morag.lives_alone, tam.council_id, tam.lives_alone) == ("+447700900001", True, FIFE, True)
        places = (await session.execute(select(Premises.address, Premises.postcode).order_by(Premises.address))).all()
        assert [tuple(place) for place in places] == [
            ("4 Harbour Row", "PX31 4AB"),
            ("Flat 2, 9 Kirk Lane", "KY12 0AB"),
        ]
        assert (await session.execute(select(Line.number))).scalars().all() == ["+441632960001"]
        assert (await session.execute(select(Contact.name, Contact.phone))).one() == ("Una Kerr", "+447700900002")
        noted = (await session.execute(select(AuditEntry).where(AuditEntry.action == "homes_imported"))).scalars()
        assert {entry.council_id: entry.details["keys"] for entry in noted} == {ARGYLL: ["SK-1"], FIFE: ["SK-2"]}
        sealed = str((await session.execute(select(ImportRow.sealed, ImportRow.told_sealed))).all())
        assert "4711" not in sealed
        assert "Morag" not in sealed
    assert await desk.count(ImportChunk) == [0]
    heading, first, second = await desk.report(file)
    assert heading[:5] == ["Row", "What became of it", "Refused because", "Mended", "Worth a look"]
    assert (first[0], first[1].partition(":")[0]) == ("3", "Accepted, new")
    assert "“31-Jan-40” was read as “1940-01-31”" in first[3]
    assert "“07700 900002 (daughter)” was read as “+447700900002” (beside it stood “daughter”)" in first[3]
    assert "S12000015 was the code of Fife before" in second[3]
    assert "a letter stood for a digit" in second[3]
    assert first[6 : 6 + len(MORAG)] == [cell if cell != "4711" else "•••" for cell in MORAG]


async def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    await desk.live(workbook(MORAG, TAM))
    before = await desk.count(Hub, Person, Premises, Contact, Line)
    again = await desk.live(workbook(MORAG, TAM))
    assert (again.counts["unchanged"], again.counts["created"], again.counts["updated"]) == (2, 0, 0)
    assert await desk.count(Hub, Person, Premises, Contact, Line) == before


async def test_people_and_rows_that_are_there_twice(desk: Desk) -> None:
    twin = [*MORAG]
    second_hub = [*MORAG[:1], "SK-9", *MORAG[2:]]
    contradiction = [*MORAG[:4], "other", *MORAG[5:]]
    no_birthday = ["Argyll and Bute", "SK-7", *MORAG[2:7], "Morag Sinclair", "", *MORAG[9:]]
    file = await desk.live(workbook(MORAG, twin, second_hub, contradiction, no_birthday))
    assert (file.counts["created"], file.counts["unchanged"], file.counts["error"]) == (3, 1, 1)
    assert await desk.count(Person, Premises) == [1, 1]
    report = await desk.report(file)
    assert "row 3 says the same" in report[2][4]
    assert "row 3 has this hub already and says otherwise" in report[4][2]


async def test_rows_about_one_home_in_different_batches_agree_or_the_first_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.switchover.importing.steps.BATCH", 1)
    headings = [*HEADINGS, "UPRN"]
    known = [*MORAG, ""]
    await desk.live(workbook(known, headings=headings))
    one = [*MORAG, "906000001"]
    other = [*MORAG[:1], "SK-3", *MORAG[2:3], "The Old Manse", *MORAG[4:10], "07700 900555", *MORAG[11:], "906000001"]
    raw = workbook(one, other, headings=headings)
    file = await desk.live(raw)
    assert (file.counts["updated"], file.counts["created"], file.counts["error"]) == (1, 1, 0)
    assert await desk.count(Person, Premises, Hub) == [1, 1, 2]
    assert "a row before says otherwise" in (await desk.report(file))[2][4]
    again = await desk.live(raw)
    assert again.counts["unchanged"] == 2


async def test_columns_are_said_by_hand_and_remembered_for_the_next_file(desk: Desk, services: Services) -> None:
    headings = [*HEADINGS[:1], "Ref", *HEADINGS[2:]]
    file = await desk.send(workbook(MORAG, headings=headings))
    with pytest.raises(InvalidError, match="“Hub id”"):
        await desk.ask(file, FileState.CHECKING)
    async with services.database.transaction() as session:
        service = ImportFileService(session, services.sealer)
        await service.map(file.id, {"ref": "Hub id", "mobile": ""}, file.version)
        with pytest.raises(StaleImportError):
            await service.map(file.id, {"ref": "hub_id"}, file.version - 1)
        samples = await service.samples(await service.files.require(file.id))
        assert (samples[1], samples[13]) == (["SK-1"], ["•••"])
    file = await desk.ask(await desk.get(file.id), FileState.CHECKING)
    assert (await desk.ask(file, FileState.COMMITTING)).state == FileState.LIVE
    later = await desk.send(workbook(TAM, headings=headings))
    assert (later.columns[1], later.columns[10]) == (
        {"field": "hub_id", "how": "remembered"}, {"field": None, "how": "remembered"},
    )  # fmt: skip


async def test_nothing_is_made_live_that_was_not_tried_out_and_a_file_is_sent_once(
    desk: Desk, services: Services
) -> None:
    raw = workbook(MORAG)
    file = await desk.send(raw)
    with pytest.raises(RefusedError, match="tried out"):
        await desk.ask(file, FileState.COMMITTING)
    assert (await desk.send(raw)).id == file.id
    gone = await desk.ask(file, FileState.DISCARDED)
    assert (gone.state, await desk.count(ImportRow)) == (FileState.DISCARDED, [0])
    async with services.database.transaction() as session:
        with pytest.raises(NotFoundError):
            await ImportFileRepository(session, frozenset({ARGYLL})).require(file.id)


@pytest.mark.parametrize(("raw", "words"), [(b"%PDF-1.7", "PDF"), (b"", "empty"), (b"\x89PNG\r\n", "picture")])
async def test_a_file_that_is_no_table_is_refused_in_a_sentence(desk: Desk, raw: bytes, words: str) -> None:
    file = await desk.send(raw)
    assert file.state == FileState.REFUSED
    assert words in (file.said or "")


async def test_a_councils_own_file_is_about_its_own_homes(desk: Desk) -> None:
    file = await desk.ask(await desk.send(workbook(MORAG, TAM), council=FIFE), FileState.CHECKING)
    assert (file.counts["created"], file.counts["error"]) == (1, 1)
    assert "not one of your councils" in (await desk.report(file))[1][2]


async def test_a_telcos_list_is_matched_by_number(desk: Desk, services: Services) -> None:
    await desk.live(workbook(MORAG))
    rows = [
        ["01632960001", "Digital Voice", "Northern Telecom", "01/10/2026", "15/01/2027"],
        ["01632 960 777", "PSTN", "", "", ""], ["00 44 1632 960001", "PSTN", "", "", ""], ["none", "", "", "", ""],
    ]  # fmt: skip
    headings = ["Phone number", "Line type", "CP", "Date checked", "Planned migration date"]
    file = await desk.live(workbook(*rows, headings=headings), FileKind.TELCO)
    assert {status: file.counts[status] for status in ("updated", "unmatched", "error")} == {
        "updated": 1, "unmatched": 1, "error": 2,
    }  # fmt: skip
    async with services.database.transaction() as session:
        line = (await session.execute(select(Line))).scalar_one()
        assert (line.kind, line.provider, str(line.checked_on)) == ("voip_router", "Northern Telecom", "2026-10-01")
        planned = select(ImportRow.planned_on, ImportRow.line_id).where(ImportRow.planned_on.is_not(None))
        row = (await session.execute(planned)).one()
        assert (str(row.planned_on), row.line_id) == ("2027-01-15", line.id)
    again = await desk.live(workbook(*rows, headings=headings), FileKind.TELCO)
    assert again.counts["updated"] == 0


async def notices(services: Services) -> list[tuple[str, ...]]:
    async with services.database.transaction() as session:
        rows = (await session.execute(select(TelcoNotice).order_by(TelcoNotice.number))).scalars()
        return [
            (n.number, n.provider, f"{n.planned_at.astimezone(LONDON):%F %R}", n.kind, str(n.issued), n.received_by)
            for n in rows
        ]


async def test_a_planned_day_of_a_telcos_list_is_a_notice_of_the_line(desk: Desk, services: Services) -> None:
    await desk.live(workbook(MORAG))
    headings = ["Phone number", "CP", "Planned migration date"]
    here = ["01632 960001", "Northern Telecom", "15/01/2027"]
    tried = await desk.ask(
        await desk.send(workbook(here, headings=headings), FileKind.TELCO), FileState.CHECKING
    )  # fmt: skip
    assert (tried.counts["updated"], await notices(services)) == (1, [])
    await desk.live(workbook(here, ["01632 960 777", "", "15/01/2027"], headings=headings), FileKind.TELCO)
    told = ("+441632960001", "Northern Telecom", "2027-01-15 17:00", "non_voluntary", "1", "user:fiona")
    assert await notices(services) == [told]
    again = await desk.live(workbook(here, headings=headings), FileKind.TELCO)
    assert (again.counts["unchanged"], await notices(services)) == (1, [told])
    async with services.database.transaction() as session:
        await TelcoService(session).hold(ARGYLL, told[0], None, "no signal", "user:sheila")
    moved = await desk.live(workbook([*here[:2], "22/02/2027"], headings=headings), FileKind.TELCO)
    assert await notices(services) == [(*told[:2], "2027-02-22 17:00", told[3], "2", "user:fiona")]
    line = " ".join((await desk.report(moved))[1])
    assert "notice of its migration" in line
    assert "under a hold" in line
    far = await desk.live(workbook([*here[:2], "22/02/2099"], headings=headings), FileKind.TELCO)
    assert far.counts["error"] == 1


async def test_a_planned_day_of_no_known_provider_is_said_and_is_no_notice(desk: Desk, services: Services) -> None:
    await desk.live(workbook(MORAG))
    async with services.database.transaction() as session:
        await session.execute(text("UPDATE line SET provider = NULL"))
    headings = ["Phone number", "Planned migration date"]
    file = await desk.live(workbook(["01632 960001", "15/01/2027"], headings=headings), FileKind.TELCO)
    assert "nobody knows the provider" in " ".join((await desk.report(file))[1])
    assert await notices(services) == []


async def test_an_installers_records_are_added_to_hubs_that_are_known(desk: Desk, services: Services) -> None:
    await desk.live(workbook(MORAG))
    headings = ["Unit No", "Serial No", "IMEI", "SIM No", "Date installed", "Pendants", "Sensors"]
    rows = [
        ["SK-1", "A-77", "490154203237518", "8944 1100 6812 3456 789", "03.11.2026", "p1, p2",
         "d1:smoke:Hall; d2:flood"],
        ["SK-404", "B-1", "", "", "", "", ""], ["SK-1", "A-78", "490154203237519", "", "", "", ""],
    ]  # fmt: skip
    file = await desk.live(workbook(*rows, headings=headings), FileKind.INSTALLER)
    assert [file.counts[status] for status in ("updated", "unmatched", "error")] == [1, 1, 1]
    async with services.database.transaction() as session:
        hub = await session.get(Hub, "SK-1")
        assert hub is not None
        assert (hub.serial, hub.imei, hub.iccid) == ("A-77", "490154203237518", "8944110068123456789")
        shown = HubOut.model_validate(await HubRepository(session, frozenset()).require("SK-1"))
        assert (shown.imei, shown.iccid) == (hub.imei, hub.iccid)
        kinds = (await session.execute(select(Peripheral.kind).order_by(Peripheral.device_id))).scalars().all()
        assert kinds == ["smoke", "flood", "pendant", "pendant"]
    report = await desk.report(file)
    assert "which was left so" in report[1][4]
    assert "wrong digit" in report[3][2]
    assert (await desk.live(workbook(*rows, headings=headings), FileKind.INSTALLER)).counts["updated"] == 0


async def test_a_receiving_centres_report_says_how_many_handshakes_of_units_failed(
    desk: Desk, services: Services
) -> None:
    await desk.live(workbook([*MORAG[:2], "Skerry Lifeline 400", *MORAG[3:]], TAM))
    headings = ["Unit No", "Month", "Failed calls"]
    rows = [["SK-1", "Oct 2026", "29"], ["SK-404", "Oct 2026", "3"], ["SK-2", "Oct 2026", "3"]]
    file = await desk.live(workbook(*rows, headings=headings), FileKind.INSTALLER)
    assert [file.counts[status] for status in ("updated", "unmatched", "error")] == [1, 1, 1]
    report = await desk.report(file)
    taken, unknown, digital = (" ".join(line) for line in report[1:])
    assert "29 failed handshakes up to 31/10/2026" in taken
    assert "the last day of the month" in taken
    assert "the register has no such hub" in unknown
    assert "its calls have no tones" in digital
    async with services.database.transaction() as session:
        hub = await HubRepository(session, frozenset()).require("SK-1")
    assert (hub["failed_handshakes"], str(hub["handshakes_until"])) == (29, "2026-10-31")
    assert hub["handshakes_told_by"] == "user:fiona"
    again = await desk.live(workbook(*rows, headings=headings), FileKind.INSTALLER)
    assert again.counts["updated"] == 0
    others = [["SK-1", "30/09/2026", "7"], ["SK-1", "", "8"], ["SK-1", "Oct 2099", "8"], ["SK-1", "Oct 2026", "many"]]
    told = []
    for other in others:
        file = await desk.send(workbook(other, headings=headings), FileKind.INSTALLER)
        told.append(" ".join((await desk.report(await desk.ask(file, FileState.CHECKING)))[1]))
    for words, said in zip(
        ("known up to 31/10/2026, which was left so", "say up to which day", "this day has not come",
         "how many calls as a whole number"), told, strict=True,
    ):  # fmt: skip
        assert words in said


async def test_an_import_that_meets_another_says_so_and_can_be_asked_for_again(desk: Desk, services: Services) -> None:
    file = await desk.send(workbook(MORAG))
    async with services.database.transaction() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        file = await desk.ask(file, FileState.CHECKING)
        assert file.state == FileState.READ
        assert "Another import is running" in (file.said or "")
    assert (await desk.ask(file, FileState.CHECKING)).state == FileState.CHECKED


KILLED = """
import asyncio, sys
from uuid import UUID
from devices.switchover.importing import steps
from devices.switchover.importing.steps import ImportSteps
from devices.switchover.importing.tasks import ImportWorker
from telecare.access.repository import AuditRepository
from telecare.kernel.db import Database
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
steps.BATCH = 1
def tell(state, done, of):
    if done == 2:
        print("half", flush=True)
        sys.stdin.read()
settings = Settings()
asyncio.run(ImportSteps(Database(settings), Sealer(settings), AuditRepository, tell).next(UUID(sys.argv[1])))
"""


async def test_killed_in_the_middle_of_making_live_leaves_nothing_and_another_one_goes_on(
    desk: Desk, services: Services
) -> None:
    rows = [[*MORAG[:1], f"SK-{number}", *MORAG[2:3], f"{number} Harbour Row", *MORAG[4:]] for number in range(1, 5)]
    file = await desk.ask(await desk.send(workbook(*rows)), FileState.CHECKING)
    async with services.database.transaction() as session:
        await ImportFileService(session, services.sealer).ask(file.id, FileState.COMMITTING, "user:fiona")
    settings = services.settings
    assert settings.seal_key is not None
    environment = os.environ | {
        "TELECARE_DATABASE_URL": settings.database_url.get_secret_value(),
        "TELECARE_SEAL_KEY": settings.seal_key.get_secret_value(),
    }
    with subprocess.Popen(  # noqa: ASYNC220 - it is waited for by what it says
        [sys.executable, "-c", KILLED, str(file.id)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"half\n"
        assert (await desk.get(file.id)).done == 2
        assert await desk.count(Hub, Person, Premises, Line) == [0, 0, 0, 0]
        process.send_signal(signal.SIGKILL)
    assert await desk.count(Hub, Person, Premises, Line) == [0, 0, 0, 0]
    assert not await desk.steps.next(), "its lease has not ended yet"
    async with services.database.transaction() as session:
        await session.execute(text("UPDATE import_file SET lease_until = clock_timestamp()"))
    assert await desk.steps.next()
    done = await desk.get(file.id)
    assert (done.state, done.counts["created"]) == (FileState.LIVE, 4)
    assert await desk.count(Hub) == [4]
    assert RowStatus.CREATED in done.counts


async def test_the_worker_does_what_waits_and_says_that_it_looks(desk: Desk, services: Services) -> None:
    async with services.database.transaction() as session:
        service = ImportFileService(session, services.sealer)
        file = await service.receive(workbook(MORAG), "list.xlsx", FileKind.HOMES, None, "user:fiona")
    worker, stop, read = (
        ImportWorker(services.database, services.sealer, AuditRepository),
        asyncio.Event(),
        asyncio.Event(),
    )
    worker.steps.progress = lambda *_: read.set()
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(30):
        await read.wait()
        stop.set()
        await running
    assert (await desk.get(file.id)).rows == 1
    async with services.database.transaction() as session:
        watcher = (await session.execute(select(Watcher).where(Watcher.name == "imports"))).scalar_one()
    assert watcher.every_s == 1


async def test_rows_of_one_batch_that_change_one_home_are_one_change_of_it(desk: Desk, services: Services) -> None:
    """Two hubs at one address: the second row adds to premises and line what the first did not say."""
    first, second = list(MORAG), list(MORAG)
    second[1] = "SK-9"
    await desk.live(workbook(first, second))
    headings = [*HEADINGS, "Access notes", "Exchange"]
    rows = [[*first, "Ring twice", ""], [*second, "Knock", "Oban"]]
    file = await desk.live(workbook(*rows, headings=headings))
    assert file.counts["error"] == 0
    async with services.database.transaction() as session:
        (premises,) = (await session.execute(select(Premises))).scalars()
        assert (premises.access_notes, premises.exchange) == ("Ring twice", "Oban")
    same = await desk.live(workbook(*rows, headings=headings))
    assert (same.counts["unchanged"], same.counts["updated"]) == (2, 0)
