"""Visits as iCalendar files (RFC 5545). They never name people: a calendar lies on many a machine."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from devices.switchover.visits.domain import HAS_SLOT, PROVEN, STANDS
from devices.switchover.visits.models import Visit
from telecare.kernel.calendars import feed, named_calendar, stamp

LONDON = ZoneInfo("Europe/London")
TAKES_PLACE = HAS_SLOT | STANDS | PROVEN
"""The states in which a visit is, or was, at its time."""


@dataclass(frozen=True)
class Slot:
    """A visit with a time, and roughly where it is: the town and the first half of the postcode."""

    visit: Visit
    starts_at: datetime
    ends_at: datetime
    town: str
    district: str

    @property
    def takes_place(self) -> bool:
        """Say whether somebody goes there at this time, or was there."""
        ended = self.visit.over_at is not None and self.visit.state not in PROVEN
        return self.visit.state in TAKES_PLACE and not ended


def calendar_of(visits: Iterable[Visit], public_url: str, now: datetime) -> bytes:
    """Return visits with a slot as events of a calendar, for whoever has logged in: they name hubs."""
    calendar = named_calendar("Telecare visits", "Visits")
    for visit in visits:
        if visit.starts_at is None or visit.ends_at is None:
            continue
        words = f"Swap {visit.old_hub_id} for {visit.new_hub_id}{_two(visit)}"
        url = f"{public_url}/switchover/visits/{visit.id}" if public_url else ""
        _add(calendar, visit, (visit.starts_at, visit.ends_at), now, words, url)
    return bytes(calendar.to_ical())


def feed_of(slots: Iterable[Slot], public_url: str, now: datetime) -> bytes:
    """Return the visits of one user, in the order of their times, for a program that does not log in.

    An event says when and roughly where, with the number that the visit has on the day's page, to which it links: who
    lives there, at which address and with which hub is seen by whoever logs in.
    """
    calendar, counted = feed("Telecare visits", "Visits"), Counter[date]()
    for slot in slots:
        day = slot.starts_at.astimezone(LONDON).date()
        counted[day] += 1
        if slot.takes_place:
            words = f"Visit {counted[day]}: {slot.town}, {slot.district}{_two(slot.visit)}"
            url = f"{public_url}/switchover/day?on={day}#visit-{slot.visit.id}" if public_url else ""
            _add(calendar, slot.visit, (slot.starts_at, slot.ends_at), now, words, url)
    return bytes(calendar.to_ical())


def _two(visit: Visit) -> str:
    return ", two people" if visit.second_person or visit.second_engineer_id is not None else ""


def _add(calendar: Calendar, visit: Visit, at: tuple[datetime, datetime], now: datetime, words: str, url: str) -> None:
    event = Event()
    event.add("uid", f"{visit.id}@telecare")
    event.add("dtstamp", stamp(now))
    event.add("dtstart", stamp(at[0]))
    event.add("dtend", stamp(at[1]))
    event.add("summary", words)
    event.add("status", "TENTATIVE" if visit.state == "booked" else "CONFIRMED")
    event.add("sequence", visit.version)
    if url:
        event.add("url", url)
    calendar.add_component(event)
