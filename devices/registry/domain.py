"""The lists of the register, as the database's CHECKs know them."""

import re
from enum import StrEnum

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
