"""How a scenario file writes moments, ways and whom it expects to be told: short words for what is many lines. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from alarms.policy.calendar import LONDON
from alarms.policy.document import Seconds, seconds_of
from alarms.rota.wallclock import first_moment

CHANNELS = ("sms", "voice", "email", "push", "webhook", "apprise")
LONGEST = timedelta(days=400)
"""Of a scenario; rotations by the month need more than the week that a policy's waits may last."""

_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
_WAY = rf"(?:{'|'.join(CHANNELS)})(?:/\d{{1,2}})?"
_RULE = re.compile(rf"({_WAY})@(\w+)")
_TOLD = re.compile(r"(\S+)\s+([^\s.]+)\.(\S+?)(?:\s+(\S+))?")
_COMES_ON = re.compile(rf"(\S+)\s+({_NAME})")
_WAY_OF = re.compile(rf"{_NAME}\.{_WAY}")
_SECONDS = re.compile(r"\d+")


class Part(BaseModel):
    """A part of the file: frozen, and with no other words than its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WayPart(Part):
    """A contact rule: by this way, so many seconds after the start of the round."""

    way: str
    after: Seconds


def start_of(value: Any) -> Any:
    """Return the moment of a local time."""
    if isinstance(value, datetime):
        local = value
    else:
        try:
            local = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise ValueError(f"“{value}” is no local time; write it as 2027-01-03 03:12") from error
    return local.astimezone(UTC) if local.tzinfo else first_moment(local, LONDON)


def _duration(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _SECONDS.fullmatch(value) else value


def moment_of(value: Any) -> int:
    """Return how many seconds after the beginning a moment is, or how long a duration."""
    return seconds_of(_duration(value), LONGEST)


def _rules(value: Any) -> Any:
    """Return contact rules from `sms@0 voice@5m`."""
    words = value.split() if isinstance(value, str) else value
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        found = [_RULE.fullmatch(word) for word in words]
        if all(found):
            return [{"way": match[1], "after": _duration(match[2])} for match in found if match]
    raise ValueError(f"“{value}” is no list of ways; write them as sms@0 voice@5m")


def _told(value: Any) -> Any:
    """Return whom a test expects to be told from `30m u2.sms`, with the alarm behind it when there are several."""
    match = _TOLD.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"“{value}” is not whom to tell when; write it as 30m u2.sms, or 30m u2.sms second")
    return {"at": match[1], "who": match[2], "way": match[3], "alarm": match[4]}


def _comes_on(value: Any) -> Any:
    """Return who comes on from `8h u2`."""
    match = _COMES_ON.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"“{value}” is not who comes on when; write it as 8h u2")
    return {"at": match[1], "who": match[2]}


def _way_of(value: str) -> str:
    if not _WAY_OF.fullmatch(value):
        raise ValueError(f"“{value}” is nobody's way; write it as u1.sms")
    return value


Moment = Annotated[int, BeforeValidator(moment_of)]
Start = Annotated[datetime, BeforeValidator(start_of)]
Ways = Annotated[tuple[WayPart, ...], BeforeValidator(_rules)]
WayOf = Annotated[str, AfterValidator(_way_of)]


class ToldPart(Part):
    """One message that must be sent."""

    at: Moment
    who: str
    way: str
    alarm: str | None = None


class ComesOnPart(Part):
    """One hand-over that there must be: who comes on."""

    at: Moment
    who: str


Told = Annotated[ToldPart, BeforeValidator(_told)]
ComesOn = Annotated[ComesOnPart, BeforeValidator(_comes_on)]
