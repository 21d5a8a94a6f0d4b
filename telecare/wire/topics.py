"""Topics of the MQTT contract, version 1: `telecare/v1/{hub_id}/{lane}`."""

import re
from dataclasses import dataclass

from telecare.kernel.pure.jsonsafe import clean_text

ROOT = "telecare/v1"
HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEARTBEAT = re.compile(f"{ROOT}/({HUB_ID.pattern})/heartbeat".encode())
MAX_CLAIMED_ID = 200

CANARY_HUB = "telecare-canary"
"""The hub id of the service's own test alarms; it is the user name of their account on the broker, too."""
CANARY_TYPE = "canary"

FROM_HUBS = ("alarm", "event", "heartbeat", "status", "result")
TO_HUBS = ("ack", "command")
MARKER = "marker"
"""The lane on which the service speaks to itself, under its client id; nobody else speaks or hears there."""


@dataclass(frozen=True)
class Address:
    """Who a topic claims to be from, and in which lane. `well_formed` is false for an id that no hub can have."""

    hub_id: str
    lane: str
    well_formed: bool


def subscription(lane: str) -> str:
    """Return the filter that receives one lane of all hubs."""
    return f"{ROOT}/+/{lane}"


def shared(topic_filter: str, group: str) -> str:
    """Return the filter by which the members of a group receive each message once between them."""
    return f"$share/{group}/{topic_filter}"


def to_hub(hub_id: str, kind: str) -> str:
    """Return the topic on which we speak to a hub: `ack` or `command`."""
    return f"{ROOT}/{hub_id}/{kind}"


def marker(client_id: str) -> str:
    """Return the topic on which a client of ours speaks to itself."""
    return f"{ROOT}/{client_id}/{MARKER}"


def from_hub(hub_id: str, lane: str) -> str:
    """Return the topic on which a hub speaks to us."""
    return f"{ROOT}/{hub_id}/{lane}"


def read_topic(topic: str) -> Address:
    """Read a topic of one of our subscriptions; a strange hub id is kept (cleaned, cut), never refused."""
    claimed, _, lane = topic.removeprefix(f"{ROOT}/").rpartition("/")
    hub_id = clean_text(claimed)[:MAX_CLAIMED_ID]
    return Address(hub_id, lane, HUB_ID.fullmatch(claimed) is not None)


def hub_of_heartbeat(topic: bytes) -> str | None:
    """Return whose heartbeat a topic carries, None for an id that no hub can have: what `read_topic` says, but fast."""
    found = _HEARTBEAT.fullmatch(topic)
    return found[1].decode("ascii") if found is not None else None
