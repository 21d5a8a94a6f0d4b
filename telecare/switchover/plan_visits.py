"""What the visit of a home that is under way means for a plan: not before a day, left out, or planned anew. Pure."""

from datetime import date

from devices.switchover.planning.prize import Factor
from devices.switchover.visits.domain import WAITS, VisitState
from telecare.switchover.plan_facts import LONDON, HomeFacts

_WAITS = {
    VisitState.DECLINED: "they declined",
    VisitState.UNREACHABLE: "nobody can reach them",
    VisitState.NO_ACCESS: "nobody opened",
    VisitState.RESCHEDULED: "it was put off",
    VisitState.ABORTED_NO_SIGNAL: "there was no signal",
    VisitState.ROLLED_BACK: "it was rolled back",
    VisitState.HOSPITAL: "they are in hospital",
    VisitState.HOLD: "it is on hold",
}


def not_before(facts: HomeFacts) -> date | None:
    """Return the day on which somebody takes up a visit again that waits; nobody is sent there sooner."""
    return facts.next_contact_on if facts.visit_state in WAITS else None


def why_left_out(facts: HomeFacts, today: date, last: date) -> str:
    """Say why a home is in no plan that is made today and ends on a day; empty when it may be in it.

    Who declined is offered no time before they are asked again.
    """
    day = not_before(facts)
    if day is None or day <= (today if facts.visit_state == VisitState.DECLINED else last):
        return ""
    return _waits(facts, day)


def said(facts: HomeFacts) -> tuple[Factor, ...]:
    """Say what a plan with this home must know of its visit: it waits, or nobody came of the time that was booked.

    It changes nothing of what a visit is worth.
    """
    day = not_before(facts)
    if day is not None:
        return (_note(_waits(facts, day)),)
    if facts.visit_state in {VisitState.BOOKED, VisitState.CONFIRMED} and facts.booking is None and facts.visit_from:
        at = facts.visit_from.astimezone(LONDON)
        return (_note(f"planned anew: nothing came of the visit that was booked for {at:%d %B %Y, %H:%M}"),)
    return ()


def _waits(facts: HomeFacts, day: date) -> str:
    return f"its visit waits until {day:%d %B %Y}: {_WAITS[VisitState(str(facts.visit_state))]}"


def _note(words: str) -> Factor:
    return Factor("visit", words, 1.0, is_cause=False)
