"""Jobs that are to be done as an iCalendar file of tasks with the times by which (RFC 5545, VTODO)."""

from collections.abc import Iterable
from datetime import UTC, datetime

from icalendar import Calendar, Todo

from devices.jobs.schemas import JobOut

MEDIA_TYPE = "text/calendar"


def calendar_of(jobs: Iterable[JobOut], public_url: str, now: datetime) -> bytes:
    """Return the jobs as tasks. They name hubs and never people: a calendar lies on many a machine."""
    calendar = Calendar()
    calendar.add("prodid", "-//Telecare//Jobs//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Telecare jobs")
    for job in jobs:
        task = Todo()
        task.add("uid", f"{job.id}@telecare")
        task.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
        task.add("due", job.due_at.astimezone(UTC).replace(microsecond=0))
        task.add("summary", f"{job.hub_id}: {job.words}")
        task.add("description", job.todo)
        task.add("priority", 1 if job.life_safety else 5)
        if public_url:
            task.add("url", f"{public_url}/jobs/{job.id}")
        calendar.add_component(task)
    return bytes(calendar.to_ical())
