"""An incident in words, and its homes as a picture (SVG): a cell each, by postcode sector or council. Pure.

State is shape, word and colour; a battery's fill is what is left of it. The table beside the picture says the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from typing import Any, NamedTuple

from alarms.incidents.domain import Group, GroupKind
from alarms.incidents.schemas import IncidentMemberOut, IncidentOut
from telecare.console import view
from telecare.console.view import Badge

WIDTH, LABEL, CELL, GAP, HEAD = 1120, 132, 20, 4, 6
COLUMNS = (WIDTH - LABEL) // (CELL + GAP)
DRAWN = 1500
"""More cells than that a browser draws slowly; the worst off are drawn."""
MANY_SECTORS = 40
FULL_MINUTES = 24 * 60
LEGEND = ("silent", "battery", "path", "stayed", "back")
_WORDS = {
    "silent": Badge("■", "Silent", "bad"),
    "battery": Badge("▮", "On battery", "warn"),
    "path": Badge("◆", "A path is lost", "quiet"),
    "stayed": Badge("□", "Stayed out", "bad"),
    "back": Badge("●", "Back", "good"),
}


class Cell(NamedTuple):
    """One home in the picture."""

    label: str
    state: str
    minutes_left: int | None
    title: str


def where(incident: IncidentOut) -> str:
    """Return what its homes have in common, a council by its name."""
    if incident.kind is GroupKind.COUNCIL:
        return f"all over {view.council(incident.key)}"
    return Group(incident.kind, incident.key).words


def sign(incidents: Sequence[IncidentOut]) -> str:
    """Return in one line which incidents are on; empty when none is."""
    return "; ".join(f"Incident, {where(one)}: {one.joined} hit, {one.returned} back" for one in incidents)


def state_of(member: IncidentMemberOut) -> str:
    """Return how a home fares: one of LEGEND."""
    if member.state != "joined":
        return "back" if member.state == "returned" else "stayed"
    if member.offline_since is not None:
        return "silent"
    return "battery" if member.mains_lost_at is not None else "path"


def badge_of(state: str) -> Badge:
    """Return a state as shape, word and colour."""
    return _WORDS[state]


def left(member: IncidentMemberOut, now: datetime) -> str:
    """Return in words for how long the unit of a home still works."""
    state = state_of(member)
    if state == "silent" and member.offline_since is not None:
        return f"silent for {view.age(member.offline_since, now)}"
    if state == "battery":
        if member.battery_until is None:
            return "nobody knows its battery"
        return f"{duration(member.minutes_left or 0)} of battery left"
    if state == "path":
        return "has its mains"
    return "back" if state == "back" else "an alarm of its own"


def duration(minutes: int) -> str:
    """Return a number of minutes as people say it."""
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours


def cells(rows: Sequence[Mapping[str, Any]], members: Sequence[IncidentMemberOut], now: datetime) -> list[Cell]:
    """Return the cells of members, whose rows say in which postcode sector they are."""
    sectors = {row["sector"] or "not known" for row in rows}
    by_council = len(sectors) > MANY_SECTORS
    found = []
    for row, member in zip(rows, members, strict=True):
        state = state_of(member)
        label = view.council(member.council_id) if by_council else row["sector"] or "not known"
        tier = f", tier {member.risk_tier}" if member.risk_tier else ""
        title = f"{member.person_name or member.hub_id}{tier}: {badge_of(state).word.lower()}, {left(member, now)}"
        found.append(Cell(label, state, member.minutes_left, title))
    return found


def picture(drawn: Sequence[Cell]) -> str:
    """Return the SVG of these cells, those of one place together, the worst off first."""
    parts, y = [], HEAD
    for label, group in groupby(sorted(drawn, key=lambda one: one.label), lambda one: one.label):
        cells_of = list(group)
        parts.append(f'<text x="0" y="{y + CELL - 5}">{escape(label)} <tspan>{len(cells_of)}</tspan></text>')
        for number, cell in enumerate(cells_of):
            x = LABEL + number % COLUMNS * (CELL + GAP)
            parts.append(_cell(cell, x, y + number // COLUMNS * (CELL + GAP)))
        y += -(-len(cells_of) // COLUMNS) * (CELL + GAP) + GAP
    label = f"{len(drawn)} homes by where they are; the table says the same"
    return f'<svg viewBox="0 0 {WIDTH} {y + HEAD}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _cell(cell: Cell, x: float, y: float) -> str:
    return f'<g class="is-{cell.state}"><title>{escape(cell.title)}</title>{_shape(cell, x, y)}</g>'


def _shape(cell: Cell, x: float, y: float) -> str:
    middle, end = CELL / 2, CELL - 2
    if cell.state == "back":
        return f'<circle cx="{x + middle}" cy="{y + middle}" r="{middle - 3}"/>'
    if cell.state == "path":
        points = f"{x + middle},{y + 1} {x + CELL - 1},{y + middle} {x + middle},{y + CELL - 1} {x + 1},{y + middle}"
        return f'<polygon points="{points}"/>'
    frame = f'<rect class="frame" x="{x + 2}" y="{y + 2}" width="{end - 2}" height="{end - 2}"/>'
    if cell.state == "stayed":
        return frame
    if cell.state == "silent":
        cross = f"M{x + 6} {y + 6}L{x + CELL - 6} {y + CELL - 6}M{x + CELL - 6} {y + 6}L{x + 6} {y + CELL - 6}"
        return f'<rect x="{x + 2}" y="{y + 2}" width="{end - 2}" height="{end - 2}"/><path d="{cross}"/>'
    tall = round((end - 4) * min(1.0, (cell.minutes_left or 0) / FULL_MINUTES), 1)
    return f'{frame}<rect x="{x + 3}" y="{y + end - 1 - tall:.1f}" width="{end - 4}" height="{tall}"/>'
