"""What will hurt before it hurts: facts about policies, rotas and what waits, as notices that say how to mend it. Pure.

An error is what an alarm that comes now meets; a warning is what a later one may.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alarms.escalation.domain import IN_HOUSE, Target, TargetKind, target_words
from alarms.handling.faults import unreadable_policy, unreadable_rota
from alarms.handling.limit import Level, level_of
from alarms.policy.bound import StandsBehind, targets_at
from alarms.policy.calendar import at_words, local_at
from alarms.policy.check import ADD_A_STEP, NO_STEPS
from alarms.policy.document import PolicyDocument
from alarms.rota.domain import Shift

AHEAD = timedelta(hours=24)
"""How far gaps of rotas are looked for."""

LOOK = timedelta(minutes=5)
"""How close the moments of a gap lie that are held against the hours of policies."""

NOT_LOOKED_UP = IN_HOUSE | {Target.CONTACTS}
"""The board is always there, and a person's contacts are each person's own."""

MEND: Mapping[str, str] = {
    TargetKind.ROTA: "Put somebody on who can be told, or name somebody else as well",
    TargetKind.TEAM: "Put somebody into the team who can be told, or name somebody else as well",
    TargetKind.RESPONDER: "Give them a way to be told that is switched on, or name somebody else as well",
    TargetKind.WEBHOOK: "Give it a webhook that is switched on",
}
ADD_A_POINT = "Add a contact point, or name somebody else as well"
PAGES: Mapping[str, str] = {
    TargetKind.TEAM: "/teams",
    TargetKind.RESPONDER: "/responders",
    TargetKind.WEBHOOK: "/responders",
}


@dataclass(frozen=True)
class Notice:
    """One thing to mend. `link` is the console's page for it; without a council it is the business of all."""

    level: Level
    council_id: str | None
    what: str
    mend: str
    link: str


@dataclass(frozen=True)
class LivePolicy:
    """A policy that new alarms go by, or would: `document` is None when it cannot be read."""

    id: UUID
    key: str
    document: PolicyDocument | None

    @property
    def link(self) -> str:
        """Return its page."""
        return f"/policies/{self.id}"


@dataclass(frozen=True)
class NamedRota:
    """A rota that policies name; `gaps` are those of the time ahead, None when it cannot be read."""

    id: UUID
    gaps: Sequence[Shift] | None

    @property
    def link(self) -> str:
        """Return its page."""
        return f"/rotas/{self.id}"


@dataclass(frozen=True)
class Circle:
    """The policies of one council, or those that serve all (None), with who stands behind what they name."""

    council_id: str | None
    policies: Sequence[LivePolicy]
    stands_behind: StandsBehind
    rotas: Mapping[str, NamedRota]


@dataclass(frozen=True)
class _Place:
    """Where a policy names targets, in words; `now`: whoever comes there at this moment is told them."""

    words: str
    link: str
    targets: tuple[str, ...]
    now: bool


def notices(
    circles: Iterable[Circle], unclaimed: Mapping[str | None, int], limit: int, now: datetime
) -> tuple[Notice, ...]:
    """Return all that is to be said at a moment, the errors first. `unclaimed` counts each council's alarms."""
    found = [notice for circle in circles for notice in _of_circle(circle, now)]
    found += _of_limit(unclaimed, limit)
    return tuple(sorted(found, key=lambda one: (one.level is not Level.ERROR, one.council_id or "", one.what)))


def named_by(document: PolicyDocument) -> frozenset[str]:
    """Return every target that a policy names and that must be looked up."""
    return document.targets - NOT_LOOKED_UP


def _of_limit(unclaimed: Mapping[str | None, int], limit: int) -> Iterator[Notice]:
    for council_id, count in unclaimed.items():
        level = level_of(count, limit)
        if level is not None:
            what = f"{count} open alarms are nobody's; the limit is {limit}"
            mend = "Have more people log in and take them: nothing is refused or dropped meanwhile"
            yield Notice(level, council_id, what, mend, "/")


