"""A home whose visit waits: why it is left out, and why a time that it had cannot be any more."""

from dataclasses import replace
from datetime import date

from devices.switchover.planning.left_out import why_not
from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import Appointment, Deadline, Engineer, Home, Place, Problem, Window
from devices.switchover.planning.replan import impossible

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
HOME = Home("h", Place(0, 0), 60, Harm(1.0), not_before=TUESDAY)
MAIRI = Engineer("e", "Mairi", Place(0, 0), (Window(510, 990),))
PROBLEM = Problem((HOME,), (MAIRI,), (MONDAY, TUESDAY), date(2027, 6, 1))


def test_one_that_waits_until_its_deadline_has_passed_says_so() -> None:
    late = replace(HOME, deadline=Deadline(MONDAY, "the line ends"))
    assert why_not(PROBLEM, late) == "it cannot be before 24 November 2026, and that is too late: the line ends"


def test_a_time_before_the_visit_may_be_is_impossible_in_a_plan_made_anew() -> None:
    assert impossible(PROBLEM, HOME, Appointment("h", MONDAY, 600, 660, ("e",))) == (
        "its visit waits until 24 November 2026"
    )
    assert impossible(PROBLEM, HOME, Appointment("h", TUESDAY, 600, 660, ("e",))) == ""
