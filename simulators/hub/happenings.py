"""What can happen to a simulated hub, and what it does in answer: frozen values without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Press:
    """Somebody or something sets off a trigger. Life-safety triggers wait out the pre-alarm, technical ones do not.

    `device_id` names a paired peripheral (the first of that kind when None). `twice` sends the first message doubled.
    """

    type: str
    device_id: str | None = None
    test: bool = False
    twice: bool = False


@dataclass(frozen=True)
class Cancel:
    """The user presses cancel: stops what is in its pre-alarm, or tells of the cancel when it is too late."""


@dataclass(frozen=True)
class MainsLost:
    """The mains go; the battery starts to run down."""


@dataclass(frozen=True)
class MainsRestored:
    """The mains are back; a hub whose battery had run flat boots."""


@dataclass(frozen=True)
class Tick:
    """Time passed; whatever is due happens."""


@dataclass(frozen=True)
class Connected:
    """The broker has accepted the connection and the subscriptions."""


@dataclass(frozen=True)
class Disconnected:
    """The connection is gone."""


@dataclass(frozen=True)
class AckReceived:
    """The control room's ack for one event."""

    event_id: str
    status: str
    alarm_id: str | None = None


@dataclass(frozen=True)
class CommandReceived:
    """A command: `{"command_id", "command", "args"?}`, whatever came."""

    body: Mapping[str, Any]


@dataclass(frozen=True)
class Reboot:
    """The hub starts anew: new boot id, sequence from zero, the connection drops."""


@dataclass(frozen=True)
class ClockLost:
    """The hub's clock falls back to 1970-01-01."""


@dataclass(frozen=True)
class ClockSynced:
    """The hub's clock is right again."""


@dataclass(frozen=True)
class PathChanged:
    """The hub now speaks over another path (SIM roam, fallback from the cable)."""

    path: str
    signal_dbm: int | None = None


@dataclass(frozen=True)
class Babble:
    """A fault in the firmware: these bytes go out on a lane as they are."""

    lane: str
    payload: bytes


@dataclass(frozen=True)
class BatteryAged:
    """The hub's battery, or that of one of its devices, holds only this much any more, in per cent of a new one."""

    holds_pct: int
    device_id: str | None = None


HubInput = (
    Press
    | Cancel
    | MainsLost
    | MainsRestored
    | Tick
    | Connected
    | Disconnected
    | AckReceived
    | CommandReceived
    | Reboot
    | ClockLost
    | ClockSynced
    | PathChanged
    | Babble
    | BatteryAged
)


@dataclass(frozen=True)
class Publish:
    """Send this JSON object on the hub's lane; `event_id` and `attempt` are set for alarms and events."""

    lane: str
    body: Mapping[str, Any]
    event_id: str | None = None
    attempt: int | None = None


@dataclass(frozen=True)
class PublishRaw:
    """Send these bytes on the hub's lane."""

    lane: str
    payload: bytes


@dataclass(frozen=True)
class Note:
    """A fact for the ledger: `what` is raised, acked or cancelled. What was cancelled in its pre-alarm has no id."""

    what: str
    type: str
    event_id: str | None = None
    status: str | None = None
    alarm_id: str | None = None


@dataclass(frozen=True)
class Restart:
    """The hub goes down: drop the connection without a word. `back` says whether it comes up again by itself."""

    back: bool


HubOutput = Publish | PublishRaw | Note | Restart
