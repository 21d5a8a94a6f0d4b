"""Shifts as an iCalendar feed (RFC 5545), for the calendars of those who have them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event

from alarms.responders.repository import Named
from alarms.rota.domain import Shift

MEDIA_TYPE = "text/calendar"
AHEAD = timedelta(days=91)
REFRESH = timedelta(hours=1)


def calendar_of(
    name: str, shifts: Iterable[tuple[UUID, str, Shift]], names: Mapping[UUID, Named], now: datetime
) -> bytes:
    """Return a calendar of shifts, each with the id and the name of its rota; one event a person and shift.

    The id of an event follows from rota, person and start, so that a calendar which reads again moves nothing.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Telecare//Rotas//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for rota_id, rota_name, shift in shifts:
        for member in shift.members:
            who = names[member].name if member in names else "somebody"
            event = Event()
            event.add("uid", f"{rota_id}-{member}-{shift.start.astimezone(UTC):%Y%m%dT%H%M%SZ}@telecare")
            event.add("dtstamp", now.astimezone(UTC))
            event.add("dtstart", shift.start.astimezone(UTC))
            event.add("dtend", shift.end.astimezone(UTC))
            event.add("summary", f"{rota_name}: {who} on call")
            event.add("transp", "TRANSPARENT")
            calendar.add_component(event)
    return bytes(calendar.to_ical())


def period(now: datetime) -> tuple[datetime, datetime]:
    """Return what a feed shows: from the Monday before last, the same all week long, so that its events do not move."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday() + 7)
    return monday, monday + AHEAD
