"""What a fleet is looked at by: when a battery is low, bands of what hubs tell, how long models are supported. Pure."""

from enum import StrEnum
from typing import NamedTuple


class Told(StrEnum):
    """What a hub may tell or leave out."""

    BATTERY = "battery"
    SIGNAL = "signal"
    MAINS = "mains"
    FIRMWARE = "firmware"
    PATH = "path"


class Support(StrEnum):
    """How long the maker of a model stands behind it, seen from today."""

    ENDED = "ended"
    WITHIN_A_YEAR = "within_a_year"
    LATER = "later"
    NOT_KNOWN = "not_known"


class Dimension(StrEnum):
    """By what hubs are counted."""

    PRESENCE = "presence"
    BATTERY = "battery"
    SIGNAL = "signal"
    MAINS = "mains"
    PATH = "path"
    FIRMWARE = "firmware"
    MODEL = "model"
    SUPPORT = "support"


class Band(NamedTuple):
    """From (included) and to (excluded); None is without a bound."""

    name: str
    since: int | None
    below: int | None


BATTERY_LOW = 20
"""So much or less, in per cent, is low, of whatever is asked. The trigger `protection_power` has it too."""
BATTERY_IS_LOW = f"l.battery_pct <= {BATTERY_LOW}"
"""The same for statements that call what a hub said last `l`."""
BATTERY_BANDS = (
    Band(f"up_to_{BATTERY_LOW}", None, BATTERY_LOW + 1),
    Band(f"{BATTERY_LOW + 1}_to_49", BATTERY_LOW + 1, 50),
    Band("50_to_79", 50, 80),
    Band("80_and_more", 80, None),
)
SIGNAL_BANDS = (
    Band("below_-110", None, -110),
    Band("-110_to_-101", -110, -100),
    Band("-100_to_-86", -100, -85),
    Band("-85_and_more", -85, None),
)
SIGNAL_WEAK = -110
NOT_TOLD = "not_told"


def is_low(battery_pct: int | None) -> bool:
    """Say whether a battery is low; one of which nothing is known is not."""
    return battery_pct is not None and battery_pct <= BATTERY_LOW


def filter_of(dimension: Dimension, value: str) -> dict[str, str]:
    """Return the filters of the list of hubs that shows what a bar counts."""
    if value == NOT_TOLD:
        return {"untold": str(dimension)}
    if dimension in {Dimension.BATTERY, Dimension.SIGNAL}:
        bands = BATTERY_BANDS if dimension is Dimension.BATTERY else SIGNAL_BANDS
        band = next(band for band in bands if band.name == value)
        bounds = {f"{dimension}_from": band.since, f"{dimension}_below": band.below}
        return {name: str(bound) for name, bound in bounds.items() if bound is not None}
    return {str(dimension): value}
