"""The lists of the register, as the database's CHECKs know them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RiskTier(StrEnum):
    """How soon somebody must act for this person (domain: A 15 min, B 60 min, C 4 h, D next working morning)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Connection(StrEnum):
    """The way the alarm really travels: a digital-ready box may still be talking over an analogue line."""

    ANALOGUE = "analogue"
    DIGITAL_READY = "digital_ready"
    DIGITAL = "digital"


MOST_HANDSHAKES = 10_000
"""More failed calls of one unit in a report are a mistake in writing."""
NO_TONES = "digital: its calls have no tones that could fail"
"""Why nothing of failed handshakes is kept of a unit."""


def exceeds(connection: str, best: str) -> bool:
    """Say whether a hub would be connected better than its model can be."""
    order = list(Connection)
    return order.index(Connection(connection)) > order.index(Connection(best))


class HubStatus(StrEnum):
    """Where the unit is in its life."""

    STOCK = "stock"
    IN_SERVICE = "in_service"
    RETIRED = "retired"


class LineKind(StrEnum):
    """What the telephone line at the premises is."""

    PSTN = "pstn"
    VOIP_ROUTER = "voip_router"
    VOIP_ATA = "voip_ata"
    NONE = "none"


class Radio(StrEnum):
    """The newest mobile generation a device model speaks."""

    NONE = "none"
    G2 = "2g"
    G3 = "3g"
    G4 = "4g"
    LTE_M = "lte_m"


@dataclass(frozen=True)
class Home:
    """Where a hub is or was installed, and for whom."""

    person_id: UUID
    premises_id: UUID
    person_name: str
    place: str
    risk_tier: RiskTier


@dataclass(frozen=True)
class TriedOut:
    """The test window over a hub: the triggers in it by their ids, the empty one is the unit itself."""

    starts_at: datetime
    ends_at: datetime
    devices: frozenset[str]
    by: str


@dataclass(frozen=True)
class HubContext:
    """What the register knows of a hub when one of its messages comes.

    `now` is its installation at present; `then` the one at the device's own time, only when it is another one; `last`
    the last one that has ended. `rooms` gives kind and room by the peripheral's id on the wire.
    """

    hub_id: str
    council_id: str
    status: HubStatus
    connection: Connection
    now: Home | None
    then: Home | None
    last: Home | None
    rooms: Mapping[str, tuple[str, str | None]]
    window: TriedOut | None = None


@dataclass(frozen=True)
class Reach:
    """A contact of a person, as far as telling them needs it."""

    id: UUID
    name: str
    phone: str | None
    email: str | None


def spoken_name(given: str, family: str, preferred: str | None) -> str:
    """Return a person's name as an operator says it, with the name they go by when it is another."""
    return f"{given} {family}" if preferred in {None, "", given} else f"{preferred} ({given}) {family}"
