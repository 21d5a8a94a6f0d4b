"""Hours on days of the week as a person writes them in a line: `mon-fri 09:00-10:00 the carer`. Pure."""

import re

from devices.switchover.planning.schemas import Span

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOW = "write it as mon-fri 09:00-10:00 the carer; days are mon to sun, a range, several with commas, or daily"
_LINE = re.compile(r"(?P<days>[a-z,-]+)\s+(?P<start>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2})(?:\s+(?P<why>.+))?")


def read_span(line: str) -> Span:
    """Return the hours of a line, or raise ValueError with how to write one; an end of 00:00 or 24:00 is midnight."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"{line!r} cannot be read: {HOW}")
    end = _minute(found["end"], line)
    return Span(
        start=_minute(found["start"], line), end=end or 24 * 60, weekdays=_days(found["days"], line), why=found["why"]
    )


def show_span(span: Span) -> str:
    """Return hours as `read_span` reads them."""
    days = "daily" if len(span.weekdays) == len(DAYS) else ",".join(DAYS[day] for day in sorted(span.weekdays))
    hours = "-".join(f"{at // 60:02d}:{at % 60:02d}" for at in (span.start, span.end))
    return f"{days} {hours} {span.why or ''}".strip()


def _minute(text: str, line: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if minute > 59 or hour * 60 + minute > 24 * 60:  # noqa: PLR2004 - a clock
        raise ValueError(f"{text} in {line!r} is no time of a day")
    return hour * 60 + minute


def _days(text: str, line: str) -> tuple[int, ...]:
    if text == "daily":
        return tuple(range(7))
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{part!r} in {line!r} is no day of the week: {HOW}")
        begins, ends = DAYS.index(first), DAYS.index(last or first)
        if ends < begins:
            raise ValueError(f"{part!r} in {line!r} goes backwards: write the days with commas")
        chosen.update(range(begins, ends + 1))
    return tuple(sorted(chosen))
