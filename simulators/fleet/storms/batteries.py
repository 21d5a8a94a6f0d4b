"""Batteries die slowly: weeks in which they hold less and less, and then a power cut that a good one outlasts.

A day of the weeks is as long as it takes; the power cut is at the pace of `LASTS_S`.
"""

import random
from collections.abc import Sequence
from itertools import pairwise

from simulators.fleet.plan import PlannedStep
from simulators.fleet.roster import Member
from simulators.fleet.storms.story import Ask, Outage, Span, Story, presses, told
from simulators.hub.happenings import BatteryAged, MainsLost, MainsRestored
from simulators.hub.model import HubConfig

HOUR = 3600.0
CUT_S = 12 * HOUR
LASTS_S = CUT_S / 0.35
DAYS, DAYS_TAKE_S = 30, LASTS_S * 0.55
CUT_AT_S, CUT_WITHIN_S = LASTS_S * 0.58, LASTS_S * 0.02
WORN, WORN_TRIGGERS = 0.15, 0.10
GOOD, GOOD_LOSES = (85.0, 100.0), (1.0, 5.0)
BAD, BAD_LOSES = (45.0, 70.0), (25.0, 60.0)
"""What a battery holds at first, and what it loses in the weeks, in per cent of a new one."""
LEAST = 5.0


def batteries(members: Sequence[Member], ask: Ask) -> Story:
    """Return the story. Whoever presses does so while their hub has power."""
    dice = random.Random(f"{ask.seed}/batteries")
    steps: list[PlannedStep] = []
    homes: dict[int, Span] = {}
    flat: dict[int, Span] = {}
    for hub, member in enumerate(members):
        ages = _ages(dice, worn=dice.random() < WORN)
        steps += [PlannedStep(at, hub, BatteryAged(holds)) for at, holds in ages]
        for device in member.peripherals:
            levels = _ages(dice, worn=dice.random() < WORN_TRIGGERS)
            steps += [PlannedStep(at, hub, BatteryAged(level, device.id)) for at, level in levels]
        cut = CUT_AT_S + dice.uniform(0.0, CUT_WITHIN_S)
        homes[hub] = Span(cut, cut + CUT_S)
        steps += [PlannedStep(cut, hub, MainsLost()), PlannedStep(cut + CUT_S, hub, MainsRestored())]
        empty = cut + HubConfig.battery_s * ages[-1][1] / 100.0
        if empty < cut + CUT_S:
            flat[hub] = Span(empty, cut + CUT_S)
    outages = [Outage("mains", "everywhere", Span(CUT_AT_S, CUT_AT_S + CUT_WITHIN_S + CUT_S), homes)]
    outages += [Outage("battery", members[hub].hub_id, span, {hub: span}) for hub, span in flat.items()]
    # A hub without power hears no pendant: for whoever presses it is as good as never back.
    unheard = {hub: [Span(span.at, None)] for hub, span in flat.items()}
    steps += presses(dice, homes, unheard, ask.pendants, LASTS_S)
    return told(Story(steps, outages, {hub: [span] for hub, span in flat.items()}), LASTS_S, len(members), ask)


def _ages(dice: random.Random, *, worn: bool) -> list[tuple[float, int]]:
    """Return what a battery holds, in whole per cent, each day that it is less: the older, the faster it goes."""
    (least, most), loses = (BAD, BAD_LOSES) if worn else (GOOD, GOOD_LOSES)
    at_first, lost, hour = dice.uniform(least, most), dice.uniform(*loses), dice.random()
    days = [
        (DAYS_TAKE_S * (day + hour) / (DAYS + 1), round(max(LEAST, at_first - lost * (day / DAYS) ** 2)))
        for day in range(DAYS + 1)
    ]
    return [today for before, today in pairwise([(0.0, 101), *days]) if today[1] < before[1]]
