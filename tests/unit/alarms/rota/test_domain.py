"""Rotas at the hours that matter: hand-offs, both changes of the clocks, overrides, temporary schedules."""

# ruff: noqa: DTZ001 - what the clock on a wall shows has no zone

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from alarms.rota.domain import (
    LONDON,
    Override,
    OverrideKind,
    PeriodTooLongError,
    Rota,
    Rotation,
    RotationUnit,
    TemporarySchedule,
    Turn,
    WeeklyRule,
    WeeklyRules,
    Window,
    gaps,
    handovers,
    next_handover,
    on_call,
    shifts,
    with_members,
    without_member,
)
from alarms.rota.wallclock import first_moment, last_moment

ZONE = ZoneInfo(LONDON)
U1, U2, U3 = (UUID(int=number) for number in (1, 2, 3))
DAYS = frozenset(range(7))
SPRING, AUTUMN = datetime(2027, 3, 28), datetime(2027, 10, 31)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def rotation(unit: RotationUnit, every: int = 1, starts_at: datetime = datetime(2027, 1, 4, 9)) -> Rotation:
    return Rotation(unit, every, starts_at, (U1, U2))


def daily_pair(first: tuple[str, str], second: tuple[str, str]) -> Rota:
    """Two people at fixed hours of each day."""
    windows = [Window(DAYS, time.fromisoformat(a), time.fromisoformat(b)) for a, b in (first, second)]
    return Rota((WeeklyRules((WeeklyRule(U1, windows[0]), WeeklyRule(U2, windows[1]))),))


@pytest.mark.parametrize(
    ("unit", "every", "later"),
    [
        (RotationUnit.DAILY, 2, timedelta(days=3)),
        (RotationUnit.WEEKLY, 1, timedelta(days=8)),
        (RotationUnit.MONTHLY, 1, timedelta(days=32)),
        (RotationUnit.HOURLY, 1, timedelta(hours=1)),
    ],
)
def test_a_rotation_hands_off(unit: RotationUnit, every: int, later: timedelta) -> None:
    rota, start = Rota((rotation(unit, every),)), utc(2027, 1, 4, 9)
    assert on_call(rota, start) == (U1,)
    assert on_call(rota, start + later) == (U2,)


def test_before_its_first_hand_off_nobody_is_on() -> None:
    rota = Rota((rotation(RotationUnit.DAILY),))
    assert on_call(rota, utc(2027, 1, 4, 8, 59)) == ()


def test_a_month_without_the_day_hands_off_on_its_last() -> None:
    rota = Rota((rotation(RotationUnit.MONTHLY, starts_at=datetime(2027, 1, 31, 9)),))
    assert [shift.start for shift in shifts(rota, utc(2027, 1, 1), utc(2027, 5, 1))] == [
        utc(2027, 1, 31, 9), utc(2027, 2, 28, 9), utc(2027, 3, 31, 8), utc(2027, 4, 30, 8),
    ]  # fmt: skip


@pytest.mark.parametrize("starts_at", [datetime(2027, 3, 20, 9), datetime(2026, 10, 20, 9)])
def test_a_daily_rotation_begun_before_the_change_hands_off_by_the_wall_clock(starts_at: datetime) -> None:
    """S49: the hand-off is five minutes of wall clock away; an even number of days after the start."""
    rota = Rota((rotation(RotationUnit.DAILY, starts_at=starts_at),))
    soon = datetime(2027, 3, 31, 8, 55, tzinfo=ZONE)
    before = on_call(rota, soon)
    assert on_call(rota, soon + timedelta(minutes=4, seconds=59)) == before
    after = on_call(rota, soon + timedelta(minutes=10))
    assert {*before, *after} == {U1, U2}
    assert before != after


def test_in_spring_a_shift_in_the_missing_hour_starts_when_the_clock_passes_it_and_no_gap_opens() -> None:
    """R33: 01:30 does not exist; the other shift ends, and this one starts, at 02:00 BST."""
    rota = daily_pair(("01:30", "09:00"), ("09:00", "01:30"))
    change = utc(2027, 3, 28, 1)
    assert gaps(rota, utc(2027, 3, 26), utc(2027, 3, 31)) == ()
    found = {shift.start: shift.members for shift in shifts(rota, utc(2027, 3, 27, 12), utc(2027, 3, 28, 12))}
    assert found == {utc(2027, 3, 27, 12): (U2,), change: (U1,), utc(2027, 3, 28, 8): (U2,)}
    assert on_call(rota, change - timedelta(seconds=1)) == (U2,)
    assert change.astimezone(ZONE).hour == 2


