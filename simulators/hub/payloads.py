"""The JSON objects that a hub sends, as the MQTT contract words them. Times are the hub's own clock, right or wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulators.hub.model import Held, HubConfig, HubState, Peripheral


def event_body(state: HubState, event_id: str, held: Held, now: float) -> dict[str, Any]:
    """Return an alarm or event as it stays for all its repeats; the sender adds `attempt`."""
    body: dict[str, Any] = {
        "event_id": event_id,
        "type": held.type,
        "at": _time(state, now),
        "seq": state.seq,
        "boot_id": state.boot_id,
        "path": state.path,
    }
    if held.device is not None:
        body["device"] = _named(held.device) | ({"room": held.device.room} if held.device.room else {})
    if held.test:
        body["test"] = True
    return body


def heartbeat_body(config: HubConfig, state: HubState, interval_s: float, now: float) -> dict[str, Any]:
    """Return how the hub is at `now`."""
    body: dict[str, Any] = {
        "seq": state.seq,
        "boot_id": state.boot_id,
        "at": _time(state, now),
        "battery_pct": round(state.battery_pct),
        "mains": state.mains,
        "path": state.path,
        "firmware": state.firmware or config.firmware,
        "interval_s": max(1, round(interval_s)),
        "peripherals": [
            _named(one) | _battery(state, one)
            for one in (config.peripherals if config.listed is None else config.listed)
        ],
    }
    if state.signal_dbm is not None:
        body["signal_dbm"] = state.signal_dbm
    return body


def result_body(
    state: HubState, command: Mapping[str, Any], status: str, now: float, reason: str | None = None
) -> dict[str, Any]:
    """Return the answer to a command: `status` is `done`, a step of an update, or what went wrong."""
    body = {
        "command_id": command.get("command_id"),
        "command": command.get("command"),
        "status": status,
        "at": _time(state, now),
        "boot_id": state.boot_id,
    }
    return body | ({"reason": reason} if reason else {})


def _named(peripheral: Peripheral) -> dict[str, Any]:
    return {"id": peripheral.id, "kind": peripheral.kind}


def _battery(state: HubState, peripheral: Peripheral) -> dict[str, Any]:
    level = dict(state.trigger_batteries).get(peripheral.id)
    return {} if level is None else {"battery_pct": level}


def _time(state: HubState, now: float) -> str:
    return datetime.fromtimestamp(now + state.clock_offset_s, UTC).isoformat(timespec="milliseconds")
