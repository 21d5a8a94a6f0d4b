"""Who is on call at a moment, and when that changes. Pure, standard library only; the clock is the caller's.

A rota is layers, each of which puts nobody, somebody or several people on; all layers count, in their order. Overrides
change what comes of them, and a temporary schedule stands in place of all of it. Members are the ids of responders.
Moments are in UTC; local times are those of the rota's zone.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from alarms.rota.wallclock import first_moment, last_moment, wall_clock, zone_of

LONDON = "Europe/London"
MOST_CHANGES = 20_000
"""Moments looked at in one question: an hourly rotation for two years."""
MOST_LOOKS = 1_000_000
"""Moments times what is looked at for each. More of either would keep a processor for seconds."""

_DAY = timedelta(days=1)
_LOOK_AHEAD = tuple(timedelta(days=days) for days in (2, 9, 40, 400))
"""How far the next hand-over is looked for, nearest first: most rotas have one within two days."""


class RotaError(Exception):
    """A rota that cannot be read: not an empty one, and whoever asks must say so, not that nobody is on call (R26)."""


class PeriodTooLongError(ValueError):
    """The period holds more changes than one question may ask for."""


class RotationUnit(StrEnum):
    """What a turn is counted in."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class OverrideKind(StrEnum):
    """What an override does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True)
class Window:
    """A part of the week by the wall clock. `days` are those on which it starts, 0 is Monday.

    An end that is not after the start is on the next day; the same time is a whole day.
    """

    days: frozenset[int]
    start: time
    end: time

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Return from when to when (UTC) it lasts if it starts on this day; None when it does not."""
        if day.weekday() not in self.days:
            return None
        ends_on = day if self.end > self.start else day + _DAY
        starts = first_moment(datetime.combine(day, self.start), zone)
        return starts, last_moment(datetime.combine(ends_on, self.end), zone)


@dataclass(frozen=True)
class Rotation:
    """Turns one after the other, each `every` units long, by the wall clock: 12-hourly turns stay at 08:00 and 20:00.

    `starts_at` is the wall clock's time of the first hand-off, and fixes all others; before it nobody is on. A hand-off
    at a time that comes twice happens once, at the first; at one that the clock passes over, as it does so. A month
    without the day hands off on its last. With windows, members are on within these only.
    """

    unit: RotationUnit
    every: int
    starts_at: datetime
    members: tuple[UUID, ...]
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True)
class WeeklyRule:
    """The same person in the same part of each week."""

    member: UUID
    window: Window


@dataclass(frozen=True)
class WeeklyRules:
    """People who are on at fixed times, in the order of the rules."""

    rules: tuple[WeeklyRule, ...]


Layer: TypeAlias = Rotation | WeeklyRules


@dataclass(frozen=True)
class Override:
    """One act: puts `member` on (add), takes `instead_of` off (remove), or the first in place of the second (replace).

    A replacement does nothing while the other is not on. From `start` until before `end`.
    """

    kind: OverrideKind
    start: datetime
    end: datetime
    member: UUID | None = None
    instead_of: UUID | None = None


@dataclass(frozen=True)
class Turn:
    """One person from a moment until before another, written down as it is."""

    member: UUID
    start: datetime
    end: datetime


@dataclass(frozen=True)
class TemporarySchedule:
    """A period in which these turns, and nothing else, say who is on: layers and overrides are silent in it."""

    start: datetime
    end: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Rota:
    """All that decides who is on. Overrides and schedules are in the order in which they were made.

    `away` are members who no longer serve: they keep their turns, so that nobody else's moves, and are never on.
    """

    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    temporary: tuple[TemporarySchedule, ...] = ()
    zone: str = LONDON
    away: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Shift:
    """The same people from a moment until before another."""

    start: datetime
    end: datetime
    members: tuple[UUID, ...]


@dataclass(frozen=True)
class Handover:
    """A moment at which it changes who is on; both may be empty where only the order changes."""

    at: datetime
    on: tuple[UUID, ...]
    off: tuple[UUID, ...]
    now: tuple[UUID, ...]


