"""People and premises as programs see them, and what is taken: strict, with an error for each field."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from devices.registry.domain import LineKind, RiskTier
from devices.registry.fields import (
    CouncilRef,
    Day,
    Email,
    Input,
    KeySafeCode,
    Latitude,
    Line,
    Longitude,
    Minutes,
    Name,
    Output,
    Phone,
    Postcode,
    Reason,
    Uprn,
    Words,
)
from devices.registry.schemas import Patch


class PersonIn(Input):
    """A service user."""

    council_id: CouncilRef
    given_name: Name
    family_name: Name
    preferred_name: Name | None = None
    date_of_birth: Day | None = None
    phone: Phone | None = None
    risk_tier: RiskTier = RiskTier.C
    risk_reason: Words | None = None
    risk_review_on: Day | None = None
    lives_alone: bool = False
    communication: Words | None = None
    hazards: Words | None = None


class PersonPatch(Patch):
    """What changes of a person; what is left out stays, null removes it."""

    kept = frozenset({"given_name", "family_name", "risk_tier", "lives_alone"})

    given_name: Name | None = None
    family_name: Name | None = None
    preferred_name: Name | None = None
    date_of_birth: Day | None = None
    phone: Phone | None = None
    risk_tier: RiskTier | None = None
    risk_reason: Words | None = None
    risk_review_on: Day | None = None
    lives_alone: bool | None = None
    communication: Words | None = None
    hazards: Words | None = None
    service_ended_on: Day | None = None


class PersonListed(Output):
    """A service user in a list: what tells one from the other."""

    id: UUID
    council_id: str
    given_name: str
    family_name: str
    preferred_name: str | None
    date_of_birth: date | None
    risk_tier: RiskTier


class PersonOut(PersonListed):
    """A service user, as known."""

    phone: str | None
    risk_reason: str | None
    risk_review_on: date | None
    lives_alone: bool
    communication: str | None
    hazards: str | None
    service_ended_on: date | None


class ContactIn(Input):
    """Somebody to try, in the order of the list; at least one of phone and e-mail."""

    name: Name
    relation: Name | None = None
    phone: Phone | None = None
    email: Email | None = None
    holds_key: bool = False
    minutes_away: Minutes | None = None
    notes: Words | None = None
    verified_on: Day | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.phone is None and self.email is None:
            raise ValueError("give a phone number or an e-mail address")
        return self


class ContactOut(Output):
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


class PremisesIn(Input):
    """A home."""

    council_id: CouncilRef
    uprn: Uprn | None = None
    address: Line
    town: Name
    postcode: Postcode
    exchange: Annotated[Name, Field(description="the telephone exchange that serves it")] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    access_notes: Words | None = None

    @model_validator(mode="after")
    def _whole_place(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give latitude and longitude together")
        return self


class PremisesPatch(Patch):
    """What changes of a home; what is left out stays, null removes it."""

    kept = frozenset({"address", "town", "postcode"})

    uprn: Uprn | None = None
    address: Line | None = None
    town: Name | None = None
    postcode: Postcode | None = None
    exchange: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    access_notes: Words | None = None

    @model_validator(mode="after")
    def _whole_place(self) -> Self:
        given = {"latitude", "longitude"} & self.model_fields_set
        if len(given) == 1 or (self.latitude is None) != (self.longitude is None):
            raise ValueError("give latitude and longitude together")
        return self


class PremisesListed(Output):
    """A home in a list: where it is, and nothing of how one gets in."""

    id: UUID
    council_id: str
    uprn: str | None
    address: str
    town: str
    postcode: str


class PremisesOut(PremisesListed):
    """A home, as known; the code of its key safe is never in here."""

    exchange: str | None
    latitude: float | None
    longitude: float | None
    access_notes: str | None
    key_safe_location: str | None
    key_safe_has_code: bool
    key_safe_checked_on: date | None


class LineIn(Input):
    """A telephone line at premises, as checked."""

    number: Phone | None = None
    kind: LineKind
    provider: Name | None = None
    checked_on: Day | None = None


class LineOut(Output):
    """A telephone line, as known."""

    id: UUID
    number: str | None
    kind: LineKind
    provider: str | None
    checked_on: date | None


class KeySafeIn(Input):
    """Where the key safe is and its code, which is sealed before it is stored; nulls when it is gone."""

    location: Line | None
    code: KeySafeCode | None
    checked_on: Annotated[Day, Field(description="today when left out")] | None = None


class RevealIn(Input):
    """Why the code is needed; kept in the audit."""

    reason: Reason


class KeySafeOut(Output):
    """The code of a key safe: read it out, do not write it down."""

    location: str | None
    code: str
