"""Who is on call, week by week, as a picture (SVG): a lane for each who is on at once, gaps hatched and named. Pure.

State is shape, word and colour: each person has a colour and initials, a gap has hatching and a cross. The same facts
stand in the table beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from uuid import UUID
from zoneinfo import ZoneInfo

from alarms.rota.schemas import ShiftOut
from alarms.rota.wallclock import first_moment
from telecare.console.view import initials

WIDTH, LEFT, HEAD, LANE = 1120, 70, 22, 26
DAY_WIDTH = (WIDTH - LEFT) / 7
MOST_LANES = 4
COLOURS = 8
LETTER = 7.6
"""How wide a letter is, about."""

HATCH = (
    '<defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch-ground" width="8" height="8"/><rect class="hatch-line" width="3" height="8"/></pattern></defs>'
)


@dataclass(frozen=True)
class Span:
    """A time in which the same people are on, in their order; nobody in a gap."""

    start: datetime
    end: datetime
    members: tuple[tuple[UUID, str], ...] = ()

    @property
    def words(self) -> str:
        """Return who is on."""
        return ", ".join(name for _, name in self.members) or "nobody"


def spans(shifts: Sequence[ShiftOut], start: datetime, end: datetime) -> list[Span]:
    """Return the whole period: the shifts, and the gaps between them."""
    found, at = [], start
    for shift in shifts:
        if shift.starts_at > at:
            found.append(Span(at, shift.starts_at))
        members = tuple((member.id, member.name) for member in shift.members)
        found.append(Span(shift.starts_at, shift.ends_at, members))
        at = shift.ends_at
    return [*found, Span(at, end)] if at < end else found


def colours(period: Iterable[Span]) -> dict[UUID, tuple[int, str]]:
    """Return the colour (by number) and the name of everybody who is on, in the order in which they come on."""
    people = {member: name for span in period for member, name in span.members}
    return {member: (place % COLOURS, name) for place, (member, name) in enumerate(people.items())}


def picture(period: Sequence[Span], monday: date, weeks: int, zone: ZoneInfo, now: datetime) -> str:
    """Return the SVG of so many weeks from a Monday."""
    who = colours(period)
    parts, y = [], 0.0
    for week in range(weeks):
        first = monday + timedelta(days=7 * week)
        edges = [
            first_moment(datetime.combine(first + timedelta(days=day), datetime.min.time()), zone) for day in range(8)
        ]
        there = [span for span in period if span.start < edges[-1] and span.end > edges[0]]
        lanes = min(MOST_LANES, max([len(span.members) for span in there] or [1])) or 1
        parts.append(_grid(first, edges, y, lanes, now))
        parts += [_span(span, edges, y + HEAD, lanes, who, zone) for span in there]
        if edges[0] <= now < edges[-1]:
            x, bottom = _place(now, edges), y + HEAD + LANE * lanes + 6
            parts.append(f'<line class="now" x1="{x:.1f}" y1="{y + HEAD - 4:.0f}" x2="{x:.1f}" y2="{bottom:.0f}"/>')
        y += HEAD + LANE * lanes + 14
    gaps = sum(not span.members for span in period)
    title = f"Who is on call in the weeks from {monday:%d %B %Y}: {len(who)} people, {gaps} gaps"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" role="img"><title>{title}</title>'
    return "".join([head, HATCH, *parts, "</svg>"])


def _grid(first: date, edges: Sequence[datetime], y: float, lanes: int, now: datetime) -> str:
    bottom = y + HEAD + LANE * lanes
    parts = [f'<text class="week" x="6" y="{y + HEAD + 17:.0f}">{first:%d %b}</text>']
    for day in range(8):
        x = LEFT + DAY_WIDTH * day
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{y + 4:.0f}" x2="{x:.1f}" y2="{bottom:.0f}"/>')
        if day < 7:  # noqa: PLR2004 - the days of a week
            today = " today" if edges[day] <= now < edges[day + 1] else ""
            there = first + timedelta(days=day)
            parts.append(f'<text class="day{today}" x="{x + 5:.1f}" y="{y + 16:.0f}">{there:%a %d}</text>')
    return "".join(parts)


def _span(
    span: Span, edges: Sequence[datetime], y: float, lanes: int, who: Mapping[UUID, tuple[int, str]], zone: ZoneInfo
) -> str:
    left, right = _place(max(span.start, edges[0]), edges), _place(min(span.end, edges[-1]), edges)
    times = f"{span.start.astimezone(zone):%a %d %b %H:%M} until {span.end.astimezone(zone):%a %d %b %H:%M}"
    if not span.members:
        return _box("gap", left, right, y, LANE * lanes, f"{times}: nobody is on", "✕ nobody", "✕")
    parts = []
    for lane, (member, name) in enumerate(span.members[:MOST_LANES]):
        more = f" and {len(span.members) - lane - 1} more" if lane == MOST_LANES - 1 < len(span.members) - 1 else ""
        title = f"{times}: {name}{more}"
        parts.append(_box(f"who-{who[member][0]}", left, right, y + LANE * lane, LANE, title, name, initials(name)))
    return "".join(parts)


def _box(kind: str, left: float, right: float, y: float, height: float, title: str, long: str, short: str) -> str:
    width = max(1.0, right - left - 1)
    words = next((words for words in (long, short) if len(words) * LETTER + 8 <= width), "")
    text = f'<text x="{left + 5:.1f}" y="{y + height / 2 + 4:.1f}">{escape(words)}</text>' if words else ""
    hatched = ' fill="url(#hatch)"' if kind == "gap" else ""
    rect = f'<rect{hatched} x="{left:.1f}" y="{y + 1:.1f}" width="{width:.1f}" height="{height - 2:.1f}"/>'
    return f'<g class="{kind}"><title>{escape(title)}</title>{rect}{text}</g>'


def _place(at: datetime, edges: Sequence[datetime]) -> float:
    """Return where a moment stands: days are equally wide, also the two of the year that are not equally long."""
    day = max(0, min(6, sum(edge <= at for edge in edges) - 1))
    share = (at - edges[day]) / (edges[day + 1] - edges[day])
    return LEFT + DAY_WIDTH * (day + max(0.0, min(1.0, share)))
