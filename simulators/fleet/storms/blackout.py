"""A storm goes over the country: mains fail sector by sector, and the masts when their batteries are empty.

Times are seconds in life. Homes go over to their hub's battery, and to the mobile network, as the router has none. A
mast has its mains from the same sector and a battery for an hour or so: then its hubs are silent, or have no path but
one that the power cut took too. Power comes back sector by sector in any order; a few homes and masts need somebody to
come.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

from simulators.fleet.plan import PlannedStep
from simulators.fleet.roster import Member
from simulators.fleet.storms.paths import MOBILE, walk
from simulators.fleet.storms.story import Ask, Outage, Span, Story, presses, told
from simulators.hub.happenings import MainsLost, MainsRestored

MINUTE, HOUR = 60.0, 3600.0
LASTS_S = 6 * HOUR
FRONT_S = 40 * MINUTE
HOMES_WITHIN_S = 2 * MINUTE
AUTONOMY = ((0.80, 20 * MINUTE, HOUR), (0.15, HOUR, 5 * HOUR), (0.05, LASTS_S, LASTS_S))
"""How long masts last on their batteries: the share of them, from, to. One in five lasts for more than an hour."""
POWER_BACK_S = 3 * HOUR, 5 * HOUR
ROUTER_STARTS_S, MAST_STARTS_S = 2 * MINUTE, (3 * MINUTE, 10 * MINUTE)
HOMES_LEFT, MASTS_LEFT = 0.02, 0.05
"""Of the homes and of the masts that failed: those to which the power, or the service, does not come back."""


def blackout(members: Sequence[Member], ask: Ask) -> Story:
    """Return the story; ValueError when no member has a postcode."""
    dice = random.Random(f"{ask.seed}/blackout")
    sectors: dict[str, list[int]] = defaultdict(list)
    for hub, member in enumerate(members):
        if member.sector is not None:
            sectors[member.sector].append(hub)
    if not sectors:
        raise ValueError("a blackout goes by postcode: no hub of the fleet file has a `postcode`")
    way = sorted(sectors, reverse=dice.choice((False, True)))
    outages: list[Outage] = []
    for place, sector in enumerate(way):
        lost = FRONT_S * place / max(1, len(way) - 1)
        outages += _sector(members, sector, sectors[sector], lost, dice)
    mains = {hub: span for outage in outages if outage.what == "mains" for hub, span in outage.hubs.items()}
    masts = {hub: span for outage in outages if outage.what == "mast" for hub, span in outage.hubs.items()}
    steps: list[PlannedStep] = []
    dark: dict[int, Sequence[Span]] = {}
    for hub, span in mains.items():
        # Paths first: what a hub tells of the mains goes by the path that is left.
        moves, silent = walk(hub, members[hub].paths, _gone(members[hub], span, masts.get(hub)), dice)
        steps += [*moves, PlannedStep(span.at, hub, MainsLost())]
        if span.back is not None:
            steps.append(PlannedStep(span.back, hub, MainsRestored()))
        if silent:
            dark[hub] = silent
    steps += presses(dice, mains, dark, ask.pendants, LASTS_S)
    return told(Story(steps, outages, dark), LASTS_S, len(members), ask)


def _sector(
    members: Sequence[Member], sector: str, hubs: Sequence[int], lost: float, dice: random.Random
) -> list[Outage]:
    """Return the power cut of a sector and the failures of its masts."""
    back = dice.uniform(*POWER_BACK_S)
    homes = {}
    for hub in hubs:
        returns = None if dice.random() < HOMES_LEFT else back + dice.uniform(0.0, HOMES_WITHIN_S)
        homes[hub] = Span(lost + dice.uniform(0.0, HOMES_WITHIN_S), returns)
    outages = [Outage("mains", sector, Span(lost, back), homes)]
    for network in sorted({name for hub in hubs if (name := members[hub].network) is not None}):
        _, least, most = dice.choices(AUTONOMY, [share for share, _, _ in AUTONOMY])[0]
        fails = lost + dice.uniform(least, most)
        if fails < back:
            span = Span(fails, None if dice.random() < MASTS_LEFT else back + dice.uniform(*MAST_STARTS_S))
            served = [hub for hub in hubs if members[hub].network == network]
            outages.append(Outage("mast", f"{network}, {sector}", span, dict.fromkeys(served, span)))
    return outages


def _gone(member: Member, mains: Span, mast: Span | None) -> dict[str, list[Span]]:
    """Return when each path of a hub is gone."""
    router = Span(mains.at, None if mains.back is None else mains.back + ROUTER_STARTS_S)
    without = {False: [router], True: [mast] if mast is not None else []}
    return {path: without[path in MOBILE] for path in member.paths}
