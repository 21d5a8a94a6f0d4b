"""The register as programs see it (contract 4.2), and what it takes: strict, with an error for each field."""

import re
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from devices.presence.domain import Presence
from devices.registry.councils import present_code
from devices.registry.domain import HUB_ID, Connection, HubStatus, LineKind, Radio, RiskTier

POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}")


def _phone(value: str) -> str:
    """Return a telephone number in E.164; a number without a country is British."""
    try:
        number = phonenumbers.parse(value, "GB")
    except phonenumbers.NumberParseException as error:
        raise ValueError("not a telephone number; write it like 01632 960123 or +44 1632 960123") from error
    if not phonenumbers.is_possible_number(number):
        raise ValueError("too long or too short for a telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _postcode(value: str) -> str:
    """Return a postcode with its one space; terminated ones are kept, so only the shape is checked."""
    tight = "".join(value.upper().split())
    spaced = f"{tight[:-3]} {tight[-3:]}"
    if not POSTCODE.fullmatch(spaced):
        raise ValueError("not a postcode; write it like PA34 4AB")
    return spaced


def _hub_id(value: str) -> str:
    if not HUB_ID.fullmatch(value):
        raise ValueError("letters, digits, dot, dash and underscore, at most 64, the first a letter or digit")
    return value


Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Long = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Phone = Annotated[str, StringConstraints(max_length=40), AfterValidator(_phone)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Postcode = Annotated[str, StringConstraints(max_length=12), AfterValidator(_postcode)]
Uprn = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")]
CouncilCode = Annotated[
    str, BeforeValidator(lambda v: present_code(v) if isinstance(v, str) else v), Field(pattern=r"^S12[0-9]{6}$")
]
HubId = Annotated[str, AfterValidator(_hub_id), Field(max_length=64)]
Seconds = Annotated[int, Field(ge=1, le=7 * 86400)]


class Shown(BaseModel):
    """What is read from rows."""

    model_config = ConfigDict(from_attributes=True)


class Given(BaseModel):
    """What is sent to us: a field that we do not know is a mistake that must be seen."""

    model_config = ConfigDict(extra="forbid")


class CouncilOut(Shown):
    """A council."""

    code: str
    name: str


class ModelIn(Given):
    """A make and model of hub."""

    make: Short
    name: Short
    connection: Connection
    radio: Radio = Radio.NONE
    protocols: list[Short] = Field(default_factory=list, max_length=20)
    battery_hours: Annotated[int, Field(ge=0, le=10_000)] | None = None
    heartbeat_interval_s: Seconds = 300
    support_ends_on: date | None = None
    retires_on: date | None = None


class ModelOut(Shown):
    """A make and model of hub, as known."""

    id: UUID
    make: str
    name: str
    connection: str
    radio: str
    protocols: list[str]
    battery_hours: int | None
    heartbeat_interval_s: int
    support_ends_on: date | None
    retires_on: date | None


class HubIn(Given):
    """A hub to register."""

    hub_id: HubId
    council_id: CouncilCode
    model_id: UUID
    connection: Connection
    serial: Short | None = None
    heartbeat_interval_s: Seconds | None = None


class HubPatch(Given):
    """What changes of a hub; what is left out stays."""

    connection: Connection | None = None
    status: HubStatus | None = None
    serial: Short | None = None
    heartbeat_interval_s: Seconds | None = None


class HubOut(Shown):
    """A hub with what it last said of itself; `presence` follows from its heartbeats."""

    hub_id: str
    council_id: str
    model: str
    model_id: UUID
    connection: Connection
    status: HubStatus
    serial: str | None
    presence: Presence
    last_seen_at: datetime | None
    heartbeat_interval_s: int
    person_id: UUID | None
    premises_id: UUID | None
    person_name: str | None
    place: str | None
    firmware: str | None
    battery_pct: int | None
    mains: bool | None
    signal_dbm: int | None
    path: str | None
    credential_issued_at: datetime | None


class EventOut(BaseModel):
    """One message as received. `payload` is its JSON object, or `{"text": …}` or `{"base64": …}` when it was none."""

    id: UUID
    received_at: datetime
    lane: str
    event_id: str | None
    type: str | None
    treatment: str
    alarm_id: UUID | None
    device_at: datetime | None
    payload: dict[str, Any]
    payload_size: int
    notes: list[str]


class CredentialOut(BaseModel):
    """What a hub logs in to the broker with; shown this once."""

    username: str
    password: str


class PeripheralIn(Given):
    """A pendant, detector or sensor, by the id that the hub uses for it."""

    device_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    room: Short | None = None


class PeripheralOut(Shown):
    """A paired peripheral."""

    id: UUID
    device_id: str
    kind: str
    room: str | None
    paired_at: datetime


class InstallationIn(Given):
    """This hub, for this person, at these premises, from a moment (now when left out)."""

    person_id: UUID
    premises_id: UUID
    since: datetime | None = None


class InstallationEnd(Given):
    """When an installation ends (now when left out)."""

    until: datetime | None = None


class InstallationOut(BaseModel):
    """Where a hub was or is; `until` is null while it is there."""

    id: UUID
    hub_id: str
    person_id: UUID
    premises_id: UUID
    since: datetime
    until: datetime | None


class PersonIn(Given):
    """A service user."""

    council_id: CouncilCode
    given_name: Short
    family_name: Short
    preferred_name: Short | None = None
    date_of_birth: date | None = None
    phone: Phone | None = None
    risk_tier: RiskTier = RiskTier.C
    risk_reason: Long | None = None
    risk_review_on: date | None = None
    lives_alone: bool = False
    communication: Long | None = None
    hazards: Long | None = None


class PersonPatch(Given):
    """What changes of a person; what is left out stays, null removes it."""

    given_name: Short = ""
    family_name: Short = ""
    preferred_name: Short | None = None
    date_of_birth: date | None = None
    phone: Phone | None = None
    risk_tier: RiskTier = RiskTier.C
    risk_reason: Long | None = None
    risk_review_on: date | None = None
    lives_alone: bool = False
    communication: Long | None = None
    hazards: Long | None = None


class PersonOut(Shown):
    """A service user, as known."""

    id: UUID
    council_id: str
    given_name: str
    family_name: str
    preferred_name: str | None
    date_of_birth: date | None
    phone: str | None
    risk_tier: RiskTier
    risk_reason: str | None
    risk_review_on: date | None
    lives_alone: bool
    communication: str | None
    hazards: str | None


class ContactIn(Given):
    """Somebody to try, in the order of the list; at least one of phone and e-mail."""

    name: Short
    relation: Short | None = None
    phone: Phone | None = None
    email: Email | None = None
    holds_key: bool = False
    minutes_away: Annotated[int, Field(ge=0, le=24 * 60)] | None = None
    notes: Long | None = None
    verified_on: date | None = None


class ContactOut(Shown):
    """A contact of a person."""

    id: UUID
    position: int
    name: str
    relation: str | None
    phone: str | None
    email: str | None
    holds_key: bool
    minutes_away: int | None
    notes: str | None
    verified_on: date | None


class PremisesIn(Given):
    """A home."""

    council_id: CouncilCode
    uprn: Uprn | None = None
    address: Short
    town: Short
    postcode: Postcode
    access_notes: Long | None = None


class PremisesPatch(Given):
    """What changes of a home; what is left out stays, null removes it."""

    uprn: Uprn | None = None
    address: Short = ""
    town: Short = ""
    postcode: Postcode = ""
    access_notes: Long | None = None


class PremisesOut(Shown):
    """A home, as known; the code of its key safe is never in here."""

    id: UUID
    council_id: str
    uprn: str | None
    address: str
    town: str
    postcode: str
    access_notes: str | None
    key_safe_location: str | None
    key_safe_checked_on: date | None


class LineIn(Given):
    """A telephone line at premises, as checked."""

    number: Phone | None = None
    kind: LineKind
    provider: Short | None = None
    checked_on: date | None = None


class LineOut(Shown):
    """A telephone line, as known."""

    id: UUID
    number: str | None
    kind: LineKind
    provider: str | None
    checked_on: date | None


class KeySafeIn(Given):
    """Where the key safe is and its code, which is sealed before it is stored."""

    location: Long
    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=20)]


class RevealIn(Given):
    """Why the code is needed; kept in the audit."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class KeySafeOut(BaseModel):
    """The code of a key safe: read it out, do not write it down."""

    location: str | None
    code: str