def on_call(rota: Rota, at: datetime) -> tuple[UUID, ...]:
    """Return who is on at a moment, in the order in which they are told; empty is nobody."""
    at = at.astimezone(UTC)  # two moments of one zone would be compared by their wall clocks
    zone = zone_of(rota.zone)
    return _composed(rota, at, (_on_layer(layer, at, zone) for layer in rota.layers))


def shifts(rota: Rota, start: datetime, end: datetime) -> tuple[Shift, ...]:
    """Return who is on when in a period: in order, neighbours with the same people joined, none where nobody is on."""
    return tuple(span for span in _spans(rota, start, end) if span.members)


def gaps(rota: Rota, start: datetime, end: datetime) -> tuple[Shift, ...]:
    """Return when nobody is on in a period."""
    return tuple(span for span in _spans(rota, start, end) if not span.members)


def handovers(rota: Rota, since: datetime, until: datetime) -> tuple[Handover, ...]:
    """Return the changes after `since` and up to `until`, that one included."""
    instant = timedelta(microseconds=1)
    spans = _spans(rota, since, until + instant)
    return tuple(_handover(before, after) for before, after in pairwise(spans))


def next_handover(rota: Rota, at: datetime) -> Handover | None:
    """Return the first change after a moment; None when there is none within 400 days."""
    for ahead in _LOOK_AHEAD:
        spans = _spans(rota, at, at + ahead)
        if len(spans) > 1:
            return _handover(spans[0], spans[1])
    return None


def only_of(member: UUID, spans: Iterable[Shift]) -> list[Shift]:
    """Return one person's part of shifts: theirs alone, neighbours joined where only the others change."""
    mine: list[Shift] = []
    for shift in spans:
        if member not in shift.members:
            continue
        if mine and mine[-1].end == shift.start:
            mine[-1] = Shift(mine[-1].start, shift.end, (member,))
        else:
            mine.append(Shift(shift.start, shift.end, (member,)))
    return mine


def with_members(rotation: Rotation, members: tuple[UUID, ...], at: datetime, zone_name: str) -> Rotation:
    """Return the rotation with other members, so that who has the present turn keeps it, and the order goes on there.

    When they are no longer a member, the turn falls to the next of the old order who still is. The hand-offs stay.
    """
    number = _turn_number(rotation, at, zone_of(zone_name)) if rotation.members and members else None
    if number is None:
        return replace(rotation, members=members)
    old = len(rotation.members)
    order = (rotation.members[(number + step) % old] for step in range(old))
    present = next((member for member in order if member in members), members[0])
    first = members.index(present) - number
    turned = tuple(members[(first + step) % len(members)] for step in range(len(members)))
    return replace(rotation, members=turned)


def without_member(layers: Iterable[Layer], member: UUID, at: datetime, zone_name: str) -> tuple[Layer, ...]:
    """Return the layers without somebody; whoever else has a turn at the moment keeps it."""
    left: list[Layer] = []
    for layer in layers:
        if isinstance(layer, WeeklyRules):
            left.append(WeeklyRules(tuple(rule for rule in layer.rules if rule.member != member)))
        else:
            stay = tuple(each for each in _from_present(layer, at, zone_name) if each != member)
            left.append(with_members(layer, stay, at, zone_name) if member in layer.members else layer)
    return tuple(left)


def members_of(layers: Iterable[Layer]) -> frozenset[UUID]:
    """Return everybody whom layers name."""
    return frozenset(
        member
        for layer in layers
        for member in (layer.members if isinstance(layer, Rotation) else (rule.member for rule in layer.rules))
    )


def _from_present(rotation: Rotation, at: datetime, zone_name: str) -> tuple[UUID, ...]:
    """Return the members from the one whose turn it is, or as they are when none has begun."""
    number = _turn_number(rotation, at, zone_of(zone_name)) if rotation.members else None
    place = (number or 0) % (len(rotation.members) or 1)
    return rotation.members[place:] + rotation.members[:place]


def _handover(before: Shift, after: Shift) -> Handover:
    on = tuple(member for member in after.members if member not in before.members)
    off = tuple(member for member in before.members if member not in after.members)
    return Handover(after.start, on, off, after.members)


