"""The demo's engineer has something to do today while the day has room for it, and no visit begins in the past."""

from datetime import datetime
from itertools import pairwise

import pytest

from telecare.embedded.switchover import SLOT, STOPS, WAY, S, begins
from telecare.switchover.swaps import LONDON


@pytest.mark.parametrize(("hour", "today"), [(3, True), (11, True), (14, True), (18, False), (23, False)])
def test_visits_of_the_demo_begin_today_while_there_is_time(hour: int, *, today: bool) -> None:
    now = datetime(2026, 11, 27, hour, 30, tzinfo=LONDON)
    found = [begins(now, number) for number in range(9)]
    assert all(each > now for each in found)
    assert any(each.date() == now.date() for each in found) is today
    assert any(each.date() > now.date() for each in found)


@pytest.mark.parametrize("hour", [3, 14, 23])
def test_the_engineer_of_the_demo_is_at_one_home_at_a_time(hour: int) -> None:
    now = datetime(2026, 11, 27, hour, 30, tzinfo=LONDON)
    timed = [number for number, stop in enumerate(STOPS) if stop not in WAY[: WAY.index(S.BOOKED)]]
    times = sorted(begins(now, number) for number in timed if STOPS[number] is not S.UNREACHABLE)
    assert all(second - first >= SLOT for first, second in pairwise(times))
