"""The table of event types against the contract and against the rules that others build on."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from alarms.escalation.ladders import BY_CLASS
from alarms.escalation.ranks import FIRE
from alarms.intake.types import TYPES, AlarmClass, EventType, Treatment, on_alarm_lane, on_event_lane
from telecare.wire.codes import BY_DEVICE, BY_STATUS

CONTRACT = """
pendant, pull_cord, unit_button, panic, attack, fall, man_down, epilepsy, smoke, heat, fire_panel, sprinkler,
carbon_monoxide, gas, wandering, door_exit, bed_exit, chair_exit, inactivity, flood, bath, temperature_high,
temperature_low, bogus_caller, intruder, pill_not_taken, enuresis, jammed, trigger_lost, mains_fail, mains_restored,
hub_battery_low, trigger_battery_low, tamper, malfunction, path_lost, path_restored, test, cancel, reset,
responder_on_site, call_ended, installer_mode, config_changed, firmware_changed, peripheral_added, peripheral_removed,
factory_reset
""".replace("\n", " ").split(",")
"""The canonical types that the MQTT contract names."""

LIFE_SAFETY = {
    "smoke", "heat", "fire_panel", "sprinkler", "carbon_monoxide", "gas", "pendant", "unit_button", "pull_cord",
    "panic", "attack", "fall", "man_down", "epilepsy", "heart_rate", "wandering", "door_exit", "boundary",
    "unreadable", "unknown_hub", "duplicate_id",
}  # fmt: skip
FIRES = {"smoke", "heat", "fire_panel", "sprinkler"}


@pytest.mark.parametrize("name", [name.strip() for name in CONTRACT])
def test_the_contract_is_covered(name: str):
    assert TYPES[name].name == name
    assert TYPES[name].words[0].isupper()


def test_what_threatens_a_life_is_life_safety():
    assert {name for name, row in TYPES.items() if row.class_ is AlarmClass.LIFE_SAFETY} == LIFE_SAFETY


def test_fire_is_strictly_first():
    assert {name for name, row in TYPES.items() if row.rank == FIRE} == FIRES
    # A repeat lifts an alarm by one place: even then nothing stands beside a fire.
    assert min(row.rank for name, row in TYPES.items() if name not in FIRES) - 1 > FIRE


def test_classes_do_not_overlap_in_rank_even_when_repeated():
    order = [AlarmClass.LIFE_SAFETY, AlarmClass.URGENT, AlarmClass.TECHNICAL, AlarmClass.INFORMATION]
    ranks = [[row.rank for row in TYPES.values() if row.class_ is class_] for class_ in order]
    for graver, lesser in pairwise(ranks):
        assert max(graver) < min(lesser) - 1


def test_a_family_is_of_one_class_and_one_rank():
    """Or joining would hide a graver signal in a lesser alarm."""
    families: dict[str, set[tuple[str, int, str]]] = {}
    for row in TYPES.values():
        families.setdefault(row.family, set()).add((row.class_, row.rank, row.treatment))
    assert [family for family, kinds in families.items() if len(kinds) > 1] == []


def test_a_fire_joins_only_a_fire():
    assert {name for name, row in TYPES.items() if row.family == "fire"} == FIRES
    assert TYPES["gas"].family == TYPES["carbon_monoxide"].family
    assert len({TYPES[name].family for name in ("pendant", "smoke", "gas", "wandering", "flood", "mains_fail")}) == 6


def test_what_clears_ends_no_alarm_of_a_person():
    cleared = {name for row in TYPES.values() for name in row.clears}
    assert cleared == {"mains_fail", "path_lost", "hub_battery_low", "trigger_battery_low", "trigger_lost"}
    assert all(bool(row.clears) == (row.treatment is Treatment.CLEAR) for row in TYPES.values())


def test_each_class_has_a_ladder():
    assert set(BY_CLASS) == set(AlarmClass)


def test_the_codes_of_the_field_name_types_that_exist():
    assert {*BY_DEVICE.values(), *BY_STATUS.values()} <= set(TYPES)


@pytest.mark.parametrize(("look_up", "class_"), [(on_alarm_lane, "L"), (on_event_lane, "U")])
def test_a_type_that_nobody_knows_reaches_a_human(look_up: Callable[[str], EventType], class_: str):
    row = look_up("new_sensor_2031")
    assert (row.class_, row.treatment) == (class_, Treatment.ALARM)
    assert "new_sensor_2031" in row.words
    assert row.family != look_up("another").family
    assert look_up("smoke") is TYPES["smoke"]
