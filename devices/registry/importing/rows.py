"""A fleet from a spreadsheet: one CSV file, one home a row, read and checked. Columns: docs/import.md. Pure.

What spreadsheet programs write is read as it comes: a byte-order mark, UTF-16, Windows-1252, semicolons or tabs,
any line ends, header names in any capitals. An empty cell says nothing: it never removes what is known.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from devices.registry.domain import Connection, LineKind, RiskTier
from devices.registry.fields import (
    CouncilRef,
    Day,
    DeviceId,
    Email,
    HubId,
    KeySafeCode,
    Kind,
    Latitude,
    Line,
    Longitude,
    Minutes,
    Name,
    Phone,
    Postcode,
    Uprn,
    Words,
)
from telecare.kernel.errors import InvalidError

MAX_ROWS = 20_000
MAX_CONTACTS = 9
DELIMITERS = ",;\t"

_BRITISH_DAY = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?: 00:00(?::00)?)?")
_SEPARATOR = re.compile(r"\s*sep=([,;\t])[ ,;\t]*\r?\n", re.IGNORECASE)
"""A line that tells spreadsheet programs how to read the file; they show no row for it."""
_CONTACT = re.compile(r"contact([1-9])_([a-z_]+)")
_YES = frozenset({"yes", "y", "true", "1"})
_NO = frozenset({"no", "n", "false", "0"})


def _day(value: str) -> str:
    """Return a day in the form of ISO 8601; British spreadsheets write it 31/01/1940."""
    found = _BRITISH_DAY.fullmatch(value)
    if found is None:
        if not value[:4].isdecimal() or value[4:5] != "-":
            raise ValueError("write the day as 31/01/1940 or 1940-01-31")
        return value
    if int(found[2]) > 12:  # noqa: PLR2004 - the months of a year
        raise ValueError("the day comes first: 31/01/1940")
    return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}"


def _yes_or_no(value: str) -> bool:
    word = value.casefold()
    if word not in _YES | _NO:
        raise ValueError("write yes or no")
    return word in _YES


def _word(value: str) -> str:
    """Read a word of a list however it is capitalised and joined: `Digital ready` is `digital_ready`."""
    return "_".join(re.split(r"[\s-]+", value.casefold()))


def read_peripherals(value: str) -> list[dict[str, str]]:
    """Read `p2:smoke:kitchen | p3:door_exit`."""
    found = []
    for part in value.split("|"):
        device_id, *rest = [piece.strip() for piece in part.split(":")]
        if not device_id or len(rest) not in {1, 2}:
            raise ValueError("write each as id:kind or id:kind:room, with | between them")
        found.append({"device_id": device_id, "kind": _word(rest[0]), **({"room": rest[1]} if rest[1:] else {})})
    return found


CsvDay = Annotated[Day, BeforeValidator(_day)]
YesNo = Annotated[bool, BeforeValidator(_yes_or_no)]


class _Cells(BaseModel):
    model_config = ConfigDict(frozen=True)


class PeripheralCells(_Cells):
    """A detector of the row."""

    device_id: DeviceId
    kind: Kind
    room: Name | None = None


class ContactCells(_Cells):
    """One of the row's contacts."""

    name: Name
    relation: Name | None = None
    phone: Phone | None = None
    email: Email | None = None
    holds_key: YesNo | None = None
    minutes_away: Minutes | None = None
    notes: Words | None = None


class HomeRow(_Cells):
    """One home: hub, premises, person, and what belongs to them."""

    council: CouncilRef
    hub_id: HubId
    make: Name
    model: Name
    connection: Annotated[Connection | None, BeforeValidator(_word)] = None
    serial: Name | None = None
    mobile_network: Name | None = None
    installed_on: CsvDay | None = None
    pendant_ids: Annotated[tuple[DeviceId, ...], BeforeValidator(str.split)] = ()
    detectors: Annotated[tuple[PeripheralCells, ...], BeforeValidator(read_peripherals)] = ()
    uprn: Uprn | None = None
    address: Line
    town: Name
    postcode: Postcode
    exchange: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    access_notes: Words | None = None
    key_safe_location: Line | None = None
    key_safe_code: KeySafeCode | None = None
    line_number: Phone | None = None
    line_kind: Annotated[LineKind | None, BeforeValidator(_word)] = None
    line_provider: Name | None = None
    line_checked_on: CsvDay | None = None
    given_name: Name
    family_name: Name
    preferred_name: Name | None = None
    date_of_birth: CsvDay | None = None
    phone: Phone | None = None
    risk_tier: Annotated[RiskTier | None, BeforeValidator(str.upper)] = None
    risk_reason: Words | None = None
    lives_alone: YesNo | None = None
    communication: Words | None = None
    hazards: Words | None = None


_FIELDS = frozenset(HomeRow.model_fields)
_CONTACT_FIELDS = frozenset(ContactCells.model_fields)
_REQUIRED = tuple(name for name, info in HomeRow.model_fields.items() if info.is_required())


@dataclass(frozen=True)
class Fault:
    """What is wrong with a cell, and how to mend it."""

    column: str
    what: str


