"""Heartbeats as hubs in order send them, read fast; whatever is out of the ordinary is read with the forgiving eye.

Thousands come in a second, and all but a few are plain: printable ASCII without escapes, each field of its own kind.
These are decoded in one go. Both ways give the same; `at`, which nobody keeps of a heartbeat, is left out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from telecare.wire.payloads import MAX_DBM, MAX_ID, MAX_INTEGER, MIN_DBM, read_heartbeat

MOST_PERIPHERALS = 200

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
_Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class Beat(msgspec.Struct, gc=False):
    """What is kept of a heartbeat; every field may be missing."""

    seq: int | None = None
    boot_id: str | None = None
    battery_pct: int | None = None
    mains: bool | None = None
    signal_dbm: int | None = None
    path: str | None = None
    firmware: str | None = None
    interval_s: int | None = None
    peripherals: Mapping[str, Any] | None = None


class _Device(msgspec.Struct, gc=False):
    id: _Text
    kind: _Text | None = None
    battery_pct: _Percent | None = None
    last_seen: str | None = None


class _Plain(msgspec.Struct, gc=False):
    seq: Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)] | None = None
    boot_id: _Text | None = None
    battery_pct: _Percent | None = None
    mains: bool | None = None
    signal_dbm: Annotated[int, msgspec.Meta(ge=MIN_DBM, le=MAX_DBM)] | None = None
    path: _Text | None = None
    firmware: _Text | None = None
    interval_s: Annotated[int, msgspec.Meta(ge=1, le=7 * 86400)] | None = None
    peripherals: Annotated[list[_Device], msgspec.Meta(max_length=MOST_PERIPHERALS)] | None = None


_decode = msgspec.json.Decoder(_Plain).decode


def read_beat(raw: bytes) -> Beat | None:
    """Read a heartbeat; None when it is not a JSON object."""
    try:
        text = raw.decode("ascii")
        if text.isprintable() and "\\" not in text:
            return _beat(_decode(text))
    except (UnicodeDecodeError, msgspec.MsgspecError, ValueError, RecursionError):
        pass
    beat = read_heartbeat(raw)
    if beat is None:
        return None
    return Beat(
        beat.seq,
        beat.boot_id,
        beat.battery_pct,
        beat.mains,
        beat.signal_dbm,
        beat.path,
        beat.firmware,
        beat.interval_s,
        beat.peripherals,
    )


def _beat(plain: _Plain) -> Beat:
    """Return what a plain one says; ValueError when it needs the forgiving eye."""
    boot_id, path, firmware = plain.boot_id, plain.path, plain.firmware
    for text in (boot_id, path, firmware):
        if text is not None and (text[0] == " " or text[-1] == " "):
            raise ValueError(text)
    return Beat(
        plain.seq,
        boot_id,
        plain.battery_pct,
        plain.mains,
        plain.signal_dbm,
        path,
        firmware,
        plain.interval_s,
        None if plain.peripherals is None else _devices(plain.peripherals),
    )


def _devices(listed: list[_Device]) -> dict[str, Any]:
    """Return them by their ids. In one loop and without a function for each: this is half of what a heartbeat costs."""
    devices: dict[str, Any] = {}
    for device in listed:
        name, kind, seen = device.id, device.kind, device.last_seen
        if name[0] == " " or name[-1] == " " or (kind is not None and (kind[0] == " " or kind[-1] == " ")):
            raise ValueError(name)
        devices[name] = {
            "kind": kind,
            "battery_pct": device.battery_pct,
            "last_seen": None if seen is None else _moment(seen),
        }
    return devices


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC).isoformat()
