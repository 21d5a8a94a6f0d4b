"""What a hub told over time, in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from devices.presence.telemetry import Point, Step

SPANS = {
    "24h": ("24 hours", timedelta(days=1), Step.TEN_MINUTES),
    "7d": ("7 days", timedelta(days=7), Step.HOUR),
    "90d": ("90 days", timedelta(days=90), Step.DAY),
}
MINUTE_S, HOUR_S = 60, 3600


@dataclass(frozen=True)
class Summary:
    """Each is a sentence; `seeded` says that some of it was made up for a demo."""

    lines: list[str]
    seeded: bool


def summary(points: Sequence[Point]) -> Summary:
    """Return in words what the picture shows."""
    if not points:
        return Summary(["Nothing was told in this time."], False)
    lines = [_battery(points), _signal(points), _mains(points), _paths(points), _firmware(points)]
    return Summary(lines, any(point.seeded for point in points))


def _battery(points: Sequence[Point]) -> str:
    low = [point.battery_min for point in points if point.battery_min is not None]
    high = [point.battery_max for point in points if point.battery_max is not None]
    if not low:
        return "Battery: not told."
    last = next(point.battery_max for point in reversed(points) if point.battery_max is not None)
    return f"Battery: {last} % now; between {min(low)} and {max(high)} %."


def _signal(points: Sequence[Point]) -> str:
    told = [point.signal_avg for point in points if point.signal_avg is not None]
    if not told:
        return "Signal: not told."
    return f"Signal: {told[-1]} dBm now; between {min(told)} and {max(told)} dBm."


def _mains(points: Sequence[Point]) -> str:
    told = [point.mains_off_s for point in points if point.mains_off_s is not None]
    if not told:
        return "Mains: not told."
    return f"Mains: off for {duration(sum(told))} in all." if sum(told) else "Mains: on all the time."


def _paths(points: Sequence[Point]) -> str:
    used = list(dict.fromkeys(path for point in points for path in (point.other_path, point.path) if path is not None))
    if not used:
        return "Path: not told."
    last = next(point.path for point in reversed(points) if point.path is not None)
    others = [path for path in used if path != last]
    return f"Path: {last} now; also {', '.join(others)}." if others else f"Path: {last} all the time."


def _firmware(points: Sequence[Point]) -> str:
    used = list(dict.fromkeys(point.firmware for point in points if point.firmware is not None))
    if not used:
        return "Firmware: not told."
    return f"Firmware: {used[-1]}; before {', '.join(used[:-1])}." if used[:-1] else f"Firmware: {used[-1]}."


def duration(seconds: int) -> str:
    """Return a time as people say it."""
    if seconds < 2 * MINUTE_S:
        return f"{seconds} s"
    return f"{seconds // MINUTE_S} min" if seconds < 2 * HOUR_S else f"{seconds / HOUR_S:.0f} h"


def told(low: int | None, high: int | None) -> str:
    """Return a value that has a lowest and a highest."""
    if low is None:
        return "not told"
    return str(low) if low == high else f"{low} to {high}"
