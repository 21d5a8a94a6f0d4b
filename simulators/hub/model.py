"""What a simulated hub is made of: frozen values without behaviour.

Times named `now`, `*_at` are seconds since 1970 in true time; `clock_offset_s` is how wrong the hub's own clock is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FINAL_ACKS = frozenset({"accepted", "duplicate", "test", "unreadable"})
"""Ack statuses after which a hub stops repeating: a human or the store has it. `retry` and unknown words are not."""

EVENT_LANE = frozenset({
    "mains_fail", "mains_restored", "hub_battery_low", "trigger_battery_low", "tamper", "malfunction", "path_lost",
    "path_restored", "test", "cancel", "reset", "responder_on_site", "call_ended", "installer_mode", "config_changed",
    "firmware_changed", "peripheral_added", "peripheral_removed", "factory_reset",
})  # fmt: skip
"""Types that a hub reports as events; every other type, known or not, goes out as an alarm."""


UpdateFault = Literal["verify", "brick"]


@dataclass(frozen=True)
class Peripheral:
    """A trigger or detector paired to a hub; `kind` is the event type that it raises."""

    id: str
    kind: str
    room: str | None = None


@dataclass(frozen=True)
class HubConfig:
    """How one hub behaves. Durations in seconds.

    `epoch` goes into every boot id and event id: two runs with one seed decide the same but are not the same events.
    `update_s` is how long it loads a firmware, `update_fault` what goes wrong: the file is not genuine, or the
    hub never comes back.
    `path` is the one it prefers. `time_scale` makes the battery run down (and charge) faster than life. `backlog` is
    how many heartbeats are kept while cut off and sent late. `newest_first` sends what was held back in the wrong
    order, as some makes do. `listed` is what its heartbeats list when that is not what is paired to it.
    """

    hub_id: str
    peripherals: tuple[Peripheral, ...] = ()
    seed: int = 0
    epoch: str = "0"
    heartbeat_s: float = 300.0
    jitter: float = 0.1
    pre_alarm_s: float = 10.0
    retry_s: float = 30.0
    fast_retries: int = 16
    slow_retry_s: float = 600.0
    retry_soon_s: float = 2.0
    battery_s: float = 24 * 3600.0
    battery_low_pct: float = 20.0
    time_scale: float = 1.0
    mains_report_spread_s: float = 0.0
    backlog: int = 0
    newest_first: bool = False
    listed: tuple[Peripheral, ...] | None = None
    firmware: str = "sim-1.0"
    update_s: float = 10.0
    update_fault: UpdateFault | None = None
    path: str = "ethernet"


@dataclass(frozen=True)
class Held:
    """A press inside its pre-alarm: it becomes an event at `due_at` unless the user cancels first."""

    type: str
    device: Peripheral | None
    test: bool
    twice: bool
    due_at: float


@dataclass(frozen=True)
class Pending:
    """An event that no application ack has settled yet. `body` is fixed when it is raised; only `attempt` counts up."""

    event_id: str
    lane: str
    body: Mapping[str, Any]
    next_at: float
    attempt: int = 0
    twice: bool = False

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.body["type"])


@dataclass(frozen=True)
class Update:
    """A firmware on its way into the hub: the command that asked for it, and when the next step is through."""

    command: Mapping[str, Any]
    version: str
    step: str
    next_at: float


@dataclass(frozen=True)
class HubState:
    """Everything a hub remembers between two happenings.

    `held`, `pending`, `answered` (commands by id, with what was answered) and `late_results` are in flash: they outlive
    a reboot. `firmware` is one that came by an update, `fresh` that no heartbeat told it yet; `dead` came by one too.
    `battery_holds_pct` is what the hub's battery can hold, in per cent of a new one; `trigger_batteries` how full those
    of its devices are, where that is known.
    """

    boot: int
    boot_id: str
    next_heartbeat_at: float
    power_at: float
    seq: int = 0
    events: int = 0
    draws: int = 0
    connected: bool = False
    powered: bool = True
    mains: bool = True
    battery_pct: float = 100.0
    battery_holds_pct: float = 100.0
    trigger_batteries: tuple[tuple[str, int], ...] = ()
    battery_low_told: bool = False
    mains_report_at: float | None = None
    mains_fail_told: bool = False
    clock_offset_s: float = 0.0
    interval_s: float | None = None
    path: str = "ethernet"
    signal_dbm: int | None = None
    auto_answer_until: float = 0.0
    held: tuple[Held, ...] = ()
    pending: tuple[Pending, ...] = ()
    answered: tuple[tuple[str, str], ...] = ()
    late_results: tuple[Mapping[str, Any], ...] = ()
    late_heartbeats: tuple[Mapping[str, Any], ...] = ()
    firmware: str | None = None
    update: Update | None = None
    fresh: bool = False
    dead: bool = False
