"""What becomes of a row, of whatever kind of file; and how it is told to people."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from devices.switchover.importing.columns import title
from devices.switchover.importing.domain import CellFault, FileKind, Mend, MendedRow, RowStatus


@dataclass(frozen=True)
class RowOutcome:
    """What becomes of a row. `key` tells it from others: the hub, or the number of the line."""

    number: int
    status: RowStatus
    key: str
    changes: Sequence[str] = ()
    faults: Sequence[CellFault] = ()
    remarks: Sequence[str] = ()
    council: str | None = None
    planned_on: date | None = None
    line_id: UUID | None = None


def digest(row: MendedRow) -> str:
    """Return what tells whether two rows say the same."""
    said = json.dumps(sorted(row.values.items()))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def told(outcome: RowOutcome, mends: Sequence[Mend]) -> dict[str, Any]:
    """Return what is kept of a row for its report."""
    return {
        "changes": list(outcome.changes),
        "faults": [{"field": fault.field, "what": fault.what} for fault in outcome.faults],
        "mends": [vars(mend) for mend in mends],
        "remarks": list(outcome.remarks),
    }


def mended_words(kind: FileKind, mends: Sequence[dict[str, str]]) -> list[str]:
    """Return how cells were mended, in words."""
    return [
        f"{title(kind, mend['field'])}: “{mend['typed']}” was read as “{mend['value']}” ({mend['words']})"
        if mend["value"]
        else f"{title(kind, mend['field'])}: “{mend['typed']}” was left out ({mend['words']})"
        for mend in mends
    ]


def fault_words(kind: FileKind, faults: Sequence[dict[str, str]]) -> list[str]:
    """Return why a row was refused, in words."""
    return [f"{title(kind, fault['field'])}: {fault['what']}" if fault["field"] else fault["what"] for fault in faults]
