"""Reads any file as a table, or says in a sentence why it is none. A program of its own: `python -m … FILE`.

It runs apart from the service, with a limit of its memory: whatever is in a file, whoever takes alarms does not notice.
It prints lines of JSON: first the headings, then `[row number, cell, …]`, at last the number of rows, or the sentence.
"""

import codecs
import csv
import itertools
import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

import python_calamine

from devices.switchover.importing.domain import MOST_COLUMNS, MOST_ROWS
from devices.switchover.importing.headings import meaning
from telecare.kernel.pure.jsonsafe import clean_text

DELIMITERS = ",;\t|"
LOOKED_AT = 60
"""So many rows are looked at to see whether and where a table begins."""

MEMORY = 3 * 1024**3
"""Bytes of address space that reading may take."""

UNPACKED = 1024**3
"""Bytes that a workbook may have when it is unpacked."""

Record = tuple[int, list[str]]


class NotATableError(Exception):
    """The file is no table; the text says what it is, and what to send instead."""


@dataclass(frozen=True)
class Table:
    """A table: its headings, the number of their row, and its rows that are not empty, with their numbers."""

    headings: list[str]
    header: int
    rows: Iterator[Record]
    sheet: str = ""
    notes: list[str] = field(default_factory=list)


_SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "This is a PDF: ask for the list as a spreadsheet, or save it as XLSX or CSV"),
    (b"\x89PNG", "This is a picture, not a table: ask for the list as a spreadsheet"),
    (b"\xff\xd8\xff", "This is a photograph, not a table: ask for the list as a spreadsheet"),
    (b"GIF8", "This is a picture, not a table: ask for the list as a spreadsheet"),
    (b"RIFF", "This is a picture or a sound, not a table: ask for the list as a spreadsheet"),
    (b"{\\rtf", "This is a text document, not a table: save the table in it as XLSX or CSV"),
    (b"\x1f\x8b", "This file is packed: unpack it and send what is in it"),
    (b"Rar!", "This file is packed: unpack it and send what is in it"),
    (b"7z\xbc\xaf", "This file is packed: unpack it and send what is in it"),
    (b"\x7fELF", "This is a program, not a table"),
    (b"MZ", "This is a program, not a table"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PASSWORD = "This workbook is protected by a password: open it, save it without one, and send that"  # noqa: S105 - a sentence
_BROKEN = "This workbook is damaged or of a kind that cannot be read: open it and save it anew as XLSX"


def read_table(path: Path, stack: ExitStack) -> Table:
    """Read a file; NotATableError when it is none. `stack` keeps open what its rows are read from."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip(b"\x00 \t\r\n"):
        raise NotATableError("The file is empty: the first row names the columns")
    for sign, words in _SIGNS:
        if head.startswith(sign):
            raise NotATableError(words)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE)):
        return _workbook(path)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<meta")):
        raise NotATableError(
            "This is a web page, whatever its name says: open it in a spreadsheet program and save it as XLSX"
        )
    if start.startswith((b"<?xml", b"{", b"[")):
        raise NotATableError("This is data for programs, not a table: save the list as XLSX or CSV")
    return _text(path, head, stack)


def _text(path: Path, head: bytes, stack: ExitStack) -> Table:
    encoding, notes = _encoding(path, head)
    file = stack.enter_context(path.open(encoding=encoding, errors="replace", newline=""))
    first = file.read(64 * 1024)
    if "\x00" in first or sum(not char.isprintable() and char not in "\r\n\t\x0b\x0c" for char in first) * 20 > len(
        first
    ):
        raise NotATableError("This is not a text that a spreadsheet program wrote: save the list as XLSX or CSV UTF-8")
    said = re.match(r"\s*sep=([,;\t|])[ ,;\t|]*\r?\n", first, re.IGNORECASE)
    delimiter = said[1] if said else _delimiter(first)
    file.seek(0)
    skipped = 0
    if said:
        file.readline()
        skipped = 1
    records = _records(file, delimiter, skipped)
    return _found(records, "", notes, sure=False)


def _encoding(path: Path, head: bytes) -> tuple[str, list[str]]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", []
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with path.open("rb") as file:
        try:
            while piece := file.read(1024 * 1024):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            note = "The file is not UTF-8 and was read as Windows-1252: check the accents, or save it as CSV UTF-8"
            return "cp1252", [note]
    return "utf-8-sig", []


def _delimiter(text: str) -> str:
    """Return the sign that cuts most lines into most cells."""
    lines = [line for line in text.splitlines()[:LOOKED_AT] if line.strip()]

    def cut(sign: str) -> tuple[int, int]:
        counts = sorted(line.count(sign) for line in lines)
        return (counts[len(counts) // 2] if counts else 0, counts[-1] if counts else 0)

    return max(DELIMITERS, key=cut)


def _records(file: IO[str], delimiter: str, skipped: int) -> Iterator[Record]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    for number in itertools.count(skipped + 1):
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError) as error:
            raise NotATableError(
                f"Row {number} cannot be read ({error}): save the list anew as XLSX or CSV UTF-8"
            ) from error
        yield number, cells


def _workbook(path: Path) -> Table:
    if zipfile.is_zipfile(path):
        _check_packed(path)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
    except python_calamine.PasswordError as error:
        raise NotATableError(_PASSWORD) from error
    except Exception as error:
        raise NotATableError(_PASSWORD if _is_encrypted(path) else _BROKEN) from error
    shown = python_calamine.SheetVisibleEnum.Visible
    names = [meta.name for meta in book.sheets_metadata if meta.visible == shown]
    return _best_sheet(book, names)


def _best_sheet(book: Any, names: Sequence[str]) -> Table:
    """Return the sheet with most columns that are known: exports have covers and notes before their list."""
    tables: list[tuple[int, Table]] = []
    faults: list[NotATableError] = []
    for name in names[:20]:
        try:
            table = _found(_sheet_records(book, name), name, [], sure=True)
        except NotATableError as error:
            faults.append(error)
            continue
        tables.append((sum(meaning(heading) is not None for heading in table.headings), table))
    if not tables:
        raise faults[0] if faults else NotATableError("The workbook has no sheet with a table")
    best = max(tables, key=lambda each: each[0])[1]
    if len(names) > 1:
        best.notes.append(f"The workbook has {len(names)} sheets; “{best.sheet}” was read")
    return best


def _sheet_records(book: Any, name: str) -> Iterator[Record]:
    try:
        sheet = book.get_sheet_by_name(name)
        start = sheet.start
        first = start[0] if start else 0
        for number, cells in enumerate(sheet.iter_rows(), first + 1 if start else 1):
            yield number, [_cell(value) for value in cells]
    except NotATableError:
        raise
    except Exception as error:
        raise NotATableError(_BROKEN) from error


def _cell(value: Any) -> str:
    """Return a cell as it would be typed."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)  # noqa: PLR2004 - no exponent
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return "" if value is None else str(value)


def _check_packed(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            infos = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise NotATableError(_BROKEN) from error
    names = {info.filename for info in infos}
    if sum(info.file_size for info in infos) > UNPACKED:
        raise NotATableError("This workbook is more than 1 GiB when it is unpacked: keep the list and remove the rest")
    if any(name.startswith("word/") for name in names):
        raise NotATableError("This is a text document, not a table: save the table in it as XLSX or CSV")
    if any(name.startswith("ppt/") for name in names):
        raise NotATableError("This is a presentation, not a table: ask for the list as a spreadsheet")
    if not any(name.startswith("xl/") or name == "content.xml" for name in names):
        raise NotATableError("This file is packed: unpack it and send what is in it")


def _is_encrypted(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(512 * 1024)
    return "EncryptedPackage".encode("utf-16-le") in head or b"manifest:encryption-data" in head


def _found(records: Iterator[Record], sheet: str, notes: list[str], *, sure: bool) -> Table:
    """Return the table that begins somewhere in the first rows; titles above it are passed over."""
    filled = ((number, cells) for number, cells in records if any(cell.strip() for cell in cells))
    ahead = list(itertools.islice(filled, LOOKED_AT))
    if not ahead:
        raise NotATableError(
            f"The sheet “{sheet}” is empty" if sheet else "The file is empty: the first row names the columns"
        )
    at = _header(ahead)
    if at is None:
        raise NotATableError(
            "No row of it has two cells beside each other, as a table has: the first row names the columns"
        )
    number, headings = ahead[at]
    while headings and not headings[-1].strip():
        headings.pop()
    headings = [" ".join(clean_text(heading).split()) for heading in headings]
    if len(headings) > MOST_COLUMNS:
        raise NotATableError(f"It has {len(headings)} columns, more than {MOST_COLUMNS}: leave out what is not needed")
    rest = ahead[at + 1 :]
    known = sum(meaning(heading) is not None for heading in headings)
    if not rest and (sure or known):
        raise NotATableError("It has headings and no rows")
    regular = sum(len(cells) == len(headings) for _, cells in rest)
    if not sure and known == 0 and (not rest or regular * 2 < len(rest)):
        raise NotATableError(
            "This is a text, not a table: the first row names the columns, the rows have as many cells"
        )
    if at:
        notes.append(f"What stands above row {number} was passed over: the headings are there")
    return Table(headings, number, itertools.chain(rest, filled), sheet, notes)


def _header(ahead: Sequence[Record]) -> int | None:
    """Return which row has the headings: the one with most that are known, else the first with several cells."""
    scores = [sum(meaning(cell) is not None for cell in cells) for _, cells in ahead]
    best = max(scores)
    if best > 1:
        return scores.index(best)
    return next((at for at, (_, cells) in enumerate(ahead) if sum(bool(cell.strip()) for cell in cells) > 1), None)


def lines(path: Path) -> Iterator[str]:
    """Yield what this program prints of a file."""
    with ExitStack() as stack:
        table = read_table(path, stack)
        head = asdict(Table(table.headings, table.header, iter(()), table.sheet, table.notes))
        yield json.dumps({**head, "rows": None})
        width = len(table.headings)
        count = 0
        for number, cells in table.rows:
            count += 1
            if count > MOST_ROWS:
                raise NotATableError(f"It has more than {MOST_ROWS:,} rows: split the file")
            beyond = [cell for cell in cells[width:] if cell.strip()]
            kept = [*cells[:width], *[""] * (width - len(cells)), *beyond]
            yield json.dumps([number, *map(clean_text, kept)])
        yield json.dumps({"rows": count})


def main(path: str) -> int:
    """Print a file as lines of JSON; the last one is the number of rows, or what is wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    csv.field_size_limit(1024 * 1024)
    try:
        for line in lines(Path(path)):
            sys.stdout.write(line + "\n")
    except NotATableError as error:
        sys.stdout.write(json.dumps({"wrong": str(error)}) + "\n")
    except BrokenPipeError:
        return 1
    except MemoryError:
        sys.stdout.write(json.dumps({"wrong": "It needs more memory than is given to one file: split it"}) + "\n")
    except BaseException as error:  # noqa: BLE001 - a reader that panics is no Exception, and says nothing to people
        sys.stderr.write(f"{type(error).__name__}: {error}\n"[:2000])
        sys.stdout.write(json.dumps({"wrong": _BROKEN}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
