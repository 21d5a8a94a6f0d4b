"""Whether somebody is protected now: by their units, with why and since when. Pure.

The best of their units counts: whoever has one that is heard can call. Silence is the keeper's verdict
(`presence.verdict`), so that what we could not hear ourselves is held against nobody. A state begins when its cause
did, not when somebody looked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from alarms.policy.calendar import at_words
from devices.presence.domain import Presence
from devices.presence.verdict import Change
from devices.registry.domain import Connection, RiskTier
from devices.registry.health import is_low

BEGIN = datetime.min.replace(tzinfo=UTC)


class Protection(StrEnum):
    """Whether a call for help would reach us; `unknown` is never a guess for the better."""

    PROTECTED = "protected"
    DEGRADED = "degraded"
    UNPROTECTED = "unprotected"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why somebody is not simply protected."""

    NO_UNIT = "no_unit"
    SILENT = "silent"
    NEVER_HEARD = "never_heard"
    ON_BATTERY = "on_battery"
    BATTERY_LOW = "battery_low"
    ONE_PATH = "one_path"
    TRIGGER_LOST = "trigger_lost"
    JAMMED = "jammed"
    TRIGGER_BATTERY_LOW = "trigger_battery_low"
    OTHER_UNIT = "other_unit"
    MISSED = "missed"
    NOT_HEARD_YET = "not_heard_yet"
    TELEPHONE = "telephone"
    AWAY = "away"


_GOODNESS = (Protection.PROTECTED, Protection.DEGRADED, Protection.UNKNOWN, Protection.UNPROTECTED)
"""The better, the earlier: what the best of several units comes to."""
RANKS = {Protection.UNPROTECTED: 0, Protection.DEGRADED: 1, Protection.UNKNOWN: 2, Protection.PROTECTED: 5}
"""The worse, the earlier on a list. Unknown by telephone (3) and away by plan (4) stand behind what may be gone (2)."""
_QUIET_RANKS = {Reason.TELEPHONE: 3, Reason.AWAY: 4}
RANKS_ON_A_LIST = frozenset((*RANKS.values(), *_QUIET_RANKS.values()))

FAULTS = {
    "trigger_lost": (Reason.TRIGGER_LOST, "a trigger is no longer heard"),
    "jammed": (Reason.JAMMED, "the radio is jammed and triggers are not heard"),
    "path_lost": (Reason.ONE_PATH, "a communication path is lost"),
    "mains_fail": (Reason.ON_BATTERY, "it runs on its battery"),
    "hub_battery_low": (Reason.BATTERY_LOW, "its battery is low"),
    "trigger_battery_low": (Reason.TRIGGER_BATTERY_LOW, "the battery of a trigger is low"),
}
"""What an open alarm of a unit takes from the protection of whom it serves."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An open alarm of a unit whose cause is still there."""

    type: str
    device_id: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of a hub that serves somebody. `since`: they have it from then on. `due_from`: it counts as silent.

    `stood` are the states in which it stood last, the oldest first.
    """

    hub_id: str
    connection: Connection
    since: datetime
    due_from: datetime
    presence: Presence = Presence.NEVER_SEEN
    presence_since: datetime | None = None
    last_proof: datetime | None = None
    away_until: datetime | None = None
    mains: bool | None = None
    battery_pct: int | None = None
    seen_at: datetime | None = None
    troubles: tuple[Trouble, ...] = ()
    stood: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person: their tier, their units now, and until when the last was there if there is none."""

    tier: RiskTier
    units: tuple[Unit, ...]
    served_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is so with a unit, since when, and until when all was proven to be well if it is no more."""

    state: Protection
    reason: Reason | None
    since: datetime
    words: str
    good_until: datetime | None = None
    look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands: the state, `since` when, and the period with these reasons, that `began` later maybe.

    `good_until`: when they were last proven to be protected, of who is not. `look_at`: when time alone changes it.
    """

    state: Protection
    reasons: tuple[Reason, ...]
    why: str
    tier: RiskTier
    since: datetime
    good_until: datetime | None = None
    hub_id: str | None = None
    away_until: datetime | None = None
    look_at: datetime | None = None
    began: datetime = BEGIN
    causes: tuple[tuple[Reason, datetime], ...] = ()

    @property
    def rank(self) -> int:
        """Return where this stands on a list, the worst first."""
        quiet = [_QUIET_RANKS[reason] for reason in self.reasons if reason in _QUIET_RANKS]
        return max(quiet) if quiet and self.state is Protection.UNKNOWN else RANKS[self.state]

    @property
    def key(self) -> tuple[object, ...]:
        """Return what makes a period of its own."""
        return self.state, self.reasons, self.tier


