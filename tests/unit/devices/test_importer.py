"""A fleet file as spreadsheet programs write it, read row by row."""

from datetime import date

import pytest

from devices.registry.importing.rows import FleetFile, ReadRow, read_fleet
from telecare.kernel.errors import InvalidError
from tests.homes import HOME, sheet


def only(raw: bytes) -> ReadRow:
    (row,) = read_fleet(raw).rows
    return row


def faults(row: ReadRow) -> dict[str, str]:
    return {fault.column: fault.what for fault in row.faults}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_spreadsheet_programs_write_is_read(delimiter: str, end: str, encoding: str) -> None:
    text = sheet(HOME | {"given_name": "Mòrag"}, delimiter=delimiter, end=end).decode()
    fleet = read_fleet(text.encode(encoding))
    assert fleet.rows[0].home is not None
    assert fleet.rows[0].home.given_name == "Mòrag"
    assert [note[:20] for note in fleet.notes] == (["The file is not UTF-"] if encoding == "cp1252" else [])


def test_headers_may_be_written_in_any_way_and_unknown_ones_are_named() -> None:
    raw = sheet(HOME | {"colour": "beige"}).replace(b"hub_id", b" Hub ID ").replace(b"family_name", b"FAMILY NAME")
    fleet = read_fleet(raw)
    assert fleet.rows[0].home is not None
    assert "colour" in fleet.notes[0]


def test_a_full_row() -> None:
    row = only(
        sheet(
            HOME
            | {
                "council": "Fife",
                "connection": "Digital ready",
                "uprn": "000906000001",
                "date_of_birth": "31/01/1940",
                "installed_on": "2026-03-01",
                "lives_alone": "Y",
                "risk_tier": "a",
                "pendant_ids": "p1 p2",
                "detectors": "p3:smoke:kitchen | p4 : Door exit",
                "line_number": "01632 960123",
                "line_kind": "VoIP-ATA",
                "contact2_name": "Una Kerr",
                "contact2_phone": "07700 900123",
                "contact2_holds_key": "yes",
            }
        )
    )
    home = row.home
    assert home is not None
    assert (home.council, home.uprn, home.risk_tier, home.lives_alone) == ("S12000047", "906000001", "A", True)
    assert (home.date_of_birth, home.installed_on) == (date(1940, 1, 31), date(2026, 3, 1))
    assert (home.connection, home.line_kind, home.line_number) == ("digital_ready", "voip_ata", "+441632960123")
    assert home.pendant_ids == ("p1", "p2")
    assert [(d.device_id, d.kind, d.room) for d in home.detectors] == [
        ("p3", "smoke", "kitchen"), ("p4", "door_exit", None),
    ]  # fmt: skip
    assert [(c.name, c.phone, c.holds_key) for c in row.contacts] == [("Una Kerr", "+447700900123", True)]


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"council": "Fyfe"}, "council", "did you mean Fife (S12000047)"),
        ({"hub_id": ""}, "hub_id", "missing"),
        ({"hub_id": "a b"}, "hub_id", "letters, digits"),
        ({"postcode": "nowhere"}, "postcode", "not a UK postcode"),
        ({"phone": "12"}, "phone", "not a telephone number"),
        ({"date_of_birth": "31/02/1940"}, "date_of_birth", "no such day"),
        ({"date_of_birth": "01/31/1940"}, "date_of_birth", "the day comes first"),
        ({"date_of_birth": "31/01/40"}, "date_of_birth", "31/01/1940 or 1940-01-31"),
        ({"date_of_birth": "14641"}, "date_of_birth", "31/01/1940 or 1940-01-31"),
        ({"date_of_birth": "yesterday"}, "date_of_birth", "31/01/1940 or 1940-01-31"),
        ({"uprn": "9.06001E+11"}, "uprn", "has rounded this number"),
        ({"lives_alone": "perhaps"}, "lives_alone", "write yes or no"),
        ({"risk_tier": "E"}, "risk_tier", ""),
        ({"detectors": "smoke"}, "detectors", "id:kind"),
        ({"detectors": "p1:smoke|p1:fall"}, "detectors", "twice"),
        ({"pendant_ids": "p1 p1"}, "detectors", "twice"),
        ({"contact1_name": "Una"}, "contact1_phone", "phone number or an e-mail"),
        ({"contact1_phone": "07700 900123"}, "contact1_name", "missing"),
        ({"contact1_name": "Una", "contact1_email": "una"}, "contact1_email", "e-mail"),
        ({"address": "4 Harbour\nRow"}, "address", "line breaks"),
        ({"address": "4\x00Row"}, "address", "control characters"),
    ],
)
def test_a_wrong_cell_is_named_with_how_to_mend_it(cells: dict[str, str], column: str, words: str) -> None:
    row = only(sheet(HOME | cells))
    assert row.home is None
    assert words in faults(row)[column]


def test_contacts_of_one_name_must_be_told_apart() -> None:
    una = {"contact1_name": "Una", "contact1_phone": "07700900123"}
    row = only(sheet(HOME | una | {"contact2_name": "UNA", "contact2_phone": "07700900124"}))
    assert "contact2_name" in faults(row)


def test_rows_are_numbered_as_a_spreadsheet_does() -> None:
    lines = sheet(HOME, HOME | {"hub_id": "SK-2", "access_notes": "a\nb"}, HOME | {"hub_id": ""}).decode()
    head, rest = lines.split("\r\n", 1)
    fleet = read_fleet(f"{head}\r\n\r\n{rest}".encode())
    assert [row.number for row in fleet.rows] == [3, 4, 5]


def test_a_hub_twice_counts_once() -> None:
    fleet = read_fleet(sheet(HOME, HOME, HOME | {"hub_id": "SK-2"}))
    assert [row.home is not None for row in fleet.rows] == [True, False, True]
    assert "row 2 has this hub already" in faults(fleet.rows[1])["hub_id"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_line_that_names_the_separator_is_no_row(delimiter: str) -> None:
    raw = f"sep={delimiter}\r\n".encode() + sheet(HOME, delimiter=delimiter)
    assert only(b"\xef\xbb\xbf" + raw).number == 2


def test_a_comma_without_quotes_is_seen() -> None:
    raw = sheet(HOME).replace(b"4 Harbour Row", b"Flat 1, 4 Harbour Row")
    assert "put quotes" in faults(only(raw))[""]


def test_short_rows_are_empty_at_their_end() -> None:
    raw = sheet(HOME | {"hazards": "", "phone": ""}).replace(b",,\r\n", b"\r\n")
    assert only(raw).home is not None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "broken"),
        (b"a,b\r\n1,2", "first row must name the columns"),
        (sheet(HOME).replace(b"town", b"address"), "first row must name the columns"),
        (sheet(HOME) + b'"open', "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(raw: bytes, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        read_fleet(raw)


def test_a_file_of_headers_is_a_fleet_of_none() -> None:
    assert read_fleet(sheet(HOME).split(b"\r\n")[0]) == FleetFile(())
