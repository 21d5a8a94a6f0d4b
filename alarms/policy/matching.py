"""Which policy an alarm goes by: the one that fits most closely. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from alarms.escalation.domain import Ladder
from alarms.escalation.hours import Local
from alarms.escalation.ranks import FIRE
from alarms.policy.document import PolicyDocument


@dataclass(frozen=True)
class Facts:
    """What of an alarm a policy can be for. `local` is the moment of its raise."""

    council_id: str | None
    person_id: str | None
    tier: str | None
    class_: str
    type: str
    local: Local


@dataclass(frozen=True)
class Live:
    """The version of a policy that new alarms go by."""

    document: PolicyDocument
    version: int

    @property
    def ladder(self) -> Ladder:
        """What an alarm is raised with."""
        return self.document.ladder(self.version)


def choose(policies: Iterable[Live], facts: Facts) -> Live | None:
    """Return the policy for an alarm: for the person, then type, tier, hours, class; its own council's before all's.

    Of two that fit equally the one whose key comes first. None: the built-in ladder of its class.
    """
    fitting = [policy for policy in policies if fits(policy.document, facts)]
    return min(fitting, key=lambda policy: (*_closeness(policy.document), policy.document.key), default=None)


def fits(document: PolicyDocument, facts: Facts) -> bool:
    """Say whether a policy is for such an alarm."""
    wanted = document.for_
    return (
        document.council in {None, facts.council_id}
        and (wanted.person is None or wanted.person == facts.person_id)
        and (not wanted.types or facts.type in wanted.types)
        and (not wanted.tiers or facts.tier in wanted.tiers)
        and (not wanted.classes or facts.class_ in wanted.classes)
        and (wanted.hours is None or wanted.hours.hours().hold(facts.local))
    )


def rank_of(document: PolicyDocument | None, rank: int) -> int:
    """Return the place on the board: nothing moves fire down, and nothing else up to it (BS 8591)."""
    if document is None or document.rank is None or rank == FIRE:
        return rank
    return max(document.rank, FIRE + 1)


def _closeness(document: PolicyDocument) -> tuple[bool, ...]:
    wanted = document.for_
    named = (wanted.person, wanted.types, wanted.tiers, wanted.hours, wanted.classes, document.council)
    return tuple(not part for part in named)