def judge(
    was: Standing | None, looked_at: datetime | None, facts: Facts, now: datetime, within: timedelta
) -> tuple[Standing, tuple[Standing, ...]]:
    """Return where somebody stands at `now`, and through which periods they came there since they were looked at last.

    `within`: so long a unit has until it is heard for the first time.
    """
    standing, begun = was, []
    for moment in _changed_at(facts, looked_at, now):
        after = _moved(standing, derive(_as_of(facts, moment), moment, within), moment)
        if standing is None or after.began != standing.began:
            begun.append(after)
        standing = after
    last = _moved(standing, derive(facts, now, within), now)
    if standing is None or last.began != standing.began:
        begun.append(last)
    return last, tuple(begun)


def _changed_at(facts: Facts, looked_at: datetime | None, now: datetime) -> list[datetime]:
    """Return when units came into other states between two looks: each of these moments is judged for itself."""
    if looked_at is None:
        return []
    return sorted({change.at for unit in facts.units for change in unit.stood if looked_at < change.at < now})


def _moved(was: Standing | None, found: Standing, now: datetime) -> Standing:
    """Return what was found with its beginnings: that of its state, and that of its period, which has one reason more.

    A period begins with its cause. One whose cause is older than the period before begins when that was seen to end.
    """
    if was is None:
        since = min(found.since, now)
        return replace(found, since=since, began=since)
    same = was.state is found.state
    if was.key == found.key:
        return replace(found, since=was.since, began=was.began, good_until=was.good_until)
    causes = [since for reason, since in found.causes if reason not in was.reasons]
    at = (min(causes, default=now) if same else found.since) if was.tier is found.tier or not same else now
    began = at if was.began < at < now else max(now, was.began)
    if same:
        return replace(found, since=was.since, began=began, good_until=was.good_until)
    return replace(found, since=began, began=began)


def derive(facts: Facts, now: datetime, within: timedelta) -> Standing:
    """Return where somebody stands by what is known of their units at a moment."""
    if not facts.units:
        until = facts.served_until or now
        words = f"No unit serves this person since {at_words(until)}"
        causes = ((Reason.NO_UNIT, until),)
        return Standing(Protection.UNPROTECTED, (Reason.NO_UNIT,), words, facts.tier, until, until, causes=causes)
    each = {unit.hub_id: tuple(_findings(unit, now, within)) for unit in facts.units}
    best = min(facts.units, key=lambda unit: (_GOODNESS.index(_worst(each[unit.hub_id])), unit.hub_id))
    state, findings = _worst(each[best.hub_id]), list(each[best.hub_id])
    if state is Protection.UNPROTECTED:
        # All are. What took the last of them counts, and the last that was well.
        findings = [one for unit in facts.units for one in each[unit.hub_id]]
    else:
        for unit in facts.units:
            if unit is not best:
                findings += _of_another(each[unit.hub_id])
    if state is Protection.PROTECTED and any(one.state is Protection.DEGRADED for one in findings):
        state = Protection.DEGRADED
    return Standing(
        state=state,
        reasons=tuple(sorted({one.reason for one in findings if one.reason is not None})),
        why="; ".join(dict.fromkeys(one.words for one in findings)),
        tier=facts.tier,
        since=_since(state, findings, max(best.since, best.presence_since or best.since)),
        good_until=max((one.good_until for one in findings if one.good_until), default=None),
        hub_id=best.hub_id,
        away_until=best.away_until if any(one.reason is Reason.AWAY for one in findings) else None,
        look_at=min((one.look_at for one in findings if one.look_at), default=None),
        causes=tuple((one.reason, one.since) for one in findings if one.reason is not None),
    )


def due(unit: Unit, within: timedelta) -> datetime:
    """Return by when a unit had to be heard for the first time."""
    return unit.due_from + within


