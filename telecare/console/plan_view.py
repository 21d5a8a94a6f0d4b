"""What the page of a plan shows: a week as a timetable, a day as a picture, moves in words. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Any

from devices.switchover.planning.domain import PlanState
from telecare.console.view import Badge

STATES: Mapping[str, Badge] = {
    PlanState.QUEUED: Badge("○", "Waits to be made", "quiet"),
    PlanState.RUNNING: Badge("◐", "Being made", "warn"),
    PlanState.READY: Badge("●", "Ready", "good"),
    PlanState.FAILED: Badge("■", "Failed", "bad"),
    PlanState.ACCEPTED: Badge("●", "Accepted", "good"),
}
WAITS = frozenset({PlanState.QUEUED, PlanState.RUNNING})
DONE = {
    "ill": "It is written down, and the plan of these days is made anew. Nothing moves before you book its days.",
    "away": "It is written down. No plan has these days.",
}
SIZE, MARGIN, COLOURS = 480, 24, 8
BECAME = {"booked": "Booked", "moved": "Moved, to be told", "as_it_was": "Booked already", "passed_by": "Not booked"}
CHANGES = {"engineer": "Somebody else comes", "moved": "Moved", "dropped": "To be booked anew"}


@dataclass(frozen=True)
class Week:
    """One week of a plan: its working days, and the visits of each engineer on each of them, in their order."""

    monday: date
    days: tuple[date, ...]
    rows: tuple[tuple[str, tuple[tuple[date, tuple[Mapping[str, Any], ...]], ...]], ...]
    before: date | None
    after: date | None


def week_of(result: Mapping[str, Any], asked: date | None) -> Week:
    """Return the week of a plan that has a day, or the nearest one that the plan has."""
    all_days = sorted(date.fromisoformat(day) for day in result["days"])
    mondays = sorted({_monday(day) for day in all_days})
    wanted = _monday(asked or all_days[0])
    monday = min(mondays, key=lambda each: abs((each - wanted).days))
    at = mondays.index(monday)
    days = tuple(day for day in all_days if _monday(day) == monday)
    rows = []
    for key, name in sorted(result["engineers"].items(), key=lambda item: item[1]):
        rows.append((name, tuple((day, tuple(visits(result, day, key))) for day in days)))
    before = mondays[at - 1] if at else None
    after = mondays[at + 1] if at + 1 < len(mondays) else None
    return Week(monday, days, tuple(rows), before, after)


def visits(result: Mapping[str, Any], day: date, engineer: str | None = None) -> Iterable[Mapping[str, Any]]:
    """Return the visits of a day by their time, of one engineer or of all."""
    there = [each for each in result["appointments"] if each["day"] == day.isoformat()]
    mine = [each for each in there if engineer is None or engineer in each["crew"]]
    return sorted(mine, key=lambda each: (each["start"], each["hub_id"]))


def clock(minutes: int) -> str:
    """Return a time of day: 09:05."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def at(when: Mapping[str, Any] | None) -> str:
    """Return when and by whom an appointment is, in words."""
    if when is None:
        return "no time yet"
    return f"{date.fromisoformat(when['day']):%a %-d %b} {clock(when['start'])}, {' and '.join(when['engineers'])}"


def colours(result: Mapping[str, Any]) -> dict[str, int]:
    """Return the colour of each engineer, by number."""
    ordered = sorted(result["engineers"].items(), key=lambda item: item[1])
    return {key: place % COLOURS for place, (key, _) in enumerate(ordered)}


def picture(result: Mapping[str, Any], day: date) -> str:
    """Return a day as SVG: homes where they lie, north above, each engineer's way from their base and back."""
    there = list(visits(result, day))
    crews = sorted({tuple(each["crew"]) for each in there})
    points = [(each["east"], each["north"]) for each in there]
    points += [tuple(result["bases"][crew[0]]) for crew in crews if crew[0] in result["bases"]]
    place = _scaled(points)
    hue = colours(result)
    parts = []
    for crew in crews:
        mine = [each for each in there if tuple(each["crew"]) == crew]
        base = result["bases"].get(crew[0])
        stops = [place(each["east"], each["north"]) for each in mine]
        way = [place(*base), *stops, place(*base)] if base else stops
        names = escape(" and ".join(mine[0]["engineers"]))
        line = " ".join(f"{x:.0f},{y:.0f}" for x, y in way)
        parts.append(f'<g class="route who-{hue.get(crew[0], 0)}"><title>{names}</title><polyline points="{line}"/>')
        if base:
            x, y = place(*base)
            parts.append(f'<rect x="{x - 6:.0f}" y="{y - 6:.0f}" width="12" height="12"/>')
        for number, (each, (x, y)) in enumerate(zip(mine, stops, strict=True), 1):
            title = escape(
                f"{clock(each['start'])} {each['hub_id']}, {each['area']}: {' and '.join(each['engineers'])}"
            )
            dot = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="10"/><text x="{x:.0f}" y="{y + 4:.0f}">{number}</text>'
            parts.append(f"<g><title>{title}</title>{dot}</g>")
        parts.append("</g>")
    title = f"The ways of {day:%A %-d %B %Y}: {len(there)} visits of {len(crews)} vans. North is above."
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img"><title>{title}</title>'
    return "".join([head, *parts, "</svg>"])


def _scaled(points: Sequence[tuple[float, ...]]) -> Any:
    """Return what puts metres east and north into the picture, the same scale both ways."""
    easts, norths = [point[0] for point in points] or [0.0], [point[1] for point in points] or [0.0]
    wide = max(max(easts) - min(easts), max(norths) - min(norths), 1.0)
    scale = (SIZE - 2 * MARGIN) / wide
    left, top = min(easts), max(norths)

    def place(east: float, north: float) -> tuple[float, float]:
        return MARGIN + (east - left) * scale, MARGIN + (top - north) * scale

    return place


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
