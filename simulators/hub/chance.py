"""Chance without a generator to carry about: a hub's n-th number follows from seed, hub and n."""

import random
from dataclasses import replace

from simulators.hub.model import HubConfig, HubState


def draw(config: HubConfig, state: HubState) -> tuple[HubState, float]:
    """Return the hub's next number in [0, 1), and the state that has drawn it."""
    share = random.Random(f"{config.seed}/{config.hub_id}/{state.draws}").random()
    return replace(state, draws=state.draws + 1), share
