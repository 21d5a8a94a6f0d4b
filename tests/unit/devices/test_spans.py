"""Hours of a week in a line, read and shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.switchover.planning.schemas import Span
from devices.switchover.planning.spans import read_span, show_span

spans = st.builds(
    lambda start, length, days, why: Span(start=start, end=min(1440, start + length), weekdays=sorted(days), why=why),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from([None, "the carer", "dialysis, 3 a week"]),
)


@given(spans)
def test_what_is_shown_is_read_as_the_same(span: Span) -> None:
    assert read_span(show_span(span)) == span


@pytest.mark.parametrize(
    ("line", "days", "hours"),
    [
        ("mon-fri 09:00-10:00 the carer", (0, 1, 2, 3, 4), (540, 600)),
        ("mon,wed,fri 0:00-24:00 dialysis", (0, 2, 4), (0, 1440)),
        ("daily 22:00-00:00", tuple(range(7)), (1320, 1440)),
    ],
)
def test_a_line_is_read(line: str, days: tuple[int, ...], hours: tuple[int, int]) -> None:
    span = read_span(line)
    assert (span.weekdays, (span.start, span.end)) == (days, hours)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mornings", "write it as mon-fri 09:00-10:00"),
        ("moon 09:00-10:00", "is no day of the week"),
        ("fri-mon 09:00-10:00", "goes backwards"),
        ("mon 09:70-10:00", "is no time of a day"),
        ("mon 10:00-09:00", "the end must be after the start"),
    ],
)
def test_what_cannot_be_read_is_said_with_how_to_write_it(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_span(line)
