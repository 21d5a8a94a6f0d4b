"""Awards: their criteria as data with the source of each, and what the days of a fleet make of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Award(StrEnum):
    """The implementation awards, the first first."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD_1 = "gold_1"
    GOLD_2 = "gold_2"
    PLATINUM = "platinum"


class Share(StrEnum):
    """What of a council's users is counted."""

    DIGITAL_READY = "digital_ready"
    LIVE_DIGITAL = "live_digital"


SHARES: Mapping[Share, str] = {
    Share.DIGITAL_READY: "users with a unit that is digital or digital-ready",
    Share.LIVE_DIGITAL: "users with an accepted unit that is digital from end to end",
}


@dataclass(frozen=True)
class Criterion:
    """One criterion of an award. Without a share a named person attests it, with evidence.

    `percent` of the users, more than that when `above`; for `months` without a day's gap.
    """

    key: str
    award: Award
    words: str
    source: str
    share: Share | None = None
    percent: int = 0
    above: bool = False
    months: int = 0


CRITERIA = (
    Criterion(
        "bronze_ready", Award.BRONZE, "Digital-ready devices for more than 50 % of all alarm users",
        "South Lanarkshire Council, December 2023", Share.DIGITAL_READY, 50, above=True,
    ),
    Criterion(
        "silver_arc", Award.SILVER, "A digital alarm receiving centre is in place and tested",
        "Not in the published sources; as the programme's office tells it", None,
    ),
    Criterion(
        "gold_1_arc", Award.GOLD_1,
        "The digital alarm receiving centre is fully operational, tested with a low-risk group",
        "Moray Council and Falkirk Council, Gold 1", None,
    ),
    Criterion(
        "gold_1_live", Award.GOLD_1, "A live digital service for at least 20 % of users",
        "Moray Council and Falkirk Council, Gold 1", Share.LIVE_DIGITAL, 20,
    ),
    Criterion(
        "gold_2_uat", Award.GOLD_2, "Acceptance test and migration with a representative high-risk group",
        "Socialcare.today, 23 April 2021", None,
    ),
    Criterion(
        "gold_2_live", Award.GOLD_2, "A live digital service for at least 40 % of users",
        "Socialcare.today, 23 April 2021; a page of 2025 speaks of 50 %", Share.LIVE_DIGITAL, 40,
    ),
    Criterion(
        "platinum_live", Award.PLATINUM, "A live digital service for at least 80 % of users, for at least 9 months",
        "Socialcare.today, 23 April 2021", Share.LIVE_DIGITAL, 80, months=9,
    ),
)  # fmt: skip
ATTESTED = frozenset(criterion.key for criterion in CRITERIA if criterion.share is None)


@dataclass(frozen=True)
class Day:
    """What was counted of a council's users on a day."""

    day: date
    users: int
    digital_ready: int
    live_digital: int

    def of(self, share: Share) -> int:
        """Return how many users a share counts."""
        return self.digital_ready if share is Share.DIGITAL_READY else self.live_digital


@dataclass(frozen=True)
class Met:
    """How a criterion stands: when it was first met, whether it is now, and what is missing, in words."""

    criterion: Criterion
    first_on: date | None
    now: bool
    missing: str


@dataclass(frozen=True)
class Standing:
    """How an award stands: when all of its criteria had been met, and whether all are now."""

    award: Award
    first_on: date | None
    now: bool
    criteria: tuple[Met, ...]


def standings(days: Sequence[Day], attested: Mapping[str, date]) -> list[Standing]:
    """Return how each award stands after these days, the first first; `attested` has the days of what people said."""
    found = []
    for award in Award:
        met = tuple(_met(criterion, days, attested) for criterion in CRITERIA if criterion.award is award)
        times = [one.first_on for one in met]
        first = max((day for day in times if day), default=None) if None not in times else None
        found.append(Standing(award, first, all(one.now for one in met), met))
    return found


