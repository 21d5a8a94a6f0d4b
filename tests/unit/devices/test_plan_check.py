"""The check of a plan finds each hard constraint that is broken, and nothing in a plan that can be driven."""

from dataclasses import replace
from datetime import date

import pytest

from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import (
    Appointment,
    Deadline,
    Engineer,
    Ferry,
    Freeze,
    Home,
    Place,
    Plan,
    Problem,
    Stock,
    Unplanned,
    Window,
)
from devices.switchover.planning.validate import validate

MONDAY, TUESDAY, THURSDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 12, 24)
HARM = Harm(1.0)
SHIFT = Window(510, 990, frozenset(range(5)))
MAIRI = Engineer("e1", "Mairi", Place(0, 0), (SHIFT,), frozenset({"key safe"}), {"hub": 2})
EWAN = Engineer("e2", "Ewan", Place(0, 0), (SHIFT,), frozenset(), {"hub": 2})
NEAR = Home("near", Place(8000, 0), 60, HARM, "PX31", needs={"hub": 1})
FAR = Home("far", Place(16000, 0), 60, HARM, "PX34", needs={"hub": 1})
THIRD = Home("third", Place(8000, 10), 60, HARM, "PX31", needs={"hub": 1})
ISLE = Home("isle", Place(20000, 0, "Stroma"), 60, HARM, "PX45")
FERRY = Ferry("Stroma", Place(8000, 0), Place(19000, 0, "Stroma"), (600, 720), (780, 900), 20)
PROBLEM = Problem(
    (NEAR, FAR), (MAIRI, EWAN), (MONDAY, TUESDAY, THURSDAY), date(2027, 6, 1), frozenset({THURSDAY}), (FERRY,)
)


def at(home: Home, start: int, *crew: str, day: date = MONDAY) -> Appointment:
    return Appointment(home.id, day, start, start + home.minutes, crew or ("e1",))


GOOD = Plan((at(NEAR, 540), at(FAR, 640)))


def rules(problem: Problem, plan: Plan) -> set[str]:
    return {fault.rule for fault in validate(problem, plan)}


def with_home(changed: Home, **more: object) -> Problem:
    return replace(PROBLEM, homes=(changed, FAR), **more)  # type: ignore[arg-type]


def test_a_plan_that_can_be_driven_has_no_fault() -> None:
    assert validate(PROBLEM, GOOD) == []
    assert validate(PROBLEM, Plan((at(NEAR, 540),), (Unplanned("far", "no room"),))) == []


@pytest.mark.parametrize(
    ("rule", "problem", "plan"),
    [
        ("twice", PROBLEM, Plan((*GOOD.appointments, at(NEAR, 540, "e2", day=TUESDAY)))),
        ("forgotten", PROBLEM, Plan((at(NEAR, 540),))),
        ("unknown", PROBLEM, Plan((*GOOD.appointments, at(THIRD, 720)))),
        ("working_day", PROBLEM, Plan((at(NEAR, 540, day=date(2026, 11, 30)), at(FAR, 640)))),
        ("minutes", with_home(replace(NEAR, minutes=80)), GOOD),
        ("deadline", with_home(replace(NEAR, deadline=Deadline(date(2026, 11, 22), "telco"))), GOOD),
        ("not_before", with_home(replace(NEAR, not_before=TUESDAY)), GOOD),
        ("open", with_home(replace(NEAR, open=(Window(720, 1000),))), GOOD),
        ("open", with_home(replace(NEAR, open=(Window(480, 1000, frozenset({1})),))), GOOD),
        ("busy", with_home(replace(NEAR, busy=(Window(590, 620, why="the carer"),))), GOOD),
        ("freeze", replace(PROBLEM, freezes=(Freeze(MONDAY, MONDAY, "wind"),)), GOOD),
        ("freeze", replace(PROBLEM, freezes=(Freeze(MONDAY, MONDAY, "wind", area="PX31"),)), GOOD),
        ("freeze", replace(PROBLEM, freezes=(Freeze(MONDAY, MONDAY, "firmware", item="hub"),)), GOOD),
        ("people", with_home(replace(NEAR, people=2)), GOOD),
        ("people", with_home(replace(NEAR, people=2)), Plan((at(NEAR, 540, "e1", "e1"), at(FAR, 640, "e2")))),
        ("skills", with_home(replace(NEAR, skills=frozenset({"group"}))), GOOD),
        ("engineer", PROBLEM, Plan((at(NEAR, 540, "e9"), at(FAR, 640)))),
        ("hours", replace(PROBLEM, engineers=(replace(MAIRI, absent={MONDAY: 0}), EWAN)), GOOD),
        ("hours", replace(PROBLEM, engineers=(replace(MAIRI, absent={MONDAY: 600}), EWAN)), GOOD),
        ("hours", with_home(replace(NEAR, place=Place(60000, 0))), Plan((at(NEAR, 870), at(FAR, 640, "e2")))),
        ("crew", PROBLEM, Plan((at(NEAR, 540, "e1", "e2"), at(FAR, 640)))),
        ("way", PROBLEM, Plan((at(NEAR, 540), at(FAR, 610)))),
        ("way", PROBLEM, Plan((at(NEAR, 515), at(FAR, 640)))),
        ("work_ends", PROBLEM, Plan((at(NEAR, 900), at(FAR, 640)))),
        ("work_ends", PROBLEM, Plan((at(NEAR, 740, day=THURSDAY), at(FAR, 640)))),
        ("van", replace(PROBLEM, engineers=(replace(MAIRI, van={"hub": 1}), EWAN)), GOOD),
        ("store", replace(PROBLEM, stock=(Stock("hub", MONDAY, 1), Stock("hub", TUESDAY, 5))), GOOD),
        ("island", replace(PROBLEM, homes=(ISLE, FAR)), Plan((at(ISLE, 640), at(FAR, 800)))),
        ("ferry", replace(PROBLEM, homes=(ISLE,), ferries=()), Plan((at(ISLE, 640),))),
        ("way", replace(PROBLEM, homes=(ISLE,)), Plan((at(ISLE, 610),))),
        ("hours", replace(PROBLEM, homes=(ISLE,)), Plan((at(ISLE, 840),))),
        (
            "ferry",
            replace(PROBLEM, homes=(ISLE,), engineers=(replace(MAIRI, absent={MONDAY: 660}),)),
            Plan((at(ISLE, 630),)),
        ),
    ],
)  # fmt: skip
def test_each_hard_constraint_that_is_broken_is_found(rule: str, problem: Problem, plan: Plan) -> None:
    assert rule in rules(problem, plan), validate(problem, plan)


def test_an_island_between_two_ferries_is_fine() -> None:
    assert validate(replace(PROBLEM, homes=(ISLE,)), Plan((at(ISLE, 640),))) == []


def test_two_people_in_one_van_are_fine() -> None:
    problem = with_home(replace(NEAR, people=2, skills=frozenset({"key safe"})))
    assert validate(problem, Plan((at(NEAR, 540, "e2", "e1"), at(FAR, 640, "e2", "e1")))) == []
    assert rules(problem, Plan((at(NEAR, 540, "e2", "e1"), at(FAR, 610, "e2", "e1")))) == {"way"}
