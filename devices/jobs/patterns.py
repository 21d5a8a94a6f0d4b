"""Patterns in what hubs say: facts of one hub in, a finding with its evidence out. Pure, and thresholds are data."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from devices.jobs.domain import Finding, Item, JobKind, Look
from devices.registry.health import is_low

LONDON = ZoneInfo("Europe/London")

CONDITIONS: Mapping[str, tuple[str, bool]] = {
    "mains_fail": ("Mains", False),
    "mains_restored": ("Mains", True),
    "path_lost": ("A communication path", False),
    "path_restored": ("A communication path", True),
    "trigger_lost": ("The radio of a trigger", False),
    "trigger_restored": ("The radio of a trigger", True),
    "hub_battery_low": ("A battery", False),
    "trigger_battery_low": ("A battery", False),
    "battery_restored": ("A battery", True),
}
"""Which condition a type of event is about, and whether it is well then."""

DETECTORS = frozenset({"smoke", "heat", "fire_panel", "sprinkler", "carbon_monoxide", "gas"})
PERSONAL = frozenset({"pendant", "fall", "panic", "pull_cord", "unit_button", "attack", "epilepsy", "man_down"})
"""Kinds of triggers that somebody calls by, and that a monthly test proves."""

NOT_MEANT = frozenset({"accidental"})
NOBODY_SPOKE = frozenset({"no_response_visit", "unable_to_reach"})


@dataclass(frozen=True)
class Rules:
    """The thresholds. A clock is wrong outside of what the intake believes, too."""

    changes: int = 3
    changes_within: timedelta = timedelta(minutes=15)
    boots: int = 3
    boots_within: timedelta = timedelta(hours=1)
    night: tuple[time, time] = (time(23), time(6))
    night_presses: int = 3
    silent_calls: int = 3
    calls_within: timedelta = timedelta(days=7)
    unheard: timedelta = timedelta(days=35)
    future: timedelta = timedelta(minutes=5)
    past: timedelta = timedelta(days=90)
    credential: timedelta | None = timedelta(days=730)
    expiry_notice: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class Signal:
    """One event of a hub, as received."""

    event_id: UUID
    type: str
    at: datetime
    device_at: datetime | None = None
    alarm_id: UUID | None = None
    device_id: str | None = None


@dataclass(frozen=True)
class Call:
    """One closed call for help; `open_line`: somebody noted that nobody spoke on it."""

    alarm_id: UUID
    words: str
    at: datetime
    outcome: str
    open_line: bool = False

    @property
    def silent(self) -> bool:
        """Whether nobody spoke in it."""
        return self.open_line or self.outcome in NOBODY_SPOKE


@dataclass(frozen=True)
class Trigger:
    """A registered peripheral."""

    device_id: str
    kind: str
    room: str | None
    paired_at: datetime


@dataclass(frozen=True)
class Unit:
    """A hub as register, its own list and its proofs have it. `listed` is None while it has listed nothing.

    `watched`: it is in service and speaks for itself; of another one nothing can be said.
    """

    hub_id: str
    watched: bool
    registered: Sequence[Trigger] = ()
    listed: Mapping[str, Mapping[str, Any]] | None = None
    proven: Mapping[str, datetime] = field(default_factory=dict)
    away: bool = False
    credential_issued_at: datetime | None = None
    certificate_expires_on: date | None = None


Closed = Mapping[JobKind, datetime]
"""When a human last closed a job of a kind: what happened before that has been looked at."""


def of_events(hub_id: str, signals: Sequence[Signal], rules: Rules, closed: Closed) -> list[Look]:
    """Return what the latest events of a hub say, in whatever order they are given."""
    ordered = sorted(signals, key=lambda signal: (signal.at, str(signal.event_id)))

    def since(kind: JobKind) -> list[Signal]:
        return [signal for signal in ordered if kind not in closed or signal.at > closed[kind]]

    reset, double = JobKind.FACTORY_RESET, JobKind.DUPLICATE_ID
    found = [
        Look(hub_id, JobKind.CHATTERING, chattering(since(JobKind.CHATTERING), rules)),
        Look(hub_id, reset, happened(since(reset), "factory_reset", reset, "Reset")),
        Look(hub_id, double, happened(since(double), "duplicate_id", double, "Two units spoke under it")),
        *_clock(hub_id, since(JobKind.CLOCK_WRONG), rules),
        *_batteries(hub_id, since(JobKind.TRIGGER_BATTERY_LOW)),
    ]
    return [look for look in found if look.finding or look.gone]


def chattering(signals: Sequence[Signal], rules: Rules) -> Finding | None:
    """Return the conditions that changed so often within so short a time; the same told again is no change."""
    changes: defaultdict[tuple[str, str | None], list[Signal]] = defaultdict(list)
    for signal in signals:
        if signal.type in CONDITIONS:
            of = changes[CONDITIONS[signal.type][0], signal.device_id]
            if not of or CONDITIONS[of[-1].type][1] != CONDITIONS[signal.type][1]:
                of.append(signal)
    items = []
    for (what, device_id), row in sorted(changes.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        for signal in sorted(_dense(row, rules), key=lambda one: (one.at, str(one.event_id))):
            words = f"{what} {'well' if CONDITIONS[signal.type][1] else 'lost'} at {_moment(signal.at)}"
            items.append(Item(str(signal.event_id), words, signal.at, signal.event_id, signal.alarm_id, device_id))
    return Finding(JobKind.CHATTERING, tuple(items)) if items else None


def _dense(row: Sequence[Signal], rules: Rules) -> set[Signal]:
    """Return the changes that lie so close together."""
    found: set[Signal] = set()
    for start in range(len(row) - rules.changes + 1):
        part = row[start : start + rules.changes]
        if part[-1].at - part[0].at <= rules.changes_within:
            found.update(part)
    return found


def happened(signals: Iterable[Signal], type_: str, kind: JobKind, words: str) -> Finding | None:
    """Return that something has happened which once is enough for."""
    items = tuple(
        Item(str(one.event_id), f"{words} at {_moment(one.at)}", one.at, one.event_id, one.alarm_id, one.device_id)
        for one in signals
        if one.type == type_
    )
    return Finding(kind, items) if items else None


def clock_is_wrong(signal: Signal, rules: Rules) -> bool:
    """Say whether the clock of the unit was wrong, and not its message late."""
    if signal.device_at is None:
        return False
    late = signal.at - signal.device_at
    return late > rules.past or late < -rules.future


def _clock(hub_id: str, signals: Sequence[Signal], rules: Rules) -> list[Look]:
    dated = [signal for signal in signals if signal.device_at is not None]
    wrong = [signal for signal in dated if clock_is_wrong(signal, rules)]
    looks = []
    if wrong:
        items = tuple(
            Item(str(one.event_id), f"It said {one.device_at:%d %B %Y %H:%M} at {_moment(one.at)}", one.at,
                 one.event_id, one.alarm_id)
            for one in wrong
        )  # fmt: skip
        looks.append(Look(hub_id, JobKind.CLOCK_WRONG, Finding(JobKind.CLOCK_WRONG, items)))
    if dated and dated[-1] not in wrong:
        looks.append(Look(hub_id, JobKind.CLOCK_WRONG, gone=f"Its clock was right at {_moment(dated[-1].at)}"))
    return looks


def _batteries(hub_id: str, signals: Sequence[Signal]) -> list[Look]:
    low = happened(signals, "trigger_battery_low", JobKind.TRIGGER_BATTERY_LOW, "Told as low")
    last = {
        signal.device_id: signal for signal in signals if signal.type in {"trigger_battery_low", "battery_restored"}
    }
    looks = [Look(hub_id, JobKind.TRIGGER_BATTERY_LOW, low)] if low else []
    if last and all(signal.type == "battery_restored" for signal in last.values()):
        at = max(signal.at for signal in last.values())
        looks.append(Look(hub_id, JobKind.TRIGGER_BATTERY_LOW, gone=f"Told as charged at {_moment(at)}"))
    return looks


def reboot_loop(boots: Sequence[tuple[str, datetime]], rules: Rules) -> Finding | None:
    """Return that a unit started so often within so short a time. A boot that comes back is another unit: no start."""
    seen: set[str] = set()
    starts = [(boot, at) for boot, at in boots if not (boot in seen or seen.add(boot))]  # type: ignore[func-returns-value]
    dense: dict[str, datetime] = {}
    for first in range(len(starts) - rules.boots + 1):
        part = starts[first : first + rules.boots]
        if part[-1][1] - part[0][1] <= rules.boots_within:
            dense.update(part)
    items = tuple(Item(boot, f"Started at about {_moment(at)}", at) for boot, at in dense.items())
    return Finding(JobKind.REBOOT_LOOP, items) if items else None


def of_calls(hub_id: str, calls: Sequence[Call], rules: Rules, closed: Closed, now: datetime) -> list[Look]:
    """Return what the closed calls of a hub say."""
    recent = sorted((call for call in calls if now - call.at <= rules.calls_within), key=lambda call: call.at)
    patterns = {JobKind.NIGHT_PRESSES: night_presses, JobKind.SILENT_CALLS: silent_calls}
    found = [
        Look(hub_id, kind, pattern([one for one in recent if kind not in closed or one.at > closed[kind]], rules))
        for kind, pattern in patterns.items()
    ]
    return [look for look in found if look.finding]


def at_night(moment: datetime, rules: Rules) -> bool:
    """Say whether it is night then in Scotland, whatever the clocks have just done."""
    begins, ends = rules.night
    there = moment.astimezone(LONDON).time()
    return there >= begins or there < ends


def night_presses(calls: Sequence[Call], rules: Rules) -> Finding | None:
    """Return calls at night that nobody meant or in which nobody spoke, if they are several."""
    found = [one for one in calls if at_night(one.at, rules) and (one.silent or one.outcome in NOT_MEANT)]
    return _calls(JobKind.NIGHT_PRESSES, found) if len(found) >= rules.night_presses else None


def silent_calls(calls: Sequence[Call], rules: Rules) -> Finding | None:
    """Return calls in which nobody spoke, if they are several: never a nuisance (Kilpatrick, MacAuley)."""
    found = [call for call in calls if call.silent]
    return _calls(JobKind.SILENT_CALLS, found) if len(found) >= rules.silent_calls else None


def _calls(kind: JobKind, calls: Iterable[Call]) -> Finding:
    words = {True: "nobody spoke", False: "not meant"}
    return Finding(
        kind,
        tuple(
            Item(str(call.alarm_id), f"{call.words} at {_moment(call.at)}: {words[call.silent]}", call.at, None,
                 call.alarm_id)
            for call in calls
        ),
    )  # fmt: skip


def of_unit(unit: Unit, rules: Rules, now: datetime) -> list[Look]:
    """Return what register, list and proofs of a hub say together, the daily look."""
    away = "The unit is no longer in service"
    found = {
        JobKind.NOT_LISTED: (not_listed(unit), "Register and unit agree again"),
        JobKind.NOT_REGISTERED: (not_registered(unit), "Register and unit agree again"),
        JobKind.TRIGGER_UNHEARD: (unheard(unit, rules, now), "Each trigger has been heard"),
        JobKind.CREDENTIAL_EXPIRY: (credential_expiry(unit, rules, now), "It has been renewed"),
    }
    if not unit.watched:
        return [Look(unit.hub_id, kind, gone=away) for kind in found]
    looks = [Look(unit.hub_id, kind, finding, None if finding else words) for kind, (finding, words) in found.items()]
    low = batteries_listed(unit)
    return [*looks, Look(unit.hub_id, JobKind.TRIGGER_BATTERY_LOW, low)] if low else looks


def not_listed(unit: Unit) -> Finding | None:
    """Return what is registered and the hub does not list. A hub that has listed nothing yet says nothing."""
    if unit.listed is None:
        return None
    missing = [one for one in unit.registered if one.device_id not in unit.listed]
    items = tuple(
        Item(f"device:{one.device_id}", f"{_device(one.kind, one.room, one.device_id)} is registered and not listed",
             device_id=one.device_id)
        for one in missing
    )  # fmt: skip
    return _mismatch(JobKind.NOT_LISTED, items, [one.kind for one in missing])


def not_registered(unit: Unit) -> Finding | None:
    """Return what the hub lists and nobody has registered."""
    registered = {one.device_id for one in unit.registered}
    stray = {key: value for key, value in (unit.listed or {}).items() if key not in registered}
    kinds = [str(value.get("kind") or "device") for value in stray.values()]
    items = tuple(
        Item(f"device:{key}", f"{_device(kind, None, key)} is listed and not registered", device_id=key)
        for key, kind in zip(stray, kinds, strict=True)
    )
    return _mismatch(JobKind.NOT_REGISTERED, items, kinds)


def _mismatch(kind: JobKind, items: tuple[Item, ...], kinds: Iterable[str]) -> Finding | None:
    return Finding(kind, items, life_safety=not DETECTORS.isdisjoint(kinds)) if items else None


def last_heard(unit: Unit, trigger: Trigger, now: datetime) -> datetime | None:
    """Return when a trigger was last heard: an alarm or test that came in, or what the hub says of it."""
    told = unit.listed.get(trigger.device_id, {}).get("last_seen") if unit.listed else None
    seen = _read(told)
    heard = [unit.proven.get(trigger.device_id), seen if seen is not None and seen <= now else None]
    return max((moment for moment in heard if moment is not None), default=None)


def unheard(unit: Unit, rules: Rules, now: datetime) -> Finding | None:
    """Return the triggers somebody calls by that were not heard for so long; not of a person who is away."""
    items = []
    for one in unit.registered:
        heard = last_heard(unit, one, now)
        if unit.away or one.kind not in PERSONAL or now - (heard or one.paired_at) < rules.unheard:
            continue
        since = f"last heard on {_day(heard)}" if heard else f"never heard since it was paired on {_day(one.paired_at)}"
        words = f"{_device(one.kind, one.room, one.device_id)}: {since}"
        items.append(Item(f"device:{one.device_id}", words, device_id=one.device_id))
    return Finding(JobKind.TRIGGER_UNHEARD, tuple(items)) if items else None


def batteries_listed(unit: Unit) -> Finding | None:
    """Return the triggers whose batteries are low by the hub's own list."""
    items = []
    for key, value in (unit.listed or {}).items():
        level = value.get("battery_pct")
        if isinstance(level, int) and is_low(level):
            words = f"{_device(str(value.get('kind') or 'device'), None, key)} listed with a battery of {level} %"
            items.append(Item(f"device:{key}", words, device_id=key))
    return Finding(JobKind.TRIGGER_BATTERY_LOW, tuple(items)) if items else None


