"""How many messages may be on their way at once, so that one that hangs holds up only its own kind. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class OnItsWay(Protocol):
    """What counts of a message in flight."""

    channel: str
    address: str


@dataclass(frozen=True)
class Room:
    """The most that may be in flight by one channel, and to one address."""

    by_channel: int
    by_address: int


LIFE_SAFETY = Room(by_channel=24, by_address=8)
OTHERS = Room(by_channel=12, by_address=4)
"""Half: a life-safety message always finds a free hand, however many technical ones hang (R07, R22)."""


def crowded(in_flight: Iterable[OnItsWay], room: Room) -> tuple[frozenset[str], frozenset[str]]:
    """Return the channels and the addresses that may take no more for now."""
    messages = list(in_flight)
    channels = Counter(message.channel for message in messages)
    addresses = Counter(message.address for message in messages)
    return (
        frozenset(channel for channel, n in channels.items() if n >= room.by_channel),
        frozenset(address for address, n in addresses.items() if n >= room.by_address),
    )
