"""What the iCalendar files (RFC 5545) of all rooms have in common: their head, their times, and what a feed shows."""

from datetime import UTC, datetime, timedelta

from icalendar import Calendar

MEDIA_TYPE = "text/calendar"
AHEAD = timedelta(days=91)
REFRESH = timedelta(hours=1)


def named_calendar(name: str, kind: str) -> Calendar:
    """Return a calendar without events; `kind` is what is in it: Rotas, Visits, Jobs."""
    calendar = Calendar()
    calendar.add("prodid", f"-//Telecare//{kind}//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    return calendar


def feed(name: str, kind: str) -> Calendar:
    """Return a calendar without events that programs subscribe to, and read again."""
    calendar = named_calendar(name, kind)
    calendar.add("method", "PUBLISH")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    return calendar


def stamp(moment: datetime) -> datetime:
    """Return a moment as a calendar has it: in UTC, in whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


def period(now: datetime) -> tuple[datetime, datetime]:
    """Return what a feed shows: from the Monday before last, the same all week long, so that its events do not move."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday() + 7)
    return monday, monday + AHEAD
