"""Which partitions there should be, and which of them are missing."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from telecare.kernel.partitions import Part, Partitioned, Step, missing, span_of, spans_ahead

DAYS = Partitioned("heartbeat", "received_at", Step.DAY, ahead=3)
MONTHS = Partitioned("telemetry_hour", "hour", Step.MONTH, ahead=2)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_days_and_months_are_those_of_utc() -> None:
    summer = datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert span_of(DAYS, summer) == ("heartbeat_20260630", at(2026, 6, 30), at(2026, 7, 1))
    assert span_of(MONTHS, summer) == ("telemetry_hour_202606", at(2026, 6, 1), at(2026, 7, 1))


@given(st.datetimes(timezones=st.just(UTC), max_value=datetime(9000, 1, 1)), st.sampled_from([DAYS, MONTHS]))  # noqa: DTZ001
def test_those_ahead_follow_each_other_without_a_gap(now: datetime, table: Partitioned) -> None:
    spans = spans_ahead(table, now)
    assert spans[0].since <= now < spans[0].until
    assert len(spans) == table.ahead + 1
    assert all(one.until == after.since for one, after in itertools.pairwise(spans))
    assert len({span.name for span in spans}) == len(spans)


def test_what_a_partition_has_in_part_is_not_made() -> None:
    spans = spans_ahead(DAYS, at(2026, 11, 27, 12))
    before = Part("heartbeat_before", None, at(2026, 11, 28))
    third = Part("heartbeat_20261129", at(2026, 11, 29), at(2026, 11, 30))
    assert [span.name for span in missing(spans, [before, third])] == ["heartbeat_20261128", "heartbeat_20261130"]
    assert missing(spans, []) == spans
