"""Where a hub stood in the last days, as a picture (SVG): a bar of its states, with our own deafness hatched. Pure.

State is place, word and colour: the worse a state, the lower its bar; the table beside it says the same.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

from devices.presence.verdict_repository import Period
from telecare.console import view

WIDTH, HEIGHT, FOOT = 1120, 44, 18
DAYS = 7
TALL = {"online": 1.0, "late": 0.75, "suspect": 0.5, "offline": 0.25, "lost": 0.25, "dormant": 0.5, "never_seen": 0.1}
HATCH = (
    '<defs><pattern id="deaf" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch-ground" width="8" height="8"/><rect class="hatch-line" width="3" height="8"/></pattern></defs>'
)


def picture(periods: Sequence[Period], deaf: Sequence[tuple[datetime, datetime]], now: datetime) -> str:
    """Return the SVG of the last days until `now`."""
    start = now - timedelta(days=DAYS)
    bars = [_bar(period, start, now) for period in periods if (period.ended_at or now) > start]
    gaps = [_gap(since, until, start, now) for since, until in deaf if until > start]
    days = [_day(now - timedelta(days=back), start, now) for back in range(DAYS)]
    label = f"Presence in the last {DAYS} days; the table below says the same"
    return (
        f'<svg class="standing" viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" aria-label="{label}">'
        f"{HATCH}{''.join(days + bars + gaps)}</svg>"
    )


def _bar(period: Period, start: datetime, now: datetime) -> str:
    since, until = max(period.started_at, start), period.ended_at or now
    left, width = _x(since, start, now), max(1.0, _x(until, start, now) - _x(since, start, now))
    tall = HEIGHT * TALL[period.state]
    words = f"{view.PRESENCES[period.state]} from {view.local(period.started_at)}"
    words += f" to {view.local(period.ended_at)}" if period.ended_at else ", still"
    return (
        f'<g class="is-{period.state}"><title>{escape(words)}</title>'
        f'<rect x="{left:.1f}" y="{HEIGHT - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/></g>'
    )


def _gap(since: datetime, until: datetime, start: datetime, now: datetime) -> str:
    left, width = _x(max(since, start), start, now), 2.0
    width = max(width, _x(until, start, now) - left)
    words = f"We could not hear from {view.local(since)} to {view.local(until)}"
    return (
        f'<g class="deaf"><title>{escape(words)}</title>'
        f'<rect fill="url(#deaf)" x="{left:.1f}" y="0" width="{width:.1f}" height="{HEIGHT}"/></g>'
    )


def _day(at: datetime, start: datetime, now: datetime) -> str:
    midnight = at.astimezone(view.LONDON).replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight <= start:
        return ""
    x = _x(midnight, start, now)
    return (
        f'<g class="day"><line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{HEIGHT}"/>'
        f'<text x="{x + 3:.1f}" y="{HEIGHT + 14}">{f"{midnight:%a %d}"}</text></g>'
    )


def _x(at: datetime, start: datetime, now: datetime) -> float:
    return WIDTH * ((at - start) / (now - start))
