"""A hub that has fallen silent: the alarm, and its ladder that has a human on it by the deadline; many never heard.

Pure. A policy for the type `hub_offline` takes the place of this ladder.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from alarms.escalation.domain import Ladder, Step, Target
from alarms.escalation.ranks import TECHNICAL, URGENT
from alarms.handling.domain import Opening
from alarms.policy.calendar import at_words

HUB_OFFLINE = "hub_offline"
MASS_SILENCE = "mass_silence"

MOST_URGENT = ("A", "B")
AT_LEAST = timedelta(minutes=1)
MANY, MANY_OF_ALL = 5, 0.02
NAMED = 10


def gravest(*tiers: str | None) -> str | None:
    """Return the tier of the most risk: A before B, any before none."""
    return min((tier for tier in tiers if tier), default=None)


def ladder_until(tier: str | None, now: datetime, deadline: datetime, began: datetime | None = None) -> Ladder:
    """Return the ladder that has a human on it by the deadline: supervisor after two thirds of what is left of it.

    `began`: two thirds of the time from then on, of an alarm that has waited for a while.
    """
    left = max(deadline - now, AT_LEAST).total_seconds()
    waited = (now - began).total_seconds() if began is not None else 0.0
    first = max(0, int((left + waited) * 2 / 3 - waited))
    return Ladder(
        name=f"silent hub, tier {tier}" if tier else "silent hub",
        version=1,
        steps=(
            Step((Target.QUEUE,), first),
            Step((Target.QUEUE, Target.SUPERVISOR), int(left) - first),
            Step((Target.DUTY_MANAGER,), 3600),
        ),
        catch_all=(Target.QUEUE, Target.SUPERVISOR),
        repeat_s=4 * 3600,
        ack_s=4 * 3600,
        remind_s=600,
        closes_when_cleared=True,
    )


def silent_hub(tier: str | None, since: datetime, last_proof: datetime | None, ladder: Ladder) -> Opening:
    """Return the alarm that a hub is offline, or was never heard: the person cannot call by it."""
    if last_proof is None:
        words, heard = "The unit was never heard", f"Never heard since it was put up, and due by {at_words(since)}"
    else:
        words, heard = "The unit is silent", f"Last heard at {at_words(last_proof)}, offline since {at_words(since)}"
    notes = (f"{heard}: ring the person, and have the unit looked at",)
    class_, rank = ("U", URGENT) if tier in MOST_URGENT else ("T", TECHNICAL)
    return Opening(HUB_OFFLINE, class_, rank, HUB_OFFLINE, words, notes, ladder)


def are_many(silent: int, of_all: int) -> bool:
    """Say whether so many hubs of a council that were never heard are one alarm."""
    return silent >= max(MANY, MANY_OF_ALL * of_all)


def mass_silence(silent: int, graves: Sequence[str]) -> Opening:
    """Return the alarm that many hubs of a council were never heard; `graves` are the people most at risk, in words."""
    more = f" and {len(graves) - NAMED} more" if len(graves) > NAMED else ""
    named = (f"Most at risk: {'; '.join(graves[:NAMED])}{more}",) if graves else ()
    notes = (
        *named,
        "All of them: Fleet, presence never seen. Until this ends no alarm is opened for each",
    )
    return Opening(MASS_SILENCE, "U", URGENT, MASS_SILENCE, f"{silent} units were never heard", notes)