def _of_circle(circle: Circle, now: datetime) -> Iterator[Notice]:
    for policy in circle.policies:
        if policy.document is None:
            fault = unreadable_policy(policy.key)
            yield Notice(Level.ERROR, circle.council_id, fault.words, fault.notes[0], policy.link)
        elif not policy.document.steps:
            what = f"The policy “{policy.key}”: {NO_STEPS}"
            yield Notice(Level.ERROR, circle.council_id, what, ADD_A_STEP, policy.link)
    named = {target for one in circle.policies if one.document for target in named_by(one.document)}
    for target in sorted(named):
        rota = circle.rotas.get(target)
        if rota is not None and rota.gaps is None:
            words = unreadable_rota(target.partition(":")[2]).words
            yield Notice(Level.ERROR, circle.council_id, words, "Write its layers anew: nobody is on it now", rota.link)
            continue
        nobody = _nobody_now(circle, target, now)
        if nobody is not None:
            yield nobody
        if rota is not None:
            yield from _gaps_ahead(circle, target, rota, None if nobody is None else now)


def _nobody_now(circle: Circle, target: str, now: datetime) -> Notice | None:
    """Return that nobody can be told behind a target; of a rota only at hours at which somebody asks for it."""
    kind = target.partition(":")[0]
    places = [one for one in _places(circle.policies, now) if target in one.targets]
    if kind == TargetKind.ROTA:
        places = [one for one in places if one.now]
    if not places or circle.stands_behind(target, now):
        return None
    empty = [one for one in places if one.now and not _anybody(circle, one.targets, now)]
    rota = circle.rotas.get(target)
    what = f"Nobody stands behind {target_words(target)} now{_until(rota, now)}"
    what += f": an alarm falls through {_listed(empty)}" if empty else f" (named at {_listed(places)})"
    link = rota.link if rota else PAGES.get(kind, places[0].link)
    level = Level.ERROR if empty else Level.WARNING
    return Notice(level, circle.council_id, what, MEND.get(kind, ADD_A_POINT), link)


def _gaps_ahead(circle: Circle, target: str, rota: NamedRota, told: datetime | None) -> Iterator[Notice]:
    """Return the gaps at which a policy asks for the rota, without that of the moment of which it was `told`."""
    for gap in rota.gaps or ():
        if told is not None and gap.start <= told:
            continue
        places = _asking(circle.policies, target, gap)
        if places:
            words = f"from {at_words(gap.start)} until {at_words(gap.end)}"
            what = f"Nobody is on {target_words(target)} {words} (named at {_listed(places)})"
            yield Notice(Level.WARNING, circle.council_id, what, MEND[TargetKind.ROTA], rota.link)


def _until(rota: NamedRota | None, now: datetime) -> str:
    """Return when the gap of now ends; nothing where there is none, or it goes on for as long as was looked."""
    ends = (gap.end for gap in (rota.gaps if rota else None) or () if gap.start <= now < gap.end)
    end = next(ends, None)
    return "" if end is None or end >= now + AHEAD else f", until {at_words(end)}"


def _asking(policies: Sequence[LivePolicy], target: str, gap: Shift) -> list[_Place]:
    """Return the places at which a target is told at the first moment of a gap at which it is told at all."""
    moment = gap.start
    while moment < gap.end:
        places = [one for one in _places(policies, moment) if one.now and target in one.targets]
        if places:
            return places
        moment += LOOK
    return []


def _places(policies: Sequence[LivePolicy], at: datetime) -> Iterator[_Place]:
    for policy in policies:
        document = policy.document
        if document is None:
            continue
        hours = document.for_.hours
        fits = hours is None or hours.hours().hold(local_at(at))
        for number, part in enumerate(document.steps, start=1):
            told = targets_at(part.step(), at)
            for targets in (part.tell, part.otherwise):
                if targets:
                    words = f"step {number} of “{policy.key}”"
                    yield _Place(words, policy.link, targets, fits and targets == told)
        yield _Place(f"the last resort of “{policy.key}”", policy.link, document.catch_all.tell, fits)


def _anybody(circle: Circle, targets: Iterable[str], now: datetime) -> bool:
    """Say whether anybody may be told there: what is not looked up counts as somebody."""
    return any(target in NOT_LOOKED_UP or circle.stands_behind(target, now) for target in targets)


def _listed(places: Iterable[_Place]) -> str:
    return " and ".join(dict.fromkeys(place.words for place in places))
