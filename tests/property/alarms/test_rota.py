"""Any rota, near any change of the clocks: what is said of a moment and what is said of a period are one."""

# ruff: noqa: DTZ001 - what the clock on a wall shows has no zone

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from alarms.rota.domain import (
    Layer,
    Override,
    OverrideKind,
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
    members_of,
    next_handover,
    on_call,
    shifts,
    without_member,
)
from alarms.rota.wallclock import first_moment, last_moment, wall_clock

ZONES = ("Europe/London", "UTC", "America/Chicago")
CHANGES = [
    datetime(2026, 10, 25, 1), datetime(2027, 3, 28, 1), datetime(2027, 10, 31, 1),
    datetime(2026, 11, 1, 7), datetime(2027, 3, 14, 8), datetime(2027, 11, 7, 7),
]  # fmt: skip
"""London's and Chicago's, in UTC."""

MEMBERS = [UUID(int=number) for number in range(1, 5)]
members = st.sampled_from(MEMBERS)
near = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-3 * 24 * 60, 3 * 24 * 60),
)
moments = near.map(lambda moment: moment.replace(tzinfo=UTC))
times = st.one_of(
    st.sampled_from([time(0), time(0, 30), time(1), time(1, 30), time(2), time(2, 30), time(3)]),
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)
windows = st.builds(Window, st.frozensets(st.integers(0, 6), min_size=1), times, times)
rotations = st.builds(
    Rotation,
    st.sampled_from(RotationUnit),
    st.integers(1, 5),
    near.map(lambda start: start - timedelta(days=2)),
    st.lists(members, max_size=4).map(tuple),
    st.lists(windows, max_size=2).map(tuple),
)
layers: st.SearchStrategy[Layer] = st.one_of(
    rotations, st.builds(WeeklyRules, st.lists(st.builds(WeeklyRule, members, windows), max_size=3).map(tuple))
)


@st.composite
def periods(draw: st.DrawFn) -> tuple[datetime, datetime]:
    start = draw(moments)
    return start, start + timedelta(minutes=draw(st.integers(1, 4 * 24 * 60)))


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    return Override(draw(st.sampled_from(OverrideKind)), *draw(periods()), draw(members), draw(members))


@st.composite
def schedules(draw: st.DrawFn) -> TemporarySchedule:
    turns = draw(st.lists(st.builds(lambda who, span: Turn(who, *span), members, periods()), max_size=3))
    return TemporarySchedule(*draw(periods()), tuple(turns))


rotas = st.builds(
    Rota,
    st.lists(layers, max_size=3).map(tuple),
    st.lists(overrides(), max_size=3).map(tuple),
    st.lists(schedules(), max_size=2).map(tuple),
    st.sampled_from(ZONES),
    st.frozensets(members, max_size=1),
)


@settings(deadline=None)
@given(rotas, periods(), st.integers(0, 6 * 24 * 3600))
def test_who_is_on_at_a_moment_is_who_has_the_shift_that_covers_it(
    rota: Rota, period: tuple[datetime, datetime], seconds: int
) -> None:
    start, end = period
    at = min(start + timedelta(seconds=seconds), end - timedelta(microseconds=1))
    covering = [shift.members for shift in shifts(rota, start, end) if shift.start <= at < shift.end]
    assert covering == ([on_call(rota, at)] if on_call(rota, at) else [])


@settings(deadline=None)
@given(rotas, periods())
def test_shifts_and_gaps_are_the_period_and_no_two_of_them_meet_in_the_same_people(
    rota: Rota, period: tuple[datetime, datetime]
) -> None:
    start, end = period
    spans = sorted((*shifts(rota, start, end), *gaps(rota, start, end)), key=lambda span: span.start)
    assert (spans[0].start, spans[-1].end) == (start, end)
    for before, after in pairwise(spans):
        assert before.end == after.start
        assert before.members != after.members
    assert all(span.start < span.end and len(set(span.members)) == len(span.members) for span in spans)
    assert not any(rota.away & set(span.members) for span in spans)


