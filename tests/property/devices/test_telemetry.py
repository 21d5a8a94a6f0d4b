"""A heartbeat tells by the hour what it told when it came, whatever it is made of."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devices.presence.telemetry import Beat
from devices.presence.telemetry_repository import read_beat
from telecare.wire.payloads import read_heartbeat
from tests.property.examples import examples

NOW = datetime(2026, 11, 27, tzinfo=UTC)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-300, 300)
    | st.sampled_from([99.0, 10**30, -70.0, 0.5, "lte", " lte ", "", "x" * 64, "x" * 65, "a\nb", "a\x00b", "ü", "-70"])
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2)
)
NAMES = st.sampled_from(["battery_pct", "mains", "signal_dbm", "path", "firmware", "seq", "peripherals"])


@examples(400)
@given(st.dictionaries(NAMES, VALUES))
def test_it_is_read_as_the_lane_reads_it(told: dict[str, Any]) -> None:
    payload = json.dumps(told).encode()
    read = read_heartbeat(payload)
    assert read is not None
    assert read_beat(NOW, payload) == Beat(NOW, read.battery_pct, read.mains, read.signal_dbm, read.path, read.firmware)
