"""The forms of what people type: names, telephone numbers, postcodes, UPRNs, dates.

Each is read and normalised, or it is said in words what is wrong with it.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Annotated, Any

import phonenumbers
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from devices.presence.domain import SHORTEST_INTERVAL_S
from devices.registry.councils import present_code

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# Only the letters that stand at their place: an O typed for a 0 is not one of them.
_POSTCODE = re.compile(
    r"([A-Z][0-9][0-9ABCDEFGHJKPSTUW]?|[A-Z]{2}[0-9][0-9ABEHMNPRVWXY]?)([0-9][ABD-HJLNP-UW-Z]{2})|(GIR)(0AA)"
)
_HUB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_KIND = r"^[a-z][a-z0-9_]{0,39}$"
_ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00)?)?")
# The form that HTML calls a valid e-mail address; it leaves no room for a second header.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
# Reserved for drama and never given to anybody: real in every test and in the demo, unknown to the numbering plan.
_DRAMA = re.compile(r"\+44(1632960|7700900)\d{3}")
_BETWEEN_DIGITS = str.maketrans("", "", " ()-")
_OLDEST = date(1900, 1, 1)
NOT_COME = "this day has not come"


def one_line(text: str) -> str:
    """Return a text without control characters, or raise ValueError."""
    if _CONTROL.search(text):
        raise ValueError("line breaks and control characters are not allowed here")
    return text


def storable(text: str) -> str:
    """Return a text of several lines that PostgreSQL can store, or raise ValueError."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _UNSTORABLE.search(text):
        raise ValueError("control characters are not allowed here")
    return text


def _degrees(value: Any) -> Any:
    """Return the number of a cell: 55,9533 is how some spreadsheets write it."""
    return value.strip().replace(",", ".") if isinstance(value, str) else value


def _check_exact(text: str) -> None:
    """Raise ValueError for what a spreadsheet program makes of a long number, 9.06E+11: the rest of it is lost."""
    if _ROUNDED.fullmatch(text):
        raise ValueError("a spreadsheet program has rounded this number: make the column text and enter it again")


def phone(text: str) -> str:
    """Return a telephone number in E.164; a number without a country is British."""
    _check_exact(text)
    plain = text.translate(_BETWEEN_DIGITS)
    return _phone(f"+44{plain[1:]}" if plain[:1] == "0" != plain[1:2] else plain)


@lru_cache(maxsize=4096)
def _phone(text: str) -> str:
    """Look a number up in its numbering plan, which takes long: lists say each of theirs more than once."""
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException as error:
        raise ValueError("this is not a telephone number") from error
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if number.extension or not (_is_given(number) or _DRAMA.fullmatch(e164)):
        raise ValueError("this is not a telephone number with its area code, such as 0131 496 0000")
    return e164


def _is_given(number: phonenumbers.PhoneNumber) -> bool:
    # Most are of the first of the four plans behind +44; asking for it alone takes half as long.
    return phonenumbers.is_valid_number_for_region(number, "GB") or phonenumbers.is_valid_number(number)


def postcode(text: str) -> str:
    """Return a postcode in capitals with its one space; terminated ones are kept, the register is older than they."""
    found = _POSTCODE.fullmatch("".join(text.split()).upper())
    if found is None:
        raise ValueError("this is not a UK postcode, such as PA34 4XX")
    return " ".join(part for part in found.groups() if part)


def uprn(text: str) -> str:
    """Return a UPRN without the zeros that pad it to twelve digits."""
    _check_exact(text)
    digits = text.lstrip("0")
    if not digits.isascii() or not digits.isdecimal() or len(text) > 12:  # noqa: PLR2004 - the form of a UPRN
        raise ValueError("a UPRN is a number of up to 12 digits")
    return digits


def email(text: str) -> str:
    """Return an e-mail address, or raise ValueError."""
    if not _EMAIL.fullmatch(text):
        raise ValueError("this is not an e-mail address")
    return text


def day(value: Any) -> date:
    """Return a day that the register can be about, or raise ValueError. A bare number is none: it may be any count."""
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    if found is None and not isinstance(value, date):
        raise ValueError("write the day as 1940-01-31")
    try:
        read: date = date.fromisoformat(found[1]) if found else value
    except ValueError as error:
        raise ValueError("the calendar has no such day") from error
    if read < _OLDEST:
        raise ValueError("this is before 1900")
    return read


def hub_id(text: str) -> str:
    """Return a hub's id, or raise ValueError."""
    if not re.fullmatch(_HUB_ID[1:-1], text):
        raise ValueError("a hub id is up to 64 letters, digits, dots, hyphens and underscores, a letter or digit first")
    return text


def kind(text: str) -> str:
    """Return a kind of peripheral, or raise ValueError."""
    if not re.fullmatch(_KIND[1:-1], text):
        raise ValueError("a kind is up to 40 small letters, digits and underscores, such as door_exit")
    return text


def _text(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


Name = Annotated[str, _text(100), AfterValidator(one_line)]
Line = Annotated[str, _text(300), AfterValidator(one_line)]
Words = Annotated[str, _text(4000), AfterValidator(storable)]
Phone = Annotated[str, _text(40), AfterValidator(phone)]
Postcode = Annotated[str, _text(12), AfterValidator(postcode)]
Uprn = Annotated[str, _text(12), AfterValidator(uprn)]
Email = Annotated[str, _text(254), AfterValidator(email)]
Day = Annotated[date, BeforeValidator(day)]
CouncilRef = Annotated[
    str, _text(60), AfterValidator(present_code), Field(description="a GSS code, also a former one, or a name")
]
HubId = Annotated[
    str,
    AfterValidator(hub_id),
    Field(description="as on its MQTT topics", json_schema_extra={"pattern": _HUB_ID}),
]
DeviceId = Annotated[str, _text(64), AfterValidator(one_line), Field(description="as the hub names it on the wire")]
Kind = Annotated[
    str,
    AfterValidator(kind),
    Field(description="such as pendant, smoke, door_exit", json_schema_extra={"pattern": _KIND}),
]
Seconds = Annotated[int, Field(ge=SHORTEST_INTERVAL_S, le=7 * 86400)]
Version = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"),
    Field(description="as the hub's heartbeat tells it"),
]
Minutes = Annotated[int, Field(ge=0, le=24 * 60)]
KeySafeCode = Annotated[str, _text(20), AfterValidator(one_line)]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500), AfterValidator(one_line)
]


class Input(BaseModel):
    """What a caller sends: a name that we do not know is an error, not something to overlook."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """What we answer, read from the attributes of what the register holds."""

    model_config = ConfigDict(from_attributes=True)


Latitude = Annotated[float, BeforeValidator(_degrees), Field(ge=49, le=62, description="WGS 84, in degrees")]
Longitude = Annotated[float, BeforeValidator(_degrees), Field(ge=-14, le=3, description="WGS 84, in degrees")]
