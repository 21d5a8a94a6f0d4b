"""Checks end in time whoever looks when; a batch has two columns; what a provider sends is read or refused in words."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from devices.commands.domain import CommandState
from devices.switchover.telco.domain import (
    ANSWER_WITHIN,
    CHECK_WITHIN,
    DEVICE_TYPES,
    SETTLE,
    Act,
    Agreement,
    Check,
    CheckState,
    Seen,
    ShareField,
    as_file,
    holds,
    next_act,
    objection,
)
from devices.switchover.telco.reading import UnreadableError, read_matches, read_notices

PLANNED = datetime(2026, 12, 3, 9, tzinfo=UTC)
NUMBERS = st.from_regex(r"\+44[0-9]{9,10}", fullmatch=True)
GAPS = st.lists(st.integers(10, 3000), max_size=12)


@given(first=st.integers(-3600, 90_000), gaps=GAPS, reachable=st.booleans(), every_s=st.integers(5, 120))
@example(first=80_000, gaps=[], reachable=True, every_s=15)
def test_a_silent_unit_is_a_case_within_the_hour_or_as_soon_as_we_are_back(
    first: int, gaps: list[int], every_s: int, *, reachable: bool
) -> None:
    """Looks at any moments, then at every interval: the last look before the end is at most one interval late."""
    check, now, begun = Check(PLANNED, CheckState.DUE), PLANNED + timedelta(seconds=first), None
    left = list(gaps)
    while check.state is not CheckState.NO_ANSWER:
        command = None
        if check.asked_at is not None:
            command = CommandState.SENT if now < check.asked_at + ANSWER_WITHIN else CommandState.EXPIRED
        act = next_act(check, Seen(reachable=reachable, command=command), now)
        assert act is not Act.ANSWERED
        if act is Act.ASK:
            begun = begun or now
            check = Check(PLANNED, CheckState.ASKED, now)
        elif act is Act.RING:
            check = Check(PLANNED, CheckState.TO_RING)
        elif act is Act.NO_ANSWER:
            check = Check(PLANNED, CheckState.NO_ANSWER)
        else:
            now += timedelta(seconds=left.pop() if left else every_s)
    assert now >= PLANNED + SETTLE
    if not gaps and first <= 0:
        assert now <= PLANNED + CHECK_WITHIN + timedelta(seconds=2 * every_s)
    if first > CHECK_WITHIN.total_seconds() and not reachable:
        assert now == PLANNED + timedelta(seconds=first)


@given(st.builds(Seen, proven=st.just(True), reachable=st.booleans(), command=st.sampled_from([None, *CommandState])))
def test_a_unit_that_called_has_answered_however_it_was_asked(seen: Seen) -> None:
    for state in (CheckState.DUE, CheckState.ASKED, CheckState.TO_RING):
        assert next_act(Check(PLANNED, state, PLANNED), seen, PLANNED + SETTLE) is Act.ANSWERED


@given(st.lists(st.tuples(NUMBERS, st.sampled_from(list(DEVICE_TYPES.values())))))
def test_a_batch_has_its_two_columns_and_nothing_more_in_whatever_order(numbers: list[tuple[str, str]]) -> None:
    rows = list(csv.reader(io.StringIO(as_file(numbers).decode())))
    assert rows[0] == list(ShareField) == ["telephone_number", "device_type"]
    assert sorted(map(tuple, rows[1:])) == sorted(set(numbers))
    assert as_file(reversed(numbers)) == as_file(numbers)


@given(st.text(max_size=300) | st.from_regex(r"number,date,time,type\n(.{0,40}\n){0,4}"))
def test_whatever_is_sent_is_read_or_refused_in_words(text: str) -> None:
    for read in (read_notices, read_matches):
        try:
            _, refused = read(text)
        except UnreadableError as error:
            assert str(error)  # noqa: PT017 - that it may be refused is the point
        else:
            assert all(row.why and row.line > 1 for row in refused)


def test_a_providers_table_is_read_as_they_write_it() -> None:
    lines = (
        "CLI;Migration date;Slot;Type",
        "01632 960123;03/12/2026;9:30 - 11:30;Non-voluntary",
        "+44 1632 960124;2026-07-04;;",
        "x;y;;",
    )
    text = "\r\n".join(lines)
    read, refused = read_notices("\ufeff" + text)
    assert [(one.number, one.planned_at.astimezone(UTC).isoformat(), one.kind) for one in read] == [
        ("+441632960123", "2026-12-03T09:30:00+00:00", "non_voluntary"),
        ("+441632960124", "2026-07-04T16:00:00+00:00", "non_voluntary"),
    ]
    assert [row.line for row in refused] == [4]
    found, refused = read_matches("telephone_number,result\n01632960123,Matched\n01632960124,perhaps\n")
    assert [(one.number, one.result) for one in found] == [("+441632960123", "matched")]
    assert "perhaps" in refused[0].why


def test_nothing_is_shared_before_the_start_after_the_review_or_beyond_the_fields() -> None:
    both, today = frozenset(ShareField), date(2026, 11, 28)
    start, review = date(2026, 1, 1), date(2026, 12, 31)
    assert objection(Agreement(start, review, both, ended=False), today) is None
    for refused in (
        Agreement(date(2026, 12, 1), review, both, ended=False),
        Agreement(start, date(2026, 11, 27), both, ended=False),
        Agreement(start, review, frozenset({"telephone_number"}), ended=False),
        Agreement(start, review, both, ended=True),
    ):
        assert objection(refused, today)


def test_the_last_day_of_a_hold_is_one_of_it() -> None:
    today = date(2026, 11, 28)
    assert holds(today, lifted=False, today=today)
    assert holds(None, lifted=False, today=today)
    assert not holds(date(2026, 11, 27), lifted=False, today=today)
    assert not holds(None, lifted=True, today=today)
