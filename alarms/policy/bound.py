"""How long it can take until a human hears of an alarm, worked out for every hour of the days to come. Pure.

Nobody acts, and every step is waited out: that is the worst. A step behind which nobody stands at that hour is fallen
through at once, as the core does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alarms.escalation.domain import FOREVER, IN_HOUSE, Ladder, Step, TargetKind
from alarms.policy.calendar import local_at

DAYS = 400
HOUR = timedelta(hours=1)

StandsBehind = Callable[[str, datetime], bool]
"""Says whether anybody can be told behind a target at a moment."""

LIMITS = {
    "L": (timedelta(seconds=180), timedelta(seconds=300)),
    "U": (timedelta(minutes=15), timedelta(hours=1)),
    "T": (timedelta(hours=4), timedelta(hours=24)),
    "I": (timedelta(hours=4), timedelta(hours=24)),
}
"""By class: the longest time until the first human is told, and until the last resort is."""


@dataclass(frozen=True)
class Bound:
    """The worst of a raise at `at`: seconds until the first human is told and until the last resort is.

    None: it does not come to that. `holes` are the steps (from 1; one past the last is the last resort) with nobody.
    """

    at: datetime
    human_s: int | None
    last_resort_s: int | None
    holes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Hole:
    """Nobody stands behind a step from one hour until another; times are the beginnings of hours, `until` outside."""

    step: int
    targets: tuple[str, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Outlook:
    """All hours together: the worst of them, and the holes."""

    worst_human: Bound
    worst_last_resort: Bound
    holes: tuple[Hole, ...]
    since: datetime
    until: datetime


def bound_at(ladder: Ladder, at: datetime, stands_behind: StandsBehind) -> Bound:
    """Walk a ladder from a raise at `at` on, with nobody acting."""
    passed, human, holes = 0, None, []
    passes = ladder.loops + 1 if ladder.loops != FOREVER else 1
    for number_of_pass in range(passes):
        told_any = False
        for number, step in enumerate(ladder.steps, start=1):
            moment = at + timedelta(seconds=passed)
            targets = targets_at(step, moment)
            covered = [target for target in targets if target in IN_HOUSE or stands_behind(target, moment)]
            if not covered:
                if targets and number_of_pass == 0:
                    holes.append(number)
                continue
            told_any = True
            if human is None and any(is_human(target) for target in covered):
                human = passed
            passed += step.wait_s * (1 + step.retries)
        if not told_any:
            break
    if ladder.loops == FOREVER:
        return Bound(at, human, None, tuple(holes))
    moment = at + timedelta(seconds=passed)
    last = [t for t in ladder.catch_all if is_human(t) and (t in IN_HOUSE or stands_behind(t, moment))]
    if not last:
        holes.append(len(ladder.steps) + 1)
    human = passed if human is None and last else human
    return Bound(at, human, passed if last else None, tuple(holes))


def outlook(ladder: Ladder, since: datetime, stands_behind: StandsBehind, days: int = DAYS) -> Outlook:
    """Return the worst over every hour of so many days from the hour of `since` on."""
    first = since.replace(minute=0, second=0, microsecond=0)
    bounds = [bound_at(ladder, hour, stands_behind) for hour in _hours(first, days)]
    endless = timedelta.max.total_seconds()
    return Outlook(
        worst_human=max(bounds, key=lambda one: endless if one.human_s is None else one.human_s),
        worst_last_resort=max(bounds, key=lambda one: endless if one.last_resort_s is None else one.last_resort_s),
        holes=tuple(_holes(ladder, bounds)),
        since=first,
        until=first + timedelta(days=days),
    )


def targets_at(step: Step, moment: datetime) -> tuple[str, ...]:
    """Return whom a step tells at a moment: outside of its hours the others, or nobody."""
    return step.targets if step.hours is None or step.hours.hold(local_at(moment)) else step.otherwise


def is_human(target: str) -> bool:
    """Say whether a person stands behind such a target: a receiver of messages is a program."""
    return target.partition(":")[0] != TargetKind.WEBHOOK


def _hours(first: datetime, days: int) -> Iterator[datetime]:
    for hour in range(days * 24):
        yield first + hour * HOUR


def _holes(ladder: Ladder, bounds: list[Bound]) -> Iterator[Hole]:
    for number in range(1, len(ladder.steps) + 2):
        since: datetime | None = None
        for bound in [*bounds, None]:
            open_now = bound is not None and number in bound.holes
            if open_now and since is None and bound is not None:
                since = bound.at
            elif not open_now and since is not None:
                until = bound.at if bound is not None else bounds[-1].at + HOUR
                last = number > len(ladder.steps)
                yield Hole(number, ladder.catch_all if last else ladder.steps[number - 1].targets, since, until)
                since = None
