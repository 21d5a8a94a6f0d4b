"""A policy as people write it: the words of the document, and what the core makes of it. Pure.

Durations are seconds or words such as `30s`, `2m`, `1h30m`; hours are local, in Europe/London.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from alarms.escalation.domain import FOREVER, Ladder, Step, Target, TargetKind
from alarms.escalation.hours import Holidays, Hours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEY = r"[a-z0-9][a-z0-9-]{0,62}"
LONGEST = timedelta(days=7)
MINUTES = 24 * 60

_STANDING = tuple(target for target in Target if target is not Target.CANARY)
_TARGET = re.compile(rf"(?:{'|'.join(_STANDING)})|(?:{'|'.join(TargetKind)}):{KEY}")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


def _target(value: Any) -> Any:
    """Say what a target can be when it is none."""
    if isinstance(value, str) and _TARGET.fullmatch(value):
        return value
    kinds = ", ".join([*_STANDING, *(f"{kind}:KEY" for kind in TargetKind)])
    raise ValueError(f"“{value}” is nobody that a step can tell; it can be: {kinds}")


def seconds_of(value: Any, longest: timedelta = LONGEST) -> int:
    """Return whole seconds; ValueError says in words how a duration is written, or that it is too long."""
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    else:
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise ValueError(f"“{value}” is no duration; write seconds, or words such as 30s, 2m or 1h30m")
        days, hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if not 0 <= seconds <= longest.total_seconds():
        raise ValueError(f"“{value}” is out of bounds: from 0 to {longest.days} days")
    return seconds


def _minute(value: Any) -> Any:
    """Return the minute of the day."""
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'“{value}” is no time of day; write it in quotes, such as "09:00"')
    minute = int(match[1]) * 60 + int(match[2])
    if minute > MINUTES:
        raise ValueError(f'“{value}” is past midnight; a day ends at "24:00"')
    return minute % MINUTES


def _days(value: Any) -> Any:
    """Return days of the week, 0 for Monday, from names and spans such as `mon-fri`."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        raise ValueError("days are names such as mon or spans such as mon-fri, at least one")
    days: set[int] = set()
    for word in words:
        first, dash, last = str(word).lower().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"“{word}” is no day; write {', '.join(DAYS)}, or a span such as mon-fri")
        since, until = DAYS.index(first), DAYS.index(last if dash else first)
        days |= {day % 7 for day in range(since, (until if until >= since else until + 7) + 1)}
    return tuple(sorted(days))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _names(days: tuple[int, ...]) -> list[str]:
    return [DAYS[day] for day in days]


# What is kept of a document is written as it is read, or no alarm could go by it.
TargetWord = Annotated[str, BeforeValidator(_target)]
Seconds = Annotated[int, BeforeValidator(seconds_of)]
Minute = Annotated[int, BeforeValidator(_minute), PlainSerializer(_clock, when_used="json")]
Days = Annotated[tuple[int, ...], BeforeValidator(_days), PlainSerializer(_names, when_used="json")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class HoursPart(_Part):
    """Hours of the week; without `from` and `until` the whole day, past midnight when `until` is not after `from`."""

    days: Days = (0, 1, 2, 3, 4, 5, 6)
    from_: Minute = Field(default=0, alias="from")
    until: Minute = 0
    holidays: Holidays = Field(default=Holidays.AS_USUAL, description="what a Scottish bank holiday does")

    def hours(self) -> Hours:
        """Return them as the core takes them."""
        return Hours(self.days, self.from_, self.until, self.holidays)


class StepPart(_Part):
    """One step: whom to tell, and how long to wait before the next."""

    tell: Annotated[tuple[TargetWord, ...], Field(min_length=1, max_length=20)]
    wait: Seconds
    one_by_one: Seconds | None = Field(default=None, description="one party after another, so far apart")
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    accepts: Annotated[int, Field(ge=1, le=10)] = 1
    only: HoursPart | None = None
    otherwise: Annotated[tuple[TargetWord, ...], Field(max_length=20)] = ()

    def step(self) -> Step:
        """Return it as the core takes it."""
        hours = self.only.hours() if self.only else None
        return Step(self.tell, self.wait, self.one_by_one, self.retries, self.accepts, hours, self.otherwise)


class CatchAllPart(_Part):
    """Who is told again and again once all steps are through."""

    tell: Annotated[tuple[TargetWord, ...], Field(min_length=1, max_length=20)]
    every: Annotated[Seconds, Field(ge=10)]


class AckPart(_Part):
    """How long a claim lasts without being renewed, and how long before that its holder is reminded."""

    lapses: Annotated[Seconds, Field(ge=30)] = 300
    remind: Seconds = 60


class ArrivalPart(_Part):
    """When whoever is on the way is asked whether they are there, and how long the answer may take."""

    within: Annotated[Seconds, Field(ge=60, le=3600)] = 45 * 60
    grace: Annotated[Seconds, Field(ge=30)] = 5 * 60


Class = Literal["L", "U", "T", "I"]
Tier = Literal["A", "B", "C", "D"]


class MatchPart(_Part):
    """Which alarms it is for: all that is named must fit; nothing named fits all."""

    classes: Annotated[tuple[Class, ...], Field(max_length=4)] = ()
    types: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    tiers: Annotated[tuple[Tier, ...], Field(max_length=4)] = ()
    person: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")] | None = None
    hours: HoursPart | None = None


class PolicyDocument(_Part):
    """An escalation policy. `key` names it within its council; `council` empty serves all."""

    key: Annotated[str, Field(pattern=rf"^{KEY}$")]
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    council: Annotated[str, Field(pattern=r"^S12[0-9]{6}$")] | None = None
    for_: MatchPart = Field(default=MatchPart(), alias="for")
    rank: Annotated[int, Field(ge=0, le=99)] | None = Field(default=None, description="place on the board; fire is 0")
    steps: Annotated[tuple[StepPart, ...], Field(max_length=50)]
    loops: Annotated[int, Field(ge=FOREVER, le=100)] = 0
    catch_all: CatchAllPart
    ack: AckPart = AckPart()
    hold: Annotated[Seconds, Field(ge=10, le=60)] = 60
    arrival: ArrivalPart = ArrivalPart()
    closes_when_cleared: bool = False

    @model_validator(mode="before")
    @classmethod
    def _read_forever(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("loops") == "forever":
            return {**data, "loops": FOREVER}
        return data

    @property
    def targets(self) -> frozenset[str]:
        """Every target that it names."""
        parts = [targets for step in self.steps for targets in (step.tell, step.otherwise)]
        return frozenset(one for part in (*parts, self.catch_all.tell) for one in part)

    def ladder(self, version: int) -> Ladder:
        """Return what an alarm is raised with."""
        return Ladder(
            name=self.name,
            version=version,
            steps=tuple(part.step() for part in self.steps),
            catch_all=self.catch_all.tell,
            repeat_s=self.catch_all.every,
            ack_s=self.ack.lapses,
            remind_s=self.ack.remind,
            hold_s=self.hold,
            arrival_s=self.arrival.within,
            arrival_grace_s=self.arrival.grace,
            closes_when_cleared=self.closes_when_cleared,
            loops=self.loops,
            policy=self.key,
        )
