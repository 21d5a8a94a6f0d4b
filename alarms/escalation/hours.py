"""Hours of the week as people say them: “Monday to Friday, nine to five, not on a bank holiday”. Pure.

Whether a moment lies within them is asked with the local day and minute, which the shell reads off the calendar.
"""

from dataclasses import dataclass
from enum import StrEnum


class Holidays(StrEnum):
    """What a bank holiday does to hours."""

    AS_USUAL = "as_usual"
    NEVER = "never"
    ONLY = "only"


@dataclass(frozen=True)
class Local:
    """A moment as the people there see it: minute of the day, day of the week (0 is Monday), bank holiday or not.

    The day before is told as well, for hours that began then and go past midnight.
    """

    minute: int
    weekday: int
    holiday: bool = False
    holiday_before: bool = False


@dataclass(frozen=True)
class Hours:
    """From a minute of the day until another on these days; past midnight when `until` is not after `since`.

    `until` is the first minute that is outside. Equal minutes are the whole day.
    """

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    since: int = 0
    until: int = 0
    holidays: Holidays = Holidays.AS_USUAL

    def hold(self, local: Local) -> bool:
        """Say whether this moment lies within."""
        today = self._day(local.weekday, holiday=local.holiday)
        if self.since < self.until:
            return today and self.since <= local.minute < self.until
        before = self._day((local.weekday - 1) % 7, holiday=local.holiday_before)
        return (today and local.minute >= self.since) or (before and local.minute < self.until)

    def _day(self, weekday: int, *, holiday: bool) -> bool:
        if self.holidays is Holidays.ONLY:
            return holiday
        return weekday in self.days and not (holiday and self.holidays is Holidays.NEVER)
