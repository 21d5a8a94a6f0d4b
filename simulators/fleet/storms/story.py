"""What every storm is made of: what fails and for how long, what each hub then does, and who presses meanwhile."""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulators.fleet.plan import PlannedStep
from simulators.hub.happenings import Press

PENDANTS = 20
AWAY_FROM_A_CUT = 0.02
"""Of the whole storm: nobody presses so shortly before or after their hub falls silent.

A message that a dead connection swallows is sent again when the path is back: that would measure the outage.
"""


@dataclass(frozen=True)
class Ask:
    """What a storm may be asked for; durations in seconds. `calm_s` comes before the storm, `within_s` is the storm."""

    seed: int = 1
    pendants: int = PENDANTS
    calm_s: float = 0.0
    within_s: float = 60.0


@dataclass(frozen=True)
class Span:
    """A time without something, in seconds from the start; `back` is None when it outlasts the story."""

    at: float
    back: float | None

    def covers(self, moment: float) -> bool:
        """Say whether it is missing at a moment."""
        return self.at <= moment and (self.back is None or moment < self.back)


@dataclass(frozen=True)
class Outage:
    """One thing that fails (`what`: mains, mast, network, battery; `name` says which), and when for whom."""

    what: str
    name: str
    span: Span
    hubs: Mapping[int, Span]


@dataclass(frozen=True)
class Story:
    """The steps in order of time, and why. Hubs go by their number in the roster, times are seconds of the run.

    `dark`: when a hub can say nothing, for want of a path or of power. `time_scale`: how much faster than life the
    batteries run down.
    """

    steps: Sequence[PlannedStep]
    outages: Sequence[Outage] = ()
    dark: Mapping[int, Sequence[Span]] = field(default_factory=dict)
    time_scale: float = 1.0

    @property
    def left(self) -> frozenset[int]:
        """Return the hubs that are silent when the story ends."""
        return frozenset(hub for hub, spans in self.dark.items() if any(span.back is None for span in spans))

    def figures(self) -> dict[str, Any]:
        """Return how many of what failed, how many `for_good`, and what that came to for hubs."""
        for_good = Counter(outage.what for outage in self.outages if outage.span.back is None)
        return {
            "failed": dict(Counter(outage.what for outage in self.outages)),
            "for_good": dict(for_good),
            "hit": len({hub for outage in self.outages for hub in outage.hubs}),
            "silent": len(self.dark),
            "stay_silent": len(self.left),
            "stay_without_mains": sum(
                span.back is None for outage in self.outages if outage.what == "mains" for span in outage.hubs.values()
            ),
        }


def told(story: Story, life_s: float, members: int, ask: Ask) -> Story:
    """Return a storm that lasts `life_s` seconds in life as one that lasts as long as was asked for, after the calm.

    In the calm as many others press as do in the storm: what it is compared with.
    """
    pace = ask.within_s / life_s

    def moment(at: float) -> float:
        return ask.calm_s + at * pace

    def span(one: Span) -> Span:
        return Span(moment(one.at), None if one.back is None else moment(one.back))

    pressing = {step.hub for step in story.steps if isinstance(step.do, Press) and step.do.type == "pendant"}
    dice = random.Random(f"{ask.seed}/calm")
    steps = calm(dice, [hub for hub in range(members) if hub not in pressing], ask)
    steps += [replace(step, at=moment(step.at)) for step in story.steps]
    return Story(
        sorted(steps, key=lambda step: step.at),
        [
            replace(outage, span=span(outage.span), hubs={hub: span(one) for hub, one in outage.hubs.items()})
            for outage in story.outages
        ],
        {hub: [span(one) for one in spans] for hub, spans in story.dark.items()},
        time_scale=1.0 / pace,
    )


def calm(dice: random.Random, hubs: Sequence[int], ask: Ask) -> list[PlannedStep]:
    """Return presses of some of these hubs, evenly over the calm."""
    chosen = dice.sample(hubs, min(ask.pendants, len(hubs))) if ask.calm_s else []
    return [PlannedStep(ask.calm_s * n / len(chosen), hub, Press("pendant")) for n, hub in enumerate(chosen)]


def presses(
    dice: random.Random, hubs: Collection[int], dark: Mapping[int, Sequence[Span]], pendants: int, life_s: float
) -> list[PlannedStep]:
    """Let the owners of some of these hubs press, each once, at any time of the storm.

    Who presses while their hub is silent is heard when it is back; who would never be, presses before that.
    """
    steps, margin = [], life_s * AWAY_FROM_A_CUT
    for hub in dice.sample(sorted(hubs), min(pendants, len(hubs))):
        at = dice.uniform(life_s * 0.05, life_s * 0.95)
        silent = next((span for span in dark.get(hub, ()) if span.covers(at) or span.covers(at + margin)), None)
        if silent is not None:
            at = max(at, silent.at + margin) if silent.back is not None else dice.uniform(0.0, silent.at - margin)
        if at >= 0.0:
            steps.append(PlannedStep(at, hub, Press("pendant")))
    return steps


def in_order(steps: Iterable[PlannedStep]) -> list[PlannedStep]:
    """Return steps in order of time; what is of one moment stays as it came."""
    return sorted(steps, key=lambda step: step.at)
