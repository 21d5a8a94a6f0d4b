"""What the forecast makes of what has been seen."""

from datetime import date, timedelta

import numpy as np
import pytest

from devices.switchover.forecast.burn_down import Span
from devices.switchover.forecast.domain import Flow, History, Outcome, Pool, Wait, Worked
from devices.switchover.forecast.forecast import Forecast, Team, WhatIf, forecast
from devices.switchover.forecast.rates import NO_ACCESS, draw_rates, split_lost
from devices.switchover.working_days import WorkingDays

FIRST, DEADLINE = date(2026, 11, 30), date(2027, 1, 31)
SPAN = Span(FIRST, DEADLINE)
TEAM = Team(6, 5)
NOTHING, AS_IT_IS = History(), WhatIf()
HOMES = Pool(preparing=300, ready=900)


def history(days: int, pace: float = 5, no_access: float = 0.15, engineers: int = 6) -> History:
    """So many days of a steady team, as a programme would tell them."""
    first = date(2026, 10, 1)
    visits = [round(engineers * pace) + (day % 3 - 1) for day in range(days)]
    total = sum(visits)
    out = round(total * no_access)
    counts = {
        Outcome.NO_ACCESS: out, Outcome.REFUSED: total // 50, Outcome.NO_SIGNAL: total // 28, Outcome.FAULT: total // 30
    }  # fmt: skip
    return History(
        days=tuple(Worked(first + timedelta(days=day), engineers, number, 900) for day, number in enumerate(visits)),
        first={Outcome.DONE: total - sum(counts.values()), **counts},
        back={Wait.NO_ACCESS: Flow(out, out * 7.0)},
        prepared=Flow(total, days),
        left=Flow(0, days * 9000.0),
    )


def told(pool: Pool = HOMES, past: History = NOTHING, what_if: WhatIf = AS_IT_IS) -> Forecast:
    return forecast(pool, past, TEAM, SPAN, WorkingDays(), np.random.default_rng(1), what_if=what_if, draws=400)


def width(found: Forecast) -> int:
    return found.at_deadline.high - found.at_deadline.low


def test_little_data_gives_a_wide_range_and_much_a_narrow_one() -> None:
    nothing, little, much = told(), told(past=history(9)), told(past=history(40))
    assert width(nothing) > width(little) > width(much)
    assert width(nothing) > 3 * width(much)


def test_a_range_lies_around_what_a_steady_team_leaves() -> None:
    """40 days of 30 visits, all of them first ones; the last is not accepted yet, but 31 January is a Sunday."""
    band = told(Pool(ready=2000), history(60)).at_deadline
    worked = len(list(WorkingDays().between(FIRST, DEADLINE)))
    assert worked == 40
    done = worked * 30 * 0.763
    assert band.low < 2000 - done < band.high


def test_the_rate_that_was_seen_speaks_louder_the_more_was_seen() -> None:
    rng = np.random.default_rng(2)
    seen = [draw_rates(history(days, no_access=0.4), 5, 4000, rng).first[:, NO_ACCESS] for days in (0, 2, 40)]
    means = [float(shares.mean()) for shares in seen]
    assert means[0] == pytest.approx(0.15 * 25 / 26, abs=0.01)
    assert means[0] < means[1] < means[2] == pytest.approx(0.4, abs=0.02)
    assert seen[0].std() > seen[1].std() > seen[2].std()


def test_a_day_on_which_there_was_no_more_to_visit_tells_nothing_of_the_pace() -> None:
    days = tuple(Worked(FIRST + timedelta(days=day), 6, 30, 900) for day in range(10))
    scarce = tuple(Worked(FIRST + timedelta(days=20 + day), 6, 3, 3) for day in range(10))
    paces = [draw_rates(History(days=seen), 5, 2000, np.random.default_rng(3)).pace for seen in (days, days + scarce)]
    assert float(paces[1].mean()) == pytest.approx(float(paces[0].mean()), abs=0.05)


def test_days_without_work_are_lost_days_and_no_slow_team() -> None:
    days = [Worked(FIRST + timedelta(days=day), 6, 0 if day in {4, 11} else 30, 900) for day in range(20)]
    lost, usual = split_lost(days, 5)
    assert [day.visits for day in lost] == [0, 0]
    assert len(usual) == 18
    rates = draw_rates(History(days=tuple(days)), 5, 4000, np.random.default_rng(4))
    assert float(rates.pace.mean()) == pytest.approx(5, abs=0.1)
    assert float(rates.spell_begins.mean()) == pytest.approx(2.6 / (2.6 + 18 + 16), abs=0.02)


def test_what_is_needed_is_enough_and_a_little_less_is_not() -> None:
    pool, past = Pool(ready=1400), history(30)
    need = told(pool, past).need
    assert need is not None
    assert need.engineers is not None
    assert need.engineers > 1
    with_them = told(pool, past, what_if=WhatIf(engineers=TEAM.engineers + need.engineers))
    with_fewer = told(pool, past, what_if=WhatIf(engineers=TEAM.engineers + need.engineers - 1))
    assert with_them.need is not None
    assert with_fewer.need is not None
    assert with_them.need.engineers == pytest.approx(0, abs=0.1)
    assert with_fewer.need.engineers == pytest.approx(1, abs=0.1)
    assert with_them.at_deadline.middle == pytest.approx(need.beyond, abs=15)  # told by fewer futures


def test_saturdays_are_named_when_they_are_enough() -> None:
    need = told(Pool(ready=1050), history(30)).need
    assert need is not None
    assert need.enough
    assert 0 < len(need.saturdays) < 9
    assert all(day.weekday() == 5 for day in need.saturdays)


def test_nothing_is_needed_when_the_pace_is_enough() -> None:
    found = told(Pool(ready=100), history(30))
    assert found.need is not None
    assert (found.need.engineers, found.need.saturdays) == (0, ())


def test_no_engineer_helps_those_who_say_no() -> None:
    pool = Pool(waiting={Wait.REFUSED: 200})
    past = History(back={Wait.REFUSED: Flow(1, 40_000)})
    found = told(pool, past)
    assert found.need is not None
    assert found.need.beyond > 180
    assert found.need.engineers == 0


def test_a_programme_without_homes_is_finished() -> None:
    found = told(Pool(done=50))
    assert (found.at_deadline.high, found.finished) == (0, 1.0)


def test_a_forecast_does_not_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        Span(DEADLINE, FIRST)


def test_how_far_a_statement_is_off_and_how_much_days_differ_are_two_things() -> None:
    """Taken for one, a team whose days differ was thought to know little of its pace, and a new one nothing at all."""

    def drawn(past: History) -> tuple[float, float, float]:
        rates = draw_rates(past, 5.0, 4000, np.random.default_rng(3), engineers=6)
        return float(rates.pace.mean()), float(rates.pace.std()), float(rates.pace_sd.mean())

    def days(*paces: int) -> History:
        first = date(2026, 11, 2)
        worked = tuple(Worked(first + timedelta(days=day), 1, pace, 900) for day, pace in enumerate(paces))
        return History(days=worked)

    _, off, _ = drawn(NOTHING)
    assert off == pytest.approx(0.5, rel=0.1)
    mean, wild_off, wild = drawn(days(*[5] * 4, *[4, 6] * 4))
    assert mean == pytest.approx(5, abs=0.05)
    _, calm_off, calm = drawn(days(*[5] * 4, *[5] * 8))
    assert calm < wild
    assert calm_off < wild_off < off
