"""The planner's bench: every plan holds, beats the nearest-neighbour plan, and public instances come near the best."""

from telecare.bench.planning import PlanOptions, plan_run


def test_plans_hold_end_more_harm_on_less_road_than_the_nearest_neighbour_and_an_illness_breaks_few_promises() -> None:
    # Iterations, not seconds, end the search: the same on every machine.
    options = PlanOptions(
        homes=(150,), engineers=3, days=10, seconds=60, iterations=400, replan_seconds=60, instances=("C101",)
    )
    report = plan_run(options, lambda _: None)
    (row,) = report.rows
    assert report.faults == 0
    assert row.plan.share > row.nearest.share
    assert row.plan.kilometres < row.nearest.kilometres
    assert row.plan.visits >= row.nearest.visits
    assert row.orphans > 0
    assert row.broken <= row.orphans
    (gap,) = report.gaps
    assert gap.visited == 100
    assert 0 <= gap.percent < 5
    assert any("PyVRP" in line for line in report.lines())
    assert report.values()["faults"] == 0