def test_in_autumn_the_old_shift_ends_at_the_second_and_the_new_starts_at_the_first_so_both_are_on() -> None:
    """R34."""
    rota = daily_pair(("01:30", "09:00"), ("09:00", "01:30"))
    assert gaps(rota, utc(2027, 10, 29), utc(2027, 11, 2)) == ()
    found = shifts(rota, utc(2027, 10, 30, 12), utc(2027, 10, 31, 6))
    assert [(shift.start, shift.members) for shift in found] == [
        (utc(2027, 10, 30, 12), (U2,)), (utc(2027, 10, 31, 0, 30), (U1, U2)), (utc(2027, 10, 31, 1, 30), (U1,)),
    ]  # fmt: skip


def test_in_autumn_a_daily_hand_off_happens_once_at_the_first() -> None:
    rota = Rota((rotation(RotationUnit.DAILY, starts_at=datetime(2027, 10, 29, 1, 30)),))
    found = shifts(rota, utc(2027, 10, 30, 12), utc(2027, 11, 1, 12))
    assert [(shift.start, shift.members) for shift in found] == [
        (utc(2027, 10, 30, 12), (U2,)), (utc(2027, 10, 31, 0, 30), (U1,)), (utc(2027, 11, 1, 1, 30), (U2,)),
    ]  # fmt: skip


def test_twelve_hourly_turns_stay_at_eight() -> None:
    rota = Rota((rotation(RotationUnit.HOURLY, 12, datetime(2027, 3, 20, 8)),))
    hours = {shift.start.astimezone(ZONE).hour for shift in shifts(rota, utc(2027, 3, 20, 8), utc(2027, 11, 20))}
    assert hours == {8, 20}


@pytest.mark.parametrize(
    ("local", "first", "last"),
    [
        (SPRING.replace(hour=0, minute=59), utc(2027, 3, 28, 0, 59), utc(2027, 3, 28, 0, 59)),
        (SPRING.replace(hour=1), utc(2027, 3, 28, 1), utc(2027, 3, 28, 1)),
        (SPRING.replace(hour=1, minute=30), utc(2027, 3, 28, 1), utc(2027, 3, 28, 1)),
        (SPRING.replace(hour=2), utc(2027, 3, 28, 1), utc(2027, 3, 28, 1)),
        (AUTUMN.replace(hour=0, minute=59), utc(2027, 10, 30, 23, 59), utc(2027, 10, 30, 23, 59)),
        (AUTUMN.replace(hour=1), utc(2027, 10, 31, 0), utc(2027, 10, 31, 1)),
        (AUTUMN.replace(hour=1, minute=30), utc(2027, 10, 31, 0, 30), utc(2027, 10, 31, 1, 30)),
        (AUTUMN.replace(hour=2), utc(2027, 10, 31, 2), utc(2027, 10, 31, 2)),
    ],
)
def test_what_the_wall_clock_means(local: datetime, first: datetime, last: datetime) -> None:
    assert (first_moment(local, ZONE), last_moment(local, ZONE)) == (first, last)


def test_a_window_that_wraps_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    night = Window(frozenset({4}), time(18), time(8))  # Friday evening
    rota = Rota((WeeklyRules((WeeklyRule(U1, night),)),))
    (shift,) = shifts(rota, utc(2027, 1, 4), utc(2027, 1, 11))
    assert (shift.start, shift.end) == (utc(2027, 1, 8, 18), utc(2027, 1, 9, 8))


def test_a_rotation_within_windows_is_off_outside_them() -> None:
    days = Window(frozenset(range(5)), time(9), time(17))
    rota = Rota((Rotation(RotationUnit.WEEKLY, 1, datetime(2027, 1, 4, 9), (U1, U2), (days,)),))
    assert on_call(rota, utc(2027, 1, 8, 16, 59)) == (U1,)
    assert on_call(rota, utc(2027, 1, 8, 17)) == ()
    assert on_call(rota, utc(2027, 1, 11, 9)) == (U2,)


ALWAYS = Rota((Rotation(RotationUnit.WEEKLY, 1, datetime(2027, 1, 4), (U1,)),))
FROM, TO = utc(2027, 1, 5, 9), utc(2027, 1, 5, 17)