@settings(deadline=None)
@given(rotas, periods())
def test_a_question_in_two_halves_has_the_same_answer(rota: Rota, period: tuple[datetime, datetime]) -> None:
    start, end = period
    middle = start + (end - start) / 2
    whole = sum(((s.end - s.start) * len(s.members) for s in shifts(rota, start, end)), timedelta())
    halves = (*shifts(rota, start, middle), *shifts(rota, middle, end))
    assert sum(((s.end - s.start) * len(s.members) for s in halves), timedelta()) == whole


@settings(deadline=None)
@given(rotas, periods())
def test_hand_overs_lead_from_who_is_on_to_who_is_on(rota: Rota, period: tuple[datetime, datetime]) -> None:
    start, end = period
    on = set(on_call(rota, start))
    for handover in handovers(rota, start, end):
        on = (on - set(handover.off)) | set(handover.on)
        assert on == set(handover.now) == set(on_call(rota, handover.at))
    following = next_handover(rota, start)
    inside = handovers(rota, start, end)
    assert (following if following and following.at <= end else None) == (inside[0] if inside else None)


@settings(deadline=None)
@given(st.sampled_from(ZONES), near, times)
def test_two_rules_that_meet_on_the_wall_clock_leave_no_gap(zone: str, day: datetime, hand_off: time) -> None:
    whole_day = Window(frozenset(range(7)), hand_off, hand_off)
    rota = Rota((WeeklyRules((WeeklyRule(MEMBERS[0], whole_day),)),), zone=zone)
    start = day.replace(tzinfo=UTC)
    assert gaps(rota, start, start + timedelta(days=9)) == ()


@settings(deadline=None)
@given(rotations, st.sampled_from(ZONES), periods())
def test_a_rotation_without_windows_has_one_person_at_each_moment_from_its_start(
    rotation: Rotation, zone: str, period: tuple[datetime, datetime]
) -> None:
    plain = Rotation(rotation.unit, rotation.every, rotation.starts_at, rotation.members or (MEMBERS[0],))
    begins = first_moment(plain.starts_at, ZoneInfo(zone))
    start, end = max(period[0], begins), max(period[1], begins + timedelta(minutes=1))
    rota = Rota((plain,), zone=zone)
    assert gaps(rota, start, end) == ()
    assert all(len(shift.members) == 1 for shift in shifts(rota, start, end))


@settings(deadline=None)
@given(near, st.sampled_from(ZONES))
def test_the_moments_of_a_wall_clock_time_show_it_or_have_just_passed_over_it(local: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    first, last = first_moment(local, zone), last_moment(local, zone)
    assert first <= last
    second = timedelta(seconds=1)
    shown = wall_clock(first, zone)
    if shown == local:
        assert wall_clock(last, zone) == local
    else:  # the clock passed over it
        assert first == last
        assert wall_clock(first - second, zone) < local < shown


@settings(deadline=None)
@given(rotas, moments, members, st.integers(0, 20))
def test_removing_a_member_leaves_whoever_else_is_on_and_the_order_goes_on(
    rota: Rota, at: datetime, gone: UUID, ahead: int
) -> None:
    for layer in rota.layers:
        before = Rota((layer,), zone=rota.zone)
        after = Rota(without_member((layer,), gone, at, rota.zone), zone=rota.zone)
        assert gone not in members_of(after.layers)
        present = on_call(before, at)
        if gone not in present:
            assert on_call(after, at) == present
        if isinstance(layer, Rotation):
            # The cycle of members from the present one on is the old one without who has gone.
            kept = [each for each in layer.members if each != gone]
            (left,) = after.layers
            assert isinstance(left, Rotation)
            turned = list(left.members)
            assert not kept or any(turned == kept[n:] + kept[:n] for n in range(len(kept)))
            moment = at + timedelta(hours=ahead)
            if gone not in layer.members:
                assert on_call(after, moment) == on_call(before, moment)
