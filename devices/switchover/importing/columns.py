"""Our columns of each kind of file: their titles, whether they are needed, and who mends their cells. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from devices.switchover.importing import menders as m
from devices.switchover.importing.domain import FileKind

CONTACTS = range(1, 10)


@dataclass(frozen=True)
class Column:
    """One of our columns: what people call it, who mends its cells, and whether “none” says nothing there."""

    name: str
    title: str
    mend: m.Mender
    nothing: bool = True
    secret: bool = False
    """Shown to nobody: neither as a sample nor in a report."""


_WORDS = frozenset(
    {"access_notes", "risk_reason", "communication", "hazards", "address", "full_name", "given_name", "family_name",
     "lives_alone", "line_kind"}
)  # fmt: skip
"""Where “none” is an answer."""


def _columns(*listed: tuple[str, str, m.Mender]) -> dict[str, Column]:
    return {
        name: Column(
            name, title, mend, nothing=name not in _WORDS and mend is not m.mend_yes_no, secret=name == "key_safe_code"
        )
        for name, title, mend in listed
    }


def _contact(number: int) -> tuple[tuple[str, str, m.Mender], ...]:
    before = f"Contact {number}"
    return (
        (f"contact{number}_name", f"{before}: name", m.mend_name),
        (f"contact{number}_phone", f"{before}: phone", m.mend_phone),
        (f"contact{number}_email", f"{before}: e-mail", m.mend_email),
        (f"contact{number}_relation", f"{before}: relation", m.mend_line),
        (f"contact{number}_holds_key", f"{before}: holds a key", m.mend_yes_no),
        (f"contact{number}_minutes_away", f"{before}: minutes away", m.mend_minutes),
        (f"contact{number}_notes", f"{before}: notes", m.mend_text),
    )


_COUNCIL = ("council", "Council", m.mend_council)
_HUB = (
    ("hub_id", "Hub id", m.mend_number),
    ("serial", "Serial number", m.mend_number),
    ("mobile_network", "Mobile network", m.mend_line),
    ("installed_on", "Installed on", m.mend_day),
    ("pendant_ids", "Ids of pendants", m.mend_ids),
    ("detectors", "Detectors", m.mend_detectors),
)
_LINE = (
    ("line_number", "Telephone line: number", m.mend_phone),
    ("line_kind", "Telephone line: kind", m.mend_line_kind),
    ("line_provider", "Telephone line: provider", m.mend_line),
    ("line_checked_on", "Telephone line: checked on", m.mend_day),
)

HOMES = _columns(
    _COUNCIL,
    *_HUB,
    ("make", "Make", m.mend_line),
    ("model", "Model", m.mend_line),
    ("make_and_model", "Make and model in one", m.mend_line),
    ("connection", "Connection", m.mend_connection),
    ("uprn", "UPRN", m.mend_digits),
    ("address", "Address", m.mend_line),
    ("address_2", "Address, second line", m.mend_line),
    ("address_3", "Address, third line", m.mend_line),
    ("full_address", "Address, town and postcode in one", m.mend_text),
    ("town", "Town", m.mend_line),
    ("postcode", "Postcode", m.mend_postcode),
    ("latitude", "Latitude", m.mend_text),
    ("longitude", "Longitude", m.mend_text),
    ("exchange", "Telephone exchange", m.mend_line),
    ("access_notes", "How one gets in", m.mend_text),
    ("key_safe_location", "Key safe: where", m.mend_line),
    ("key_safe_code", "Key safe: code", m.mend_number),
    *_LINE,
    ("full_name", "Name in one", m.mend_line),
    ("given_name", "Given name", m.mend_name),
    ("family_name", "Family name", m.mend_name),
    ("preferred_name", "Preferred name", m.mend_name),
    ("date_of_birth", "Date of birth", m.mend_day),
    ("phone", "Phone of the person", m.mend_phone),
    ("risk_tier", "Risk tier", m.mend_tier),
    ("risk_reason", "Reason for the risk tier", m.mend_text),
    ("lives_alone", "Lives alone", m.mend_yes_no),
    ("communication", "Communication", m.mend_text),
    ("hazards", "Hazards", m.mend_text),
    *(each for number in CONTACTS for each in _contact(number)),
)
INSTALLER = _columns(
    _COUNCIL,
    *_HUB,
    ("imei", "IMEI", m.mend_imei),
    ("iccid", "Number of the SIM", m.mend_iccid),
    ("failed_handshakes", "Failed handshakes", m.mend_count),
    ("handshakes_until", "Failed handshakes: counted up to", m.mend_month),
)
TELCO = _columns(
    _COUNCIL,
    *_LINE,
    ("migrates_on", "Planned migration", m.mend_day),
    ("postcode", "Postcode", m.mend_postcode),
)

COLUMNS: Mapping[FileKind, Mapping[str, Column]] = {
    FileKind.HOMES: HOMES,
    FileKind.INSTALLER: INSTALLER,
    FileKind.TELCO: TELCO,
}

NEEDED: Mapping[FileKind, tuple[tuple[str, ...], ...]] = {
    FileKind.HOMES: (
        ("hub_id",),
        ("make", "make_and_model"),
        ("model", "make_and_model"),
        ("address", "full_address"),
        ("town", "full_address"),
        ("postcode", "full_address"),
        ("given_name", "full_name"),
        ("family_name", "full_name"),
    ),
    FileKind.INSTALLER: (("hub_id", "serial"),),
    FileKind.TELCO: (("line_number",),),
}
"""Without one of each of these a file says too little."""

DAYS = frozenset({"installed_on", "line_checked_on", "date_of_birth", "migrates_on", "handshakes_until"})


def title(kind: FileKind, name: str) -> str:
    """Return what people call one of our columns."""
    column = COLUMNS[kind].get(name)
    return column.title if column else re.sub("_", " ", name)