@pytest.mark.parametrize(
    ("override", "members"),
    [
        (Override(OverrideKind.ADD, FROM, TO, member=U2), (U1, U2)),
        (Override(OverrideKind.REMOVE, FROM, TO, instead_of=U1), ()),
        (Override(OverrideKind.REPLACE, FROM, TO, member=U2, instead_of=U1), (U2,)),
        (Override(OverrideKind.REPLACE, FROM, TO, member=U2, instead_of=U3), (U1,)),
    ],
)
def test_an_override_is_one_act_from_its_start_until_before_its_end(
    override: Override, members: tuple[UUID, ...]
) -> None:
    rota = Rota(ALWAYS.layers, (override,))
    assert on_call(rota, FROM - timedelta(seconds=1)) == on_call(rota, TO) == (U1,)
    assert on_call(rota, FROM) == on_call(rota, TO - timedelta(seconds=1)) == members


def test_overrides_work_one_on_the_other_in_the_order_in_which_they_were_made() -> None:
    swap = Override(OverrideKind.REPLACE, FROM, TO, member=U2, instead_of=U1)
    again = Override(OverrideKind.REPLACE, FROM, TO, member=U3, instead_of=U2)
    assert on_call(Rota(ALWAYS.layers, (swap, again)), FROM) == (U3,)
    assert on_call(Rota(ALWAYS.layers, (again, swap)), FROM) == (U2,)


def test_a_temporary_schedule_stands_in_place_of_everything() -> None:
    schedule = TemporarySchedule(FROM, TO, (Turn(U3, FROM, FROM + timedelta(hours=1)),))
    rota = Rota(ALWAYS.layers, (Override(OverrideKind.ADD, FROM, TO, member=U2),), (schedule,))
    assert on_call(rota, FROM) == (U3,)
    assert [(gap.start, gap.end) for gap in gaps(rota, FROM, TO)] == [(FROM + timedelta(hours=1), TO)]
    assert on_call(rota, TO) == (U1,)


def test_who_is_away_keeps_their_turn_and_nobody_is_on() -> None:
    rota = Rota((rotation(RotationUnit.DAILY),), away=frozenset({U2}))
    assert [on_call(rota, utc(2027, 1, day, 10)) for day in (4, 5, 6)] == [(U1,), (), (U1,)]


@pytest.mark.parametrize("layers", [(), (Rotation(RotationUnit.DAILY, 1, SPRING, ()),), (WeeklyRules(()),)])
def test_without_layers_or_members_nobody_is_on(layers: tuple[Rotation | WeeklyRules, ...]) -> None:
    rota = Rota(layers)
    assert on_call(rota, utc(2027, 4, 1)) == ()
    assert next_handover(rota, utc(2027, 4, 1)) is None


def test_hand_overs_say_who_comes_on_and_who_goes_off() -> None:
    rota = Rota((rotation(RotationUnit.DAILY),))
    first, second = handovers(rota, utc(2027, 1, 4, 9), utc(2027, 1, 6, 9))
    assert (first.at, first.on, first.off) == (utc(2027, 1, 5, 9), (U2,), (U1,))
    assert second.at == utc(2027, 1, 6, 9)
    assert next_handover(rota, utc(2027, 1, 4, 10)) == first


def test_the_next_hand_over_may_be_months_away() -> None:
    rota = Rota((rotation(RotationUnit.MONTHLY, 6),))
    found = next_handover(rota, utc(2027, 1, 5))
    assert found is not None
    assert found.at == utc(2027, 7, 4, 8)


@pytest.mark.parametrize(("gone", "now", "then"), [(U1, U2, U3), (U2, U1, U3), (U3, U1, U2)])
def test_who_has_the_turn_keeps_it_when_another_goes(gone: UUID, now: UUID, then: UUID) -> None:
    layer = Rotation(RotationUnit.DAILY, 1, datetime(2027, 1, 4, 9), (U1, U2, U3))
    at = utc(2027, 1, 7, 12)  # the first has it again
    assert on_call(Rota((layer,)), at) == (U1,)
    left = Rota(without_member((layer,), gone, at, LONDON))
    assert (on_call(left, at), on_call(left, at + timedelta(days=1))) == ((now,), (then,))


def test_who_has_the_turn_keeps_it_when_others_come() -> None:
    layer = Rotation(RotationUnit.DAILY, 1, datetime(2027, 1, 4, 9), (U1, U2))
    at = utc(2027, 1, 5, 12)
    wider = Rota((with_members(layer, (U1, U2, U3), at, LONDON),))
    assert [on_call(wider, at + timedelta(days=days)) for days in (0, 1, 2)] == [(U2,), (U3,), (U1,)]


def test_too_long_a_period_is_refused_before_it_is_computed() -> None:
    rota = Rota(tuple(rotation(RotationUnit.HOURLY, starts_at=datetime(2027, 1, 4, 9, n)) for n in range(10)))
    with pytest.raises(PeriodTooLongError):
        shifts(rota, utc(2027, 1, 4), utc(2028, 1, 4))