def _findings(unit: Unit, now: datetime, within: timedelta) -> Iterable[Finding]:
    """Return what is so with a unit: how it is heard first, then what is wrong with it."""
    name, since = unit.hub_id, max(unit.presence_since or unit.since, unit.since)
    if unit.connection is not Connection.DIGITAL:
        words = f"{name} calls by telephone: no heartbeat says that it would"
        yield Finding(Protection.UNKNOWN, Reason.TELEPHONE, unit.since, words)
    elif unit.presence is Presence.DORMANT:
        until = f" until {at_words(unit.away_until)}" if unit.away_until else ""
        yield Finding(Protection.UNKNOWN, Reason.AWAY, since, f"Away by plan{until}")
        return
    elif unit.presence is Presence.NEVER_SEEN:
        by = due(unit, within)
        if now < by:
            words = f"{name} has not been heard yet; it is due by {at_words(by)}"
            yield Finding(Protection.UNKNOWN, Reason.NOT_HEARD_YET, unit.since, words, look_at=by)
        else:
            words = f"{name} was never heard since it was put up"
            yield Finding(Protection.UNPROTECTED, Reason.NEVER_HEARD, by, words, good_until=unit.since)
    elif unit.presence in {Presence.OFFLINE, Presence.LOST}:
        # A unit that came here silent protected nobody here.
        good = max(unit.last_proof or unit.since, unit.since)
        words = f"{name} was last heard at {at_words(unit.last_proof or unit.since)}"
        yield Finding(Protection.UNPROTECTED, Reason.SILENT, since, words, good_until=good)
    elif unit.presence in {Presence.LATE, Presence.SUSPECT}:
        words = f"{name} has missed heartbeats and may be gone"
        yield Finding(Protection.UNKNOWN, Reason.MISSED, since, words)
    else:
        yield Finding(Protection.PROTECTED, None, since, f"{name} is heard")
    yield from _faults(unit, now)


def _faults(unit: Unit, now: datetime) -> Iterable[Finding]:
    """Return what takes from the protection by a unit: its open alarms, and what it says of its power."""
    open_ = [one for one in unit.troubles if one.type in FAULTS and one.since <= now]
    said = unit.seen_at if unit.seen_at and unit.seen_at <= now else now
    types = {one.type for one in open_}
    if unit.mains is False and "mains_fail" not in types:
        open_.append(Trouble("mains_fail", None, said))
    if is_low(unit.battery_pct) and "hub_battery_low" not in types:
        open_.append(Trouble("hub_battery_low", None, said))
    for one in sorted(open_, key=lambda trouble: (list(FAULTS).index(trouble.type), trouble.device_id or "")):
        if one.type == "mains_fail" and unit.mains and unit.seen_at and unit.seen_at > one.since:
            continue  # it has said since that its mains are on
        reason, words = FAULTS[one.type]
        which = f" ({one.device_id})" if one.device_id and reason is not Reason.ON_BATTERY else ""
        yield Finding(Protection.DEGRADED, reason, one.since, f"{unit.hub_id}: {words}{which}")


def _of_another(findings: Sequence[Finding]) -> list[Finding]:
    """Return what a unit that is not their best takes from somebody: a trigger may be paired to that one alone."""
    if any(one.reason is Reason.AWAY for one in findings):
        return []
    found = [one for one in findings if one.state is Protection.DEGRADED]
    gone = [one for one in findings if one.state is Protection.UNPROTECTED]
    return found + [Finding(Protection.DEGRADED, Reason.OTHER_UNIT, one.since, one.words) for one in gone]


def _worst(findings: Sequence[Finding]) -> Protection:
    return max((one.state for one in findings), key=_GOODNESS.index)


def _since(state: Protection, findings: Sequence[Finding], heard: datetime) -> datetime:
    """Return since when a state is so: degraded by the first fault while heard, unprotected by the last that left."""
    moments = [one.since for one in findings if one.state is state]
    if state is Protection.DEGRADED:
        return max(min(moments), heard)
    return max(moments) if state is Protection.UNPROTECTED else min(moments)


def _as_of(facts: Facts, moment: datetime) -> Facts:
    """Return the facts with each unit standing as it did at a moment."""
    return replace(facts, units=tuple(_unit_at(unit, moment) for unit in facts.units))


def _unit_at(unit: Unit, moment: datetime) -> Unit:
    stood = [change for change in unit.stood if change.at <= moment]
    if not stood or stood[-1] == unit.stood[-1]:
        return unit
    return replace(unit, presence=stood[-1].state, presence_since=stood[-1].at)
