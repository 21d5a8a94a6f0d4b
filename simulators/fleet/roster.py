"""The fleet file: which hubs there are and how they log in.

JSON in UTF-8, written by the service when it provisions a simulated fleet; it holds passwords, so it is private:

    {"hubs": [{"hub_id": "hub-0001", "username": "hub-0001", "password": "…", "interval_s": 300,
               "peripherals": [{"id": "p1", "kind": "pendant", "room": "bedroom"}],
               "postcode": "KY15 4AA", "network": "Tay Mobile", "paths": ["ethernet", "lte"]}]}

`username` is the hub id when absent, `interval_s` (seconds between heartbeats) 300, `peripherals` none; `room` is
optional. Storms go by the rest: where the home is, the mobile network of its hub, and by which paths the hub can be
heard, the one that it prefers first (cable and mobile when absent).
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.hub.model import Peripheral

DEFAULT_INTERVAL_S = 300.0
BOTH_PATHS = ("ethernet", "lte")


@dataclass(frozen=True)
class Member:
    """One hub of a fleet. `interval_s` is the contracted time between heartbeats, in seconds."""

    hub_id: str
    username: str
    password: str | None
    interval_s: float = DEFAULT_INTERVAL_S
    peripherals: tuple[Peripheral, ...] = ()
    postcode: str | None = None
    network: str | None = None
    paths: tuple[str, ...] = BOTH_PATHS

    @property
    def sector(self) -> str | None:
        """Return the postcode without its last two letters, as KY15 4: some three thousand homes."""
        return self.postcode[:-2].strip() if self.postcode else None


def load(path: Path) -> list[Member]:
    """Read a fleet file; ValueError says what is wrong with it, OSError that it cannot be read."""
    try:
        hubs = json.loads(path.read_text(encoding="utf-8"))["hubs"]
        members = [_member(hub) for hub in hubs]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is no fleet file: {type(error).__name__} {error}") from error
    if not members:
        raise ValueError(f"{path} lists no hubs")
    return members


def save(path: Path, members: Sequence[Member]) -> None:
    """Write a fleet file that only its owner can read."""
    hubs = [
        {
            "hub_id": member.hub_id,
            "username": member.username,
            "password": member.password,
            "interval_s": member.interval_s,
            "peripherals": [{"id": p.id, "kind": p.kind, "room": p.room} for p in member.peripherals],
            "postcode": member.postcode,
            "network": member.network,
            "paths": member.paths,
        }
        for member in members
    ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"hubs": hubs}, file)


def _member(hub: dict[str, Any]) -> Member:
    return Member(
        hub_id=hub["hub_id"],
        username=hub.get("username") or hub["hub_id"],
        password=hub.get("password"),
        interval_s=float(hub.get("interval_s") or DEFAULT_INTERVAL_S),
        peripherals=tuple(Peripheral(p["id"], p["kind"], p.get("room")) for p in hub.get("peripherals") or ()),
        postcode=hub.get("postcode"),
        network=hub.get("network"),
        paths=tuple(hub.get("paths") or BOTH_PATHS),
    )
