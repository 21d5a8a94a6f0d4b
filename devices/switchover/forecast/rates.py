"""What the rates of a programme may be after what has been seen: draws from posteriors. Pure: chance is passed in.

Each has a prior that is worth few visits or days, so that with little data the draws lie far apart, and with much the
data speak. Shapes: `n` draws; an array of a rate is `(n,)`, of what visits come to `(n, outcomes)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.switchover.forecast.domain import OUTCOMES, Flow, History, Outcome, Wait, Worked

Floats = NDArray[np.float64]

LOST_BELOW = 0.5
"""A day with less than this share of the usual pace is lost: a storm, no stock, no vans."""
NO_ACCESS = OUTCOMES.index(Outcome.NO_ACCESS)


class Prior(NamedTuple):
    """A Gamma prior of how many a day: as if this many had been seen in so many home-days."""

    seen: float
    home_days: float


FIRST_VISITS = (38.0, 7.5, 1.0, 1.8, 1.7)
"""What 50 visits come to where nothing is known, in the order of the outcomes: 15 % find nobody in."""
LATER_VISITS = (7.0, 2.2, 0.3, 0.25, 0.25)
"""The same for 10 visits to homes where one came to nothing."""
BACK: Mapping[Wait, Prior] = {
    Wait.NO_ACCESS: Prior(4, 32),
    Wait.REFUSED: Prior(4, 140),
    Wait.NO_SIGNAL: Prior(4, 72),
    Wait.FAULT: Prior(4, 28),
    Wait.PAUSED: Prior(4, 24),
}
PREPARED_DAYS = 2.0
"""Where nothing is known the office keeps pace with the engineers; that counts as so many days seen."""
TURNED_DOWN = (0.5, 9.5)
"""Of those whom the office asks, how many say no or are not reached (Beta)."""
LEFT = Prior(1, 2200)
FIRST_DAYS = 4
"""So many days of a programme tell nothing of its pace: bookings are made some days before, and there were few."""
PACE_OFF = 0.1
"""By such a share the pace that somebody stated is off, as a rule, from what it comes to."""
DAYS_DIFFER, AS_IF_SEEN = 0.6, 6.0
"""By about so many visits by engineer days differ from one another; that counts as so many days seen."""
SPELL_BEGINS, SPELL_ENDS = (2.0, 40.0), (6.0, 1.5)
"""Beta priors a day: that a lost spell begins, two in a winter of 42 days, and that it ends: most are of one day."""
LOST_SHARE, LOST_WEIGHT = 0.15, 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Draws of all rates. What comes of visits sums to 1; `back` and `left` are a day.

    `prepared` is homes that the office asks on a working day, `turned_down` a share of them.
    """

    first: Floats
    again: Floats
    back: Mapping[Wait, Floats]
    prepared: Floats
    turned_down: Floats
    left: Floats
    pace: Floats
    pace_sd: Floats
    spell_begins: Floats
    spell_ends: Floats
    lost_share: float

    @property
    def draws(self) -> int:
        """Return how many draws these are."""
        return len(self.pace)

    def some(self, draws: int) -> "Rates":
        """Return the first so many of the draws."""
        arrays = {name: getattr(self, name)[:draws] for name in _ARRAYS}
        return replace(self, back={wait: rate[:draws] for wait, rate in self.back.items()}, **arrays)

    def with_no_access(self, rate: float) -> "Rates":
        """Return the rates with another share of first visits that find nobody in; later ones change alike."""
        factor = rate / max(1e-9, float(self.first[:, NO_ACCESS].mean()))
        later = np.clip(self.again[:, NO_ACCESS] * factor, 0.0, 0.95)
        return replace(
            self,
            first=_with_share(self.first, NO_ACCESS, np.full(self.draws, rate)),
            again=_with_share(self.again, NO_ACCESS, later),
        )

    def with_pace(self, visits: float) -> "Rates":
        """Return the rates as if one knew that an engineer makes so many visits a day; days still differ."""
        return replace(self, pace=np.full(self.draws, visits))


_ARRAYS = (
    "first", "again", "prepared", "turned_down", "left", "pace", "pace_sd", "spell_begins", "spell_ends",
)  # fmt: skip


