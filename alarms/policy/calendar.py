"""A moment as people in Scotland see it: the local day and minute, and whether it is a bank holiday there."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

from alarms.escalation.hours import Local

LONDON = ZoneInfo("Europe/London")

SATURDAY = 5
_BANK_HOLIDAYS = holidays.country_holidays("GB", subdiv="SCT")
"""Makes each year's days the first time that one of them is asked for."""


def local_at(moment: datetime) -> Local:
    """Return what hours of a policy are held against."""
    there = moment.astimezone(LONDON)
    today = there.date()
    return Local(
        minute=there.hour * 60 + there.minute,
        weekday=today.weekday(),
        holiday=today in _BANK_HOLIDAYS,
        holiday_before=today - timedelta(days=1) in _BANK_HOLIDAYS,
    )


def next_morning(moment: datetime, hour: int = 10) -> datetime:
    """Return the next working morning after a moment: Monday to Friday, no bank holiday, at this hour in Scotland."""
    there = moment.astimezone(LONDON)
    day = there.date() if there.hour < hour else there.date() + timedelta(days=1)
    while day.weekday() >= SATURDAY or day in _BANK_HOLIDAYS:
        day += timedelta(days=1)
    return datetime.combine(day, time(hour), LONDON)


def at_words(moment: datetime) -> str:
    """Return a moment in words: 03:00 on Sat 02 January 2027."""
    return f"{moment.astimezone(LONDON):%H:%M on %a %d %B %Y}"
