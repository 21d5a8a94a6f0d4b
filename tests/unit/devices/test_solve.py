"""What a plan does with its engineers' days; that it breaks no rule is tested by property."""

from datetime import date

from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import Engineer, Home, Place, Problem, Window
from devices.switchover.planning.solve import Effort, make_plan

WORK = (Window(510, 990, frozenset(range(5))),)
DAYS = (date(2028, 1, 17), date(2028, 1, 18))


def test_where_homes_lie_far_away_the_last_days_are_driven_all_the_same() -> None:
    """A plan of a day or two has no later week to which a long way could be left."""
    homes = tuple(
        Home(f"h{number}", Place(22_000 + 500 * number, -18_000), 74, Harm(8.0), "PX38", needs={"hub": 1})
        for number in range(12)
    )
    engineer = Engineer("e", "Ewan", Place(0, 0), WORK, frozenset(), {"hub": 8})
    plan = make_plan(Problem(homes, (engineer,), DAYS, date(2029, 1, 1)), Effort(seconds=20, iterations=200))
    assert {each.day for each in plan.appointments} == set(DAYS)
    assert len(plan.appointments) >= 6
