"""Many simulated programmes: nobody unprotected in any of them, and forecasts made on the way that must hold."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from devices.switchover.forecast.burn_down import Span
from devices.switchover.forecast.domain import History, Pool
from devices.switchover.forecast.forecast import Forecast, Team, forecast
from devices.switchover.forecast.history import Reader
from telecare.bench.programme.calibration import Calibration, calibration, place
from telecare.bench.programme.world import Rules, World

ASKED_AFTER = (3, 12, 22)
"""Working days after which a forecast is made; the first with almost no data."""
DRAWS = 400
PACE, PACE_OFF = 5.4, 0.1
"""What an engineer of these programmes makes a day, and how far what people state before is off, as a share."""
WEEK = timedelta(days=7)

Forecaster = Callable[[Pool, History, Team, Span, World, np.random.Generator], Forecast]


@dataclass(frozen=True)
class Options:
    """What is simulated: so many programmes, each of so many homes, from a day to the deadline."""

    homes: int
    engineers: int
    seeds: int
    seed: int
    first: date
    last: date
    no_access: float = 0.15


@dataclass
class Report:
    """What came of it."""

    options: Options
    places: list[float] = field(default_factory=list)
    outcomes: list[int] = field(default_factory=list)
    curve: dict[date, list[int]] = field(default_factory=dict)
    forecasts: list[tuple[date, int, int, int]] = field(default_factory=list)
    unprotected: timedelta = timedelta(0)
    people: int = 0
    unproven: int = 0
    looks: int = 0
    steps: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def calibration(self) -> Calibration:
        """Return how often ranges held the outcome."""
        return calibration(self.places, self.options.seeds)

    @property
    def minutes_unprotected(self) -> float:
        """Return how long people had no proven hub, all added up."""
        return self.unprotected.total_seconds() / 60

    @property
    def faults(self) -> list[str]:
        """Return what must not be."""
        found = []
        if self.people or self.unprotected:
            found.append(f"{self.people} people were unprotected, for {self.minutes_unprotected:.0f} minutes together")
        if self.unproven:
            found.append(f"{self.unproven} hubs were accepted that had not shown everything")
        if self.places and not self.calibration.good:
            found.append("The forecast's ranges do not hold what they promise")
        return found

    @property
    def speed(self) -> float:
        """Return how many times faster than real time it went."""
        days = ((self.options.last - self.options.first).days + 1) * self.options.seeds
        return days * 86_400 / max(1e-9, self.seconds)

    def data(self) -> dict[str, Any]:
        """Return it for programs."""
        options = self.options
        return {
            "homes": options.homes, "engineers": options.engineers, "seeds": options.seeds, "seed": options.seed,
            "from": options.first.isoformat(), "to": options.last.isoformat(),
            "minutes_unprotected": self.minutes_unprotected, "people_unprotected": self.people,
            "accepted_unproven": self.unproven, "looks": self.looks, "steps": self.steps,
            "refused": dict(self.refused), "happened": dict(self.happened),
            "remaining": self.outcomes, "forecasts": self.calibration.forecasts,
            "calibration": [
                {"nominal": level, "observed": share, "tolerance": self.calibration.tolerance[level]}
                for level, share in self.calibration.observed.items()
            ],
            "times_faster": round(self.speed), "faults": self.faults,
        }  # fmt: skip


def usual(pool: Pool, past: History, team: Team, span: Span, world: World, rng: np.random.Generator) -> Forecast:
    """Forecast as the service does."""
    return forecast(pool, past, team, span, world.days, rng, draws=DRAWS, need=False)


def simulate(options: Options, *, law: Rules | None = None, forecaster: Forecaster = usual) -> Iterator[Report]:
    """Run all programmes; yield what came of them so far after each."""
    report = Report(options)
    began = time.perf_counter()
    for seed in range(options.seed, options.seed + options.seeds):
        _one(report, seed, law, forecaster)
        report.seconds = time.perf_counter() - began
        yield report


def _one(report: Report, seed: int, law: Rules | None, forecaster: Forecaster) -> None:
    options = report.options
    world = World(
        seed, options.homes, options.engineers, options.first, options.last, no_access=options.no_access, law=law
    )
    asked_on = [
        day
        for number, day in enumerate(world.days.between(options.first, options.last))
        if number in ASKED_AFTER and day < options.last
    ]
    rng = np.random.default_rng(seed)
    made: list[Forecast] = []
    stated = PACE * float(np.exp(PACE_OFF * rng.standard_normal()))

    def look_at(day: date) -> None:
        if day in asked_on:
            made.append(_forecast(world, day, stated, forecaster, rng))
        if (day - options.first) % WEEK == timedelta(0):
            report.curve.setdefault(day, []).append(world.remaining)

    world.run(look_at)
    outcome = world.remaining
    report.curve.setdefault(options.last, []).append(outcome)
    report.outcomes.append(outcome)
    report.places += [place(outcome, each.remaining[:, -1], float(rng.random())) for each in made]
    report.forecasts += [(each.bands[0].day, each.at_deadline.low, each.at_deadline.high, outcome) for each in made]
    oracle = world.oracle
    report.unprotected += oracle.unprotected
    report.people += len(oracle.people)
    report.unproven += oracle.unproven
    report.looks += oracle.looks
    report.steps += world.steps
    report.refused.update({str(state): count for state, count in world.refused.items()})
    report.happened.update(world.happened)


def _forecast(world: World, day: date, stated: float, forecaster: Forecaster, rng: np.random.Generator) -> Forecast:
    reader = Reader(day, world.days)
    for home in world.homes:
        reader.read(home.log, found_on=world.first)
    past = reader.history()
    recent = past.days[-10:]
    engineers = sum(each.engineers for each in recent) / len(recent) if recent else len(world.engineers)
    return forecaster(reader.pool(), past, Team(engineers, stated), Span(day, world.last), world, rng)
