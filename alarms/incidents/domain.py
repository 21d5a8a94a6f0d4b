"""Which homes have one cause, who of them is worse off, and when it is over. Pure.

A cause is sought in what homes have in common: the group in which the homes hit, times their share of it, are the most
explains them best. So a postcode goes before its council, and a network that is silent all over before their postcodes.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

from alarms.escalation.ranks import URGENT
from alarms.handling.domain import Opening

INCIDENT = "incident"
ATTACHED = ("mains_fail", "hub_offline", "path_lost")
"""The types of alarm that belong to the incident of their home. Life-safety never does."""

NAMED = 10
LONDON = ZoneInfo("Europe/London")


class GroupKind(StrEnum):
    """What homes can have in common; of two that explain as well the first counts."""

    POSTCODE_SECTOR = "postcode_sector"
    EXCHANGE = "exchange"
    MOBILE_NETWORK = "mobile_network"
    FIRMWARE = "firmware"
    COUNCIL = "council"


OF_PLACES = (GroupKind.POSTCODE_SECTOR, GroupKind.EXCHANGE, GroupKind.COUNCIL)
"""The mains fail in places, and in no network and no firmware."""

WITH_THE_MAINS = timedelta(minutes=5)
"""A path that is lost so soon before or after the mains went with them: a home's router has no battery."""

_ORDER = {kind: n for n, kind in enumerate(GroupKind)}


class IncidentState(StrEnum):
    """Whether it is still on."""

    OPEN = "open"
    CLOSED = "closed"


class MemberState(StrEnum):
    """Whether a home is still hit. One that `stayed` was so when the incident ended, and has an alarm of its own."""

    JOINED = "joined"
    RETURNED = "returned"
    STAYED = "stayed"


@dataclass(frozen=True, order=True)
class Group:
    """Homes that have something in common, such as the postcode sector KY15 4."""

    kind: GroupKind
    key: str

    @property
    def words(self) -> str:
        """Return it in words."""
        if self.kind is GroupKind.COUNCIL:
            return "all over the council"
        return f"{self.kind.replace('_', ' ')} {self.key}"


@dataclass(frozen=True)
class Rule:
    """When homes are one incident: so many of a group, and so large a part of it, within so long.

    `settle`: how old the first of them is then, so that the cause shows and is not the first that fits.
    """

    at_least: int = 5
    share: float = 0.02
    within: timedelta = timedelta(minutes=10)
    settle: timedelta = timedelta(seconds=20)

    def needed(self, size: int) -> int:
        """Return how many homes of a group of this size are an incident."""
        return max(self.at_least, ceil(self.share * size))


@dataclass(frozen=True)
class Signal:
    """A home that is hit, since when, and what it has in common with others."""

    hub_id: str
    since: datetime
    groups: frozenset[Group]


@dataclass(frozen=True)
class OpenIncident:
    """An incident that is on, and when the last home joined it."""

    id: UUID
    group: Group
    last_joined_at: datetime


@dataclass
class Plan:
    """Which hubs join an open incident, and for which groups one opens with which hubs."""

    joins: dict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    opens: dict[Group, list[str]] = field(default_factory=dict)


def correlate(
    signals: Sequence[Signal],
    sizes: Mapping[Group, int],
    incidents: Iterable[OpenIncident],
    now: datetime,
    rule: Rule,
    members: Mapping[UUID, Sequence[Signal]] = MappingProxyType({}),
) -> Plan:
    """Say what becomes of homes that are hit and belong to no incident. Each goes to one at most.

    `members` are hit and belong to one already, by its id: those of places show how far a storm has got.
    """
    incidents = list(incidents)
    on = {each.group: each for each in incidents}
    fresh = {group for group, each in on.items() if now - each.last_joined_at <= rule.within}
    plan, left = Plan(), {}
    for signal in sorted(signals, key=lambda one: one.hub_id):
        fitting = signal.groups & fresh
        if fitting:
            group = min(fitting, key=lambda one: (sizes.get(one, 0), _ORDER[one.kind], one.key))
            plan.joins[on[group].id].append(signal.hub_id)
        else:
            left[signal.hub_id] = signal
    hits = Counter(group for signal in left.values() for group in signal.groups)
    of_places = [one for each in incidents if each.group.kind in OF_PLACES for one in members.get(each.id, ())]
    before = Counter(group for one in of_places if now - one.since <= rule.within for group in one.groups)
    while (best := _best(hits, left, sizes, now, rule)) is not None:
        if best.kind in OF_PLACES:
            shared = frozenset.intersection(*(one.groups for one in left.values() if best in one.groups))
            best = _widest_place(shared, hits + before, sizes, rule)
        hub_ids = [hub_id for hub_id, signal in left.items() if best in signal.groups]
        if best in on:
            plan.joins[on[best].id].extend(hub_ids)
        else:
            plan.opens[best] = hub_ids
        for hub_id in hub_ids:
            hits.subtract(left.pop(hub_id).groups)
    return plan


def _best(
    hits: Counter[Group], left: Mapping[str, Signal], sizes: Mapping[Group, int], now: datetime, rule: Rule
) -> Group | None:
    """Return the group that explains best what is left, None when none has as many as it takes."""
    reached = {group: max(sizes.get(group, 0), count) for group, count in hits.items() if count >= rule.at_least}
    reached = {group: size for group, size in reached.items() if hits[group] >= rule.needed(size)}
    settled = {group for signal in left.values() if now - signal.since >= rule.settle for group in signal.groups}
    candidates = settled & reached.keys()
    return _explains(candidates, hits, reached) if candidates else None


