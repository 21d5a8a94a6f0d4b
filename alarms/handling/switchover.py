"""The alarms that the switchover raises: what is exposed and overdue, and a line that was moved. Pure."""

from collections.abc import Sequence

from alarms.escalation.ranks import TECHNICAL, URGENT
from alarms.handling.domain import Opening

EXPOSURE_OVERDUE = "exposure_overdue"
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


def listed(named: Sequence[str]) -> str:
    """Return the first of many, and how many more there are."""
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"{'; '.join(named[:NAMED])}{more}"
