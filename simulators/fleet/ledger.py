"""What the hubs know of their own events, on disk: the other side of the books when nothing may be lost.

JSON lines, appended and flushed one by one, so that the file is true up to the moment of a kill:

    {"t": 1767225600.123, "hub_id": "hub-0001", "event_id": "k3-7", "type": "pendant", "what": "sent", "attempt": 1}

`what` is `raised` (a human needs help from here on), `sent` (each attempt), `acked` (with the ack's `status` and
`alarm_id`) or `cancelled` (stopped within the pre-alarm: never an event, so without an `event_id`).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.hub.client import Fact


class LedgerFile:
    """Appends facts to a file; a context manager."""

    def __init__(self, path: Path) -> None:
        _drop_torn_line(path)
        self._file = path.open("a", encoding="utf-8")

    def write(self, fact: Fact) -> None:
        """Append one fact; once this returns, the operating system has it."""
        line = {name: value for name, value in asdict(fact).items() if value is not None}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _drop_torn_line(path: Path) -> None:
    """Cut off a line that a kill or a full disk left unfinished, or the next one would be glued to it."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)


@dataclass
class Entry:
    """All that is known of one event. Times in seconds since 1970; `status` and `alarm_id` are the ack's."""

    type: str
    raised_at: float | None = None
    first_sent_at: float | None = None
    acked_at: float | None = None
    status: str | None = None
    attempts: int = 0
    alarm_id: str | None = None


Ledger = dict[tuple[str, str], Entry]
"""What is known of each (hub_id, event_id)."""


def read_ledger(path: Path) -> Ledger:
    """Fold a ledger file, also one that is still being written or was cut off by a kill; {} when there is none."""
    return fold(facts(path)) if path.exists() else {}


def facts(path: Path) -> Iterator[Fact]:
    """Return the facts of a file in order; a line without its end was never finished and is left out."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield Fact(**{"event_id": None, **json.loads(line)})


def fold(lines: Iterable[Fact]) -> Ledger:
    """Join facts by event; the first ack counts, as it does for the hub."""
    ledger: Ledger = {}
    for fact in lines:
        if fact.event_id is None:
            continue
        entry = ledger.setdefault((fact.hub_id, fact.event_id), Entry(fact.type))
        if fact.what == "raised":
            entry.raised_at = fact.t
        elif fact.what == "sent":
            entry.first_sent_at = entry.first_sent_at or fact.t
            entry.attempts = max(entry.attempts, fact.attempt or 0)
        elif fact.what == "acked" and entry.acked_at is None:
            entry.acked_at, entry.status, entry.alarm_id = fact.t, fact.status, fact.alarm_id
    return ledger


def unacked(ledger: Ledger) -> list[tuple[str, str]]:
    """Return the events that were raised and have no ack: what a crash test must find empty in the end."""
    return [key for key, entry in ledger.items() if entry.acked_at is None]
