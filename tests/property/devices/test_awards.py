"""Awards: more digital units never lose one, nine months are nine months, and what is missing is what is missing."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from devices.switchover.awards.domain import (
    ATTESTED,
    CRITERIA,
    Award,
    CostItem,
    Day,
    Progress,
    Share,
    lacking,
    money,
    months_after,
    reaches,
    standings,
)

FIRST = date(2026, 1, 1)


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[Day], list[Day]]:
    """Return the days of a fleet, and of one that has as many users and never fewer digital ones."""
    users = draw(st.integers(0, 40))
    small, large = [], []
    day = FIRST
    for _ in range(draw(st.integers(1, 30))):
        live = draw(st.integers(0, users))
        ready = draw(st.integers(live, users))
        more_live = draw(st.integers(live, users))
        more_ready = draw(st.integers(max(ready, more_live), users))
        small.append(Day(day, users, ready, live))
        large.append(Day(day, users, more_ready, more_live))
        day += timedelta(days=draw(st.sampled_from([1, 1, 1, 2, 40])))
    return small, large


@given(fleets(), st.sets(st.sampled_from(sorted(ATTESTED))))
def test_more_digital_units_lose_no_award_and_meet_none_later(
    both: tuple[list[Day], list[Day]], said: set[str]
) -> None:
    attested = dict.fromkeys(said, FIRST)
    small, large = (standings(days, attested) for days in both)
    for less, more in zip(small, large, strict=True):
        assert more.now >= less.now
        if less.first_on is not None:
            assert more.first_on is not None
            assert more.first_on <= less.first_on


@given(st.integers(1, 500), st.data())
def test_what_is_missing_is_enough_and_one_less_is_not(users: int, data: st.DataObject) -> None:
    have = data.draw(st.integers(0, users))
    for criterion in CRITERIA:
        if criterion.share is None:
            continue
        more = lacking(criterion, Day(FIRST, users, have, have))
        assert reaches(criterion, Day(FIRST, users, have + more, have + more))
        if more:
            assert not reaches(criterion, Day(FIRST, users, have + more - 1, have + more - 1))


def run(days: int, live: int = 80, begin: date = FIRST) -> list[Day]:
    return [Day(begin + timedelta(days=number), 100, live, live) for number in range(days)]


def platinum(days: list[Day]) -> tuple[date | None, bool]:
    found = next(one for one in standings(days, {}) if one.award is Award.PLATINUM)
    return found.first_on, found.now


def test_platinum_needs_nine_months_without_a_days_gap() -> None:
    nine = (months_after(FIRST, 9) - FIRST).days
    assert platinum(run(nine)) == (None, False)
    assert platinum(run(nine + 1)) == (date(2026, 10, 1), True)
    dip = run(200) + run(1, 79, FIRST + timedelta(days=200)) + run(150, 80, FIRST + timedelta(days=201))
    assert platinum(dip) == (None, False)
    hole = run(200) + run(150, 80, FIRST + timedelta(days=201))
    assert platinum(hole) == (None, False)
    lost = run(nine + 1) + run(1, 79, FIRST + timedelta(days=nine + 1))
    assert platinum(lost) == (date(2026, 10, 1), False)


def test_half_is_not_more_than_half_and_silver_is_what_somebody_attests() -> None:
    bronze, silver = standings([Day(FIRST, 100, 50, 0)], {})[:2]
    assert (bronze.now, bronze.criteria[0].missing.split()[0]) == (False, "1")
    assert not silver.now
    assert standings([Day(FIRST, 100, 51, 0)], {"silver_arc": date(2025, 5, 1)})[1].first_on == date(2025, 5, 1)
    assert all(criterion.source for criterion in CRITERIA)
    assert {criterion.share for criterion in CRITERIA} == {None, *Share}


def test_money_is_what_the_council_entered_times_what_was_counted() -> None:
    progress = Progress(swaps=10, visits=12, no_access=2, digital_months=30)
    prices = dict.fromkeys(CostItem, 100)
    sums = money(progress, prices)
    assert (sums.spent, sums.running, sums.saved, sums.net) == (3200, 3000, 6000, -200)
    assert money(progress, {}).net is None
    assert money(progress, {CostItem.DEVICE: 5}).spent == 50


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 30))
def test_months_later_is_the_same_day_or_the_last_of_its_month(day: date, months: int) -> None:
    later = months_after(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1
