"""Runs a fleet: one connection for each hub, all in one event loop, driven by a plan."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from simulators.broker import Broker
from simulators.fleet.habits import with_habits
from simulators.fleet.plan import LinkDown, LinkUp, PlannedStep
from simulators.fleet.roster import Member
from simulators.hub.client import Counts, Fact, HubClient
from simulators.hub.happenings import Press
from simulators.hub.link import Login
from simulators.hub.model import HubConfig

CONNECT_THREADS = 16


@dataclass(frozen=True)
class Manner:
    """How all hubs of a run behave: `base` gives what the roster does not say; `interval_s` overrides the roster's.

    With `habits` each hub is one of several makes; without, all are alike.
    """

    base: HubConfig
    interval_s: float | None = None
    habits: bool = False


class Fleet:
    """An async context manager: inside it the hubs live, connect and reconnect; leaving it they say goodbye.

    `counts` is shared by all hubs. `record` gets every fact, before the message that it is about leaves.
    """

    def __init__(
        self, broker: Broker, members: Sequence[Member], manner: Manner, record: Callable[[Fact], None] | None = None
    ) -> None:
        self.counts = Counts()
        self.hubs: list[HubClient] = []
        self._broker = broker
        self._members = members
        self._manner = manner
        self._record = record
        self._pool = ThreadPoolExecutor(CONNECT_THREADS, thread_name_prefix="connect")

    async def __aenter__(self) -> Self:
        for member in self._members:
            config = replace(
                self._manner.base,
                hub_id=member.hub_id,
                peripherals=member.peripherals,
                path=member.paths[0],
                heartbeat_s=self._manner.interval_s or member.interval_s,
            )
            config = with_habits(config) if self._manner.habits else config
            login = Login(member.hub_id, member.username, member.password)
            hub = HubClient(config, self._broker, login, self._pool, counts=self.counts, record=self._record)
            self.hubs.append(hub)
            hub.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(hub.stop() for hub in self.hubs))
        self._pool.shutdown(wait=False)

    async def connected(self) -> None:
        """Wait until every hub is connected at the same time."""
        while self.counts.connected < len(self.hubs):
            await next(hub for hub in self.hubs if not hub.online.is_set()).online.wait()

    async def play(self, steps: Iterable[PlannedStep], at_least_s: float = 0.0) -> None:
        """Let each step happen at its time; what comes late (a busy machine) happens at once, never not.

        Returns after the last step, and not before `at_least_s` seconds.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        for step in steps:
            wait_s = start + step.at - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._happen(self.hubs[step.hub], step)
        await asyncio.sleep(max(0.0, start + at_least_s - loop.time()))

    async def settled(self, grace_s: float, left: Collection[int] = ()) -> bool:
        """Let cut-off hubs back and wait until every event of every hub is acked; False when `grace_s` ran out.

        `left`: hubs, by their number in the roster, that stay as they are and that nobody waits for.
        """
        back = [hub for number, hub in enumerate(self.hubs) if number not in left]
        for hub in back:
            hub.link.allow(_CABLE)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(hub.settled() for hub in back)), grace_s)
            return True
        return False

    def press(self, hub: int, type_: str) -> None:
        """Set off a trigger of one hub, by its number in the roster."""
        self.hubs[hub].feed(Press(type_))

    @property
    def address(self) -> str:
        """Return where the broker is looked for."""
        return f"{self._broker.host}:{self._broker.port}"

    @staticmethod
    def _happen(hub: HubClient, step: PlannedStep) -> None:
        match step.do:
            case LinkDown():
                hub.link.forbid(_CABLE)
            case LinkUp():
                hub.link.allow(_CABLE)
            case happening:
                hub.feed(happening)


_CABLE = "cable"
