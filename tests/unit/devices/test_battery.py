"""From which level on a battery is low, as a reason why a unit must go too."""

from devices.registry.health import is_low
from devices.switchover.programmes.domain import ReasonKind, UnitFacts, reasons


def test_a_battery_of_20_percent_is_low_and_one_of_21_is_not() -> None:
    assert [pct for pct in (None, 0, 20, 21, 100) if is_low(pct)] == [0, 20]


def test_a_unit_with_a_battery_of_20_percent_has_a_reason_to_go() -> None:
    low, better = (reasons(UnitFacts("digital", battery_pct=pct)) for pct in (20, 21))
    assert [(each.kind, each.words) for each in low] == [(ReasonKind.BATTERY, "Its battery was at 20 %")]
    assert better == ()
