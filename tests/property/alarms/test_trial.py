"""Whatever comes, whenever: a press is a test only when everything says so, and otherwise it is as real as any."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alarms.handling.domain import Subject, UnderTest
from alarms.intake.domain import judge
from alarms.intake.trial import Signal
from alarms.intake.types import FIRE_FAMILIES, TRIGGERS, TYPES, Treatment
from tests.property.examples import examples

T0 = datetime(2026, 11, 25, 12, tzinfo=UTC)
KINDS = {"p1": "pendant", "p2": "pull_cord", "s1": "smoke", "g1": "gas", "d1": "door_exit", "x1": "gadget"}
moments = st.integers(-3, 40).map(lambda minute: T0 + timedelta(minutes=minute))
devices = st.sampled_from([*KINDS, "", "unknown"])

windows = st.builds(
    lambda start, lasts, named: UnderTest(start, start + timedelta(minutes=lasts), named, "Eilidh", KINDS),
    moments,
    st.integers(1, 20),
    st.frozensets(devices, min_size=1),
)
signals = st.builds(
    Signal,
    lane=st.sampled_from(["alarm", "event"]),
    type=st.sampled_from([*TYPES, "of_a_later_version"]),
    test=st.booleans(),
    device_at=st.none() | moments | st.just(datetime(1970, 1, 1, tzinfo=UTC)),
    problems=st.sampled_from([(), (), ("room: no text",)]),
    unreadable=st.sampled_from([None, None, None, "no JSON"]),
    device_id=st.none() | devices,
    attempt=st.sampled_from([None, 1, 2]),
)


@given(signals, windows, moments, st.integers(0, 180))
@examples(400)
def test_a_test_is_a_test_in_every_respect_and_all_else_is_as_if_there_were_no_window(
    signal: Signal, window: UnderTest, now: datetime, held_s: int
) -> None:
    received = now - timedelta(seconds=held_s)
    home = Subject(council_id="S12000035", known=True, placed=True)
    without = judge(signal, home, (), now, received)
    result = judge(signal, Subject(**{**vars(home), "under_test": window}), (), now, received)
    if result.treatment == without.treatment:
        assert (result.ack_status, result.proof, result.feeds) == (without.ack_status, without.proof, without.feeds)
        assert [(o.type, o.class_, o.rank) for o in result.opens] == [(o.type, o.class_, o.rank) for o in without.opens]
        assert set(without.notes) <= set(result.notes)
        return
    row = TYPES[signal.type or ""]
    assert (without.treatment, result.treatment, result.ack_status) == ("alarm", Treatment.TEST, "test")
    assert row.name in TRIGGERS
    assert window.starts_at <= received <= now < window.ends_at
    assert signal.device_at is None or window.starts_at <= signal.device_at
    assert signal.device_id is None or signal.device_id in window.devices
    assert not signal.problems
    if row.family in FIRE_FAMILIES:
        assert KINDS[signal.device_id or ""] in {"smoke", "gas", "gadget"}
