"""The kinds of storm, by the name by which they are asked for."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from simulators.fleet.roster import Member
from simulators.fleet.storms.batteries import batteries
from simulators.fleet.storms.blackout import blackout
from simulators.fleet.storms.network import network_outage
from simulators.fleet.storms.story import Ask, Story
from simulators.fleet.storms.whole import whole


class StormKind(StrEnum):
    """What befalls the fleet."""

    WHOLE = "whole"
    BLACKOUT = "blackout"
    NETWORK = "network"
    BATTERIES = "batteries"


STORIES: Mapping[StormKind, Callable[[Sequence[Member], Ask], Story]] = {
    StormKind.WHOLE: whole,
    StormKind.BLACKOUT: blackout,
    StormKind.NETWORK: network_outage,
    StormKind.BATTERIES: batteries,
}
"""Each is a pure function of roster and ask (with the seed); ValueError when the roster lacks what it goes by."""
