"""Which days are worked on in Scotland."""

from datetime import date, timedelta

import pytest

from devices.switchover.working_days import LAST, Nth, WorkingDays

EDINBURGH, GLASGOW = "S12000036", "S12000049"


def test_the_last_days_of_the_analogue_network_have_45_working_days() -> None:
    days = WorkingDays()
    assert len(list(days.between(date(2026, 11, 23), date(2027, 1, 29)))) == 45
    shut = [date(2026, 11, 30), date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1), date(2027, 1, 4)]
    assert [day for day in shut if days.works(day)] == []


def test_a_local_holiday_is_one_where_it_is_kept() -> None:
    day = date(2027, 9, 20)
    assert WorkingDays(EDINBURGH).holiday(day) == "Autumn holiday"
    assert not WorkingDays(EDINBURGH).works(day)
    assert WorkingDays(GLASGOW).works(day)


@pytest.mark.parametrize(
    ("rule", "year", "day"),
    [
        (Nth(7, LAST), 2024, date(2024, 7, 29)),
        (Nth(9, LAST), 2024, date(2024, 9, 30)),
        (Nth(12, LAST), 2026, date(2026, 12, 28)),
        (Nth(9, 3), 2024, date(2024, 9, 16)),
        (Nth(6, 1), 2026, date(2026, 6, 1)),
    ],
)
def test_mondays_of_a_month(rule: Nth, year: int, day: date) -> None:
    assert rule.of(year) == day


def test_days_off_and_saturdays_are_added() -> None:
    saturday, friday = date(2026, 12, 12), date(2026, 12, 11)
    days = WorkingDays(days_off=frozenset({friday}), saturdays=frozenset({saturday}))
    assert (days.works(friday), days.works(saturday)) == (False, True)
    assert not days.works(saturday + timedelta(days=1))


def test_idle_saturdays_are_no_holidays_and_not_worked_already() -> None:
    days = WorkingDays(saturdays=frozenset({date(2026, 12, 12)}))
    found = days.idle_saturdays(date(2026, 12, 10), date(2027, 1, 10))
    assert found == [date(2026, 12, 19), date(2027, 1, 9)]  # 26 December and 2 January are holidays


def test_nothing_is_swapped_on_the_eve_of_a_holiday_when_eves_are_spared() -> None:
    days = WorkingDays(spare_eves=True)
    eves = [date(2026, 11, 27), date(2026, 12, 24), date(2026, 12, 31)]
    assert [day for day in eves if days.works(day)] == []
    assert days.works(date(2026, 12, 4))  # an ordinary Friday
    assert days.works(date(2026, 12, 29))


def test_a_holiday_that_a_council_has_entered_is_one_and_has_an_eve() -> None:
    """No table has the holidays of all 32 councils: what is entered counts as what is known by a rule does."""
    days = WorkingDays("S12000015", local=frozenset({date(2027, 1, 18)}), spare_eves=True)
    assert days.holiday(date(2027, 1, 18)) == "Local holiday"
    assert list(days.between(date(2027, 1, 14), date(2027, 1, 20))) == [
        date(2027, 1, 14), date(2027, 1, 19), date(2027, 1, 20)
    ]  # fmt: skip
