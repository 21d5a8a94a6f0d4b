"""The alarms that the switchover raises: what is exposed and overdue, and a line that was moved. Pure."""

from collections.abc import Sequence
from datetime import datetime

from alarms.escalation.ranks import TECHNICAL, URGENT
from alarms.handling.domain import Opening
from alarms.policy.calendar import at_words

EXPOSURE_OVERDUE = "exposure_overdue"
LINE_MOVED = "line_moved_no_answer"
NOTICES = "migration_notices"
NAMED = 10


def exposure_overdue(count: int, named: Sequence[str], *, grave: bool) -> Opening:
    """Return the alarm that analogue units stay on digital lines; urgent when a person of tier A or B has one."""
    class_, rank = ("U", URGENT) if grave else ("T", TECHNICAL)
    units = "An analogue unit on a digital line has" if count == 1 else f"{count} analogue units on digital lines have"
    notes = (
        listed(named),
        "See that each has an owner and a next action with a day: Switchover, exposure list",
    )
    return Opening(EXPOSURE_OVERDUE, class_, rank, EXPOSURE_OVERDUE, f"{units} no next action, or it is late", notes)


def line_moved(planned_at: datetime, *, asked: bool, said: str | None) -> Opening:
    """Return the alarm that a unit did not answer after its line was moved: the person may not be able to call."""
    how = "The unit was asked for a test call and gave none" if asked else "Nobody has rung the unit with success"
    notes = (
        f"The provider was to move the line at {at_words(planned_at)}. {said or how}",
        "Ring the person now, by another telephone if need be; have the unit visited, and the line looked at",
    )
    return Opening(LINE_MOVED, "U", URGENT, LINE_MOVED, "No answer after the line was moved", notes)


def notices_to_settle(count: int, named: Sequence[str]) -> Opening:
    """Return the alarm that a provider is about to move lines that it must not, or that no home here has."""
    which = "A provider is about to move a line" if count == 1 else f"Providers are about to move {count} lines"
    notes = (
        listed(named),
        "Against a hold: call the provider. Of no home: find whose number it is, and put it into the register",
    )
    return Opening(NOTICES, "T", TECHNICAL, NOTICES, f"{which} against a hold, or of no known home", notes)


def listed(named: Sequence[str]) -> str:
    """Return the first of many, and how many more there are."""
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"{'; '.join(named[:NAMED])}{more}"
