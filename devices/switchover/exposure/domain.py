"""When an analogue unit on a digital line is exposed, and what ends that. Pure.

The tones of an analogue unit may not survive a line that has become digital, and it tells nobody. An entry of the list
ends by a fact: an accepted digital unit, a service that ended. What only a record says needs a person and their reason.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from devices.registry.domain import Connection, LineKind

LONDON = ZoneInfo("Europe/London")
FIRST_OWNER_WITHIN = timedelta(days=1)
"""So long after it was found an entry has an owner and a next action, or a human is told."""

DIGITAL_LINES = frozenset({LineKind.VOIP_ROUTER, LineKind.VOIP_ATA})


class ExposureCause(StrEnum):
    """What ended an exposure."""

    DIGITAL_UNIT = "digital_unit"
    SERVICE_ENDED = "service_ended"
    REPLACED = "replaced"
    LINE_CORRECTED = "line_corrected"
    OTHER_LINE = "other_line"


CAUSES = {
    ExposureCause.DIGITAL_UNIT: "An accepted digital unit serves this person",
    ExposureCause.SERVICE_ENDED: "This person has no unit any more",
    ExposureCause.REPLACED: "Another unit took its place; if that is exposed too, its entry goes on with the same age",
    ExposureCause.LINE_CORRECTED: "The record of the line was wrong and has been corrected",
    ExposureCause.OTHER_LINE: "The unit hangs on another line of this home, which is analogue",
}
BY_PEOPLE = frozenset({ExposureCause.LINE_CORRECTED, ExposureCause.OTHER_LINE})
"""What a person says, with a reason; all others are facts that close an entry by themselves."""


@dataclass(frozen=True)
class Facts:
    """What register and presence know of a unit that is on the list.

    `here`: it still stands where it was found. `elsewhere`: this person has another unit, wherever. `safe`: an accepted
    digital unit serves this person, this one or another.
    """

    here: bool
    connection: Connection
    heard: bool
    digital_line: bool
    safe: bool
    elsewhere: bool


@dataclass(frozen=True)
class Verdict:
    """What becomes of an entry: closed by a cause, or not so any more (`gone`, in words) and waiting for a person."""

    cause: ExposureCause | None = None
    gone: str | None = None


STANDS = Verdict()


def analogue_path(connection: Connection, *, heard: bool) -> bool:
    """Say whether a unit calls over the telephone line: a digital-ready one does until it was heard over MQTT."""
    return connection is Connection.ANALOGUE or (connection is Connection.DIGITAL_READY and not heard)


def judge(facts: Facts) -> Verdict:
    """Return what becomes of an entry; STANDS while the unit is exposed."""
    if facts.safe:
        return Verdict(ExposureCause.DIGITAL_UNIT)
    if not facts.here:
        return Verdict(ExposureCause.REPLACED if facts.elsewhere else ExposureCause.SERVICE_ENDED)
    if not analogue_path(facts.connection, heard=facts.heard):
        return Verdict(gone="The unit is digital now; it must be accepted before this entry ends")
    if not facts.digital_line:
        return Verdict(gone="The register has no digital line for this home any more. Who knows that, and how?")
    return STANDS


def known_since(checked_on: date | None, installed: datetime, now: datetime) -> datetime:
    """Return since when a unit is known to be exposed: the line was seen digital, and the unit stood there."""
    seen = datetime.combine(checked_on, time(), LONDON) if checked_on else now
    return min(max(seen, installed), now)


def due_at(next_on: date | None, found_at: datetime) -> datetime:
    """Return until when the next action is not late: the end of its day; without one a day from when it was found."""
    if next_on is None:
        return found_at + FIRST_OWNER_WITHIN
    return datetime.combine(next_on + timedelta(days=1), time(), LONDON)
