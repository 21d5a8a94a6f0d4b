"""What heartbeats come to together: by the hour, by the day, and each by itself."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from devices.presence.telemetry import (
    HOUR,
    Beat,
    Point,
    Step,
    beat_points,
    fitting_step,
    fold_beats,
    fold_points,
    joined,
    point_of,
    span_start,
)
from tests.property.examples import examples

NINE = datetime(2026, 11, 27, 9, tzinfo=UTC)


def after(minutes: float, **told: object) -> Beat:
    return Beat(NINE + timedelta(minutes=minutes), **told)  # type: ignore[arg-type]


def test_an_hour_says_what_was_told_in_it() -> None:
    beats = [
        after(5, battery_pct=90, mains=True, signal_dbm=-70, path="ethernet", firmware="1.0"),
        after(20, battery_pct=88, mains=False, signal_dbm=-80, path="lte"),
        after(35, mains=True, path="ethernet", firmware="1.1"),
        after(50),
    ]
    assert point_of(beats, NINE, NINE + HOUR) == Point(
        NINE, NINE + HOUR, 4, 88, 90, -75, 15 * 60, "ethernet", "lte", "1.1"
    )


def test_what_nobody_told_is_not_known() -> None:
    assert point_of([after(1)], NINE, NINE + HOUR) == Point(NINE, NINE + HOUR, 1)


def test_without_mains_from_the_first_word_to_the_last_is_the_whole_hour() -> None:
    assert point_of([after(30, mains=False)], NINE, NINE + HOUR).mains_off_s == 3600


def test_a_change_of_path_over_the_hour_is_seen_in_the_day() -> None:
    hours = [Point(NINE, NINE + HOUR, 1, path="ethernet"), Point(NINE + HOUR, NINE + 2 * HOUR, 1, path="lte")]
    (day,) = fold_points(hours, timedelta(days=1))
    assert (day.path, day.other_path, day.heartbeats) == ("lte", "ethernet", 2)
    assert (day.at, day.until) == (NINE.replace(hour=0), NINE.replace(hour=0) + timedelta(days=1))


def test_each_heartbeat_holds_until_the_next() -> None:
    beats = [after(0, mains=False), after(5, mains=True)]
    points = beat_points(beats, NINE + HOUR)
    assert [(point.until - point.at, point.mains_off_s) for point in points] == [
        (timedelta(minutes=5), 300),
        (timedelta(minutes=55), 0),
    ]


def test_of_no_heartbeats_there_is_no_point() -> None:
    assert beat_points([], NINE) == fold_beats([], HOUR) == fold_points([], HOUR) == []


def test_an_hour_among_ten_minutes_stays_an_hour() -> None:
    (hour,) = fold_points([Point(NINE, NINE + HOUR, 12, 90, 95)], timedelta(minutes=10))
    assert (hour.at, hour.until) == (NINE, NINE + HOUR)


def test_more_time_has_longer_steps() -> None:
    steps = [fitting_step(timedelta(days=days)) for days in (1, 7, 14, 90)]
    assert steps == [Step.TEN_MINUTES, Step.HOUR, Step.HOUR, Step.DAY]


BEATS = st.lists(
    st.builds(
        Beat,
        st.integers(0, 3 * 86_400).map(lambda second: NINE + timedelta(seconds=second)),
        st.none() | st.integers(0, 100),
        st.none() | st.booleans(),
        st.none() | st.integers(-120, -40),
        st.none() | st.sampled_from(["ethernet", "lte", "2g"]),
        st.none() | st.sampled_from(["1.0", "1.1"]),
    ),
    max_size=40,
).map(lambda beats: sorted(beats, key=lambda beat: beat.at))


@examples(100)
@given(BEATS)
def test_days_of_hours_say_what_days_of_heartbeats_say(beats: list[Beat]) -> None:
    by_hours, day = fold_points(fold_beats(beats, HOUR), timedelta(days=1)), timedelta(days=1)
    direct = fold_beats(beats, day)
    assert sum(point.heartbeats for point in by_hours) == len(beats)
    for one, other in zip(by_hours, direct, strict=True):
        for name in ("at", "until", "heartbeats", "battery_min", "battery_max", "path", "firmware"):
            assert getattr(one, name) == getattr(other, name)


@examples(100)
@given(BEATS)
def test_no_span_is_without_mains_for_longer_than_it_is(beats: list[Beat]) -> None:
    for point in fold_beats(beats, HOUR):
        assert span_start(point.at, HOUR) == point.at
        assert point.mains_off_s is None or 0 <= point.mains_off_s <= 3600
        assert joined([point], point.at, point.until) == point or point.path is None
