"""What a household can answer to a proposed time, what its visit goes through then, and what is said to them. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from devices.switchover.visits.domain import ASIDE, HAS_SLOT, WAY, VisitState

AGAIN_IN = timedelta(days=7)
"""Whoever refuses or wants another time is taken up again so much later, unless somebody says another day."""


class Answer(StrEnum):
    """What came of a call about a proposed time."""

    AGREES = "agrees"
    ANOTHER_TIME = "another_time"
    REFUSES = "refuses"
    NOT_REACHED = "not_reached"


NEEDS_A_DAY = frozenset({Answer.ANOTHER_TIME, Answer.REFUSES})
"""These say what the household said, and when somebody takes it up again."""

_TO_STOCK = WAY[: WAY.index(VisitState.STOCK_ALLOCATED)]
_AGAIN = {
    VisitState.DECLINED: VisitState.CONSENTED,
    VisitState.UNREACHABLE: VisitState.CONTACTED,
    VisitState.ABORTED_NO_SIGNAL: VisitState.CONTACTED,
    VisitState.ROLLED_BACK: VisitState.CONTACTED,
}


def towards_booking(state: VisitState, resumes: VisitState | None) -> VisitState | None:
    """Return the next step of a visit whose household is asked, towards a unit kept for it; None where there is none.

    There is none once a unit is kept, while a visit is booked, from the new hub's coming into the home on, and after
    the end. `resumes` of a visit that stands aside is where it was.
    """
    if state in ASIDE:
        back = VisitState.RESCHEDULED if resumes in HAS_SLOT else resumes
        known = back in {*_TO_STOCK, *_AGAIN, VisitState.STOCK_ALLOCATED, VisitState.NO_ACCESS, VisitState.RESCHEDULED}
        return back if known else None
    if state in _TO_STOCK:
        return WAY[WAY.index(state) + 1]
    return _AGAIN.get(state)


def towards_refusal(state: VisitState, resumes: VisitState | None) -> VisitState | None:
    """Return the next step of a visit whose household may refuse only from further on; None where there is none."""
    return VisitState.CONTACTED if state is VisitState.DECLINED else towards_booking(state, resumes)


def slot_words(starts_at: datetime, ends_at: datetime) -> str:
    """Return a proposed time as one says it: Friday 29 March 2030, 10:00 to 11:00."""
    return f"{starts_at:%A %-d %B %Y, %H:%M} to {ends_at:%H:%M}"


def to_say(starts_at: datetime, ends_at: datetime, engineers: Sequence[str], *, digital: bool = False) -> str:
    """Return what is asked about a proposed time; times are those of the wall clock there.

    A `digital` unit goes for a reason of its own, and not for its line.
    """
    who = " and ".join(engineers) or "An engineer"
    why = "will soon be too old to rely on" if digital else "works over a telephone line that is being closed"
    return (
        f"Your alarm unit {why}, so you get a new one. "
        f"{who} would come on {slot_words(starts_at, ends_at)}. Your old unit stays until the new one has shown that "
        "it calls us. Will you be in, and does that suit you?"
    )
