"""What a plan does with its engineers' days; that it breaks no rule is tested by property."""

from datetime import date

from devices.switchover.planning.days import day_of
from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import Deadline, Engineer, Home, Place, Problem, Window
from devices.switchover.planning.rearrange import Round, worst_first
from devices.switchover.planning.routing import Visit
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


def test_who_is_exposed_is_not_left_out_for_graver_homes_whose_line_goes_later() -> None:
    """An analogue unit on a digital line in tier C, and more homes in tier A than the engineer can see to."""
    weeks = (*DAYS, *(date(2028, 1, day) for day in (24, 25, 31)))
    graver = [Home(f"h{number}", Place(1000, 500), 74, Harm(40.0)) for number in range(30)]
    bound = Deadline(weeks[-1], "its line is digital already")
    exposed = [
        Home(f"e{number}", Place(-9000, 100 * number), 74, Harm(4.0), deadline=bound, exposed=True)
        for number in range(4)
    ]
    engineer = Engineer("e", "Ewan", Place(0, 0), WORK)
    plan = make_plan(Problem((*graver, *exposed), (engineer,), weeks, date(2029, 1, 1)), Effort(20, 300))
    assert plan.unplanned, "the engineer cannot see to all of them"
    assert {home.id for home in exposed} <= {each.home_id for each in plan.appointments}


def test_of_two_days_that_are_as_far_the_one_with_exposed_homes_is_driven_first() -> None:
    engineer = Engineer("e", "Ewan", Place(0, 0), WORK)
    graver = Home("h", Place(1000, 500), 74, Harm(40.0))
    exposed = Home("e", Place(-9000, 100), 74, Harm(4.0), exposed=True)
    problem = Problem((graver, exposed), (engineer,), DAYS, date(2029, 1, 1))
    days = [day for day in (day_of(problem, (engineer,), each) for each in DAYS) if day is not None]
    rounds = [Round(days[0], [Visit(graver, 600)]), Round(days[1], [Visit(exposed, 600)])]
    worst_first(problem, rounds)
    assert [each.visits[0].home.id for each in rounds] == ["e", "h"]