def _composed(rota: Rota, at: datetime, by_layers: Iterable[Iterable[UUID]]) -> tuple[UUID, ...]:
    """Return who is on at a moment, from those whom each layer puts on."""
    members: list[UUID] = []
    schedule = next((each for each in reversed(rota.temporary) if each.start <= at < each.end), None)
    if schedule is not None:
        members = [turn.member for turn in schedule.turns if turn.start <= at < turn.end]
    else:
        members = [member for on_layer in by_layers for member in on_layer]
        for override in rota.overrides:
            if override.start <= at < override.end:
                members = _overridden(members, override)
    return tuple(member for member in dict.fromkeys(members) if member not in rota.away)


def _on_layer(layer: Layer, at: datetime, zone: ZoneInfo) -> Iterator[UUID]:
    if isinstance(layer, WeeklyRules):
        yield from (rule.member for rule in layer.rules if _within((rule.window,), at, zone))
    elif layer.members and (not layer.windows or _within(layer.windows, at, zone)):
        number = _turn_number(layer, at, zone)
        if number is not None:
            yield layer.members[number % len(layer.members)]


def _overridden(members: list[UUID], override: Override) -> list[UUID]:
    if override.kind is OverrideKind.ADD:
        return members if override.member is None else [*members, override.member]
    if override.kind is OverrideKind.REMOVE or override.member is None:
        return [member for member in members if member != override.instead_of]
    return [override.member if member == override.instead_of else member for member in members]


def _within(windows: Iterable[Window], at: datetime, zone: ZoneInfo) -> bool:
    today = wall_clock(at, zone).date()
    # A window that began yesterday may still last; one day more on both sides, for zones that have skipped a day.
    days = [today + timedelta(days=offset) for offset in (-2, -1, 0, 1)]
    lasting = (window.on(day, zone) for window in windows for day in days)
    return any(span is not None and span[0] <= at < span[1] for span in lasting)


def _hand_off(rotation: Rotation, number: int, zone: ZoneInfo) -> datetime:
    """Return the moment (UTC) at which a turn begins; the first is 0."""
    steps = number * rotation.every
    if rotation.unit is RotationUnit.MONTHLY:
        local = _months_later(rotation.starts_at, steps)
    else:
        local = rotation.starts_at + steps * _LENGTH[rotation.unit]
    return first_moment(local, zone)


def _turn_number(rotation: Rotation, at: datetime, zone: ZoneInfo) -> int | None:
    """Return which turn it is at a moment; None before the first. Of turns that have no time between them, the last."""
    local = wall_clock(at, zone)
    if rotation.unit is RotationUnit.MONTHLY:
        passed = (local.year - rotation.starts_at.year) * 12 + local.month - rotation.starts_at.month
        number = passed // rotation.every
    else:
        number = (local - rotation.starts_at) // (rotation.every * _LENGTH[rotation.unit])
    # The guess by the wall clock is off by one near a hand-off, and where the clocks change.
    number = max(number, -1)
    while number >= 0 and _hand_off(rotation, number, zone) > at:
        number -= 1
    while _hand_off(rotation, number + 1, zone) <= at:
        number += 1
    return number if number >= 0 else None


def _months_later(local: datetime, months: int) -> datetime:
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    last_day = (following - _DAY).day
    return local.replace(year=year, month=month + 1, day=min(local.day, last_day))


_LENGTH = {
    RotationUnit.HOURLY: timedelta(hours=1),
    RotationUnit.DAILY: _DAY,
    RotationUnit.WEEKLY: timedelta(weeks=1),
}


class _Spans:
    """The union of spans of time, to be asked often whether a moment lies within."""

    def __init__(self, spans: Iterable[tuple[datetime, datetime]]) -> None:
        self.starts: list[datetime] = []
        self.ends: list[datetime] = []
        for start, end in sorted(spans):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(end, self.ends[-1])
            elif start < end:
                self.starts.append(start)
                self.ends.append(end)

    def cover(self, at: datetime) -> bool:
        """Say whether a moment lies within."""
        place = bisect_right(self.starts, at) - 1
        return place >= 0 and at < self.ends[place]


