"""What the API says and takes of the rule by which hubs are missed."""

from typing import Annotated, Self

from pydantic import Field

from devices.presence.domain import Presence
from devices.presence.rule_repository import InForce, SetHere
from devices.presence.rules import Level
from devices.presence.verdict import Rule
from devices.registry.fields import Input, Output, Reason, Seconds

LONGEST_GRACE_S = 86_400
Grace = Annotated[int, Field(ge=0, le=LONGEST_GRACE_S, description="seconds for which a beat may be late")]
Misses = Annotated[int, Field(ge=1, le=100, description="offline from so many missed beats on")]


class HeartbeatRuleIn(Input):
    """What is set here; null or left out: what is set further away counts."""

    heartbeat_interval_s: Annotated[Seconds | None, Field(description="from beat to beat")] = None
    heartbeat_grace_s: Grace | None = None
    miss_limit: Misses | None = None
    reason: Reason
    sure: Annotated[bool, Field(description="though some hubs say that they beat less often")] = False

    @property
    def rule(self) -> SetHere:
        """Return what is to be set."""
        return SetHere(self.heartbeat_interval_s, self.heartbeat_grace_s, self.miss_limit)


class SetHereOut(Output):
    """What is set at this hub, model or council itself, null where nothing is."""

    heartbeat_interval_s: int | None
    heartbeat_grace_s: int | None
    miss_limit: int | None


class PartOut(Output):
    """A part of the rule in force, and of whom it is; `announced`: of the hub itself, `usual`: nobody set one."""

    value: int
    of: Level


class HubRuleOut(Output):
    """By which rule a hub is missed. `agreed`: the interval that was set; `announced_interval_s`: what the hub says."""

    hub_id: str
    set_here: SetHereOut
    agreed: PartOut
    announced_interval_s: int | None
    interval: PartOut
    grace: PartOut
    misses: PartOut
    late_after_s: Annotated[int, Field(description="so long without a word, and it is late")]
    offline_after_s: int

    @classmethod
    def of(cls, hub_id: str, here: SetHere, rule: InForce) -> Self:
        """Return the rule of a hub as the API shows it."""
        deadlines = Rule(rule.interval, rule.grace, rule.misses).deadlines()
        return cls(
            hub_id=hub_id,
            set_here=SetHereOut(**here._asdict()),
            agreed=PartOut(value=rule.agreed, of=rule.agreed_of),
            announced_interval_s=rule.announced,
            interval=PartOut(value=rule.interval, of=rule.interval_of),
            grace=PartOut(value=rule.grace, of=rule.grace_of),
            misses=PartOut(value=rule.misses, of=rule.misses_of),
            late_after_s=round(min(deadlines.values()).total_seconds()),
            offline_after_s=round(deadlines[Presence.OFFLINE].total_seconds()),
        )
