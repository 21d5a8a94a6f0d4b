"""Booked visits as an iCalendar file (RFC 5545). They name hubs and never people: a calendar lies on many a machine."""

from collections.abc import Iterable
from datetime import UTC, datetime

from icalendar import Calendar, Event

from devices.switchover.visits.models import Visit

MEDIA_TYPE = "text/calendar"


def calendar_of(visits: Iterable[Visit], public_url: str, now: datetime) -> bytes:
    """Return visits with a slot as events of a calendar."""
    calendar = Calendar()
    calendar.add("prodid", "-//Telecare//Visits//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Telecare visits")
    for visit in visits:
        if visit.starts_at is None or visit.ends_at is None:
            continue
        event = Event()
        event.add("uid", f"{visit.id}@telecare")
        event.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
        event.add("dtstart", visit.starts_at.astimezone(UTC).replace(microsecond=0))
        event.add("dtend", visit.ends_at.astimezone(UTC).replace(microsecond=0))
        second = ", two people" if visit.second_person else ""
        event.add("summary", f"Swap {visit.old_hub_id} for {visit.new_hub_id}{second}")
        event.add("status", "TENTATIVE" if visit.state == "booked" else "CONFIRMED")
        event.add("sequence", visit.version)
        if public_url:
            event.add("url", f"{public_url}/switchover/visits/{visit.id}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
