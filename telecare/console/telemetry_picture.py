"""What a hub told over time, as a picture (SVG) with one axis of time: battery, signal, mains, path, firmware. Pure.

Colour only helps: bands have their words in them, lines their scale beside them, and the table beside it says the same.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from html import escape
from itertools import groupby, pairwise
from typing import NamedTuple

from devices.presence.telemetry import Point
from telecare.console import view

WIDTH, LEFT, FOOT = 1120, 84, 18
TALL, BAND, GAP = 72, 20, 12
COLOURS = 8
LETTER = 7.0
"""How wide a letter is, at most: a word that does not fit into its band is left to the title."""
HATCH = (
    '<defs><pattern id="unheard" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch-line" width="3" height="8"/></pattern></defs>'
)
FIRST_BAND = 2 * (TALL + GAP)
HEIGHT = FIRST_BAND + 3 * (BAND + GAP)


class Frame(NamedTuple):
    """From and to of the axis."""

    since: datetime
    until: datetime

    def x(self, at: datetime) -> float:
        """Return where an instant lies."""
        share = (min(max(at, self.since), self.until) - self.since) / (self.until - self.since)
        return LEFT + (WIDTH - LEFT) * share


def picture(
    points: Sequence[Point], deaf: Sequence[tuple[datetime, datetime]], since: datetime, until: datetime
) -> str:
    """Return the SVG of these points."""
    frame = Frame(since, until)
    signals = [point.signal_avg for point in points if point.signal_avg is not None]
    low, high = min([-110, *signals]), max([-60, *signals])
    parts = [
        _ticks(frame),
        _line("Battery, %", 0, points, frame, lambda point: point.battery_min, (0, 100)),
        _line("Signal, dBm", TALL + GAP, points, frame, lambda point: point.signal_avg, (low, high)),
        _band("Mains", 0, points, frame, _mains),
        _band("Path", 1, points, frame, _paths),
        _band("Firmware", 2, points, frame, lambda point: point.firmware),
        *(_gap(start, end, frame) for start, end in deaf if end > since and start < until),
    ]
    label = "Battery, signal, mains, path and firmware over time; the words and the table beside it say the same"
    return (
        f'<svg class="told" viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" aria-label="{label}">'
        f"{HATCH}{''.join(parts)}</svg>"
    )


def _line(
    name: str,
    top: int,
    points: Sequence[Point],
    frame: Frame,
    value: Callable[[Point], int | None],
    scale: tuple[int, int],
) -> str:
    """Return a line that breaks where nothing was told."""
    low, high = scale
    said = [(point, number) for point in points if (number := value(point)) is not None]
    runs: list[list[str]] = []
    before: Point | None = None
    for point, number in said:
        y = top + TALL * (1 - (number - low) / (high - low))
        if before is None or point.at > before.until + (before.until - before.at):
            runs.append([])
        runs[-1] += [f"{frame.x(point.at):.1f},{y:.1f}", f"{frame.x(point.until):.1f},{y:.1f}"]
        before = point
    lines = "".join(f'<polyline points="{" ".join(run)}"/>' for run in runs)
    return (
        f'<g class="line"><text x="0" y="{top + 14}">{name}</text>'
        f'<text class="scale" x="{LEFT - 6}" y="{top + 30}">{high}</text>'
        f'<text class="scale" x="{LEFT - 6}" y="{top + TALL}">{low}</text>'
        f'<rect class="ground" x="{LEFT}" y="{top}" width="{WIDTH - LEFT}" height="{TALL}"/>{lines}</g>'
    )


def _mains(point: Point) -> str | None:
    if point.mains_off_s is None:
        return None
    return "OFF" if point.mains_off_s else "on"


def _paths(point: Point) -> str | None:
    if point.other_path is None:
        return point.path
    return f"{point.other_path}, {point.path}"


def _band(name: str, row: int, points: Sequence[Point], frame: Frame, word: Callable[[Point], str | None]) -> str:
    """Return a band of what was told, neighbours that say the same in one."""
    top = FIRST_BAND + row * (BAND + GAP)
    known = sorted({told for point in points if (told := word(point)) is not None})
    bars = []
    for told, group in groupby(points, key=word):
        if told is None:
            continue
        for run in _unbroken(list(group)):
            left, right = frame.x(run[0].at), frame.x(run[-1].until)
            wide = max(1.0, right - left)
            tone = {"on": "good", "OFF": "bad"}.get(told) if row == 0 else f"who-{known.index(told) % COLOURS}"
            words = f"{name} {told} from {view.local(run[0].at)} to {view.local(run[-1].until)}"
            text = (
                f'<text x="{left + 5:.1f}" y="{top + 14}">{escape(told)}</text>'
                if len(told) * LETTER + 8 < wide
                else ""
            )
            bars.append(
                f'<g class="{tone}"><title>{escape(words)}</title>'
                f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{BAND}"/>{text}</g>'
            )
    return f'<g class="band"><text x="0" y="{top + 14}">{name}</text>{"".join(bars)}</g>'


def _unbroken(points: Sequence[Point]) -> list[list[Point]]:
    """Return runs of points between which there was no silence longer than a point."""
    runs = [[points[0]]]
    for before, point in pairwise(points):
        if point.at > before.until + (before.until - before.at):
            runs.append([])
        runs[-1].append(point)
    return runs


def _gap(since: datetime, until: datetime, frame: Frame) -> str:
    left = frame.x(since)
    wide = max(2.0, frame.x(until) - left)
    words = f"We could not hear from {view.local(since)} to {view.local(until)}"
    return (
        f'<g class="deaf"><title>{escape(words)}</title>'
        f'<rect fill="url(#unheard)" x="{left:.1f}" y="0" width="{wide:.1f}" height="{HEIGHT - GAP}"/></g>'
    )


def _ticks(frame: Frame) -> str:
    """Return marks of the time: hours of a day, days of a week, weeks of a quarter."""
    length = frame.until - frame.since
    if length <= timedelta(days=1):
        every, words = timedelta(hours=3), "%H:%M"
    else:
        every, words = (timedelta(days=1), "%a %d") if length <= timedelta(days=14) else (timedelta(days=7), "%d %b")
    at = frame.since.astimezone(view.LONDON).replace(hour=0, minute=0, second=0, microsecond=0)
    marks = []
    while at <= frame.until:
        x = frame.x(at)
        if at > frame.since and x < WIDTH - 40:
            marks.append(
                f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{HEIGHT - GAP}"/>'
                f'<text x="{x + 3:.1f}" y="{HEIGHT + 8}">{at:{words}}</text>'
            )
        at += every
    return f'<g class="day">{"".join(marks)}</g>'
