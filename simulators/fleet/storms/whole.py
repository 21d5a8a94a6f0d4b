"""The whole fleet at once: all hubs lose mains and link and come back within a minute, while a few people need help."""

import random
from collections.abc import Sequence

from simulators.fleet.plan import LinkDown, LinkUp, PlannedStep
from simulators.fleet.roster import Member
from simulators.fleet.storms.story import Ask, Story, calm, in_order
from simulators.hub.happenings import MainsLost, MainsRestored, Press


def whole(members: Sequence[Member], ask: Ask) -> Story:
    """Return the story, at the pace of life.

    In the calm as many other owners press as later in the storm. Then each hub tells of the mains loss, goes offline
    and returns. The hubs whose owners press keep their link: their delay measures the service, not the outage.
    """
    dice = random.Random(f"{ask.seed}/storm")
    within_s, calm_s = ask.within_s, ask.calm_s
    pressing = set(dice.sample(range(len(members)), min(ask.pendants, len(members))))
    steps = calm(dice, [hub for hub in range(len(members)) if hub not in pressing], ask)
    for hub in range(len(members)):
        lost = calm_s + dice.uniform(0.0, within_s * 0.4)
        back = calm_s + dice.uniform(within_s * 0.7, within_s)
        steps += [PlannedStep(lost, hub, MainsLost()), PlannedStep(back, hub, MainsRestored())]
        if hub in pressing:
            steps.append(PlannedStep(calm_s + dice.uniform(within_s * 0.1, within_s * 0.9), hub, Press("pendant")))
        else:
            cut = dice.uniform(lost, calm_s + within_s * 0.6)
            steps += [PlannedStep(cut, hub, LinkDown()), PlannedStep(back, hub, LinkUp())]
    return Story(in_order(steps))
