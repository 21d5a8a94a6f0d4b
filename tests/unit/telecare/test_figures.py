"""Figures of delays: each is one that was measured."""

from hypothesis import given
from hypothesis import strategies as st

from telecare.bench.figures import figures

delays = st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=300)


@given(delays)
def test_every_figure_was_measured_and_they_are_in_order(seconds: list[float]) -> None:
    found = figures(seconds)
    assert found is not None
    measured = {value * 1000 for value in seconds}
    assert {found.p50, found.p99, found.longest} <= measured
    assert found.p50 <= found.p99 <= found.longest == max(measured)
    assert found.n == len(seconds)


@given(delays)
def test_no_more_than_their_share_lies_above(seconds: list[float]) -> None:
    found = figures(seconds)
    assert found is not None
    above = sum(value * 1000 > found.p99 for value in seconds)
    assert above <= len(seconds) * 0.01


def test_nothing_measured_is_no_figure() -> None:
    assert figures([]) is None
    assert str(figures([0.001, 0.002, 0.003])).split() == ["2.0", "3.0", "3.0", "3"]
