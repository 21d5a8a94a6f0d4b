"""What of a plan is driven anew together, and days swapped so that more harm ends sooner."""

from dataclasses import replace
from datetime import date, timedelta

from devices.switchover.planning.days import day_of
from devices.switchover.planning.ordering import give_dates, worst_first
from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import (
    Appointment,
    Deadline,
    Engineer,
    EngineerDay,
    Home,
    Place,
    Problem,
    Stock,
    Window,
)
from devices.switchover.planning.rearrange import (
    NEAR,
    SPARE,
    TOGETHER,
    Round,
    by_places,
    rearrange,
)
from devices.switchover.planning.routing import Limits, Visit

MONDAY = date(2026, 11, 23)
DAYS = tuple(MONDAY + timedelta(days=n) for n in (0, 1, 7, 8))
ENGINEER = Engineer("e1", "Mairi Ross", Place(0, 0), (Window(510, 990),), van={"hub": 8})
PROBLEM = Problem((), (ENGINEER,), DAYS, date(2027, 7, 1))


def home(
    name: str, east: float, a_day: float = 1.0, *, deadline: date | None = None, exposed: bool = False
) -> Home:  # fmt: skip
    last = None if deadline is None else Deadline(deadline, "the line")
    return Home(name, Place(east, 0), 60, Harm(a_day), needs={"hub": 1}, deadline=last, exposed=exposed)


def day(on: date) -> EngineerDay:
    made = day_of(PROBLEM, (ENGINEER,), on)
    assert made is not None
    return made


def test_every_round_is_driven_anew_once_with_what_lies_near_it_on_its_shore() -> None:
    rounds = [Round(day(MONDAY), [Visit(home(f"h{n}", n * 100), 600)]) for n in range(2 * TOGETHER + 5)]
    rounds += [Round(replace(day(MONDAY), island="Stroma"), [Visit(home("far", 90_000), 600)]), Round(day(MONDAY), [])]
    groups = list(by_places(rounds))
    assert sorted(id(each) for group in groups for each in group) == sorted(id(each) for each in rounds)
    assert [len(group) for group in groups] == [1, TOGETHER, TOGETHER, 6]
    assert {each.visits[0].home.id for each in groups[1]} == {f"h{n}" for n in range(TOGETHER + 5, 2 * TOGETHER + 5)}


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


def test_who_is_on_a_digital_line_already_comes_before_who_is_in_more_harm() -> None:
    exposed, grave = Visit(home("exposed", 100, exposed=True), 600), Visit(home("grave", 200, 900.0), 600)
    rounds = [Round(day(DAYS[0]), [grave]), Round(day(DAYS[3]), [exposed])]
    worst_first(PROBLEM, rounds)
    assert [each.visits for each in rounds] == [[exposed], [grave]]


def test_rounds_wait_for_the_units_that_they_need_and_who_has_no_day_is_taken_out() -> None:
    few = replace(PROBLEM, stock=(Stock("hub", DAYS[0], 1), Stock("hub", DAYS[2], 1)))
    late = Visit(home("late", 300, deadline=MONDAY - timedelta(days=1)), 700)
    one, two = Visit(home("one", 100), 600), Visit(home("two", 200, 9.0), 600)
    rounds = [Round(day(DAYS[0]), [one, late]), Round(day(DAYS[1]), [two]), *(Round(day(at), []) for at in DAYS[2:])]
    assert [each.id for each in give_dates(few, rounds)] == ["late"]
    assert [each.visits for each in rounds] == [[two], [], [one], []]


def test_rounds_are_driven_by_whoever_begins_at_the_same_place_sooner() -> None:
    other = replace(ENGINEER, id="e2", skills=frozenset({"key safe"}))
    free = day_of(PROBLEM, (other,), DAYS[0])
    assert free is not None
    locked = Visit(replace(home("locked", 100), skills=frozenset({"key safe"})), 600)
    late = day_of(PROBLEM, (other,), DAYS[3])
    assert late is not None
    rounds = [Round(day(DAYS[0]), []), Round(free, []), Round(late, [locked]), Round(day(DAYS[3]), [])]
    worst_first(PROBLEM, rounds)
    assert rounds[1].visits == [locked]


def test_homes_that_lie_next_to_each_other_come_to_one_day_and_nobody_loses_a_visit() -> None:
    far, beside, near, close = home("far", 20_000), home("beside", 20_100), home("near", 100), home("close", 200)
    rounds = [
        Round(day(DAYS[0]), [Visit(near, 520), Visit(far, 640)]),
        Round(day(DAYS[2]), [Visit(beside, 560), Visit(close, 680)]),
    ]
    left = {"spare": home("spare", 20_200)}
    rearrange(PROBLEM, rounds, rounds, left, Limits(60, 300))
    days = [{visit.home.id for visit in each.visits} for each in rounds]
    assert any({"far", "beside", "spare"} <= homes for homes in days)
    assert {"near", "close"} <= days[0] | days[1]
    assert left == {}


def test_who_lies_far_from_a_group_waits_for_a_nearer_one_and_is_driven_to_when_there_is_none() -> None:
    """Each group once took whoever it could reach, so homes were driven to from the other end of the county."""
    far = {"far": home("far", 70_000, deadline=DAYS[3])}
    rounds = [Round(day(DAYS[0]), [Visit(home("near", 100), 520)])]
    rearrange(PROBLEM, rounds, rounds, far, Limits(60, 300), worth=NEAR)
    assert far
    rearrange(PROBLEM, rounds, rounds, far, Limits(60, 300), worth=SPARE)
    assert far == {}


def test_a_day_is_filled_rather_than_another_begun_though_the_way_is_the_same() -> None:
    west, east = Visit(home("west", -5000), 600), Visit(home("east", 5000), 600)
    rounds = [Round(day(DAYS[0]), [west]), Round(day(DAYS[2]), [east])]
    rearrange(PROBLEM, rounds, rounds, {}, Limits(60, 300))
    assert sorted(len(each.visits) for each in rounds) == [0, 2]
