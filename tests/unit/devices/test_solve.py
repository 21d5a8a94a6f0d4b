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


def test_homes_on_a_digital_line_come_first_and_are_not_left_out_for_graver_ones() -> None:
    """An analogue unit on a digital line in tier C, and more homes in tier A than the engineer can see to."""
    weeks = (*DAYS, *(date(2028, 1, day) for day in (24, 25, 31)))
    graver = [Home(f"h{number}", Place(1000, 500), 74, Harm(40.0)) for number in range(30)]
    exposed = [Home(f"e{number}", Place(-9000, 100 * number), 74, Harm(4.0), exposed=True) for number in range(4)]
    engineer = Engineer("e", "Ewan", Place(0, 0), WORK)
    plan = make_plan(Problem((*graver, *exposed), (engineer,), weeks, date(2029, 1, 1)), Effort(20, 300))
    assert plan.unplanned, "the engineer cannot see to all of them"
    days = {each.home_id: each.day for each in plan.appointments}
    assert {days.get(home.id) for home in exposed} == {weeks[0]}


def test_who_needs_two_is_visited_by_two_who_are_free_though_their_first_trip_had_no_room() -> None:
    """A trip of two is thought to see to several homes; these can all be visited in the same hour only."""
    noon = (Window(690, 790),)
    homes = tuple(
        Home(f"h{number}", Place(2000 * number, 0), 74, Harm(8.0), people=2, open=noon) for number in range(2)
    )
    engineers = tuple(Engineer(name, name, Place(0, 0), WORK) for name in ("Ewan", "Mairi"))
    days = (*DAYS, date(2028, 1, 19), date(2028, 1, 20))
    plan = make_plan(Problem(homes, engineers, days, date(2029, 1, 1)), Effort(20, 200))
    assert plan.unplanned == ()
    assert len({each.day for each in plan.appointments}) == 2


def test_progress_goes_up_to_all_that_is_to_do() -> None:
    told = list[tuple[int, int]]()
    homes = tuple(Home(f"h{number}", Place(500 * number, 0), 74, Harm(8.0)) for number in range(8))
    problem = Problem(homes, (Engineer("e", "Ewan", Place(0, 0), WORK),), DAYS, date(2029, 1, 1))
    make_plan(problem, Effort(20, 50), lambda done, of, _: told.append((done, of)))
    assert told == sorted(told)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]
