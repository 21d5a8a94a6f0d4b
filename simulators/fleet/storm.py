"""The storm: all hubs lose mains and link and come back within a minute, while a few people really need help."""

import random
from collections.abc import Sequence

from simulators.fleet.plan import LinkDown, LinkUp, PlannedStep
from simulators.fleet.roster import Member
from simulators.hub.happenings import MainsLost, MainsRestored, Press

PENDANTS = 20


def storm(
    members: Sequence[Member], seed: int, *, pendants: int = PENDANTS, calm_s: float = 0.0, within_s: float = 60.0
) -> list[PlannedStep]:
    """Return the steps in order of time.

    In the first `calm_s` seconds as many other owners press as later in the storm: what the storm is compared with.
    Then each hub tells of the mains loss, goes offline and returns, all within `within_s` seconds. The `pendants` hubs
    whose owners press keep their link (their delay measures the service, not the outage).
    """
    dice = random.Random(f"{seed}/storm")
    pressing = set(dice.sample(range(len(members)), min(pendants, len(members))))
    others = [hub for hub in range(len(members)) if hub not in pressing]
    calm = dice.sample(others, min(pendants, len(others))) if calm_s else []
    steps = [PlannedStep(calm_s * n / len(calm), hub, Press("pendant")) for n, hub in enumerate(calm)]
    for hub in range(len(members)):
        lost = calm_s + dice.uniform(0.0, within_s * 0.4)
        back = calm_s + dice.uniform(within_s * 0.7, within_s)
        steps += [PlannedStep(lost, hub, MainsLost()), PlannedStep(back, hub, MainsRestored())]
        if hub in pressing:
            steps.append(PlannedStep(calm_s + dice.uniform(within_s * 0.1, within_s * 0.9), hub, Press("pendant")))
        else:
            cut = dice.uniform(lost, calm_s + within_s * 0.6)
            steps += [PlannedStep(cut, hub, LinkDown()), PlannedStep(back, hub, LinkUp())]
    return sorted(steps, key=lambda step: step.at)