def _widest_place(shared: frozenset[Group], hits: Mapping[Group, int], sizes: Mapping[Group, int], rule: Rule) -> Group:
    """Return which of the places that homes share explains best all that are hit lately, in incidents or not.

    A storm that takes one postcode after another is one of their town, then of the council, and no flood of incidents.
    """
    reached = {one: max(sizes.get(one, 0), hits[one]) for one in shared if one.kind in OF_PLACES}
    return _explains([one for one, size in reached.items() if hits[one] >= rule.needed(size)], hits, reached)


def _explains(groups: Collection[Group], hits: Mapping[Group, int], sizes: Mapping[Group, int]) -> Group:
    """Return the group in which the homes hit, times their share of it, are the most."""
    return min(groups, key=lambda one: (-(hits[one] ** 2) / sizes[one], _ORDER[one.kind], one.key))


def is_over(joined: int, needed: int, last_moved_at: datetime, now: datetime, rule: Rule) -> bool:
    """Say whether an incident ends: nobody is hit any more, or too few to be one and nothing has moved for long."""
    return joined == 0 or (joined < needed and now - last_moved_at >= rule.within)


def battery_until(
    mains_lost_at: datetime, hours: int | None, pct: int | None, pct_at: datetime | None
) -> datetime | None:
    """Return when the battery of a unit is empty, by what it last said of it, else by its model; None: nobody knows."""
    if hours is None:
        return None
    full = timedelta(hours=hours)
    if pct is not None and pct_at is not None and pct_at >= mains_lost_at:
        return pct_at + full * pct / 100
    return mains_lost_at + full


WEIGHTS = {"A": 4, "B": 3, "C": 2, "D": 1}
UNKNOWN_WEIGHT = 4
SCALE = 1_000_000


def urgency(tier: str | None, lasts_until: datetime | None, now: datetime) -> int:
    """Return how high a home ranks: by risk, and by the hours for which its unit still works; 0: it has its mains.

    What nobody knows counts as the worst: no tier as tier A, no battery as an empty one.
    """
    if lasts_until is None:
        return 0
    hours = max(0.0, (lasts_until - now).total_seconds()) / 3600
    return int(SCALE * WEIGHTS.get(tier or "", UNKNOWN_WEIGHT) / (1 + hours))


@dataclass(frozen=True)
class Standing:
    """A home as it stands: what is wrong there and since when, who lives there, how long the unit lasts."""

    hub_id: str
    council_id: str
    person_id: UUID | None
    premises_id: UUID | None
    person_name: str
    tier: str | None
    offline_since: datetime | None = None
    mains_lost_at: datetime | None = None
    path_lost_at: datetime | None = None
    battery_hours: int | None = None
    battery_pct: int | None = None
    battery_at: datetime | None = None
    groups: frozenset[Group] = frozenset()

    @property
    def since(self) -> datetime:
        """Return when the latest of what is wrong began."""
        return max(one for one in (self.offline_since, self.mains_lost_at, self.path_lost_at) if one is not None)

    @property
    def signal(self) -> Signal:
        """Return it as a signal; where the mains fail, and a path with them at the most, the cause is in a place."""
        groups = (group for group in self.groups if not self._only_mains or group.kind in OF_PLACES)
        return Signal(self.hub_id, self.since, frozenset(groups))

    @property
    def _only_mains(self) -> bool:
        if self.mains_lost_at is None or self.offline_since is not None:
            return False
        return self.path_lost_at is None or abs(self.path_lost_at - self.mains_lost_at) <= WITH_THE_MAINS

    @property
    def battery_until(self) -> datetime | None:
        """Return when its battery is empty; None with mains, and where nobody knows."""
        if self.mains_lost_at is None:
            return None
        return battery_until(self.mains_lost_at, self.battery_hours, self.battery_pct, self.battery_at)

    @property
    def lasts_until(self) -> datetime | None:
        """Return until when the unit works, None while it has its mains; one that is silent does not."""
        if self.offline_since is not None or self.mains_lost_at is None:
            return self.offline_since
        return self.battery_until or self.mains_lost_at

    @property
    def words(self) -> str:
        """Return the person and what is wrong, in words."""
        if self.offline_since is not None:
            wrong = f"silent since {_clock(self.offline_since)}"
        elif self.mains_lost_at is not None:
            until = self.battery_until
            wrong = f"on battery until about {_clock(until)}" if until else "on battery, nobody knows for how long"
        else:
            wrong = "a path is lost"
        return f"{self.person_name or self.hub_id} ({f'tier {self.tier}, ' if self.tier else ''}{wrong})"


def title(group: Group, homes: int) -> str:
    """Return an incident in one line."""
    return f"Incident, {group.words}: {homes} home{'' if homes == 1 else 's'}"


def worst_words(members: Iterable[Standing], now: datetime) -> str:
    """Name those who are worst off."""
    ranked = sorted(members, key=lambda one: (-urgency(one.tier, one.lasts_until, now), one.hub_id))
    more = f"; and {len(ranked) - NAMED} more" if len(ranked) > NAMED else ""
    return f"Worst off: {'; '.join(one.words for one in ranked[:NAMED])}{more}"


def overdue_words(members: Sequence[Standing]) -> str:
    """Name those whose deadline has passed while their unit is silent."""
    more = f"; and {len(members) - NAMED} more" if len(members) > NAMED else ""
    return f"Past the deadline of their tier: {'; '.join(one.words for one in members[:NAMED])}{more}"


def opening_of(incident_id: UUID, group: Group, homes: int, notes: Sequence[str]) -> Opening:
    """Return the alarm that humans in a council get of an incident."""
    return Opening(INCIDENT, "U", URGENT, f"incident:{incident_id}", title(group, homes), tuple(notes))


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%a %H:%M}"
