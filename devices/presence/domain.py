"""Heartbeats, and what those of one hub come to together. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace as with_other

LOST_AFTER = timedelta(hours=24)
SHORTEST_INTERVAL_S = 30
"""Twice of what a restart of ours may last without being a gap: a shorter one counts as this."""


class Presence(StrEnum):
    """Where a hub stands with its heartbeats; `dormant` is a planned absence."""

    NEVER_SEEN = "never_seen"
    ONLINE = "online"
    LATE = "late"
    SUSPECT = "suspect"
    OFFLINE = "offline"
    LOST = "lost"
    DORMANT = "dormant"


class HeartbeatRow(Struct, gc=False):
    """One heartbeat to record; `received_at` by the database's clock, `payload` as it came.

    No dataclass, unlike its neighbours: thousands are made in a second, and one takes a quarter of the time.
    """

    id: UUID
    hub_id: str
    received_at: datetime
    payload: bytes
    boot_id: str | None = None
    seq: int | None = None
    battery_pct: int | None = None
    mains: bool | None = None
    signal_dbm: int | None = None
    path: str | None = None
    firmware: str | None = None
    interval_s: int | None = None
    peripherals: Mapping[str, Any] | None = None


TOLD = ("battery_pct", "mains", "signal_dbm", "path", "firmware", "interval_s", "peripherals")
"""What a heartbeat may tell; what it leaves out keeps its old value."""


@dataclass(frozen=True, slots=True)
class Fold:
    """What all heartbeats of one hub in a batch come to.

    `since` is when the batch first saw the present boot, `boot_before` the boot that it saw before; `doubled`, that a
    replaced boot came back.
    """

    row: HeartbeatRow
    since: datetime
    boot_before: str | None = None
    doubled: bool = False


def fold(rows: Iterable[HeartbeatRow]) -> list[Fold]:
    """Join the heartbeats of each hub, in the order in which they came, into what they mean together; by hub id.

    What the hub's row has is not known here. So of a heartbeat that is older than that, which alone would change
    nothing, what it told is kept where the next one leaves it out.
    """
    folds: dict[str, Fold] = {}
    for row in rows:
        known = folds.get(row.hub_id)
        folds[row.hub_id] = Fold(row, row.received_at) if known is None else _join(known, row)
    return [folds[hub_id] for hub_id in sorted(folds)]


def _join(known: Fold, row: HeartbeatRow) -> Fold:
    old = known.row
    if _follows(old, row):
        return Fold(row, known.since, known.boot_before, known.doubled)
    received_at = max(old.received_at, row.received_at)
    rebooted = row.boot_id is not None and old.boot_id is not None and row.boot_id != old.boot_id
    same_boot = row.boot_id is not None and row.boot_id == old.boot_id
    if same_boot and row.seq is not None and old.seq is not None and row.seq < old.seq:
        return replace(known, row=with_other(old, received_at=received_at))
    kept = {name: getattr(old, name) for name in TOLD if getattr(row, name) is None}
    merged = with_other(
        row,
        received_at=received_at,
        boot_id=row.boot_id or old.boot_id,
        seq=row.seq if rebooted or row.seq is not None else old.seq,
        **kept,
    )
    if not rebooted:
        since = row.received_at if old.boot_id is None and row.boot_id is not None else known.since
        return replace(known, row=merged, since=since)
    return Fold(
        merged, row.received_at, boot_before=old.boot_id, doubled=known.doubled or row.boot_id == known.boot_before
    )


def _follows(old: HeartbeatRow, row: HeartbeatRow) -> bool:
    """Say whether nothing of the one before counts any more: the rule where many wait, so it is looked at first."""
    return (
        row.boot_id is not None
        and row.boot_id == old.boot_id
        and row.seq is not None
        and (old.seq is None or row.seq >= old.seq)
        and row.received_at >= old.received_at
        and row.battery_pct is not None
        and row.mains is not None
        and row.signal_dbm is not None
        and row.path is not None
        and row.firmware is not None
        and row.interval_s is not None
        and row.peripherals is not None
    )
