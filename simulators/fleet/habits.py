"""The makes in a fleet: what each hub does differently from its neighbour, drawn from the seed. Pure."""

import random
from dataclasses import replace

from simulators.hub.model import HubConfig, Peripheral, UpdateFault

NEWEST_FIRST = 0.25
BACKLOG, KEPT_HEARTBEATS = 0.5, 20
SPREAD, SPREAD_S = 0.3, 30.0
FORGOTTEN, STRAY = 0.04, 0.04
"""Of the hubs: whose last device was never paired to it, and which have somebody else's paired too."""
STRAYS = (Peripheral("stray-1", "pendant"), Peripheral("stray-1", "smoke"))
NOT_GENUINE, NEVER_BACK = 0.02, 0.005
LOADS_S = 5.0, 60.0


def with_habits(config: HubConfig) -> HubConfig:
    """Return the hub as one of the makes in the field.

    Some send what waited in the wrong order, some send heartbeats late that they could not send in time, some let a
    while pass before they tell of a mains failure. A few do not list what the register has, or list more. A firmware
    comes to each in its own time, and to a few it does not.
    """
    dice = random.Random(f"{config.seed}/{config.hub_id}/habits")
    newest_first, backlog, spread = (dice.random() < share for share in (NEWEST_FIRST, BACKLOG, SPREAD))
    forgotten, stray = (dice.random() < share for share in (FORGOTTEN, STRAY))
    listed = config.peripherals[: -1 if forgotten else None] + ((dice.choice(STRAYS),) if stray else ())
    loads_s, luck = dice.uniform(*LOADS_S), dice.random()
    fault: UpdateFault | None = "brick" if luck < NEVER_BACK else "verify" if luck < NEVER_BACK + NOT_GENUINE else None
    return replace(
        config,
        update_s=loads_s,
        update_fault=fault,
        newest_first=newest_first,
        backlog=KEPT_HEARTBEATS if backlog else 0,
        mains_report_spread_s=SPREAD_S if spread else 0.0,
        listed=listed if forgotten or stray else None,
    )
