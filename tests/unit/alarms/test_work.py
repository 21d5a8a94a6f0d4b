"""Planned work: which windows can be, which of them quiet an alarm, and what their end does to it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alarms.escalation.codec import dump_state, load_state
from alarms.escalation.decide import decide
from alarms.escalation.domain import Handling, RuleError, State
from alarms.escalation.inputs import Acked, Escalated, Input, NoSpeech, Raised, Released, Rerouted, Shelved, WorkMoved
from alarms.escalation.ladders import TECHNICAL, URGENT
from alarms.handling.domain import what_next
from alarms.work.domain import Window, WorkError, WorkState, begin, check_end, quiet_until, state_of
from alarms.work.schemas import WorkOut
from telecare.console.work_view import sign
from telecare.kernel.ids import new_id
from tests.unit.alarms.run import ANN, T0

HERE, THERE = "S12000047", "S12000049"
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return T0 + minutes * MINUTE


def quiet(class_: str = "U", minutes: float = 60) -> State:
    raised = Raised("1", "flood", class_, 30, URGENT, "Flood", T0, at(minutes))
    return decide(None, raised, T0).state


def after(state: State, minute: float, *events: Input) -> State:
    for event in events:
        state = decide(state, event, at(minute)).state
    return state


def test_the_last_end_of_the_windows_in_which_it_was_raised_counts():
    windows = [
        Window(at(0), at(60)),
        Window(at(0), at(90), HERE, "h1"),
        Window(at(0), at(300), HERE, "h2"),
        Window(at(0), at(300), THERE),
        Window(at(11), at(300), HERE),
        Window(at(0), at(400), HERE, ended_at=at(12)),
    ]
    assert quiet_until(windows, HERE, "h1", at(10), at(20)) == at(90)
    assert quiet_until(windows, HERE, "h3", at(10), at(20)) == at(60)
    assert quiet_until(windows, None, "h3", at(10), at(20)) == at(60)
    assert quiet_until(windows, HERE, "h3", at(10), at(60)) is None
    assert quiet_until(windows, HERE, "h3", at(11), at(20)) == at(300)


def test_how_a_window_stands_to_a_moment():
    window = Window(at(0), at(60))
    states = [state_of(window, at(minute)) for minute in (-1, 0, 59, 60)]
    assert states == [WorkState.COMING, WorkState.ON, WorkState.ON, WorkState.OVER]
    assert state_of(replace(window, ended_at=at(-5)), at(-1)) is WorkState.OVER


def test_a_window_begins_now_or_later_and_lasts_two_weeks_at_most():
    assert begin(None, T0) == begin(at(-4), T0) == T0
    assert begin(at(4), T0) == at(4)
    for wrong in (at(-6), T0 + timedelta(days=401)):
        with pytest.raises(WorkError):
            begin(wrong, T0)
    check_end(at(4), at(4) + timedelta(days=14), T0)
    for start, end in ((at(4), at(4)), (at(-9), at(-1)), (at(4), at(5) + timedelta(days=14))):
        with pytest.raises(WorkError):
            check_end(start, end, T0)


def test_a_moved_end_moves_what_is_quiet_and_what_is_over_stays_so():
    state = quiet()
    later = after(state, 5, WorkMoved(at(120), ANN))
    assert (later.quiet_until, later.step_due_at, later.version) == (at(120), at(120), state.version)
    ended = after(later, 10, WorkMoved(at(7), ANN))
    assert (ended.quiet_until, ended.step_due_at, ended.next_due_at) == (at(10), at(10), at(10))
    assert decide(ended, WorkMoved(at(60), ANN), at(11)).log == ()
    assert decide(state, WorkMoved(at(60), ANN), at(11)).log == ()  # the same end is no news


def test_life_safety_is_marked_and_nothing_moves_it():
    state = quiet("L")
    assert (state.in_work, state.quiet_until, state.step_due_at) == (True, None, T0)
    assert decide(state, WorkMoved(at(120), ANN), at(1)).state == state


def test_whatever_happens_in_it_the_ladder_waits_for_its_end():
    given_back = after(quiet(), 5, Acked(ANN), Released(ANN))
    assert (given_back.handling, given_back.step_due_at) == (Handling.RAISED, at(60))
    assert after(quiet(), 5, Rerouted(TECHNICAL, "Elsewhere")).step_due_at == at(60)
    shelved = after(quiet("T"), 5, Shelved(ANN, 600, "it is known"))
    assert (shelved.shelved_until, shelved.step_due_at) == (at(15), at(60))
    assert after(shelved, 6, WorkMoved(at(6), ANN)).step_due_at == at(15)
    claimed = after(quiet(), 5, Acked(ANN), WorkMoved(at(90), ANN), Released(ANN))
    assert claimed.step_due_at == at(90)
    with pytest.raises(RuleError, match="nobody is told for 55 min more"):
        decide(quiet(), Escalated(ANN), at(5))


def test_an_open_line_on_which_nobody_speaks_is_no_matter_of_work():
    assert after(quiet(), 5, NoSpeech(ANN)).next_due_at == at(5)


def test_the_board_says_when_it_goes_on_and_why():
    following = what_next(quiet())
    assert following is not None
    assert (following.at, following.words) == (at(60), "the planned work is over: the operators' queue told")


def test_a_state_from_before_there_was_a_mark_is_read():
    stored = dump_state(quiet())
    del stored["in_work"]
    assert load_state(stored).in_work is False


def test_the_line_of_the_board_names_the_first_to_end():
    def work(minutes: int, **place: str | None) -> WorkOut:
        times = {"starts_at": at(0), "ends_at": at(minutes), "made_at": at(0), "ended_at": None}
        said = {"reason": f"work {minutes}", "made_by": "user:ann", "ended_by": None, "state": WorkState.ON}
        return WorkOut.model_validate({"id": new_id(), "council_id": HERE, "hub_id": None, **times, **said, **place})

    assert sign([], T0) == ""
    assert sign([work(60, hub_id="H-1"), work(30, council_id=None)], T0) == (
        "Planned work: All councils until 03:42 (work 30); Hub H-1, Fife until 04:12 (work 60)"
    )
    many = sign([work(minutes) for minutes in (24 * 60, 20, 30, 40)], T0)
    assert many.endswith("until 03:52 (work 40); and 1 more")
    assert sign([work(24 * 60)], T0) == "Planned work: Fife until Sun 28 Mar 04:12 (work 1440)"
