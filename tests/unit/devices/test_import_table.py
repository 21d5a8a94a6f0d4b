"""Files as councils send them: read as a table wherever it begins, or said in a sentence why not."""

import contextlib
import io
import json
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.switchover.importing.domain import FileKind
from devices.switchover.importing.mapping import Guess, faults, guess, said
from devices.switchover.importing.table import NotATableError, Table, read_table
from tests.old_sheets import compound, ods, xls
from tests.property.examples import examples

EXPORT = [
    ["Council", "Unit No", "Make", "Model", "Address 1", "Town", "Post Code", "Forename", "Surname", "D.O.B."],
    ["Fife", "SK-1", "Skerry", "Halo", "4 Harbour Row", "Port Corran", "PX31 4AB", "Morag", "SINCLAIR", "31/01/1940"],
]


def workbook(*sheets: list[list[object]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"default_date_format": "dd/mm/yyyy"})
    for rows in sheets:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


def packed(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(name, "something")
    return out.getvalue()


def rows_of(folder: Path, raw: bytes) -> tuple[Table, list[tuple[int, list[str]]]]:
    path = folder / "file"
    path.write_bytes(raw)
    with ExitStack() as stack:
        table = read_table(path, stack)
        return table, list(table.rows)


def sentence(folder: Path, raw: bytes) -> str:
    with pytest.raises(NotATableError) as refused:
        rows_of(folder, raw)
    return str(refused.value)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_file_is_read_with_any_sign_between_cells(tmp_path: Path, sign: str, encoding: str) -> None:
    text = "\r\n".join(sign.join(cell.replace("Morag", "Mòrag") for cell in row) for row in EXPORT)
    table, rows = rows_of(tmp_path, text.encode(encoding))
    assert (table.headings, rows[0][0], rows[0][1][7]) == (EXPORT[0], 2, "Mòrag")
    assert [note[:22] for note in table.notes] == (["The file is not UTF-8 "] if encoding == "cp1252" else [])


def test_titles_above_a_table_are_passed_over_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    above: list[list[object]] = [["Telecare users as of 1 November"], [], ["Confidential", "page 1"]]
    table, rows = rows_of(tmp_path, workbook([*above, *EXPORT, [], EXPORT[1]]))
    assert (table.headings, table.header, [number for number, _ in rows]) == (EXPORT[0], 4, [5, 7])
    assert "above row 4" in table.notes[0]
    text = "Telecare users\r\nsep,\r\n\r\n" + "\r\n".join(",".join(row) for row in EXPORT)
    assert rows_of(tmp_path, text.encode())[1][0][0] == 5


def test_of_several_sheets_the_one_with_the_list_is_read(tmp_path: Path) -> None:
    table, rows = rows_of(tmp_path, workbook([["Notes", "by"], ["a", "b"]], EXPORT))
    assert (table.sheet, len(rows)) == ("Sheet2", 1)
    assert "“Sheet2” was read" in table.notes[0]


OLDER = [["Telecare users"], [*EXPORT[0], "UPRN"], [*EXPORT[1], 127000000001.0]]


@pytest.mark.parametrize("raw", [xls(OLDER), ods(OLDER)], ids=["xls", "ods"])
def test_workbooks_of_the_older_kinds_are_read(tmp_path: Path, raw: bytes) -> None:
    table, rows = rows_of(tmp_path, raw)
    assert table.headings == [*EXPORT[0], "UPRN"]
    assert rows == [(3, [*EXPORT[1], "127000000001"])]
    assert table.sheet == "Users"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (compound("WordDocument", b"Dear council"), "damaged or of a kind that cannot be read"),
        (xls(OLDER)[:3000], "damaged or of a kind that cannot be read"),
        (xls([]), "is empty"),
        (xls([["Telecare users"]]), "No row of it has two cells"),
        (ods(OLDER)[:-60], "damaged or of a kind that cannot be read"),
        (ods([]), "is empty"),
        (ods([["Telecare users"]]), "No row of it has two cells"),
    ],
    ids=["a letter", "cut off xls", "empty xls", "title xls", "cut off ods", "empty ods", "title ods"],
)
def test_what_is_no_table_of_the_older_kinds_is_said_in_a_sentence(tmp_path: Path, raw: bytes, words: str) -> None:
    assert words in sentence(tmp_path, raw)


