"""What a hub told over time: heartbeats folded into points, and points into longer ones. Pure.

Between two heartbeats the earlier one holds; before the first of a span the first does. So a span says what was told in
it and nothing of what was before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby

HOUR = timedelta(hours=1)


class Step(StrEnum):
    """How much time a point stands for; `beat` is each heartbeat, as long as single ones are kept."""

    BEAT = "beat"
    TEN_MINUTES = "10min"
    HOUR = "hour"
    DAY = "day"


LENGTHS = {Step.TEN_MINUTES: timedelta(minutes=10), Step.HOUR: HOUR, Step.DAY: timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Beat:
    """What one heartbeat told; None is what it left out."""

    at: datetime
    battery_pct: int | None = None
    mains: bool | None = None
    signal_dbm: int | None = None
    path: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """What was told from `at` until `until`; None is what was not told. `seeded`: made up for a demo."""

    at: datetime
    until: datetime
    heartbeats: int
    battery_min: int | None = None
    battery_max: int | None = None
    signal_avg: int | None = None
    mains_off_s: int | None = None
    path: str | None = None
    other_path: str | None = None
    firmware: str | None = None
    seeded: bool = False


def point_of(beats: Sequence[Beat], at: datetime, until: datetime) -> Point:
    """Return what these heartbeats of one span, in order, come to together."""
    batteries = [beat.battery_pct for beat in beats if beat.battery_pct is not None]
    signals = [beat.signal_dbm for beat in beats if beat.signal_dbm is not None]
    path, other = _last_two(beat.path for beat in beats)
    return Point(
        at,
        until,
        len(beats),
        min(batteries, default=None),
        max(batteries, default=None),
        round(sum(signals) / len(signals)) if signals else None,
        _mains_off_s(beats, at, until),
        path,
        other,
        next((beat.firmware for beat in reversed(beats) if beat.firmware is not None), None),
    )


def joined(points: Sequence[Point], at: datetime, until: datetime) -> Point:
    """Return what these points of one span, in order, come to together."""
    signals = [(point.signal_avg, point.heartbeats) for point in points if point.signal_avg is not None]
    weight = sum(count for _, count in signals)
    offs = [point.mains_off_s for point in points if point.mains_off_s is not None]
    path, other = _last_two(told for point in points for told in (point.other_path, point.path))
    return Point(
        at,
        until,
        sum(point.heartbeats for point in points),
        min((point.battery_min for point in points if point.battery_min is not None), default=None),
        max((point.battery_max for point in points if point.battery_max is not None), default=None),
        round(sum(signal * count for signal, count in signals) / weight) if weight else None,
        sum(offs) if offs else None,
        path,
        other,
        next((point.firmware for point in reversed(points) if point.firmware is not None), None),
        any(point.seeded for point in points),
    )


def beat_points(beats: Sequence[Beat], until: datetime) -> list[Point]:
    """Return a point for each heartbeat, which holds until the next one."""
    ends = [*(beat.at for beat in beats[1:]), until][: len(beats)]
    return [point_of([beat], beat.at, max(end, beat.at)) for beat, end in zip(beats, ends, strict=True)]


def fold_beats(beats: Iterable[Beat], length: timedelta) -> list[Point]:
    """Return a point for each span of this length in which there was a heartbeat; spans begin by UTC."""
    return [
        point_of(list(group), start, start + length)
        for start, group in groupby(beats, key=lambda beat: span_start(beat.at, length))
    ]


def fold_points(points: Iterable[Point], length: timedelta) -> list[Point]:
    """Return a point for each span of this length in which there is a point; longer ones stay as they are."""
    return [
        joined(found, start, max(start + length, found[-1].until))
        for start, found in (
            (start, list(group)) for start, group in groupby(points, key=lambda point: span_start(point.at, length))
        )
    ]


def span_start(at: datetime, length: timedelta) -> datetime:
    """Return the beginning of the span of this length in which an instant lies, by UTC."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + (at - day) // length * length


def fitting_step(length: timedelta) -> Step:
    """Return the step with which so much time makes a few hundred points at most."""
    if length <= timedelta(days=1):
        return Step.TEN_MINUTES
    return Step.HOUR if length <= timedelta(days=14) else Step.DAY


def _last_two(told: Iterable[str | None]) -> tuple[str | None, str | None]:
    """Return the last one, and the last other one before it."""
    last = other = None
    for each in told:
        if each is not None and each != last:
            last, other = each, last
    return last, other


def _mains_off_s(beats: Sequence[Beat], at: datetime, until: datetime) -> int | None:
    told = [beat for beat in beats if beat.mains is not None]
    if not told:
        return None
    starts, ends = [at, *(beat.at for beat in told[1:])], [*(beat.at for beat in told[1:]), until]
    spans = zip(told, starts, ends, strict=True)
    return round(sum((end - start).total_seconds() for beat, start, end in spans if not beat.mains))
