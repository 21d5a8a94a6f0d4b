"""What of a plan is driven anew together, and days swapped so that more harm ends sooner."""

from dataclasses import replace
from datetime import date, timedelta

from devices.switchover.planning.days import day_of
from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import (
    Appointment,
    Deadline,
    Engineer,
    EngineerDay,
    Home,
    Place,
    Problem,
    Window,
)
from devices.switchover.planning.rearrange import (
    MOST,
    TOGETHER,
    Prices,
    Round,
    by_places,
    by_weeks,
    rearrange,
    worst_first,
)
from devices.switchover.planning.routing import Limits, Visit

MONDAY = date(2026, 11, 23)
DAYS = tuple(MONDAY + timedelta(days=n) for n in (0, 1, 7, 8))
ENGINEER = Engineer("e1", "Mairi Ross", Place(0, 0), (Window(510, 990),), van={"hub": 8})
PROBLEM = Problem((), (ENGINEER,), DAYS, date(2027, 7, 1))


def home(name: str, east: float, a_day: float = 1.0, *, deadline: date | None = None) -> Home:
    last = None if deadline is None else Deadline(deadline, "the line")
    return Home(name, Place(east, 0), 60, Harm(a_day), needs={"hub": 1}, deadline=last)


def day(on: date) -> EngineerDay:
    made = day_of(PROBLEM, (ENGINEER,), on)
    assert made is not None
    return made


def test_every_round_is_driven_anew_once_with_what_lies_near_it_on_its_shore() -> None:
    rounds = [Round(day(MONDAY), [Visit(home(f"h{n}", n * 100), 600)]) for n in range(2 * TOGETHER + 5)]
    rounds += [Round(replace(day(MONDAY), island="Stroma"), [Visit(home("far", 90_000), 600)]), Round(day(MONDAY), [])]
    groups = list(by_places(rounds))
    assert sorted(id(each) for group in groups for each in group) == sorted(id(each) for each in rounds[:-1])
    assert [len(group) for group in groups] == [1, TOGETHER, TOGETHER, 5]
    assert {each.visits[0].home.id for each in groups[1]} == {f"h{n}" for n in range(TOGETHER + 5, 2 * TOGETHER + 5)}


def test_each_week_is_driven_anew_with_the_next_and_many_rounds_in_parts() -> None:
    few = [Round(day(on), []) for on in (*DAYS, MONDAY + timedelta(days=14))]
    assert [[each.day.day for each in group] for group in by_weeks(few)] == [
        [*DAYS],
        [*DAYS[2:], MONDAY + timedelta(days=14)],
    ]
    many = [Round(day(on), [Visit(home(f"{on}{n}", n), 600)]) for on in (DAYS[0], DAYS[2]) for n in range(MOST)]
    assert [len(group) for group in by_weeks(many)] == [MOST, MOST]


def test_the_day_that_ends_more_harm_comes_first_unless_a_deadline_or_a_promise_holds_it() -> None:
    mild, grave = Visit(home("mild", 100), 600), Visit(home("grave", 200, 9.0), 600)
    rounds = [Round(day(DAYS[0]), [mild]), Round(day(DAYS[3]), [grave])]
    worst_first(PROBLEM, rounds)
    assert [each.visits for each in rounds] == [[grave], [mild]]
    urgent = Visit(home("urgent", 300, deadline=DAYS[1]), 600)
    held = [Round(day(DAYS[0]), [urgent]), Round(day(DAYS[3]), [grave])]
    worst_first(PROBLEM, held)
    assert held[0].visits == [urgent]
    told = replace(PROBLEM, booked=(Appointment("mild", DAYS[0], 600, 660, ("e1",)),))
    promised = [Round(day(DAYS[0]), [mild]), Round(day(DAYS[3]), [grave])]
    worst_first(told, promised)
    assert promised[0].visits == [mild]


def test_homes_that_lie_next_to_each_other_come_to_one_day_and_nobody_loses_a_visit() -> None:
    far, beside, near, close = home("far", 20_000), home("beside", 20_100), home("near", 100), home("close", 200)
    rounds = [
        Round(day(DAYS[0]), [Visit(near, 520), Visit(far, 640)]),
        Round(day(DAYS[2]), [Visit(beside, 560), Visit(close, 680)]),
    ]
    left = {"spare": home("spare", 20_200)}
    rearrange(PROBLEM, rounds, rounds, left, Prices(500, 25_000, 1.0), Limits(60, 300))
    days = [{visit.home.id for visit in each.visits} for each in rounds]
    assert any({"far", "beside", "spare"} <= homes for homes in days)
    assert {"near", "close"} <= days[0] | days[1]
    assert left == {}