def test_cells_of_a_workbook_are_what_one_would_type(tmp_path: Path) -> None:
    cells: list[object] = [date(1940, 1, 31), datetime(1940, 1, 31, 12, 30), 1632960001, 1.5, True, "x"]  # noqa: DTZ001 - as a workbook has it
    _, rows = rows_of(tmp_path, workbook([["Name", "b", "c", "d", "e", "f"], cells]))
    assert rows[0][1] == ["1940-01-31", "1940-01-31 12:30:00", "1632960001", "1.5", "yes", "x"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"), (b" \r\n\r\n", "empty"), (b"%PDF-1.7 ...", "PDF"), (b"\x89PNG\r\n\x1a\n....", "picture"),
        (b"\xff\xd8\xff\xe0....", "photograph"), (packed("word/document.xml"), "text document"),
        (packed("list.csv"), "packed"), (packed("xl/workbook.xml"), "damaged"), (workbook([]), "no sheet|empty"),
        (workbook([["Name", "DOB"]]), "no rows"), (workbook([["one"], ["two"]]), "two cells"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 2000, "password"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 torn", "damaged"), (b"<html><table><tr><td>Name", "web page"),
        (b'[{"name": "Morag"}]', "data for programs"),
        (b"Dear Sir,\n\nplease find the list.\nYours, Una\n", "text, not"),
        (b"Name\nMorag\n", "two cells"), (b"Name,DOB\n", "no rows"), (b'Name,DOB\n"Morag,1940\n', "Row 2 cannot"),
        (bytes(range(256)) * 20, "spreadsheet program"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_said_in_a_sentence(tmp_path: Path, raw: bytes, words: str) -> None:
    said = sentence(tmp_path, raw)
    assert any(word in said for word in words.split("|")), said


_BOOK = workbook(EXPORT)
_SIGNS = [
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"%PDF",
    b"",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"a,b\n",
]


@given(st.one_of(
    st.tuples(st.sampled_from(_SIGNS), st.binary(max_size=300)).map(b"".join),
    st.tuples(st.integers(0, len(_BOOK) - 1), st.binary(min_size=1, max_size=20)).map(
        lambda cut: _BOOK[: cut[0]] + cut[1] + _BOOK[cut[0] + len(cut[1]) :]
    ),
    st.integers(0, len(_BOOK)).map(lambda end: _BOOK[:end]),
))  # fmt: skip
@settings(examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_bytes_they_are_a_table_or_a_sentence(tmp_path: Path, raw: bytes) -> None:
    with contextlib.suppress(NotATableError):
        table, rows = rows_of(tmp_path, raw)
        assert all(isinstance(cell, str) for _, cells in rows for cell in (*table.headings, *cells))


def test_the_reader_is_a_program_that_prints_rows_or_a_sentence(tmp_path: Path) -> None:
    def printed(raw: bytes) -> list[object]:
        path = tmp_path / "file"
        path.write_bytes(raw)
        command = [sys.executable, "-m", "devices.switchover.importing.table", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    head, row, end = printed(_BOOK)
    assert isinstance(head, dict)
    assert (head["headings"], row, end) == (EXPORT[0], [2, *EXPORT[1]], {"rows": 1})
    assert printed(b"%PDF") == [
        {"wrong": "This is a PDF: ask for the list as a spreadsheet, or save it as XLSX or CSV"}
    ]


def test_headings_in_the_words_of_councils_are_known() -> None:
    headings = [
        *EXPORT[0],
        "Tel No",
        "NOK 1 Name",
        "Next of Kin 2 Telephone",
        "Keyholder",
        "Client Mobile",
        "Shoe size",
        "Postcodes",
    ]
    found = [each.field for each in guess(FileKind.HOMES, headings, {})]
    assert found == [
        "council", "hub_id", "make", "model", "address", "town", "postcode", "given_name", "family_name",
        "date_of_birth", "line_number", "contact1_name", "contact2_phone", None, "phone", None, None,
    ]  # fmt: skip
    assert faults(FileKind.HOMES, found, council=False) == []
    assert "“Hub id”" in faults(FileKind.HOMES, found[2:], council=True)[0]


def test_what_was_remembered_comes_before_what_is_known_and_what_is_said_before_both() -> None:
    remembered = {"tel no": "phone", "mobile": None}
    found = guess(FileKind.HOMES, ["Tel No", "Mobile", "Telephone numbr"], remembered)
    assert found == [Guess("phone", "remembered"), Guess(None, "remembered"), Guess("line_number", "similar")]
    assert said(FileKind.HOMES, ["Tel No", "Mobile"], {"mobile": "Date of birth", "tel no": ""}) == {
        1: "date_of_birth",
        0: None,
    }
    with pytest.raises(ValueError, match="no column “Fax”"):
        said(FileKind.HOMES, ["Tel No"], {"Fax": "phone"})
    with pytest.raises(ValueError, match="did you mean postcode"):
        said(FileKind.HOMES, ["Tel No"], {"Tel No": "postcod"})