def reaches(criterion: Criterion, day: Day) -> bool:
    """Say whether the share of a day is enough. A council without users has nothing to show."""
    if criterion.share is None or not day.users:
        return False
    have, need = 100 * day.of(criterion.share), criterion.percent * day.users
    return have > need if criterion.above else have >= need


def lacking(criterion: Criterion, day: Day) -> int:
    """Return how many more users a share needs."""
    if criterion.share is None or reaches(criterion, day):
        return 0
    need = criterion.percent * day.users
    least = need // 100 + 1 if criterion.above else -(-need // 100)
    return max(1, least - day.of(criterion.share))


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        if last <= day.day:
            try:
                return date(year, month + 1, last)
            except ValueError:
                continue
    return date(year, month + 1, 28)


def _met(criterion: Criterion, days: Sequence[Day], attested: Mapping[str, date]) -> Met:
    if criterion.share is None:
        said = attested.get(criterion.key)
        return Met(criterion, said, said is not None, "" if said else "Nobody has attested it, with evidence")
    first, begun, before = None, None, None
    for day in sorted(days, key=lambda one: one.day):
        whole = before is None or day.day == before + timedelta(days=1)
        before = day.day
        if not reaches(criterion, day):
            begun = None
            continue
        begun = begun if begun is not None and whole else day.day
        if first is None and day.day >= months_after(begun, criterion.months):
            first = day.day
    last = max(days, key=lambda one: one.day, default=None)
    if last is None:
        return Met(criterion, None, now=False, missing="Nothing has been counted yet")
    if begun is None:
        count = lacking(criterion, last)
        missing = f"{count:,} more {SHARES[criterion.share]}" if last.users else "This council has no users here"
        return Met(criterion, first, now=False, missing=missing)
    whole_on = months_after(begun, criterion.months)
    if last.day < whole_on:
        words = f"Reached without a gap since {begun:%d %B %Y}: met on {whole_on:%d %B %Y} if it stays so"
        return Met(criterion, first, now=False, missing=words)
    return Met(criterion, first, now=True, missing="")


class CostItem(StrEnum):
    """What a council enters, in pence."""

    DEVICE = "device"
    SWAP = "swap"
    VISIT = "visit"
    SIM_MONTH = "sim_month"
    LINE_MONTH = "line_month"
    CALLS_MONTH = "calls_month"


COST_WORDS: Mapping[CostItem, str] = {
    CostItem.DEVICE: "One digital unit with its peripherals",
    CostItem.SWAP: "One swap, beside device and visit: planning, paperwork, disposal",
    CostItem.VISIT: "One visit, whether the door was opened or not",
    CostItem.SIM_MONTH: "A SIM or other digital path, each month",
    CostItem.LINE_MONTH: "Saved each month for an analogue line that is no longer paid",
    CostItem.CALLS_MONTH: "Saved each month for calls over the analogue line",
}


@dataclass(frozen=True)
class Progress:
    """What is counted of a council's swaps. `digital_months`: full months that accepted digital units have stood."""

    swaps: int
    visits: int
    no_access: int
    digital_months: int


@dataclass(frozen=True)
class Money:
    """Cost and benefit so far, in pence; None where the council has not entered what it takes."""

    spent: int | None
    running: int | None
    saved: int | None
    net: int | None


def money(progress: Progress, prices: Mapping[str, int]) -> Money:
    """Return what a council's own prices and the counts of the fleet come to."""

    def of(*parts: tuple[CostItem, int]) -> int | None:
        known = [prices[item] * count for item, count in parts if item in prices]
        return sum(known) if known else None

    spent = of((CostItem.DEVICE, progress.swaps), (CostItem.SWAP, progress.swaps), (CostItem.VISIT, progress.visits))
    running = of((CostItem.SIM_MONTH, progress.digital_months))
    saved = of((CostItem.LINE_MONTH, progress.digital_months), (CostItem.CALLS_MONTH, progress.digital_months))
    known = spent is not None and running is not None and saved is not None
    return Money(spent, running, saved, (saved or 0) - (spent or 0) - (running or 0) if known else None)
