"""Whether ranges hold what they promise: an 80 % range has the outcome in it about 80 % of the time.

A number of homes is a whole number and often 0, so a range can hold it by a tie; each outcome's place among futures is
therefore drawn within its tie (a randomised probability integral transform); a right forecast makes places uniform.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from devices.switchover.forecast.burn_down import Ints

LEVELS = (0.5, 0.8, 0.95)
SLACK = 0.08
"""The forecast is a model and the world is not: so far a share may be off beside what chance makes of few seeds."""
DEVIATIONS = 2.58
"""Chance alone passes this bound once in a hundred runs."""


def place(outcome: int, futures: Ints, chance: float) -> float:
    """Return where an outcome lies among futures, from 0 to 1; `chance` (0 to 1) says where within its tie."""
    below, equal = int((futures < outcome).sum()), int((futures == outcome).sum())
    return (below + chance * (equal + 1)) / (len(futures) + 1)


@dataclass(frozen=True)
class Calibration:
    """How often ranges held the outcome: `observed` by nominal share; `tolerance` of each."""

    observed: Mapping[float, float]
    tolerance: Mapping[float, float]
    forecasts: int

    @property
    def good(self) -> bool:
        """Say whether each share is as promised, within its tolerance."""
        return all(abs(self.observed[level] - level) <= self.tolerance[level] for level in self.observed)


def calibration(places: Sequence[float], seeds: int) -> Calibration:
    """Judge the places of outcomes; forecasts of one seed are of one programme, so seeds alone are independent."""
    found = np.asarray(places)
    observed = {level: float((np.abs(found - 0.5) <= level / 2).mean()) for level in LEVELS}
    tolerance = {level: SLACK + DEVIATIONS * sqrt(level * (1 - level) / seeds) for level in LEVELS}
    return Calibration(observed, tolerance, len(places))
