"""The makes in a fleet: what each hub does differently from its neighbour, drawn from the seed. Pure."""

import random
from dataclasses import replace

from simulators.hub.model import HubConfig, UpdateFault

NEWEST_FIRST = 0.25
BACKLOG, KEPT_HEARTBEATS = 0.5, 20
SPREAD, SPREAD_S = 0.3, 30.0
NOT_GENUINE, NEVER_BACK = 0.02, 0.005
LOADS_S = 5.0, 60.0


def with_habits(config: HubConfig) -> HubConfig:
    """Return the hub as one of the makes in the field.

    Some send what waited in the wrong order, some send heartbeats late that they could not send in time, some let a
    while pass before they tell of a mains failure. A firmware comes to each in its own time, and to a few it does not.
    """
    dice = random.Random(f"{config.seed}/{config.hub_id}/habits")
    newest_first, backlog, spread = (dice.random() < share for share in (NEWEST_FIRST, BACKLOG, SPREAD))
    loads_s, luck = dice.uniform(*LOADS_S), dice.random()
    fault: UpdateFault | None = "brick" if luck < NEVER_BACK else "verify" if luck < NEVER_BACK + NOT_GENUINE else None
    return replace(
        config,
        update_s=loads_s,
        update_fault=fault,
        newest_first=newest_first,
        backlog=KEPT_HEARTBEATS if backlog else 0,
        mains_report_spread_s=SPREAD_S if spread else 0.0,
    )