def credential_expiry(unit: Unit, rules: Rules, now: datetime) -> Finding | None:
    """Return what the hub logs in with and runs out soon: its certificate, or a password that is too old by policy."""
    items, ends = [], []
    if unit.certificate_expires_on is not None:
        end = datetime.combine(unit.certificate_expires_on, time(0), LONDON)
        if end - now <= rules.expiry_notice:
            said = "ran out" if end <= now else "runs out"
            words = f"Its certificate {said} on {unit.certificate_expires_on:%d %B %Y}"
            items.append(Item(f"certificate:{unit.certificate_expires_on}", words))
            ends.append(end)
    if unit.credential_issued_at is not None and rules.credential is not None:
        end = unit.credential_issued_at + rules.credential
        if end - now <= rules.expiry_notice:
            words = f"Its password is of {_day(unit.credential_issued_at)}, to be changed by {_day(end)}"
            items.append(Item(f"credential:{unit.credential_issued_at.isoformat()}", words))
            ends.append(end)
    return Finding(JobKind.CREDENTIAL_EXPIRY, tuple(items), before=min(ends)) if items else None


def _device(kind: str, room: str | None, device_id: str) -> str:
    named = kind.replace("_", " ").capitalize()
    return f"{named}, {room} ({device_id})" if room else f"{named} ({device_id})"


def _read(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%H:%M on %d %b}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%d %B %Y}"
