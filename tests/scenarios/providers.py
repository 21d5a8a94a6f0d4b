"""What stands behind each way while a scenario runs on a real database: providers that do as they are told."""

from collections.abc import Callable, Mapping
from typing import Any

from alarms.notify.delivery import Permanent, Provider, Result, Sent

NAME = "notify"
"""The provider by whose name reports come."""


class StandIn:
    """A provider that takes everything, or refuses everything."""

    def __init__(self, way: str, *, broken: bool) -> None:
        self.way = way
        self.broken = broken
        self._taken = 0

    async def send(self, _address: str, _effect_key: str, _message: Mapping[str, Any]) -> Result:
        if self.broken:
            return Permanent("no such address")
        self._taken += 1
        return Sent(provider=NAME, ref=f"{self.way}-{self._taken}")


class Passing:
    """Notes what is handed over, in which order and under which key, and hands it on."""

    def __init__(self, channel: Provider, receive: Callable[[str], None]) -> None:
        self.channel = channel
        self.receive = receive

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        self.receive(effect_key)
        return await self.channel.send(address, effect_key, message)
