"""The storm: all hubs lose mains and link and come back within a minute, while a few people really need help."""

import random
from collections.abc import Sequence

from simulators.fleet.plan import LinkDown, LinkUp, PlannedStep
from simulators.fleet.roster import Member
from simulators.hub.happenings import MainsLost, MainsRestored, Press


def storm(members: Sequence[Member], seed: int, *, pendants: int = 20, within_s: float = 60.0) -> list[PlannedStep]:
    """Return the steps in order of time.

    Each hub tells of the mains loss, goes offline and returns, all within `within_s` seconds. The `pendants` hubs whose
    owners press keep their link (their delay measures the service, not the outage).
    """
    dice = random.Random(f"{seed}/storm")
    pressing = set(dice.sample(range(len(members)), min(pendants, len(members))))
    steps: list[PlannedStep] = []
    for hub in range(len(members)):
        lost = dice.uniform(0.0, within_s * 0.4)
        back = dice.uniform(within_s * 0.7, within_s)
        steps += [PlannedStep(lost, hub, MainsLost()), PlannedStep(back, hub, MainsRestored())]
        if hub in pressing:
            steps.append(PlannedStep(dice.uniform(within_s * 0.1, within_s * 0.9), hub, Press("pendant")))
        else:
            cut = dice.uniform(lost, within_s * 0.6)
            steps += [PlannedStep(cut, hub, LinkDown()), PlannedStep(back, hub, LinkUp())]
    return sorted(steps, key=lambda step: step.at)
