"""SCAIP codes (SS 91100:2014, as open gateways list them) mapped to our types. Data, compared as integers.

Classify on `mty` first: a heartbeat (`PI`) may carry an alarm code, and an alarm may lack `mty`; both are seen in the
field.
"""

from collections.abc import Mapping

HEARTBEAT = "heartbeat"

ACTIVATED = {None, 9, 10, 11, 50}
"""Status codes with which the device type alone names the event: automatic, manual, alert, initiated, or none."""

BY_DEVICE = {
    2: "unit_button", 3: "pendant", 4: "pull_cord", 5: "fall", 6: "attack", 7: "panic", 10: "inactivity",
    11: "pill_not_taken", 12: "bed_exit", 13: "bed_exit", 14: "door_exit", 15: "wandering", 16: "enuresis",
    17: "epilepsy", 18: "inactivity", 19: "heart_rate", 21: "gas", 23: "smoke", 25: "heat", 26: "carbon_monoxide",
    27: "bogus_caller", 28: "intruder", 29: "boundary", 30: "man_down", 33: "flood", 34: "bath", 37: "sprinkler",
    38: "tamper", 44: "chair_exit", 47: "fire_panel", 48: "unit_button",
}  # fmt: skip

BY_STATUS = {
    15: "battery_restored", 19: "cancel", 23: "path_lost", 24: "path_lost", 25: "path_lost", 26: "path_lost",
    27: "path_lost", 52: "jammed", 65: "maintenance_needed", 66: "maintenance_needed", 67: "malfunction",
    73: "path_lost", 75: "path_restored", 81: "pill_not_taken", 85: "mains_fail", 86: "mains_restored", 92: "reset",
    93: "reset", 95: "jammed", 100: "temperature_high", 101: "temperature_low", 102: "test", 103: "test",
    111: "responder_on_site", 112: "path_restored", 113: "path_restored", 114: "path_restored", 115: "path_restored",
    116: "path_restored", 122: "jammed", 123: "trigger_lost", 124: "trigger_restored", 125: "tamper",
    126: "temperature_high",
}  # fmt: skip

BATTERY_FAULT = {14, 16}
HUB_DEVICE_TYPES = {None, 0, 1, 2, 45, 48}

ROOMS = {
    2: "home", 4: "indoors", 11: "bathroom", 12: "bedroom", 21: "kitchen", 25: "stairs", 37: "accessible bathroom",
    38: "door", 39: "front door", 40: "back door", 41: "fire door", 42: "hall", 43: "living room", 44: "apartment",
    47: "communal area", 49: "room", 50: "site",
}  # fmt: skip


def type_of(codes: Mapping[str, int | str]) -> str | None:
    """Return the type that the codes name; an unknown pair gets a name of its own, so that it reaches a human.

    `codes` holds `dty`, `stc`, … as integers and `mty` as text; None when there is nothing to name a type by.
    """
    device, status = codes.get("dty"), codes.get("stc")
    if codes.get("mty") == "PI":
        return HEARTBEAT
    if codes.get("mty") == "RE":
        return "reset"
    if device is None and status is None:
        return None
    named = None
    if status in BATTERY_FAULT:
        named = "hub_battery_low" if device in HUB_DEVICE_TYPES else "trigger_battery_low"
    elif isinstance(status, int) and status in BY_STATUS:
        named = BY_STATUS[status]
    elif status in ACTIVATED and isinstance(device, int):
        named = BY_DEVICE.get(device)
    return named or f"code_{'none' if device is None else device}_{'none' if status is None else status}"
