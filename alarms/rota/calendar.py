"""Shifts as an iCalendar feed (RFC 5545), for the calendars of those who have them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from icalendar import Event

from alarms.responders.repository import Named
from alarms.rota.domain import Shift
from telecare.kernel.calendars import feed, stamp


def calendar_of(
    name: str, shifts: Iterable[tuple[UUID, str, Shift]], names: Mapping[UUID, Named], now: datetime
) -> bytes:
    """Return a calendar of shifts, each with the id and the name of its rota; one event a person and shift.

    The id of an event follows from rota, person and start, so that a calendar which reads again moves nothing.
    """
    calendar = feed(name, "Rotas")
    for rota_id, rota_name, shift in shifts:
        for member in shift.members:
            who = names[member].name if member in names else "somebody"
            event = Event()
            event.add("uid", f"{rota_id}-{member}-{shift.start.astimezone(UTC):%Y%m%dT%H%M%SZ}@telecare")
            event.add("dtstamp", stamp(now))
            event.add("dtstart", stamp(shift.start))
            event.add("dtend", stamp(shift.end))
            event.add("summary", f"{rota_name}: {who} on call")
            event.add("transp", "TRANSPARENT")
            calendar.add_component(event)
    return bytes(calendar.to_ical())
