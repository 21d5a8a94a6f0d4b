"""What a visit is worth: the harm that a new unit avoids, from what is known of a home. Pure.

Harm is counted in weighted failed calls for a thousand days: how often somebody here calls for help, times the chance
that such a call does not get through, times how badly that would end. The chances are causes that add up as independent
ones do; every one of them is shown with its words. The figures are settings of ours, no claim about any make.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

DAYS = 1000
"""Harm is said for so many days."""


class LineState(StrEnum):
    """What the unit speaks over, as far as it matters for the chance that a call gets through."""

    ANALOGUE_ON_DIGITAL = "analogue_on_digital"
    ANALOGUE = "analogue"
    READY_ON_ANALOGUE = "ready_on_analogue"
    UNKNOWN = "unknown"
    DIGITAL = "digital"


@dataclass(frozen=True)
class Weights:
    """The figures behind the prize: chances that a call fails, calls a day, and how bad a failed one is."""

    line: Mapping[LineState, float] = field(
        default_factory=lambda: {
            LineState.ANALOGUE_ON_DIGITAL: 0.18,
            LineState.UNKNOWN: 0.08,
            LineState.ANALOGUE: 0.02,
            LineState.READY_ON_ANALOGUE: 0.02,
            LineState.DIGITAL: 0.0,
        }
    )
    tier: Mapping[str, float] = field(default_factory=lambda: {"A": 4.0, "B": 2.0, "C": 1.0, "D": 0.6})
    calls_a_day: float = 0.02
    after_telco: float = 0.85
    handshake: float = 0.05
    only_2g: float = 0.06
    battery_year: float = 0.015
    battery_good_for: int = 3
    battery_low: float = 0.05
    unproven_day: float = 0.0008
    unproven_most: int = 365
    alone: float = 1.5
    no_mobile: float = 1.2
    detectors: float = 1.3


@dataclass(frozen=True)
class Factors:
    """What is known of a home: chances are 0 to 1, ages in years, None is not known and counts as the usual.

    `failed_calls` are those that we saw fail, `failed_handshakes` those that the receiving centre counted up to a day.
    """

    line: LineState = LineState.UNKNOWN
    telco_on: date | None = None
    failed_handshakes: int = 0
    model_failure_rate: float | None = None
    only_2g: bool = False
    battery_years: float | None = None
    risk_tier: str = "C"
    lives_alone: bool = False
    no_mobile: bool = False
    life_safety_detectors: bool = False
    days_since_proven: int | None = None
    battery_low_on: date | None = None
    failed_calls: int = 0
    handshakes_until: date | None = None


@dataclass(frozen=True)
class Factor:
    """One reason, in words; `value` is a chance (of a cause) or a multiplier (of how bad it would be)."""

    key: str
    words: str
    value: float
    is_cause: bool


@dataclass(frozen=True)
class Harm:
    """The harm a day while nothing is done: `a_day`, and `a_day_later` from the day `changes_on` on."""

    a_day: float
    changes_on: date | None = None
    a_day_later: float = 0.0

    def avoided(self, visited_on: date, until: date) -> float:
        """Return the harm that a visit on a day avoids until another day, exclusive; 0 when that is past."""
        if self.changes_on is None or self.changes_on >= until:
            return self.a_day * max(0, (until - visited_on).days)
        before = max(0, (self.changes_on - visited_on).days)
        after = (until - max(visited_on, self.changes_on)).days
        return self.a_day * before + self.a_day_later * max(0, after)


@dataclass(frozen=True)
class Assessment:
    """The harm of leaving a home as it is, and every factor of it in words."""

    harm: Harm
    factors: tuple[Factor, ...]

    @property
    def words(self) -> str:
        """Return the factors in a line, the weightiest cause first."""
        return "; ".join(factor.words for factor in self.factors)


USUAL = Weights()

_LINE_WORDS = {
    LineState.ANALOGUE_ON_DIGITAL: "an analogue unit on a line that is digital already",
    LineState.UNKNOWN: "nobody knows what line it is on",
    LineState.ANALOGUE: "an analogue unit on an analogue line",
    LineState.READY_ON_ANALOGUE: "a digital-ready unit that still talks over an analogue line",
    LineState.DIGITAL: "digital from end to end",
}


def assess(known: Factors, today: date, weights: Weights = USUAL) -> Assessment:
    """Say what leaving a home as it is costs a day, and why: causes by chance, then what makes a failure worse."""
    causes, telco = _causes(known, weights), _telco(known, today, weights)
    worse = _worse(known, weights)
    badness = weights.calls_a_day * DAYS
    for factor in worse:
        badness *= factor.value
    now = badness * _either([cause.value for cause in causes])
    if telco is None:
        harm = Harm(now)
    else:
        later = badness * _either([cause.value for cause in (*causes, telco)])
        harm = Harm(now, known.telco_on, later) if known.telco_on and known.telco_on > today else Harm(later)
    shown = sorted([*causes, *([telco] if telco else [])], key=lambda cause: -cause.value)
    return Assessment(harm, (*(cause for cause in shown if cause.value > 0), *worse))


def _either(chances: list[float]) -> float:
    """Return the chance that at least one of independent causes strikes."""
    none = 1.0
    for chance in chances:
        none *= 1 - min(1.0, max(0.0, chance))
    return 1 - none


def _causes(known: Factors, weights: Weights) -> list[Factor]:
    causes = [Factor("line", _LINE_WORDS[known.line], weights.line[known.line], is_cause=True)]
    if known.failed_calls > 0:
        said = f"{known.failed_calls} failed {'call' if known.failed_calls == 1 else 'calls'} lately"
        causes.append(Factor("failed_calls", said, _failing(known.failed_calls, weights), is_cause=True))
    if known.failed_handshakes > 0:
        said = f"{known.failed_handshakes} failed {'handshake' if known.failed_handshakes == 1 else 'handshakes'}"
        said += f" up to {known.handshakes_until:%d %B %Y}" if known.handshakes_until else ""
        said += ", as the receiving centre counted"
        causes.append(Factor("handshakes", said, _failing(known.failed_handshakes, weights), is_cause=True))
    if known.model_failure_rate:
        said = f"units of this model fail {known.model_failure_rate:.1%} of the time"
        causes.append(Factor("model", said, known.model_failure_rate, is_cause=True))
    if known.only_2g:
        causes.append(Factor("only_2g", "its only mobile network is 2G", weights.only_2g, is_cause=True))
    over = 0.0 if known.battery_years is None else max(0.0, known.battery_years - weights.battery_good_for)
    if over > 0:
        said = f"in homes for {known.battery_years:.0f} years, on a battery that nobody is known to have changed"
        causes.append(Factor("battery", said, weights.battery_year * over, is_cause=True))
    if known.battery_low_on is not None:
        said = f"its battery was low on {known.battery_low_on:%d %B %Y}"
        causes.append(Factor("battery_low", said, weights.battery_low, is_cause=True))
    days = weights.unproven_most if known.days_since_proven is None else known.days_since_proven
    chance = weights.unproven_day * min(max(0, days), weights.unproven_most)
    said = "never proven" if known.days_since_proven is None else f"last proven {days} days ago"
    causes.append(Factor("unproven", said, chance, is_cause=True))
    return causes


def _failing(times: int, weights: Weights) -> float:
    """Return the chance that a call fails of a unit of which so many did."""
    return 1 - (1 - weights.handshake) ** times


def _telco(known: Factors, today: date, weights: Weights) -> Factor | None:
    """Return what the telco's date does; a unit that is digital from end to end does not care."""
    if known.telco_on is None or known.line is LineState.DIGITAL:
        return None
    days = (known.telco_on - today).days
    if days > 0:
        said = f"the line goes digital on {known.telco_on:%d %B %Y}, in {days} {'day' if days == 1 else 'days'}"
    else:
        said = f"the line went digital on {known.telco_on:%d %B %Y}"
    return Factor("telco", said, weights.after_telco, is_cause=True)


def _worse(known: Factors, weights: Weights) -> list[Factor]:
    usual = weights.tier["C"]
    tier = known.risk_tier
    found = [Factor("tier", f"risk tier {tier}", weights.tier.get(tier, usual), is_cause=False)]
    if known.lives_alone:
        found.append(Factor("alone", "lives alone", weights.alone, is_cause=False))
    if known.no_mobile:
        found.append(Factor("no_mobile", "has no mobile telephone", weights.no_mobile, is_cause=False))
    if known.life_safety_detectors:
        said = "smoke, heat or carbon monoxide detectors hang on it"
        found.append(Factor("detectors", said, weights.detectors, is_cause=False))
    return found


def until_of(last_day: date, days: int = 180) -> date:
    """Return until when harm is counted for a plan that ends on a day."""
    return last_day + timedelta(days=days)
