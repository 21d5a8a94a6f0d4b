"""The planner's bench: every plan holds, beats the nearest-neighbour plan, and public instances come near the best."""

from dataclasses import replace

from devices.switchover.planning.figures import Figures
from telecare.bench.planning import PlanOptions, PlanReport, Row, plan_run


def test_plans_hold_end_more_harm_on_less_road_than_the_nearest_neighbour_and_an_illness_breaks_few_promises() -> None:
    # Iterations, not seconds, end the search: the same on every machine.
    options = PlanOptions(
        homes=(150,), engineers=3, days=10, seconds=60, iterations=400, replan_seconds=60, instances=("C101",)
    )
    report = plan_run(options, lambda _: None)
    (row,) = report.rows
    assert report.failings == []
    assert row.plan.share > row.nearest.share
    assert row.plan.kilometres < row.nearest.kilometres
    assert row.plan.visits >= row.nearest.visits
    assert row.orphans > 0
    assert row.broken <= row.orphans
    (gap,) = report.gaps
    assert gap.visited == 100
    assert 0 <= gap.percent < 5
    assert any("PyVRP" in line for line in report.lines())
    assert report.values()["failings"] == []


def test_the_bench_says_what_does_not_hold() -> None:
    fine, worse = Figures(9, 0, 10.0, 0.9, 50.0, 4), Figures(9, 0, 9.0, 0.8, 60.0, 4)
    row = Row(10, 2, fine, 1.0, (2.0, 6.0), worse, 0.1, (4.0, 4.0), 0, 3.0, 0, 1, 1, 1)
    assert row.failings == []
    wrong = replace(row, plan=worse, nearest=fine, plan_days=(6.0, 6.0), faults=1, replan_s=10.0)
    assert len(wrong.failings) == 5
    assert PlanReport([row, wrong]).failings == wrong.failings
