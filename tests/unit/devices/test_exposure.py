"""When an analogue unit on a digital line is exposed, and what ends that."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

from devices.registry.domain import Connection
from devices.switchover.exposure.domain import (
    STANDS,
    ExposureCause,
    Facts,
    analogue_path,
    due_at,
    judge,
    known_since,
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def every_fact() -> list[Facts]:
    yes = (False, True)
    return [Facts(*one) for one in product(yes, Connection, yes, yes, yes, yes)]


def test_only_a_fact_ends_an_entry_by_itself_and_a_record_alone_never_does() -> None:
    for facts in every_fact():
        verdict = judge(facts)
        exposed = facts.here and analogue_path(facts.connection, heard=facts.heard) and facts.digital_line
        if exposed and not facts.safe:
            assert verdict == STANDS
        if verdict.cause is not None:
            assert facts.safe or not facts.here
        if verdict.cause is ExposureCause.DIGITAL_UNIT:
            assert facts.safe
        if facts.here and not facts.safe:
            assert verdict.cause is None


def test_a_digital_ready_unit_is_on_its_line_until_it_was_heard() -> None:
    assert analogue_path(Connection.DIGITAL_READY, heard=False)
    assert not analogue_path(Connection.DIGITAL_READY, heard=True)
    assert analogue_path(Connection.ANALOGUE, heard=True)


def test_an_age_counts_from_when_line_and_unit_were_both_there_and_never_from_tomorrow() -> None:
    installed = NOW - timedelta(days=400)
    assert known_since(date(2026, 11, 1), installed, NOW) == datetime(2026, 11, 1, tzinfo=UTC)
    assert known_since(date(2020, 1, 1), installed, NOW) == installed
    assert known_since(None, installed, NOW) == NOW
    assert known_since(date(2027, 1, 1), installed, NOW) == NOW


def test_an_action_is_late_when_its_day_is_over_in_london() -> None:
    assert due_at(date(2026, 7, 1), NOW) == datetime(2026, 7, 1, 23, tzinfo=UTC)
    assert due_at(None, NOW) == NOW + timedelta(days=1)
