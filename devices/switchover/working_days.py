"""Which days are worked on: Monday to Friday after Scottish bank holidays and the local ones of a council.

The table of local holidays has what is fixed by a rule and known, of three councils; a council sets its own each year.
They are entered with the rules of its plans (`local_holidays`), and whoever asks passes them in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import holidays

SATURDAY, SUNDAY = 5, 6
MONDAY = 0
ONE_DAY = timedelta(days=1)
LAST = -1
"""The last such weekday of a month."""

_BANK_HOLIDAYS = holidays.country_holidays("GB", subdiv="SCT")
"""Makes each year's days the first time that one of them is asked for."""


@dataclass(frozen=True, slots=True)
class Nth:
    """The nth Monday of a month, 1 for the first, LAST for the last."""

    month: int
    nth: int

    def of(self, year: int) -> date:
        """Return the day in a year."""
        if self.nth == LAST:
            following = date(year + self.month // 12, self.month % 12 + 1, 1)
            return _monday_from(following) - timedelta(days=7)
        return _monday_from(date(year, self.month, 1)) + timedelta(days=7 * (self.nth - 1))


LOCAL_HOLIDAYS: dict[str, dict[str, Nth]] = {
    "S12000036": {"Spring holiday": Nth(4, 3), "Autumn holiday": Nth(9, 3)},
    "S12000042": {"Dundee Fair": Nth(7, LAST), "Autumn holiday": Nth(10, 1)},
    "S12000049": {"Glasgow Fair": Nth(7, 3), "September weekend": Nth(9, LAST)},
}
"""By council. Mondays only: that is what rules are known of."""


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days that engineers of a council swap hubs on.

    `days_off` (a freeze, training) are not worked, as holidays are not; `saturdays` are worked. `local`
    holidays are those that somebody has entered for the council.
    With `spare_eves` nothing is swapped on the last working day before a holiday, when nobody is there to undo it.
    """

    council: str | None = None
    days_off: frozenset[date] = frozenset()
    saturdays: frozenset[date] = frozenset()
    local: frozenset[date] = frozenset()
    spare_eves: bool = False

    def holiday(self, day: date) -> str | None:
        """Return the name of the holiday that a day is, None when it is none."""
        name: str | None = _BANK_HOLIDAYS.get(day)
        if name is not None:
            return name
        if day in self.local:
            return "Local holiday"
        local = LOCAL_HOLIDAYS.get(self.council or "", {})
        return next((name for name, rule in local.items() if rule.of(day.year) == day), None)

    def works(self, day: date) -> bool:
        """Say whether hubs are swapped on this day."""
        return self._open(day) and not (self.spare_eves and self.eve(day))

    def between(self, first: date, last: date) -> Iterator[date]:
        """Yield the days worked from the first to the last, both counted."""
        day = first
        while day <= last:
            if self.works(day):
                yield day
            day += ONE_DAY

    def idle_saturdays(self, first: date, last: date) -> list[date]:
        """Return the Saturdays from the first to the last day that could be worked and are not."""
        every = (first + timedelta(days=count) for count in range((last - first).days + 1))
        return [
            day
            for day in every
            if day.weekday() == SATURDAY and day not in self.saturdays | self.days_off and self.holiday(day) is None
        ]

    def _open(self, day: date) -> bool:
        if day in self.days_off or self.holiday(day) is not None or day.weekday() == SUNDAY:
            return False
        return day.weekday() < SATURDAY or day in self.saturdays

    def eve(self, day: date) -> bool:
        """Say whether a holiday lies between this working day and the next one."""
        following = day + ONE_DAY
        while not self._open(following):
            if self.holiday(following) is not None and following.weekday() < SATURDAY:
                return True
            following += ONE_DAY
        return False


def _monday_from(day: date) -> date:
    return day + timedelta(days=(MONDAY - day.weekday()) % 7)