def draw_rates(
    history: History, stated_pace: float, draws: int, rng: np.random.Generator, *, engineers: float = 1.0
) -> Rates:
    """Draw rates that agree with what was seen; `stated_pace` is visits by engineer and day as people plan them."""
    office = max(1.0, stated_pace * engineers)
    worked = [day for day in history.days if day.engineers > 0]
    lost, usual = split_lost(worked, stated_pace)
    begun = worked[:FIRST_DAYS]
    pace, pace_sd = _pace(
        [day.pace for day in usual if day not in begun and not day.for_want_of_homes], stated_pace, draws, rng
    )
    begins, ends = _spells(worked, lost, draws, rng)
    typical = sum(day.pace for day in usual) / len(usual) if usual else stated_pace
    share = LOST_SHARE * LOST_WEIGHT + sum(day.pace / typical for day in lost)
    return Rates(
        first=_outcomes(FIRST_VISITS, history.first, draws, rng),
        again=_outcomes(LATER_VISITS, history.again, draws, rng),
        back={wait: _flow(prior, history.back.get(wait, Flow()), draws, rng) for wait, prior in BACK.items()},
        prepared=_flow(Prior(PREPARED_DAYS * office, PREPARED_DAYS), history.prepared, draws, rng),
        turned_down=rng.beta(
            TURNED_DOWN[0] + history.turned_down,
            TURNED_DOWN[1] + max(0, history.prepared.count - history.turned_down),
            draws,
        ),
        left=_flow(LEFT, history.left, draws, rng),
        pace=pace,
        pace_sd=pace_sd,
        spell_begins=begins,
        spell_ends=ends,
        lost_share=share / (LOST_WEIGHT + len(lost)),
    )


def split_lost(worked: list[Worked], stated_pace: float) -> tuple[list[Worked], list[Worked]]:
    """Return the days that were lost, and the others."""
    told = [day for day in worked if not day.for_want_of_homes or day.ready == 0]
    usual = median([stated_pace, *(day.pace for day in told)])
    lost = [day for day in told if day.pace < LOST_BELOW * usual]
    return lost, [day for day in worked if day not in lost]


def _outcomes(prior: tuple[float, ...], seen: Mapping[Outcome, int], draws: int, rng: np.random.Generator) -> Floats:
    """Draw shares of outcomes (Dirichlet)."""
    return rng.dirichlet(
        [weight + seen.get(outcome, 0) for weight, outcome in zip(prior, OUTCOMES, strict=True)], draws
    )


def _flow(prior: Prior, seen: Flow, draws: int, rng: np.random.Generator) -> Floats:
    """Draw a rate a day of something that homes wait for (Gamma, what is still waiting counted as seen so far)."""
    return rng.gamma(prior.seen + seen.count, 1.0 / (prior.home_days + seen.days), draws)


def _pace(seen: list[float], stated: float, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the mean pace, and by how much days differ (Normal with Gamma precision)."""
    # How far the statement is off and by how much days differ are two things. Taken for one (a statement that is worth
    # one day, and days that may differ by much) they made the range of a young programme twice as wide as it was.
    number = len(seen)
    mean = sum(seen) / number if number else stated
    spread = sum((pace - mean) ** 2 for pace in seen)
    rate = (AS_IF_SEEN * DAYS_DIFFER**2 + spread) / 2
    deviation = 1.0 / np.sqrt(rng.gamma((AS_IF_SEEN + max(0, number - 1)) / 2, 1.0 / rate, draws))
    told, known = 1.0 / (PACE_OFF * stated) ** 2, number / deviation**2
    centre = (told * stated + known * mean) / (told + known)
    return np.maximum(0.1, centre + rng.standard_normal(draws) / np.sqrt(told + known)), deviation


def _spells(worked: list[Worked], lost: list[Worked], draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw how often lost spells begin and how soon they end (Beta, from one worked day to the next)."""
    begun = stayed_well = ended = went_on = 0
    before = False
    for day in worked:
        now = day in lost
        if before:
            ended, went_on = ended + (not now), went_on + now
        else:
            begun, stayed_well = begun + now, stayed_well + (not now)
        before = now
    begins = rng.beta(SPELL_BEGINS[0] + begun, SPELL_BEGINS[1] + stayed_well, draws)
    return begins, rng.beta(SPELL_ENDS[0] + ended, SPELL_ENDS[1] + went_on, draws)


def _with_share(shares: Floats, index: int, wanted: Floats) -> Floats:
    """Return shares of which one is given, the others in their proportion."""
    rest = np.delete(shares, index, axis=1)
    rest = rest / rest.sum(axis=1, keepdims=True) * (1.0 - wanted)[:, None]
    return np.insert(rest, index, wanted, axis=1)
