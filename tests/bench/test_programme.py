"""Simulated programmes: nobody unprotected, ranges that hold; broken rules and boastful forecasts are caught."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from devices.switchover.forecast.burn_down import Span
from devices.switchover.forecast.domain import History, Pool
from devices.switchover.forecast.forecast import Forecast, Team
from devices.switchover.visits import domain as rules
from devices.switchover.visits.domain import Effect, Facts, Refusal, Wish
from devices.switchover.visits.domain import VisitState as S
from telecare.bench.programme.calibration import calibration, place
from telecare.bench.programme.oracle import ALWAYS, Body, Oracle
from telecare.bench.programme.run import Options, Report, simulate, usual
from telecare.bench.programme.world import World
from telecare.cli.main import app

FIRST, LAST = date(2026, 11, 30), date(2027, 1, 31)
QUICK = Options(homes=150, engineers=1, seeds=12, seed=1, first=FIRST, last=LAST)


class TakesTheOldUnitAtOnce:
    """Rules with a hole: the old unit may go as soon as the new one stands there."""

    def objection(self, facts: Facts, wish: Wish) -> Refusal | None:
        early = wish.to is S.OLD_UNIT_DECOMMISSIONED and facts.state in rules.STANDS
        return None if early else rules.objection(facts, wish)

    def effects(self, state: S, to: S) -> tuple[Effect, ...]:
        return rules.effects(state, to)


class AcceptsWithoutTheSoak:
    """Rules with another hole: what has not been shown is no reason to wait."""

    def objection(self, facts: Facts, wish: Wish) -> Refusal | None:
        return rules.objection(replace(facts, missing=()) if wish.to is S.ACCEPTED else facts, wish)

    def effects(self, state: S, to: S) -> tuple[Effect, ...]:
        return rules.effects(state, to)


class ForgetsThatItIsSilent:
    """Rules with a third hole: what a hub has shown once is enough, whether or not it is heard now."""

    def objection(self, facts: Facts, wish: Wish) -> Refusal | None:
        return rules.objection(replace(facts, silent_since=None), wish)

    def effects(self, state: S, to: S) -> tuple[Effect, ...]:
        return rules.effects(state, to)


def boastful(pool: Pool, past: History, team: Team, span: Span, world: World, rng: np.random.Generator) -> Forecast:
    """Be as right as ever in the middle, and far too sure of it."""
    found = usual(pool, past, team, span, world, rng)
    middle = np.median(found.remaining, axis=0)
    return replace(found, remaining=np.round(middle + (found.remaining - middle) / 8).astype(np.int64))


def last(options: Options, **what: object) -> Report:
    *_, report = simulate(options, **what)  # type: ignore[arg-type]
    return report


@pytest.fixture(scope="module")
def report() -> Report:
    return last(QUICK)


def test_nobody_is_unprotected_at_any_instant(report: Report) -> None:
    assert (report.minutes_unprotected, report.people, report.unproven) == (0, 0, 0)
    assert report.looks > 10_000
    assert report.refused[S.OLD_UNIT_DECOMMISSIONED] > 20
    assert report.refused[S.ACCEPTED] > 100
    for what in (
        "rounds lost to storms", "refusals", "visits with nobody in", "homes without signal",
        "deliveries of stock that were late", "homes not booked for want of stock",
        "new hubs that broke in their soak", "new hubs that broke after their soak",
    ):  # fmt: skip
        assert report.happened[what] > 0, what


def test_the_forecasts_ranges_hold_what_they_promise(report: Report) -> None:
    assert report.calibration.good, report.calibration
    assert report.calibration.forecasts == 3 * QUICK.seeds
    assert report.speed > 500


def test_a_forecast_that_is_too_sure_is_rejected() -> None:
    assert "ranges do not hold" in " ".join(last(QUICK, forecaster=boastful).faults)


def test_rules_that_let_the_old_unit_go_too_early_are_caught() -> None:
    found = last(replace(QUICK, seeds=1), law=TakesTheOldUnitAtOnce())
    assert found.people > 0
    assert found.minutes_unprotected > 0
    assert "unprotected" in found.faults[0]


def test_rules_that_accept_what_is_not_proven_are_caught() -> None:
    found = last(replace(QUICK, seeds=1), law=AcceptsWithoutTheSoak())
    assert found.unproven > 0
    assert "had not shown everything" in " ".join(found.faults)


def test_rules_that_let_the_old_unit_go_while_the_new_one_is_silent_are_caught() -> None:
    found = last(replace(QUICK, seeds=2), law=ForgetsThatItIsSilent())
    assert found.people > 0
    assert "unprotected" in found.faults[0]


def test_the_same_seed_is_the_same_programme() -> None:
    few = replace(QUICK, seeds=1, seed=7)
    first, second = last(few).data(), last(few).data()
    assert {**first, "times_faster": 0} == {**second, "times_faster": 0}


def test_the_oracle_counts_from_the_loss_to_the_cure() -> None:
    oracle, body = Oracle(), Body(frozenset({"trigger:p0"}))
    at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    oracle.look(at, 1, body)
    body.old_works = False
    oracle.look(at, 1, body)
    body.new_stands, body.relied_on, body.quiet_since = True, True, at
    oracle.look(at + timedelta(minutes=5), 1, body)
    assert oracle.unproven == 1
    body.shown |= ALWAYS | body.triggers
    oracle.look(at + timedelta(minutes=30), 1, body)
    assert (oracle.unprotected, oracle.people) == (timedelta(minutes=30), {1})


def test_places_are_uniform_for_a_right_forecast_with_many_ties() -> None:
    rng = np.random.default_rng(5)
    places = [place(int(rng.binomial(3, 0.3)), rng.binomial(3, 0.3, 300), float(rng.random())) for _ in range(800)]
    assert calibration(places, 800).good
    assert not calibration([0.5 + (each - 0.5) / 3 for each in places], 800).good


def run(*arguments: str):
    return CliRunner().invoke(app, ["simulate", "switchover", *arguments])


async def test_the_command_prints_what_it_found_and_says_it_by_its_code() -> None:
    some = ["--homes", "120", "--engineers", "1", "--seeds", "8", "--start", FIRST.isoformat()]
    told = await asyncio.to_thread(run, *some)
    assert told.exit_code == 0, told.stdout
    assert "0 minutes unprotected" in told.stdout
    assert "the 80% range held" in told.stdout
    found = json.loads((await asyncio.to_thread(run, *some, "--json")).stdout)
    assert (found["minutes_unprotected"], found["faults"], len(found["remaining"])) == (0, [], 8)
    for wrong in (["--start", "2027-02-01"], ["--start", "soon"], ["--homes", "0"]):
        assert (await asyncio.to_thread(run, *wrong)).exit_code == 2
