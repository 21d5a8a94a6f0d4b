"""What stands behind each way while a scenario runs on a real database: providers that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from alarms.notify.delivery import Permanent, Provider, Result, Sent, Temporary, Unable

if TYPE_CHECKING:
    from alarms.policy.scenario_messages import ProviderPart
    from tests.scenarios.outgoing import Outgoing

REPORTS_AS = "notify"
"""The provider by whose name reports come."""
TIME_IS_UP = timedelta(seconds=10)
"""So long a sender waits for an answer, on the scenario's clock."""

GIVES_UP_WITHIN_S = 10.0
"""So long, in truth, until a sender that never gives up is a fault."""


class StandIn:
    """A provider that takes everything, until it is told otherwise."""

    def __init__(self, outgoing: Outgoing, way: str, name: str, *, broken: bool) -> None:
        self.way = way
        self.name = name
        self._outgoing = outgoing
        self._usual = "refuses" if broken else "takes"
        self._told: ProviderPart | None = None
        self._until: datetime | None = None
        self._taken = self._left = 0

    def behave(self, part: ProviderPart) -> None:
        """Do otherwise from now on, as often or for as long as it says."""
        self._told, self._left = part, part.times or 0
        self._until = None if part.for_ is None else self._outgoing.run.now + timedelta(seconds=part.for_)

    async def send(self, _address: str, _effect_key: str, _message: Mapping[str, Any]) -> Result:
        match self._does():
            case "refuses":
                return Permanent("no such address")
            case "busy":
                return Temporary("HTTP 503 Service Unavailable")
            case "spent":
                return Unable("the quota is used up")
            case "takes and dies":
                raise ConnectionResetError("the connection was closed before the answer")
            case "hangs":
                await self._outgoing.hangs.hang(self._outgoing.run.now + TIME_IS_UP)
            case "reports first":
                await self._outgoing.run.web.receipt({"id": self._next_ref(), "status": "delivered"})
        result = Sent(provider=self.name, ref=self._next_ref())
        self._taken += 1
        return result

    def _next_ref(self) -> str:
        return f"{self.way}-{self._taken}"

    def _does(self) -> str:
        if self._told is None or (self._until is not None and self._outgoing.run.now >= self._until):
            return self._usual
        if self._told.times is not None:
            self._left -= 1
            if self._left < 0:
                return self._usual
        return self._told.does


class Passing:
    """Notes what is handed over, in which order and under which key, and hands it on."""

    def __init__(self, channel: Provider, receive: Callable[[str], None]) -> None:
        self.channel = channel
        self.receive = receive

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        self.receive(effect_key)
        return await self.channel.send(address, effect_key, message)


@dataclass(frozen=True)
class _Hang:
    until: datetime
    sending: asyncio.Task[Any]
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Hangs:
    """Messages for which no answer comes: their sender waits on the scenario's clock, while others are sent."""

    def __init__(self) -> None:
        self._hanging: list[_Hang] = []
        self._one_more = asyncio.Event()

    async def hang(self, until: datetime) -> None:
        """Never answer; the sender's own timeout, which is short here, counts once it is that moment."""
        sending = asyncio.current_task()
        assert sending is not None
        hang = _Hang(until, sending)
        self._hanging.append(hang)
        self._one_more.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await hang.over.wait()
            raise

    async def ended_or_hangs(self, sending: asyncio.Task[None]) -> None:
        """Wait until a message has been sent, or hangs."""
        self._one_more.clear()
        hangs = asyncio.create_task(self._one_more.wait())
        await asyncio.wait({sending, hangs}, return_when=asyncio.FIRST_COMPLETED)
        hangs.cancel()
        if sending.done():
            await sending

    def next(self) -> datetime | None:
        """Return when the first of them is given up."""
        return min((hang.until for hang in self._hanging), default=None)

    async def give_up(self, now: datetime) -> bool:
        """Let those be given up whose time is over; return whether there were any."""
        over = [hang for hang in self._hanging if hang.until <= now]
        self._hanging = [hang for hang in self._hanging if hang.until > now]
        for hang in over:
            hang.over.set()
            await asyncio.wait_for(hang.sending, GIVES_UP_WITHIN_S)
        return bool(over)
