"""The timeline of a hub: by receipt, but for what was held back."""

from datetime import UTC, datetime, timedelta

from devices.registry.schemas import EventOut
from telecare.console.timeline import in_order
from telecare.kernel.ids import new_id

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def message(name: str, received_s: float, device_s: float | None = None, lane: str = "alarm") -> EventOut:
    return EventOut(
        id=new_id(), received_at=NOW + timedelta(seconds=received_s), lane=lane, event_id=name, type="pendant",
        treatment="alarm", alarm_id=None, payload={}, payload_size=2, notes=[],
        device_at=None if device_s is None else NOW + timedelta(seconds=device_s),
    )  # fmt: skip


def names(*messages: EventOut) -> str:
    return "".join(one.event_id or "-" for one in in_order(messages))


def test_what_was_held_back_stands_in_the_order_in_which_it_happened() -> None:
    """C19: five came within a second, the newest first as one make sends them."""
    late = [
        message(name, -n / 10, -7000 + at)
        for n, (name, at) in enumerate(zip("adbec", (50, 20, 40, 10, 30), strict=True))
    ]
    assert names(*late) == "abcde"
    assert names(message("x", 60), *late, message("y", -600)) == "xabcdey"


def test_a_clock_that_nobody_can_believe_orders_nothing() -> None:
    wrong = [message("a", 0, -4e9), message("b", -1, -3e9)]
    assert names(*wrong) == "ab"


def test_two_bursts_and_what_came_in_time_stay_where_they_are() -> None:
    first = [message("c", -900, -9000), message("d", -901, -8000)]
    second = [message("a", 0, -500), message("b", -1, -400)]
    assert names(*second, *first) == "badc"
    assert names(message("a", 0, -1), message("b", -1, -60), message("c", -2)) == "abc"
