"""Protection in words: badges, minutes, and what counts of states are called. Pure."""

from collections.abc import Mapping

from devices.registry.domain import RiskTier
from telecare.console import view
from telecare.console.view import Badge, Bar
from telecare.protection.domain import Protection, Reason
from telecare.protection.schemas import TriggerOut

STATES = {"unprotected": "Not protected", "degraded": "Degraded", "unknown": "Not known", "protected": "Protected"}
"""The worst first."""
_SHAPES = {
    Protection.PROTECTED: ("●", "good"),
    Protection.DEGRADED: ("◐", "warn"),
    Protection.UNPROTECTED: ("○", "bad"),
    Protection.UNKNOWN: ("◌", "quiet"),
}


def badge(state: str, reasons: list[Reason] | list[str]) -> Badge:
    """Return the badge of a state; a planned absence is expected, and says so."""
    shape, tone = _SHAPES[Protection(state)]
    if state == Protection.UNKNOWN and Reason.AWAY in reasons:
        return Badge(shape, "Away by plan", tone)
    if state == Protection.UNKNOWN and Reason.MISSED in reasons:
        tone = "warn"
    return Badge(shape, STATES[state], tone)


def minutes(count: int | None) -> str:
    """Return how many minutes ago something was proven."""
    return "never" if count is None else f"{count:,} min ago"


def trigger(shown: TriggerOut) -> str:
    """Return what a trigger is."""
    if not shown.device_id:
        return f"the unit {shown.hub_id} itself"
    return shown.kind.replace("_", " ") if shown.registered else "a trigger that is not in the register"


def path(name: str) -> str:
    """Return over which path something came."""
    return f"over {name}" if name else "over a path that the unit did not tell"


def bars(counts: Mapping[tuple[Protection, RiskTier], int]) -> list[Bar]:
    """Return the bars of a picture: how many people stand where."""
    of_state = {str(state): 0 for state in Protection}
    for (state, _), count in counts.items():
        of_state[state] += count
    return view.bars(of_state, STATES)
