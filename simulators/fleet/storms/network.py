"""A mobile network fails for a while: its hubs fall back to their other path and say so, or can say nothing."""

import random
from collections.abc import Sequence

from simulators.fleet.plan import PlannedStep
from simulators.fleet.roster import Member
from simulators.fleet.storms.paths import MOBILE, walk
from simulators.fleet.storms.story import Ask, Outage, Span, Story, presses, told

LASTS_S = 3600.0
FAILS_AT, FAILS_WITHIN = 0.1, 0.02
BACK_FROM, BACK_TO = 0.7, 0.9
"""Parts of the hour: when the first hubs lose the network, how long it takes to the last, and when they return."""
LEFT = 0.01
"""Of its hubs: those that do not find it again by themselves."""


def network_outage(members: Sequence[Member], ask: Ask) -> Story:
    """Return the story; ValueError when no member has a network."""
    dice = random.Random(f"{ask.seed}/network")
    networks = sorted({one.network for one in members if one.network is not None and MOBILE.intersection(one.paths)})
    if not networks:
        raise ValueError("an outage is one of a mobile network: no hub of the fleet file has a `network`")
    name = dice.choice(networks)
    hubs: dict[int, Span] = {}
    steps: list[PlannedStep] = []
    dark: dict[int, Sequence[Span]] = {}
    for hub, member in enumerate(members):
        if member.network != name or not MOBILE.intersection(member.paths):
            continue
        back = None if dice.random() < LEFT else LASTS_S * dice.uniform(BACK_FROM, BACK_TO)
        span = hubs[hub] = Span(LASTS_S * (FAILS_AT + dice.uniform(0.0, FAILS_WITHIN)), back)
        moves, silent = walk(hub, member.paths, {path: [span] for path in member.paths if path in MOBILE}, dice)
        steps += moves
        if silent:
            dark[hub] = silent
    outage = Outage("network", name, Span(LASTS_S * FAILS_AT, LASTS_S * BACK_TO), hubs)
    steps += presses(dice, hubs, dark, ask.pendants, LASTS_S)
    return told(Story(steps, [outage], dark), LASTS_S, len(members), ask)
