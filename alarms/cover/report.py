"""What a cover did, for the report of an exercise: how many cases, who took them, and how soon. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID


@dataclass(frozen=True)
class Case:
    """One alarm that was open while the cover was on. It names no person: a report is passed on.

    `taken`: first, while the cover was on, by `taker`; `by_partner` says whether that is somebody of the partner.
    """

    alarm_id: UUID
    words: str
    class_: str
    raised_at: datetime
    taken_at: datetime | None = None
    taker: str | None = None
    by_partner: bool = False

    @property
    def answered_s(self) -> float | None:
        """Return how long after the first receipt it was taken, in seconds."""
        return None if self.taken_at is None else (self.taken_at - self.raised_at).total_seconds()


@dataclass(frozen=True)
class Report:
    """The figures of a cover. Times are in seconds, None where nothing was taken."""

    lasted: timedelta
    cases: Sequence[Case]
    by_partner: int
    by_own: int
    takers: Sequence[tuple[str, int]]
    median_s: float | None
    longest_s: float | None

    @property
    def not_taken(self) -> int:
        """Return how many nobody took while it was on: somebody had them before, or they ended by themselves."""
        return len(self.cases) - self.by_partner - self.by_own


def report(cases: Sequence[Case], started_at: datetime, until: datetime) -> Report:
    """Return the figures of these cases."""
    times = [case.answered_s for case in cases if case.answered_s is not None]
    takers = Counter(case.taker for case in cases if case.taker is not None)
    by_partner = sum(case.by_partner for case in cases)
    return Report(
        lasted=until - started_at,
        cases=cases,
        by_partner=by_partner,
        by_own=len(times) - by_partner,
        takers=sorted(takers.items(), key=lambda item: (-item[1], item[0])),
        median_s=median(times) if times else None,
        longest_s=max(times, default=None),
    )
