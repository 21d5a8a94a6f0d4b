"""Minutes of lost protection: from when somebody was last proven to be protected, not from when we found out. Pure.

Each loss hangs on one period, so that every figure can be traced; what two periods of a person share counts once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from devices.registry.domain import RiskTier

WORST = 10
OF_A_HUNDRED = 95


@dataclass(frozen=True, slots=True)
class Unprotected:
    """A period in which somebody was not protected, as it was kept; `ended_at` is None while it lasts."""

    person_id: UUID
    council_id: str
    tier: RiskTier
    started_at: datetime
    ended_at: datetime | None
    good_until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Loss:
    """The part of such a period that counts in a report."""

    period: Unprotected
    lost_from: datetime
    lost_until: datetime

    @property
    def minutes(self) -> float:
        """Return how long it was."""
        return (self.lost_until - self.lost_from).total_seconds() / 60


@dataclass(frozen=True, slots=True)
class Lost:
    """What one person lost, in one tier."""

    person_id: UUID
    minutes: float
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class TierLoss:
    """What the people of a tier lost: of so many people, so many lost any; the sum, and p95 over those who did."""

    tier: RiskTier
    people: int
    affected: int
    minutes: float
    p95: float
    worst: tuple[Lost, ...]


def losses(periods: Iterable[Unprotected], begin: datetime, end: datetime, now: datetime) -> list[Loss]:
    """Return what was lost between two moments, by person and in order; what lasts still counts until now."""
    found: list[Loss] = []
    end = min(end, now)
    ordered = sorted(periods, key=lambda one: (str(one.person_id), one.good_until or one.started_at, one.started_at))
    for _, of_one in groupby(ordered, key=lambda one: one.person_id):
        counted = begin
        for period in of_one:
            lost_from = max(period.good_until or period.started_at, counted)
            lost_until = min(period.ended_at or now, end)
            if lost_until > lost_from:
                found.append(Loss(period, lost_from, lost_until))
                counted = lost_until
    return found


def by_tier(found: Sequence[Loss], people: Mapping[RiskTier, int]) -> list[TierLoss]:
    """Return the figures of each tier; `people` says how many are in each now."""
    return [_of_tier(tier, [loss for loss in found if loss.period.tier is tier], people) for tier in RiskTier]


def _of_tier(tier: RiskTier, found: Sequence[Loss], people: Mapping[RiskTier, int]) -> TierLoss:
    of_each: dict[UUID, list[Loss]] = defaultdict(list)
    for loss in found:
        of_each[loss.period.person_id].append(loss)
    lost = [Lost(person, sum(one.minutes for one in theirs), tuple(theirs)) for person, theirs in of_each.items()]
    lost.sort(key=lambda one: (-one.minutes, str(one.person_id)))
    total = sum(one.minutes for one in lost)
    return TierLoss(
        tier, people.get(tier, 0), len(lost), total, p95([one.minutes for one in lost]), tuple(lost[:WORST])
    )


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile by nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[-(-OF_A_HUNDRED * len(ordered) // 100) - 1] if ordered else 0.0
