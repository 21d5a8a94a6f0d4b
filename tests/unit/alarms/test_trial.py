"""A press in a test window (C15): what makes it a test, and all that makes it real."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from alarms.handling.domain import OpenAlarm, Subject, UnderTest
from alarms.intake.domain import Verdict, judge
from alarms.intake.trial import Signal
from alarms.intake.types import NO_TRIGGER, TRIGGERS, TYPES

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
START, END = NOW - timedelta(minutes=10), NOW + timedelta(minutes=20)
KINDS = {"p1": "pendant", "p2": "pull_cord", "s1": "smoke", "s2": "carbon_monoxide", "x1": "gadget"}


def window(*devices: str, **more: object) -> UnderTest:
    return replace(UnderTest(START, END, frozenset(devices), "Eilidh Ross", KINDS), **more)


def signal(kind: str, device: str | None, **more: object) -> Signal:
    plain = Signal("alarm", kind, test=False, device_at=None, problems=(), unreadable=None, device_id=device)
    return replace(plain, **more)


def verdict(
    message: Signal, under_test: UnderTest | None, *open_alarms: OpenAlarm, at: datetime = NOW, held_s: float = 0
) -> Verdict:
    home = Subject(council_id="S12000035", known=True, placed=True, under_test=under_test)
    return judge(message, home, open_alarms, at, at - timedelta(seconds=held_s))


def is_test(result: Verdict) -> bool:
    """Whether it is a test; a real one opens an alarm, always."""
    assert (result.treatment == "test") == (result.ack_status == "test") == (not result.opens)
    return result.treatment == "test"


def test_a_press_of_a_trigger_under_test_is_a_test_and_proves_it_as_one():
    result = verdict(signal("pendant", "p1"), window("p1"))
    assert (result.treatment, result.ack_status, result.proof, result.opens) == ("test", "test", "test", ())
    assert result.notes == ("A test: Eilidh Ross tries this trigger out, until 12:20 at the latest",)
    assert is_test(verdict(signal("fall", "p1"), window("p1"))), "a pendant may feel a fall"


def test_another_trigger_is_real_and_says_that_somebody_tests():
    result = verdict(signal("pull_cord", "p2"), window("p1"))
    assert result.opens[0].class_ == "L"
    assert result.notes == ("In a test window of Eilidh Ross, but real: it is not from a trigger under test",)
    assert result.opens[0].notes == result.notes


@pytest.mark.parametrize(
    ("at", "held_s"),
    [(START - timedelta(seconds=1), 0), (END, 0), (START, 1), (END + timedelta(seconds=1), 5)],
    ids=["before", "at its end", "received before", "judged after"],
)
def test_at_the_edges_it_is_real(at: datetime, held_s: float):
    assert not is_test(verdict(signal("pendant", "p1"), window("p1"), at=at, held_s=held_s))


def test_the_first_moment_counts():
    assert is_test(verdict(signal("pendant", "p1"), window("p1"), at=START))


def test_the_units_own_time_never_makes_a_test_and_may_make_it_real():
    inside, before = NOW - timedelta(minutes=5), START - timedelta(seconds=1)
    assert is_test(verdict(signal("pendant", "p1", device_at=inside), window("p1")))
    assert not is_test(verdict(signal("pendant", "p1", device_at=before), window("p1"))), "buffered from before"
    assert not is_test(verdict(signal("pendant", "p1", device_at=inside), window("p1"), at=END)), "buffered till after"
    assert not is_test(verdict(signal("pendant", "p1", device_at=NOW + timedelta(days=1)), window("p1")))
    assert not is_test(verdict(signal("pendant", "p1", attempt=2), window("p1"))), "nobody knows since when"
    assert is_test(verdict(signal("pendant", "p1", attempt=2, device_at=inside), window("p1")))


@pytest.mark.parametrize("kind", ["smoke", "carbon_monoxide", "gas", "heat"])
def test_fire_and_gas_are_tests_only_of_the_very_detector(kind: str):
    everything = window("", "p1", "p2", "x1")
    for device in ("s1", "s2", "p1", None, "unknown"):
        assert not is_test(verdict(signal(kind, device), everything)), device
    assert is_test(verdict(signal(kind, "s1"), window("s1")))


def test_what_a_trigger_does_not_send_is_no_test_of_it():
    assert not is_test(verdict(signal("pendant", "s1"), window("s1")))
    assert not is_test(verdict(signal("door_exit", "p1"), window("p1")))
    assert is_test(verdict(signal("door_exit", "x1"), window("x1"))), "of a kind that we do not know anything may come"


def test_a_press_that_names_no_trigger_is_a_test_when_each_that_may_have_sent_it_is():
    assert is_test(verdict(signal("pendant", None), window("p1", "p2", "x1")))
    assert not is_test(verdict(signal("pendant", None), window("p1", "x1"))), "the cord sends it as well"
    assert not is_test(verdict(signal("pendant", None), window("p1", "p2"))), "nobody knows what the gadget sends"
    assert not is_test(verdict(signal("flood", None), window("p1", kinds={"p1": "pendant"})))
    assert is_test(verdict(signal("unit_button", None), window("")))
    assert not is_test(verdict(signal("unit_button", None), window("p1")))


@pytest.mark.parametrize("kind", [*sorted(NO_TRIGGER - {"unreadable", "unknown_hub"}), "of_a_later_version"])
def test_what_is_no_press_is_real(kind: str):
    assert not is_test(verdict(signal(kind, "p1"), window("p1", "")))


def test_what_was_not_understood_or_may_be_another_units_is_real():
    assert not is_test(verdict(signal("pendant", "p1", problems=("at: no time",)), window("p1")))
    assert not is_test(verdict(signal("pendant", "p1", unreadable="no JSON"), window("p1")))
    double = OpenAlarm(UUID(int=1), "duplicate_id", "duplicate_id", "L", NOW)
    assert not is_test(verdict(signal("pendant", "p1"), window("p1"), double))


@pytest.mark.parametrize("kind", ["mains_fail", "trigger_battery_low", "tamper"])
def test_a_fault_that_shows_in_a_window_is_a_fault(kind: str):
    result = verdict(signal(kind, "p1"), window("p1"))
    assert (result.treatment, result.notes) == ("alarm", ())


def test_each_grave_type_is_a_trigger_or_said_to_be_none():
    grave = {name for name, row in TYPES.items() if row.class_ in {"L", "U"}}
    assert grave == TRIGGERS | NO_TRIGGER
