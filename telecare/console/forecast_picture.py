"""The burn-down as a picture (SVG): homes that remain by day, a band that holds 8 of 10 futures, the deadline. Pure.

Colour only helps: the sentences above it and the table below it say the same.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from devices.switchover.forecast.schemas import BandOut

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 1120, 320, 56, 20, 24, 24
MARKS = 4
FEW_DAYS, MANY_DAYS = 100, 200


def picture(bands: Sequence[BandOut], deadline: date, before: Sequence[BandOut] = ()) -> str:
    """Return the SVG of these days; `before` is the forecast without what was asked for, as a dashed line."""
    if len(bands) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    first, last = bands[0].day, bands[-1].day
    most = max(1, *(band.high for band in (*bands, *before)))
    top = _ceiling(most)

    def x(day: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (day - first).days / (last - first).days

    def y(homes: float) -> float:
        return TOP + (HEIGHT - TOP) * (1 - homes / top)

    def points(line: Sequence[tuple[date, int]]) -> str:
        return " ".join(f"{x(day):.1f},{y(homes):.1f}" for day, homes in line)

    upper = [(band.day, band.high) for band in bands]
    lower = [(band.day, band.low) for band in reversed(bands)]
    parts = [
        *(_mark(round(top * part / MARKS), y(top * part / MARKS)) for part in range(MARKS + 1)),
        *(_tick(day, x(day)) for day in _ticks(first, last)),
        f'<polygon class="range" points="{points([*upper, *lower])}"/>',
        f'<polyline class="edge" points="{points(upper)}"/><polyline class="edge" points="{points(lower)}"/>',
        f'<polyline class="was" points="{points([(band.day, band.middle) for band in before])}"/>' if before else "",
        f'<polyline class="middle" points="{points([(band.day, band.middle) for band in bands])}"/>',
        _deadline(x(deadline)) if first <= deadline <= last else "",
    ]
    label = "Homes that remain by day, with the range that holds 8 of 10 futures; the table below says the same"
    return (
        f'<svg class="burn" viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def weekly(bands: Sequence[BandOut]) -> list[BandOut]:
    """Return one day of each week for the table, and the last."""
    shown = list(bands[::7])
    return shown if not bands or shown[-1] == bands[-1] else [*shown, bands[-1]]


def _ceiling(most: int) -> int:
    """Return a number with few digits that is not smaller, for the axis."""
    step: int = MARKS
    for small, large in pairwise([MARKS * 10**power for power in range(8)]):
        step = small
        if most <= large * 2:
            break
    return -(-most // step) * step


def _mark(homes: int, y: float) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        f'<text class="scale" x="{LEFT - 8}" y="{y + 4:.1f}">{homes:,}</text>'
    )


def _ticks(first: date, last: date) -> list[date]:
    """Return Mondays, fewer of them the longer it is."""
    days = (last - first).days
    weeks = 1 if days <= FEW_DAYS else 2 if days <= MANY_DAYS else 6
    monday = first + timedelta(days=-first.weekday() % 7)
    return [day for count in range(0, days // 7 + 1, weeks) if (day := monday + timedelta(weeks=count)) <= last]


def _tick(day: date, x: float) -> str:
    word = f'<text x="{x:.1f}" y="{HEIGHT + 18}">{day.day} {day:%b}</text>' if x < WIDTH - RIGHT - 28 else ""
    return f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT}"/>{word}'


def _deadline(x: float) -> str:
    return (
        f'<line class="deadline" x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{HEIGHT}"/>'
        f'<text class="scale at" x="{x:.1f}" y="{TOP - 10}">Deadline</text>'
    )
