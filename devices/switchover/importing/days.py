"""Days as people and programs write them. Pure: nothing is guessed that could be two days."""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)? ?([ap]\.?m\.?)?(Z|[+-]\d{2}:?\d{2})?$", re.IGNORECASE)
_WEEKDAY = re.compile(r"^(mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)[a-z]*[, .]+", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})")
_NUMBERS = re.compile(r"(\d{1,2})[-/.\\ ](\d{1,2})[-/.\\ ](\d{4}|\d{2})")
_DAY_MONTH = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?(?: of)?[-/., ]*([a-z]{3,9})\.?[-/., ]*'?(\d{4}|\d{2})", re.IGNORECASE
)
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.IGNORECASE)
_MONTH_WORDS = re.compile(r"([a-z]{3,9})\.?[-/., ]*'?(\d{4}|\d{2})", re.IGNORECASE)
_MONTH_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{4})")
_MONTH_LAST = re.compile(r"(\d{4})[-/. ](\d{1,2})")
_COMPACT = re.compile(r"\d{8}")
_SERIAL = re.compile(r"(\d{4,5})(?:\.0+)?")
_MONTHS_OF_A_YEAR = 12
_OLDEST_AGE = 115
_SERIAL_ZERO = date(1899, 12, 30)
"""Day 0 of spreadsheet programs, as they count after the 29 February 1900 that there never was."""


@dataclass(frozen=True)
class Evidence:
    """How certain days of a column are written: so many with the day first, so many with the month first."""

    day_first: int = 0
    month_first: int = 0

    def seen(self, typed: str) -> "Evidence":
        """Return the evidence with one more cell looked at."""
        found = _NUMBERS.fullmatch(_bare(typed))
        if found is None:
            return self
        first, second = int(found[1]), int(found[2])
        is_month = second > _MONTHS_OF_A_YEAR >= first
        is_day = first > _MONTHS_OF_A_YEAR >= second
        return Evidence(self.day_first + is_day, self.month_first + is_month)


NO_EVIDENCE = Evidence()


def evidence(cells: Iterable[str]) -> Evidence:
    """Return what the cells of a column show together."""
    found = NO_EVIDENCE
    for cell in cells:
        found = found.seen(cell)
    return found


def read_day(typed: str, today: date, how: Evidence = NO_EVIDENCE, *, born: bool = False) -> tuple[date, str]:
    """Return a day, and in words how it was read when it was not plain; ValueError when it could be another one.

    `born`: it is a date of birth, which lies in the past and says by a two-digit year no more than it must.
    """
    bare = _bare(typed)
    if found := _YEAR_FIRST.fullmatch(bare):
        return _date(int(found[1]), int(found[2]), int(found[3])), _unless_plain(typed, bare)
    if found := _NUMBERS.fullmatch(bare):
        return _numbers(found, today, how, born=born)
    if found := _DAY_MONTH.fullmatch(bare):
        year, _ = _year(found[3], today, born=born)
        return _date(year, _month(found[2]), int(found[1])), "written with the month in words"
    if found := _MONTH_DAY.fullmatch(bare):
        return _date(int(found[3]), _month(found[1]), int(found[2])), "written with the month in words"
    if _COMPACT.fullmatch(bare):
        return _compact(bare), "written without separators"
    if found := _SERIAL.fullmatch(bare):
        return _serial(int(found[1])), "written as the number that a spreadsheet program counts days with"
    raise ValueError("this is not a day: write it as 31/01/1940")


def read_month(typed: str) -> date | None:
    """Return the last day of a month that is written without a day, such as Oct 2026, 10/2026 or 2026-10; else None."""
    bare = _bare(typed)
    if found := _MONTH_WORDS.fullmatch(bare):
        year, month = int(found[2]) if len(found[2]) > 2 else 2000 + int(found[2]), _month(found[1])  # noqa: PLR2004 - digits
    elif found := _MONTH_FIRST.fullmatch(bare):
        year, month = int(found[2]), int(found[1])
    elif found := _MONTH_LAST.fullmatch(bare):
        year, month = int(found[1]), int(found[2])
    else:
        return None
    return _date(year, month, 1) + timedelta(days=monthrange(year, month)[1] - 1)


def _bare(typed: str) -> str:
    text = _WEEKDAY.sub("", " ".join(typed.split()))
    text = _TIME.sub("", text)
    return re.sub(r" ?([-/.\\]) ?", r"\1", text).strip(" ,;")


def _unless_plain(typed: str, bare: str) -> str:
    return "" if typed.strip() == bare else "written with more than the day"


def _numbers(found: re.Match[str], today: date, how: Evidence, *, born: bool) -> tuple[date, str]:
    first, second = int(found[1]), int(found[2])
    year, words = _year(found[3], today, born=born)
    if second > _MONTHS_OF_A_YEAR >= first:
        return _date(year, first, second), "written with the month first"
    if first <= _MONTHS_OF_A_YEAR and first != second and how.month_first:
        if how.day_first:
            day, other = _date(year, second, first), _date(year, first, second)
            raise ValueError(
                f"this could be {_said(day)} or {_said(other)}, for some rows of this column write the month first:"
                " write the month in letters"
            )
        return _date(year, first, second), "written with the month first, as the whole column"
    return _date(year, second, first), words


def _year(typed: str, today: date, *, born: bool) -> tuple[int, str]:
    if len(typed) == 4:  # noqa: PLR2004 - a year in full
        return int(typed), ""
    early, late = 1900 + int(typed), 2000 + int(typed)
    if not born:
        return (late if late <= today.year + 10 else early), "written with two digits of the year"
    if late > today.year:
        return early, "written with two digits of the year"
    if today.year - early > _OLDEST_AGE:
        return late, "written with two digits of the year"
    raise ValueError(f"this could be {early} or {late}: write the year in full")


def _compact(digits: str) -> date:
    if digits[:2] in {"19", "20"}:
        try:
            return _date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        except ValueError:
            if digits[4:6] not in {"19", "20"}:
                raise
    return _date(int(digits[4:]), int(digits[2:4]), int(digits[:2]))


def _serial(number: int) -> date:
    if 1900 <= number <= 2100:  # noqa: PLR2004 - years that people write
        raise ValueError("this is a year: give the day too")
    return _SERIAL_ZERO + timedelta(days=number)


def _month(word: str) -> int:
    known = word.casefold()[:3]
    if known not in _MONTHS:
        raise ValueError(f"there is no month {word}: write the day as 31/01/1940")
    return _MONTHS.index(known) + 1


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError("the calendar has no such day") from error


def _said(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1].capitalize()} {day.year}"
