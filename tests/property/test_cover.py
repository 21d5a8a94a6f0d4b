"""Whatever comes, and whoever takes it: a cover is there when it is needed, and never flaps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alarms.cover.domain import CALM_BELOW_S, CALM_FOR, CoverWhy, Look, Running, decide
from tests.property.examples import examples

START = datetime(2027, 1, 3, tzinfo=UTC)
LOOK_S = 5

stretches = st.lists(
    st.tuples(
        st.integers(1, 900),  # it goes on for so many seconds
        st.booleans(),  # an alarm waits all that time
        st.sampled_from([None, "own", "partner"]),  # who takes a case at its end
    ),
    min_size=1,
    max_size=25,
)


def history(events: list[tuple[int, bool, str | None]], after_s: int) -> list[tuple[datetime, float, Running | None]]:
    """Look every five seconds, as the engine does; return each look: when, the lag, and the cover after it."""
    now, waits, taken, cover = START, None, None, None
    seen = []
    for seconds, waiting, taker in events:
        waits = (waits or now) if waiting else None
        end = now + timedelta(seconds=seconds)
        while now < end:
            look = Look(now, waits, taken)
            cover = decide(cover, look, after_s)
            seen.append((now, look.lag_s, cover))
            now += timedelta(seconds=LOOK_S)
        if taker is not None:
            waits = None
        if taker == "own":
            taken = now
    return seen


@examples(200)
@given(stretches, st.integers(60, 3600))
def test_it_is_on_whenever_an_alarm_waits_too_long_and_never_flaps(
    events: list[tuple[int, bool, str | None]], after_s: int
) -> None:
    seen = history(events, after_s)
    for _, lag_s, cover in seen:
        assert cover is not None or lag_s <= after_s
    began = [(when, lag) for (_, _, a), (when, lag, b) in pairwise([(START, 0.0, None), *seen]) if b and not a]
    ended = [when for (_, _, a), (when, _, b) in pairwise(seen) if a and not b]
    assert all(lag > after_s for _, lag in began)
    for (start, _), end in zip(began, ended, strict=False):
        assert end - start >= CALM_FOR
        calm = [lag for when, lag, _ in seen if end - CALM_FOR <= when <= end]
        assert max(calm) < CALM_BELOW_S
    for end, (start, _) in zip(ended, began[1:], strict=False):
        assert start - end >= timedelta(seconds=after_s - CALM_BELOW_S)


@examples(100)
@given(stretches, st.sampled_from([CoverWhy.DECLARED, CoverWhy.EXERCISE]))
def test_nothing_ends_what_a_human_began(events: list[tuple[int, bool, str | None]], why: CoverWhy) -> None:
    cover: Running | None = Running(why, START)
    for when, _, _ in history(events, 120):
        cover = decide(cover, Look(when, None, when), 120)
    assert cover == Running(why, START)


@examples(100)
@given(stretches)
def test_without_a_sign_of_them_it_goes_on(events: list[tuple[int, bool, str | None]]) -> None:
    nobody = [(seconds, waiting, None if taker == "own" else taker) for seconds, waiting, taker in events]
    covers = [cover for _, _, cover in history([(200, True, "partner"), *nobody], 120)]
    first = next(at for at, cover in enumerate(covers) if cover is not None)
    assert None not in covers[first:]
