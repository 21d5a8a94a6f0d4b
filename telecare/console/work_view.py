"""Planned work in words: where, until when, how it stands. Pure."""

from collections.abc import Sequence
from datetime import datetime

from alarms.work.domain import WorkState
from alarms.work.schemas import WorkOut
from telecare.console import view
from telecare.console.view import LONDON, Badge

SHOWN = 3
"""So many are named in the line on the board; the page has all."""


def badge(state: WorkState) -> Badge:
    """Return the badge of a window."""
    shapes = {
        WorkState.ON: ("◧", "On now", "warn"),
        WorkState.COMING: ("◷", "To come", "quiet"),
        WorkState.OVER: ("●", "Over", "quiet"),
    }
    return Badge(*shapes[state])


def where(work: WorkOut) -> str:
    """Return where a window holds."""
    if work.council_id is None:
        return "All councils"
    council = view.council(work.council_id)
    return council if work.hub_id is None else f"Hub {work.hub_id}, {council}"


def by(label: str) -> str:
    """Return who did it, from how the audit names them."""
    return label.partition(":")[2] or label


def until(moment: datetime, now: datetime) -> str:
    """Return a time of the day, with its day when that is not today."""
    there = moment.astimezone(LONDON)
    return there.strftime("%H:%M" if there.date() == now.astimezone(LONDON).date() else "%a %d %b %H:%M")


def sign(on: Sequence[WorkOut], now: datetime) -> str:
    """Return the line of the board: what is on, the first to end first; empty when nothing is."""
    if not on:
        return ""
    ordered = sorted(on, key=lambda work: work.ends_at)
    words = [f"{where(work)} until {until(work.ends_at, now)} ({work.reason})" for work in ordered[:SHOWN]]
    more = f"; and {len(on) - SHOWN} more" if len(on) > SHOWN else ""
    return f"Planned work: {'; '.join(words)}{more}"
