"""What a ladder has ahead, and whether another one would have a human on it sooner. Pure."""

from datetime import datetime, timedelta

from alarms.escalation.domain import Ladder, State, Step

AT_ONCE = timedelta(minutes=1)
"""Whoever is told within this is told at once: that somebody was to be told a little before is no delay."""


def comes_sooner(ladder: Ladder, state: State, now: datetime) -> bool:
    """Say whether a ladder that begins now tells somebody sooner than an alarm's own, and nobody later than at once.

    Only those count whom the alarm's own has still ahead, its last resort when that is all. Whom the other one does not
    name counts as told at its end. While a human has the alarm both count from their first step.
    """
    begins = state.quiet_until if state.quiet_until is not None and state.is_quiet(now) else now
    present = _present(state, begins)
    other = _told(ladder.steps, begins, ladder.catch_all)
    end = max(other.values(), default=begins)
    changes = [(other.get(target, end), at) for target, at in present.items()]
    at_once = begins + AT_ONCE
    return all(after <= max(before, at_once) for after, before in changes) and any(
        after < before for after, before in changes
    )


def _present(state: State, begins: datetime) -> dict[str, datetime]:
    """Return when the alarm's own ladder tells those whom it has ahead."""
    ladder, due = state.ladder, state.step_due_at
    if due is None:
        return _told(ladder.steps, begins) or _told((), begins, ladder.catch_all)
    if state.again:
        due += timedelta(seconds=state.again * ladder.steps[state.step - 1].wait_s)
    return _told(ladder.steps[state.step :], due) or _told((), due, ladder.catch_all)


def _told(steps: tuple[Step, ...], begins: datetime, catch_all: tuple[str, ...] = ()) -> dict[str, datetime]:
    """Return when each target is told first, if nobody takes the alarm."""
    told: dict[str, datetime] = {}
    at = begins
    for step in steps:
        for target in (*step.targets, *step.otherwise):
            told.setdefault(target, at)
        at += timedelta(seconds=step.wait_s * (1 + step.retries))
    for target in catch_all:
        told.setdefault(target, at)
    return told
