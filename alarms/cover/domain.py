"""When a partner's control room covers another one, and when that ends again. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

AFTER_S = 120
"""A life-safety alarm that nobody has taken for so long brings the partner in, unless the agreement says otherwise."""

CALM_BELOW_S = 30
CALM_FOR = timedelta(minutes=5)
"""Once they are back, a cover that began by itself ends when nothing has waited longer than that for so long.

It ends far below where it begins, so that it cannot come and go: `after_s` is at least 60.
"""


class CoverWhy(StrEnum):
    """Why a cover began."""

    LAG = "lag"  # nobody there took a life-safety alarm
    DECLARED = "declared"  # a supervisor said so: an evacuation, no power
    EXERCISE = "exercise"


@dataclass(frozen=True)
class Running:
    """A cover that is on. `back`: somebody of the covered council has taken a case since it began."""

    why: CoverWhy
    started_at: datetime
    back: bool = False
    calm_since: datetime | None = None


@dataclass(frozen=True)
class Look:
    """What a look at the covered control room finds.

    `waiting_since`: since when the oldest life-safety alarm that nobody has waits. `taken_at`: when somebody of that
    council last took a case that they still have. `by_hand_at`: when a human last ended a cover.
    """

    now: datetime
    waiting_since: datetime | None = None
    taken_at: datetime | None = None
    by_hand_at: datetime | None = None

    @property
    def lag_s(self) -> float:
        """Return for how many seconds that alarm waits. Who says that they are back gets the whole time once more."""
        if self.waiting_since is None:
            return 0.0
        since = self.waiting_since if self.by_hand_at is None else max(self.waiting_since, self.by_hand_at)
        return max(0.0, (self.now - since).total_seconds())


def decide(present: Running | None, look: Look, after_s: int) -> Running | None:
    """Return the cover as it is after a look: begun, going on, or None when it has ended or none is needed.

    What a human began only a human ends. While the partner takes the alarms none of them waits long, which says nothing
    of those who are covered: so a cover that began by itself goes on until one of them has taken a case again.
    """
    if present is None:
        return Running(CoverWhy.LAG, look.now) if look.lag_s > after_s else None
    if present.why is not CoverWhy.LAG:
        return present
    if look.lag_s > after_s:
        return replace(present, back=False, calm_since=None)
    back = present.back or (look.taken_at is not None and look.taken_at >= present.started_at)
    calm_since = (present.calm_since or look.now) if look.lag_s < CALM_BELOW_S else None
    if back and calm_since is not None and look.now - calm_since >= CALM_FOR:
        return None
    return replace(present, back=back, calm_since=calm_since)


def refusal(why: CoverWhy, *, own: bool, lag_s: float, after_s: int) -> str | None:
    """Return why somebody may not start a cover, or None. `own`: they are of the council that would be covered.

    Those may give their alarms away when they like; a partner takes them only when nobody there does.
    """
    if why is not CoverWhy.LAG:
        return None if own else "Only a supervisor of the covered council declares a cover or begins an exercise"
    if lag_s > after_s:
        return None
    return f"A life-safety alarm there has waited for {lag_s:.0f} s; a partner may take over after {after_s} s"
