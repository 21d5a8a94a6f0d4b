"""The power of a simulated hub: mains, a battery that runs down and charges, and when each is told. Pure."""

from dataclasses import replace

from simulators.hub.chance import draw
from simulators.hub.model import HubConfig, HubState

CHARGE_TIMES_FASTER = 4.0
EMPTY = 1e-4
"""Per cent; a battery that is empty but for the error of adding floats is empty."""


def mains_lost(config: HubConfig, state: HubState, now: float) -> HubState:
    """Go over to the battery; the report waits a random part of the configured spread, as one town's hubs must."""
    state, share = draw(config, state)
    return replace(state, mains=False, mains_report_at=now + share * config.mains_report_spread_s)


def mains_back(config: HubConfig, state: HubState) -> tuple[list[str], HubState]:
    """Go back to the mains; a short cut that was never reported needs no all-clear."""
    reports = ["mains_restored"] if state.mains_fail_told else []
    low_told = state.battery_low_told and _is_worn(config, state)
    back = replace(state, mains=True, mains_report_at=None, mains_fail_told=False, battery_low_told=low_told)
    return reports, back


def drained(config: HubConfig, state: HubState, now: float) -> HubState:
    """Account for the time since the last look at the battery."""
    passed = max(0.0, now - state.power_at) * _drain_per_s(config)
    change = passed * CHARGE_TIMES_FASTER if state.mains else -passed
    battery_pct = min(state.battery_holds_pct, max(0.0, state.battery_pct + change))
    return replace(state, power_at=max(now, state.power_at), battery_pct=battery_pct)


def _drain_per_s(config: HubConfig) -> float:
    return 100.0 * config.time_scale / config.battery_s


def power_due(config: HubConfig, state: HubState) -> list[float]:
    """Return when the power next has something to tell."""
    due = [] if state.mains_report_at is None else [state.mains_report_at]
    if not state.mains:
        target = 0.0 if state.battery_low_told else config.battery_low_pct
        due.append(state.power_at + (state.battery_pct - target) / _drain_per_s(config))
    return due


def aged(state: HubState, holds_pct: int) -> HubState:
    """Let the battery hold less: it is never fuller again, and in a power cut it is empty so much sooner."""
    return replace(state, battery_holds_pct=holds_pct, battery_pct=min(state.battery_pct, float(holds_pct)))


def _is_worn(config: HubConfig, state: HubState) -> bool:
    """Say whether the battery is low however long it charges."""
    return state.battery_holds_pct <= config.battery_low_pct


def is_flat(state: HubState) -> bool:
    """Say whether the hub now goes out."""
    return state.battery_pct <= EMPTY and not state.mains


def power_reports(config: HubConfig, state: HubState, now: float) -> tuple[list[str], HubState]:
    """Return the types of what is to be told now."""
    reports = []
    if state.mains_report_at is not None and state.mains_report_at <= now:
        reports.append("mains_fail")
        state = replace(state, mains_report_at=None, mains_fail_told=True)
    is_low = _is_worn(config, state) if state.mains else state.battery_pct <= config.battery_low_pct + EMPTY
    if is_low and not state.battery_low_told:
        reports.append("hub_battery_low")
        state = replace(state, battery_low_told=True)
    return reports, state
