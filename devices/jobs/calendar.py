"""Jobs that are to be done as an iCalendar file of tasks with the times by which (RFC 5545, VTODO)."""

from collections.abc import Iterable
from datetime import datetime

from icalendar import Todo

from devices.jobs.schemas import JobOut
from telecare.kernel.calendars import named_calendar, stamp


def calendar_of(jobs: Iterable[JobOut], public_url: str, now: datetime) -> bytes:
    """Return the jobs as tasks. They name hubs and never people: a calendar lies on many a machine."""
    calendar = named_calendar("Telecare jobs", "Jobs")
    for job in jobs:
        task = Todo()
        task.add("uid", f"{job.id}@telecare")
        task.add("dtstamp", stamp(now))
        task.add("due", stamp(job.due_at))
        task.add("summary", f"{job.hub_id}: {job.words}")
        task.add("description", job.todo)
        task.add("priority", 1 if job.life_safety else 5)
        if public_url:
            task.add("url", f"{public_url}/jobs/{job.id}")
        calendar.add_component(task)
    return bytes(calendar.to_ical())
