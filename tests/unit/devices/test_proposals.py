"""The steps that an answer takes a visit are steps that may follow, and they come to an end."""

from datetime import datetime
from itertools import product

import pytest

from devices.switchover.proposals.domain import to_say, towards_booking, towards_refusal
from devices.switchover.visits.domain import ASIDE, PROVEN, STANDS, VisitState, follows
from telecare.switchover.accepting import CAN_BE_BOOKED

S = VisitState
WHERE = [
    (state, resumes)
    for state, resumes in product(S, [None, *S])
    if (state in ASIDE) == (resumes is not None) and resumes not in PROVEN | ASIDE
]


@pytest.mark.parametrize(("state", "resumes"), WHERE)
def test_each_step_may_follow_and_the_last_one_can_be_booked(state: S, resumes: S | None) -> None:
    seen = []
    while (to := towards_booking(state, resumes)) is not None:
        assert to in follows(state, resumes)
        assert (state, resumes) not in seen
        seen.append((state, resumes))
        state, resumes = to, None
    assert not seen or state in CAN_BE_BOOKED


@pytest.mark.parametrize(("state", "resumes"), WHERE)
def test_whoever_can_be_asked_can_refuse_or_want_another_time(state: S, resumes: S | None) -> None:
    if towards_booking(state, resumes) is None:
        return
    for wanted in (S.DECLINED, S.HOLD):
        here, back, steps = state, resumes, 0
        while wanted not in follows(here, back):
            to = towards_refusal(here, back)
            assert to in follows(here, back)
            here, back, steps = S(str(to)), None, steps + 1
            assert steps < len(S)


def test_nobody_is_asked_whose_new_hub_stands_in_the_home() -> None:
    for state in (*STANDS, *PROVEN, S.BOOKED, S.CONFIRMED, S.ON_SITE, S.DECEASED, S.MOVED):
        assert towards_booking(state, None) is None
    assert towards_booking(S.HOLD, S.SOAK) is None


def test_what_is_said_names_who_comes_and_when() -> None:
    start = datetime(2030, 3, 29, 9, 5)  # noqa: DTZ001 - the clock on the wall
    words = to_say(start, start.replace(hour=10), ["Ewan", "Rory"])
    assert "Ewan and Rory would come on Friday 29 March 2030, 09:05 to 10:05" in words
    assert "An engineer would come" in to_say(start, start.replace(hour=10), [])
    assert "telephone line" in words
    assert "telephone line" not in to_say(start, start.replace(hour=10), [], digital=True)
