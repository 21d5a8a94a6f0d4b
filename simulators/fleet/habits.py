"""The makes in a fleet: what each hub does differently from its neighbour, drawn from the seed. Pure."""

import random
from dataclasses import replace

from simulators.hub.model import HubConfig

NEWEST_FIRST = 0.25
BACKLOG, KEPT_HEARTBEATS = 0.5, 20
SPREAD, SPREAD_S = 0.3, 30.0


def with_habits(config: HubConfig) -> HubConfig:
    """Return the hub as one of the makes in the field.

    Some send what waited in the wrong order, some send heartbeats late that they could not send in time, some let a
    while pass before they tell of a mains failure.
    """
    dice = random.Random(f"{config.seed}/{config.hub_id}/habits")
    newest_first, backlog, spread = (dice.random() < share for share in (NEWEST_FIRST, BACKLOG, SPREAD))
    return replace(
        config,
        newest_first=newest_first,
        backlog=KEPT_HEARTBEATS if backlog else 0,
        mains_report_spread_s=SPREAD_S if spread else 0.0,
    )
