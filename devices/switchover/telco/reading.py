"""Reads what a provider sends: matches and notices of migrations, as CSV in whatever columns they have. Pure."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeVar
from zoneinfo import ZoneInfo

from devices.registry.fields import phone
from devices.switchover.telco.domain import MatchResult, NoticeKind, NoticeStatus

LONDON = ZoneInfo("Europe/London")
END_OF_DAY = time(17)
"""A migration of which only the day is told is taken to be over by then."""
MOST_ROWS = 100_000

NUMBER = {"telephone_number", "telephone number", "number", "phone", "cli", "telephone", "landline", "line"}
RESULT = {"result", "match", "match_result", "match result", "status", "outcome"}
DAY = {"planned_date", "planned date", "date", "migration date", "migration_date", "planned"}
TIME = {"planned_time", "planned time", "time", "slot", "migration time"}
KIND = {"kind", "type", "migration type", "voluntary"}
STATUS = {"status", "state"}

RESULTS = {
    "matched": MatchResult.MATCHED, "match": MatchResult.MATCHED, "yes": MatchResult.MATCHED,
    "found": MatchResult.MATCHED, "unmatched": MatchResult.UNMATCHED, "no match": MatchResult.UNMATCHED,
    "no": MatchResult.UNMATCHED,
    "not found": MatchResult.UNMATCHED, "ambiguous": MatchResult.AMBIGUOUS, "multiple": MatchResult.AMBIGUOUS,
}  # fmt: skip
KINDS = {
    "voluntary": NoticeKind.VOLUNTARY, "yes": NoticeKind.VOLUNTARY,
    "non-voluntary": NoticeKind.NON_VOLUNTARY, "non_voluntary": NoticeKind.NON_VOLUNTARY,
    "non voluntary": NoticeKind.NON_VOLUNTARY, "no": NoticeKind.NON_VOLUNTARY,
}  # fmt: skip
STATUSES = {
    "": NoticeStatus.PLANNED, "planned": NoticeStatus.PLANNED, "scheduled": NoticeStatus.PLANNED,
    "booked": NoticeStatus.PLANNED, "migrated": NoticeStatus.MIGRATED, "complete": NoticeStatus.MIGRATED,
    "completed": NoticeStatus.MIGRATED, "cancelled": NoticeStatus.CANCELLED, "canceled": NoticeStatus.CANCELLED,
}  # fmt: skip
_BRITISH = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})")


Word = TypeVar("Word")
Read = TypeVar("Read")


class UnreadableError(ValueError):
    """It is no table of this kind; the text says why."""


@dataclass(frozen=True)
class Refused:
    """A row that was not taken: its line, counted from 1 with the head, and why."""

    line: int
    why: str


@dataclass(frozen=True)
class ReadMatch:
    """What a provider found of a number."""

    number: str
    result: MatchResult


@dataclass(frozen=True)
class ReadNotice:
    """A migration that a provider announces."""

    number: str
    planned_at: datetime
    kind: NoticeKind
    status: NoticeStatus


def read_matches(text: str) -> tuple[list[ReadMatch], list[Refused]]:
    """Return the matches of a file and the rows that say nothing usable; UnreadableError when it is no such table."""

    def one(row: Mapping[str, str]) -> ReadMatch:
        return ReadMatch(phone(row["number"]), _known(row["result"], RESULTS, "the result"))

    return _read(text, {"number": NUMBER, "result": RESULT}, set(), one)


def read_notices(text: str) -> tuple[list[ReadNotice], list[Refused]]:
    """Return the notices of a file and the rows that say nothing usable; UnreadableError when it is no such table."""

    def one(row: Mapping[str, str]) -> ReadNotice:
        kind = _known(row["kind"] or "non-voluntary", KINDS, "the kind")
        status = _known(row["status"], STATUSES, "the status")
        return ReadNotice(phone(row["number"]), planned(row["day"], row["time"]), kind, status)

    columns = {"number": NUMBER, "day": DAY, "time": TIME, "kind": KIND, "status": STATUS}
    return _read(text, columns, {"time", "kind", "status"}, one)


def planned(day: str, clock: str) -> datetime:
    """Return the planned moment of a day such as 2026-12-03 or 03/12/2026 and a time such as 09:00, London's."""
    british = _BRITISH.fullmatch(day)
    try:
        when = date(int(british[3]), int(british[2]), int(british[1])) if british else date.fromisoformat(day)
    except ValueError as error:
        raise ValueError(f"{day[:20]!r} is no day: write it as 2026-12-03 or 03/12/2026") from error
    found = _TIME.match(clock)
    if clock and found is None:
        raise ValueError(f"{clock[:20]!r} is no time: write it as 09:30, or leave it out")
    try:
        at = time(int(found[1]), int(found[2])) if found else END_OF_DAY
    except ValueError as error:
        raise ValueError(f"{clock[:20]!r} is no time of the day") from error
    return datetime.combine(when, at, LONDON)


def _known(said: str, words: Mapping[str, Word], what: str) -> Word:
    found = words.get(" ".join(said.casefold().split()))
    if found is None:
        raise ValueError(
            f"{said[:30]!r} is not one of the words for {what}: {', '.join(word for word in words if word)}"
        )
    return found


def _read(
    text: str, columns: Mapping[str, set[str]], optional: set[str], one: Callable[[Mapping[str, str]], Read]
) -> tuple[list[Read], list[Refused]]:
    rows = _rows(text)
    head = [cell.strip().casefold() for cell in next(rows, [])]
    places = {name: next((head.index(word) for word in head if word in known), -1) for name, known in columns.items()}
    missing = [name for name, place in places.items() if place < 0 and name not in optional]
    if missing:
        wanted = min(columns[missing[0]])
        raise UnreadableError(f"The first line names no column for the {missing[0]}: call it {wanted!r}")
    read, refused = list[Read](), list[Refused]()
    for line, row in enumerate(rows, 2):
        if line > MOST_ROWS:
            raise UnreadableError(f"The file has more than {MOST_ROWS:,} rows: send it in parts")
        if not any(cell.strip() for cell in row):
            continue
        cells = {name: row[place].strip() if 0 <= place < len(row) else "" for name, place in places.items()}
        try:
            read.append(one(cells))
        except ValueError as error:
            refused.append(Refused(line, str(error)))
    return read, refused


def _rows(text: str) -> Iterator[list[str]]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text), delimiter=delimiter)
    except csv.Error as error:
        raise UnreadableError(f"This is no table: {error}") from error
