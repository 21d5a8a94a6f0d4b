"""The demo's engineer has something to do today while the day has room for it, and no visit begins in the past."""

from datetime import datetime

import pytest

from telecare.embedded.switchover import begins
from telecare.switchover.swaps import LONDON


@pytest.mark.parametrize(("hour", "today"), [(3, True), (11, True), (14, True), (18, False), (23, False)])
def test_visits_of_the_demo_begin_today_while_there_is_time(hour: int, *, today: bool) -> None:
    now = datetime(2026, 11, 27, hour, 30, tzinfo=LONDON)
    found = [begins(now, number) for number in range(9)]
    assert all(each > now for each in found)
    assert any(each.date() == now.date() for each in found) is today
    assert any(each.date() > now.date() for each in found)