class _RotationIndex:
    """A rotation in a period: each hand-off and window computed once, and not at every moment that is asked for."""

    def __init__(self, rotation: Rotation, start: datetime, end: datetime, zone: ZoneInfo) -> None:
        self.members = rotation.members
        self.windows = _Spans(_lasting(rotation.windows, start, end, zone)) if rotation.windows else None
        self.first = (_turn_number(rotation, start, zone) or 0) if rotation.members else 0
        self.hand_offs = list(_hand_offs(rotation, self.first, end, zone)) if rotation.members else []

    def changes(self) -> Iterator[datetime]:
        """Give every moment at which it may change who is on."""
        yield from self.hand_offs
        if self.windows is not None:
            yield from self.windows.starts
            yield from self.windows.ends

    def at(self, at: datetime) -> tuple[UUID, ...]:
        """Return who is on."""
        passed = bisect_right(self.hand_offs, at)
        if passed == 0 or (self.windows is not None and not self.windows.cover(at)):
            return ()
        return (self.members[(self.first + passed - 1) % len(self.members)],)


class _WeeklyIndex:
    """Weekly rules in a period."""

    def __init__(self, layer: WeeklyRules, start: datetime, end: datetime, zone: ZoneInfo) -> None:
        self.rules = [(rule.member, _Spans(_lasting((rule.window,), start, end, zone))) for rule in layer.rules]

    def changes(self) -> Iterator[datetime]:
        """Give every moment at which it may change who is on."""
        for _, spans in self.rules:
            yield from spans.starts
            yield from spans.ends

    def at(self, at: datetime) -> tuple[UUID, ...]:
        """Return who is on."""
        return tuple(member for member, spans in self.rules if spans.cover(at))


def _spans(rota: Rota, start: datetime, end: datetime) -> list[Shift]:
    """Return the whole period in order: who is on, neighbours with the same people joined, nobody included."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end <= start:
        return []
    zone = zone_of(rota.zone)
    layers: list[_RotationIndex | _WeeklyIndex] = []
    moments = {start}
    for layer in rota.layers:
        index = _index(layer, start, end, zone)
        layers.append(index)
        moments.update(moment for moment in index.changes() if start < moment < end)
        _check_cost(rota, moments)  # layer by layer: not all that is too much is computed before it is refused
    moments.update(moment for moment in _changes_beside(rota) if start < moment < end)
    _check_cost(rota, moments)
    spans: list[Shift] = []
    for begins, ends in pairwise([*sorted(moments), end]):
        members = _composed(rota, begins, (layer.at(begins) for layer in layers))
        if spans and spans[-1].members == members:
            spans[-1] = replace(spans[-1], end=ends)
        else:
            spans.append(Shift(begins, ends, members))
    return spans


def _index(layer: Layer, start: datetime, end: datetime, zone: ZoneInfo) -> _RotationIndex | _WeeklyIndex:
    if isinstance(layer, Rotation):
        return _RotationIndex(layer, start, end, zone)
    return _WeeklyIndex(layer, start, end, zone)


def _parts(rota: Rota) -> int:
    """Return how much has to be looked at for each moment."""
    rules = sum(1 if isinstance(layer, Rotation) else len(layer.rules) for layer in rota.layers)
    return 1 + rules + len(rota.overrides) + sum(1 + len(each.turns) for each in rota.temporary)


def _check_cost(rota: Rota, moments: Collection[datetime]) -> None:
    if len(moments) > MOST_CHANGES or len(moments) * _parts(rota) > MOST_LOOKS:
        raise PeriodTooLongError("this period has too many changes for one question: ask for a shorter one")


def _changes_beside(rota: Rota) -> Iterator[datetime]:
    """Give every moment at which it may change who is on for another reason than a layer."""
    for override in rota.overrides:
        yield from (override.start, override.end)
    for schedule in rota.temporary:
        yield from (schedule.start, schedule.end)
        for turn in schedule.turns:
            yield from (turn.start, turn.end)


def _lasting(
    windows: Iterable[Window], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Give each span of time in which a window lasts, of all that may touch a period."""
    first, last = wall_clock(start, zone).date() - 2 * _DAY, wall_clock(end, zone).date() + _DAY
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    for window in windows:
        for day in days:
            span = window.on(day, zone)
            if span is not None:
                yield span


def _hand_offs(rotation: Rotation, number: int, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Give the moments at which the turns from this one on begin, before the end of a period."""
    while (moment := _hand_off(rotation, number, zone)) < end:
        yield moment
        number += 1
