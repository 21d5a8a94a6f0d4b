"""What somebody must find at a moment of a scenario, beside the messages: only real parts have it to show. Pure."""

from typing import ClassVar

from pydantic import Field

from alarms.policy.scenario_crash import CountsPart
from alarms.policy.scenario_homes import HomeChecks
from alarms.policy.scenario_messages import MessageChecks
from alarms.policy.scenario_service import ServiceChecks
from alarms.policy.scenario_words import Part


class CheckPart(HomeChecks, MessageChecks, ServiceChecks):
    """What must be so now; whatever is left out is not looked at."""

    open: int | None = Field(default=None, ge=0, description="how many alarms are open, those about the service apart")
    log: tuple[str, ...] | None = Field(default=None, description="all lines of these kinds in an alarm's log")
    alarm: str | None = Field(default=None, description="the one that is looked at; the first one")
    notices: tuple[str, ...] | None = Field(default=None, description="all that is to be mended, the errors first")
    limit: int = Field(default=200, ge=1, description="how many open alarms may be nobody's until a notice says so")
    counts: CountsPart | None = Field(default=None, description="what the books hold after a storm of kills")


class CheckWords(Part):
    """The act of an event that looks, and changes nothing."""

    CHECKS: ClassVar[tuple[str, ...]] = ("check",)

    check: CheckPart | None = None
