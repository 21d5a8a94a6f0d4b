"""A hub that has fallen silent: by when a human must see to it, by the person's risk tier, and many never heard. Pure.

Tier A 15 minutes, B one hour, C four hours, D the next working morning, from the moment at which the hub was offline
(domain 1.7); a morning that comes sooner than the four hours is not yet the next one. A policy for the type
`hub_offline` takes the place of these.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from alarms.escalation.domain import Ladder, Step, Target
from alarms.escalation.ranks import TECHNICAL, URGENT
from alarms.handling.domain import Opening
from alarms.policy.calendar import at_words, next_morning

HUB_OFFLINE = "hub_offline"
MASS_SILENCE = "mass_silence"

IN_TIME = {"A": timedelta(minutes=15), "B": timedelta(hours=1), "C": timedelta(hours=4)}
MOST_URGENT = ("A", "B")
AT_LEAST = timedelta(minutes=1)
MANY, MANY_OF_ALL = 5, 0.02
NAMED = 10


def act_by(tier: str | None, since: datetime) -> datetime:
    """Return by when a human must see to a hub that is offline since then: never sooner where the risk is less."""
    return since + IN_TIME[tier] if tier in IN_TIME else next_morning(since + max(IN_TIME.values()))


def gravest(*tiers: str | None) -> str | None:
    """Return the tier of the most risk: A before B, any before none."""
    return min((tier for tier in tiers if tier), default=None)


def ladder_until(tier: str | None, now: datetime, deadline: datetime) -> Ladder:
    """Return the ladder that has a human on it by the deadline: supervisor after two thirds of what is left of it."""
    left = max(deadline - now, AT_LEAST).total_seconds()
    first = int(left * 2 / 3)
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
