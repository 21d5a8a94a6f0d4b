"""The reconciliation as a table: each device by what the register, the unit's own list and its proofs say. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import datetime

from devices.jobs.patterns import Trigger, Unit, last_heard


@dataclass(frozen=True)
class Row:
    """One device. `listed` is empty where the unit has listed nothing yet; times are RFC 3339, empty for never."""

    council_id: str
    hub_id: str
    device_id: str
    kind: str
    room: str
    registered: str
    listed: str
    proven_at: str
    heard_at: str
    verdict: str


def rows(units: Iterable[Unit], council_id: str, now: datetime) -> Iterator[Row]:
    """Return the devices of units that are in service, those of one unit together."""
    for unit in units:
        if not unit.watched:
            continue
        registered = {one.device_id: one for one in unit.registered}
        for device_id in sorted({*registered, *(unit.listed or ())}):
            yield _row(unit, device_id, registered.get(device_id), council_id, now)


def _row(unit: Unit, device_id: str, known: Trigger | None, council_id: str, now: datetime) -> Row:
    listed = None if unit.listed is None else device_id in unit.listed
    proven = unit.proven.get(device_id)
    heard = last_heard(unit, known, now) if known else proven
    kind = known.kind if known else str((unit.listed or {}).get(device_id, {}).get("kind") or "")
    return Row(
        council_id=council_id,
        hub_id=unit.hub_id,
        device_id=device_id,
        kind=kind,
        room=(known.room if known else None) or "",
        registered=_said(known is not None),
        listed="" if listed is None else _said(listed),
        proven_at=proven.isoformat() if proven else "",
        heard_at=heard.isoformat() if heard else "",
        verdict=_verdict(known is not None, listed, proven),
    )


def _verdict(registered: bool, listed: bool | None, proven: datetime | None) -> str:
    if listed is False:
        return "not listed"
    if not registered:
        return "not registered"
    if proven is None:
        return "not proven"
    return "list not known" if listed is None else "agrees"


def _said(value: bool) -> str:
    return "yes" if value else "no"


HEAD = tuple(field.name for field in fields(Row))


def table(found: Iterable[Iterable[str]], head: Iterable[str] = HEAD) -> str:
    """Return rows as CSV that a spreadsheet program shows and never computes."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in found:
        writer.writerow([_inert(cell) for cell in row])
    return out.getvalue()


def as_table(found: Iterable[Row]) -> str:
    """Return the reconciliation as CSV."""
    return table(astuple(row) for row in found)


def _inert(cell: str) -> str:
    """Return a cell that begins no formula: an id that a unit has sent must stay an id."""
    return f"'{cell}" if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) else cell
