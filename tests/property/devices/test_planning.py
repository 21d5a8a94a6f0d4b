"""Small problems of every shape: whatever plan comes out holds every hard constraint, also after somebody fell ill."""

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.switchover.planning.changes import Change, Replanned, Since
from devices.switchover.planning.nearest import nearest_plan
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
    Window,
)
from devices.switchover.planning.replan import ill, replan
from devices.switchover.planning.routing import Limits
from devices.switchover.planning.solve import Effort, make_plan
from devices.switchover.planning.validate import validate

DAYS = tuple(date(2026, 12, day) for day in (21, 22, 23, 24, 29, 30))
FERRY = Ferry("Stroma", Place(6000, 0), Place(14000, 0, "Stroma"), (540, 660), (720, 840, 930), 20)
FEW = Effort(seconds=20, iterations=60)
QUICK = Limits(seconds=20, iterations=60)

skills = st.frozensets(st.sampled_from(["key safe", "group"]), max_size=1)
weekdays = st.frozensets(st.integers(0, 4), min_size=2)
windows = st.builds(Window, st.sampled_from([0, 480, 540]), st.sampled_from([720, 780, 1440]), weekdays)
afternoons = st.builds(Window, st.sampled_from([720, 780]), st.just(1440), weekdays)
busy = st.builds(Window, st.sampled_from([480, 600, 735]), st.sampled_from([790, 850]), weekdays, st.just("the carer"))
places = st.builds(
    Place, st.integers(-15000, 15000), st.integers(-15000, 15000), st.sampled_from(["", "", "", "", "Stroma"])
)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    homes = tuple(
        Home(
            f"h{number}",
            draw(places),
            draw(st.sampled_from([45, 60, 90])),
            Harm(draw(st.floats(0.1, 20))),
            draw(st.sampled_from(["PX31", "PX34"])),
            draw(skills),
            {"hub": 1},
            draw(st.sampled_from([1, 1, 1, 1, 2])),
            tuple(draw(st.lists(windows | afternoons, max_size=2))),
            tuple(draw(st.lists(busy, max_size=1))),
            draw(st.none() | st.none() | st.builds(Deadline, st.sampled_from(DAYS), st.just("the telco"))),
            draw(st.none() | st.none() | st.sampled_from(DAYS)),
        )
        for number in range(draw(st.integers(0, 14)))
    )
    engineers = tuple(
        Engineer(
            f"e{number}",
            f"Engineer {number}",
            Place(draw(st.integers(-5000, 5000)), 0),
            (Window(510, draw(st.sampled_from([780, 990])), draw(weekdays)),),
            draw(st.frozensets(st.sampled_from(["key safe", "group"]))),
            {"hub": draw(st.integers(1, 6))},
        )
        for number in range(draw(st.integers(1, 3)))
    )
    freezes = draw(st.lists(st.builds(Freeze, st.sampled_from(DAYS), st.just(DAYS[2]), st.just("wind")), max_size=1))
    stock = draw(st.lists(st.builds(Stock, st.just("hub"), st.sampled_from(DAYS[:3]), st.integers(0, 9)), max_size=2))
    return Problem(
        homes, engineers, DAYS, date(2027, 6, 1), frozenset({DAYS[3]}), (FERRY,), tuple(stock), tuple(freezes)
    )  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(problems(), st.data())
def test_every_plan_holds_every_hard_constraint_and_keeps_its_promises_when_somebody_falls_ill(
    problem: Problem, data: st.DataObject
) -> None:
    assert validate(problem, nearest_plan(problem)) == []
    plan = make_plan(problem, FEW)
    assert validate(problem, plan) == []
    told = tuple(each for each in plan.appointments if data.draw(st.booleans()))
    again = _booked(problem, told)
    assert validate(again, make_plan(again, FEW)) == []
    promised = Plan(
        tuple(replace(each, confirmed=data.draw(st.booleans())) for each in plan.appointments), plan.unplanned
    )
    who = data.draw(st.sampled_from(problem.engineers))
    since = Since(data.draw(st.sampled_from(DAYS)), data.draw(st.sampled_from([0, 0, 600])))
    changed = ill(problem, who.id, since, since.day)
    done = replan(changed, promised, since, QUICK)
    assert validate(changed, done.plan) == []
    _promises_are_kept_or_said(promised, done, who)


def _booked(problem: Problem, told: tuple[Appointment, ...]) -> Problem:
    """Return the problem with visits of which households were told: their units are out of the store already."""
    ids = {each.home_id for each in told}
    homes = tuple(replace(home, needs={}) if home.id in ids else home for home in problem.homes)
    return replace(problem, homes=homes, booked=told)


def _promises_are_kept_or_said(before: Plan, done: Replanned, who: Engineer) -> None:
    after = {each.home_id: each for each in done.plan.appointments}
    said = {move.before.home_id: move for move in done.moves}
    for each in before.appointments:
        now = after.get(each.home_id)
        if now is None:
            assert said[each.home_id].change is Change.DROPPED
        elif (now.day, now.slot) != (each.day, each.slot):
            assert said[each.home_id].change is Change.MOVED
            assert not now.confirmed
        elif now.crew != each.crew:
            assert said[each.home_id].change is Change.ENGINEER
        else:
            assert each.home_id not in said
        if each.confirmed and who.id not in each.crew:
            assert now is not None
            assert (now.day, now.slot) == (each.day, each.slot)
    assert all(move.why for move in done.moves)
