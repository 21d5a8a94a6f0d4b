"""How a hub takes another firmware: it loads it, looks whether it is genuine, and starts anew with it. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulators.hub.happenings import HubOutput
from simulators.hub.model import HubConfig, HubState, Update
from simulators.hub.payloads import result_body

STEP_S = 0.1
"""Of the time that loading takes: what each step after it takes."""
FOLLOWING = {"downloading": "downloaded", "downloaded": "verified", "verified": "updating"}


def update_asked(
    config: HubConfig, state: HubState, command: Mapping[str, Any], now: float
) -> tuple[HubState, tuple[HubOutput, ...], str]:
    """Begin to load a firmware. Not while somebody may need the hub, not on battery, and not two at once."""
    args = command.get("args")
    told = args if isinstance(args, Mapping) else {}
    if not all(isinstance(told.get(name), str) for name in ("version", "url", "sha256")):
        return state, (), "unreadable"
    if state.held or state.update or not state.mains or any(pending.lane == "alarm" for pending in state.pending):
        return state, (), "busy"
    update = Update(command, told["version"], "downloading", now + config.update_s)
    return replace(state, update=update), (), "downloading"


def update_step(
    config: HubConfig, state: HubState, now: float
) -> tuple[HubState, Mapping[str, Any] | None, str | None]:
    """Return the hub one step further, what it tells of that, and whether it boots now or never again."""
    update = state.update
    if update is None:
        return state, None, None
    if update.step == "downloaded" and config.update_fault == "verify":
        state = replace(answered_with(state, update.command, "failed"), update=None)
        return state, result_body(state, update.command, "failed", now, "the checksum does not fit"), None
    step = FOLLOWING[update.step]
    state = answered_with(state, update.command, step)
    body = result_body(state, update.command, step, now)
    if step == "updating":
        fate = "brick" if config.update_fault == "brick" else "boot"
        return state, body | {"version": update.version}, fate
    return replace(state, update=replace(update, step=step, next_at=now + config.update_s * STEP_S)), body, None


def answered_with(state: HubState, command: Mapping[str, Any], status: str) -> HubState:
    """Return the hub that answers so when the command comes again."""
    command_id = command.get("command_id")
    kept = tuple((known, status if known == command_id else said) for known, said in state.answered)
    return replace(state, answered=kept)