@dataclass(frozen=True)
class ReadRow:
    """A row as numbered by a spreadsheet program: its home, or its faults."""

    number: int
    hub_id: str
    home: HomeRow | None
    contacts: tuple[ContactCells, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class FleetFile:
    """A file as read; `notes` are for whoever sent it."""

    rows: tuple[ReadRow, ...]
    notes: tuple[str, ...] = ()


def read_fleet(raw: bytes) -> FleetFile:
    """Read a file; InvalidError when it is no table with the columns that are needed."""
    text, notes = _decode(raw)
    said = _SEPARATOR.match(text)
    if said is not None:
        text = text[said.end() :]
    header_line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = said[1] if said else max(DELIMITERS, key=header_line.count)
    records = _records(text, delimiter)
    first = next(records, None)
    if first is None:
        raise _invalid("The file is empty: the first row names the columns", ())
    names = ["_".join(cell.casefold().split()) for cell in first[1]]
    _check_header(names)
    ignored = [name for name in names if name and not _is_column(name)]
    if ignored:
        notes = (*notes, f"These columns are not known and were left out: {', '.join(ignored)}")
    rows = list(_rows(records, names))
    return FleetFile(tuple(_without_repeats(rows)), notes)


def _decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return raw.decode("utf-16"), ()
        except UnicodeDecodeError as error:
            raise _invalid("The file is broken: save it as CSV UTF-8", ()) from error
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        note = "The file is not UTF-8 and was read as Windows-1252: check the accents, or save it as CSV UTF-8"
        return raw.decode("cp1252", errors="replace"), (note,)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, with their numbers as a spreadsheet program shows them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _invalid(f"Row {number} cannot be read: {error}", ()) from error
        if any(cell.strip() for cell in cells):
            yield number, cells


def _check_header(names: list[str]) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    faults = [Fault(name, "this column is missing") for name in missing]
    faults += [Fault(name, "this column is there twice") for name in doubled]
    if faults:
        raise _invalid("The first row must name the columns; see docs/import.md", faults)


def _is_column(name: str) -> bool:
    contact = _CONTACT.fullmatch(name)
    return contact[2] in _CONTACT_FIELDS if contact else name in _FIELDS


def _rows(records: Iterator[tuple[int, list[str]]], names: list[str]) -> Iterator[ReadRow]:
    for count, (number, cells) in enumerate(records, 1):
        if count > MAX_ROWS:
            raise _invalid(f"At most {MAX_ROWS:,} homes are read at once: split the file", ())
        values = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
        hub_id = values.get("hub_id", "")[:64]
        if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
            what = f"the row has {len(cells)} cells, the header {len(names)}: put quotes around cells with commas"
            yield ReadRow(number, hub_id, None, faults=(Fault("", what),))
            continue
        yield read_row(number, hub_id, values)


def read_row(number: int, hub_id: str, values: dict[str, str]) -> ReadRow:
    """Read one row from its cells that are not empty, by the names of docs/import.md."""
    faults: list[Fault] = []
    home = _validated(HomeRow, {name: value for name, value in values.items() if name in _FIELDS}, "", faults)
    contacts: list[ContactCells] = []
    for index in range(1, MAX_CONTACTS + 1):
        prefix = f"contact{index}_"
        cells = {name: values[prefix + name] for name in _CONTACT_FIELDS if prefix + name in values}
        contact = _validated(ContactCells, cells, prefix, faults) if cells else None
        if contact is not None and contact.phone is None and contact.email is None:
            faults.append(Fault(f"{prefix}phone", "give a phone number or an e-mail address"))
        elif contact is not None and contact.name.casefold() in {other.name.casefold() for other in contacts}:
            faults.append(Fault(f"{prefix}name", "another contact of the row has this name: tell them apart"))
        elif contact is not None:
            contacts.append(contact)
    if home is not None:
        ids = [*home.pendant_ids, *(detector.device_id for detector in home.detectors)]
        doubled = sorted({each for each in ids if ids.count(each) > 1})
        faults += [Fault("detectors", f"the row has {each} twice") for each in doubled]
    if home is None or faults:
        return ReadRow(number, hub_id, None, faults=tuple(faults))
    return ReadRow(number, hub_id, home, tuple(contacts))


def _validated(form: Any, values: dict[str, str], prefix: str, faults: list[Fault]) -> Any:
    try:
        return form.model_validate(values)
    except ValidationError as error:
        for found in error.errors():
            what = "this is missing" if found["type"] == "missing" else found["msg"].removeprefix("Value error, ")
            faults.append(Fault(prefix + str(found["loc"][0]), what))
    return None


def _without_repeats(rows: list[ReadRow]) -> Iterator[ReadRow]:
    """Let the first row of a hub count; a second one is a fault, even when it says the same."""
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row.hub_id, row.number)
        if row.hub_id and first != row.number:
            fault = Fault("hub_id", f"row {first} has this hub already: remove one of them")
            yield ReadRow(row.number, row.hub_id, None, faults=(*row.faults, fault))
        else:
            yield row


def _invalid(words: str, faults: Any) -> InvalidError:
    return InvalidError(words, errors=[{"where": f"file.{fault.column}", "what": fault.what} for fault in faults])
