"""The filters of the fleet's list that come from what hubs told, and the list as a table for a spreadsheet. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from devices.registry.health import Support, Told
from telecare.api.endpoints.fleet_export import COLUMNS, cells
from telecare.console import view

NUMBERS = ("battery_from", "battery_below", "signal_from", "signal_below")
TOLD = ("firmware", "path", "mains", *NUMBERS, "support", "untold")
LINKED = ("battery_from", "signal_from", "signal_below", "support", "untold")
"""Filters that come with a bar that was followed; the form carries them on."""
PATHS = ("ethernet", "wifi", "lte", "3g", "2g", "sms")
LONGEST_NUMBER = 4


def told(chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return the filters of what hubs told; what makes no sense filters nothing."""
    return {
        "firmware": chosen["firmware"] or None,
        "path": chosen["path"] or None,
        "mains": {"true": True, "false": False}.get(chosen["mains"]),
        **{name: _number(chosen[name]) for name in NUMBERS},
        "support": Support(chosen["support"]) if chosen["support"] in list(Support) else None,
        "untold": Told(chosen["untold"]) if chosen["untold"] in list(Told) else None,
    }


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER else None


def in_words(chosen: Mapping[str, str]) -> list[str]:
    """Return the filters that no field of the form shows."""
    words = []
    for name, unit in (("battery_from", "%"), ("signal_from", "dBm"), ("signal_below", "dBm")):
        if chosen[name]:
            kind, bound = name.split("_")
            words.append(f"{kind} {'from' if bound == 'from' else 'below'} {chosen[name]} {unit}")
    if chosen["support"]:
        words.append(f"support: {chosen['support'].replace('_', ' ')}")
    if chosen["untold"]:
        words.append(f"{chosen['untold']} not told")
    return words


def paths(chosen: str) -> list[str]:
    """Return the paths to choose from; one that only a hub knows of is among them while it is chosen."""
    return [*PATHS, *([chosen] if chosen and chosen not in PATHS else [])]


def head() -> str:
    """Return the first line of the fleet's list as CSV."""
    return "\ufeff" + _written([COLUMNS])  # without the mark a spreadsheet program takes names for another alphabet


def lines(rows: Iterable[RowMapping]) -> str:
    """Return hubs as lines of CSV that a spreadsheet program shows and never computes."""
    return _written([_cell(value) for value in cells(row)] for row in rows)


def _written(rows: Iterable[Sequence[str | int]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: Any) -> str | int:
    """Return a cell; one that begins as a formula does stays a text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return view.iso(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) else text
