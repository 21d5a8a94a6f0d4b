"""Why a unit must go, and by when. Pure."""

from enum import StrEnum


class Cause(StrEnum):
    """What retires, and takes units with it."""

    PSTN = "pstn"
    RADIO_2G = "radio_2g"
    RADIO_3G = "radio_3g"
    SUPPORT_END = "support_end"
    CERTIFICATE = "certificate"
    BATTERY = "battery"
