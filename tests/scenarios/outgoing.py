"""The product's sender and the providers behind it while a scenario runs on a real database."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from alarms.escalation.domain import Address
from alarms.handling.domain import CANARY_CHANNEL
from alarms.notify.bundles import BundleRepository
from alarms.notify.channels.chain import Chain, Named
from alarms.notify.delivery import Provider, Result
from alarms.notify.notices import Notice, notice_row
from alarms.notify.sender import Sender
from alarms.policy.scenario_words import CHANNELS
from alarms.responders.objections import objection
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxMessage, OutboxRepository, OutboxState
from telecare.watch.canary import CanarySink, record_result
from tests.scenarios.providers import REPORTS_AS, TIME_IS_UP, Hangs, Passing, StandIn
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from alarms.policy.scenario import EventPart
    from alarms.policy.scenario_checks import CheckPart

LEASE = timedelta(seconds=15)
A_BATCH_EACH = timedelta(seconds=1)
SOON_S = 0.05
"""The sender's own timeout where a provider hangs: what hangs then waits on for the scenario's clock."""


class KilledError(BaseException):
    """The program has died: nothing of it goes on."""


class MortalSender(Sender):
    """The product's sender, which dies at a point when it is told to."""

    dies: str | None = None

    def die_at(self, point: str) -> None:
        if self.dies == point:
            raise KilledError(point)

    async def _take_technical(
        self, outbox: OutboxRepository, bundles: BundleRepository, lease: timedelta
    ) -> list[OutboxMessage]:
        taken = await super()._take_technical(outbox, bundles, lease)
        self.die_at("bundling")
        return taken

    async def _deliver(self, message: OutboxMessage) -> None:
        self.die_at("taken")
        await super()._deliver(message)

    async def _record(self, message: OutboxMessage, result: Result, lease_ends: float) -> None:
        self.die_at("handed over")
        await super()._record(message, result, lease_ends)


class Outgoing(Stage):
    """One sender at a time; when it dies, another takes its place at once. `slow`: it takes a batch each second."""

    slow = False
    _rests_until: datetime | None = None

    @cached_property
    def hangs(self) -> Hangs:
        return Hangs()

    @cached_property
    def stand_ins(self) -> list[StandIn]:
        """One provider for each way, or two where the file speaks of a first and a second."""
        named = any(event.provider and event.provider.name for event in self.run.scenario.events)
        names = ("first", "second") if named else (REPORTS_AS,)
        broken = self.run.scenario.broken_channels
        return [StandIn(self, way, name, broken=way in broken) for way in CHANNELS for name in names]

    def providers(self) -> dict[str, Provider]:
        """Return what takes the messages of each way."""
        chains = {
            way: Chain([Named(one.name, one) for one in self.stand_ins if one.way == way], "nobody") for way in CHANNELS
        }
        return {way: Passing(chain, self.run.receive) for way, chain in chains.items()}

    @cached_property
    def ways(self) -> dict[str, Provider]:
        return {**self.run.providers(), CANARY_CHANNEL: CanarySink(self.run.database)}

    async def build(self) -> None:
        self.sender = self._next_sender()

    def _next_sender(self) -> MortalSender:
        hangs = any(event.provider and event.provider.does == "hangs" for event in self.run.scenario.events)
        timeout_s = SOON_S if hangs else TIME_IS_UP.total_seconds()
        margin_s = LEASE.total_seconds() - timeout_s
        about = {"timeout_s": timeout_s, "margin_s": margin_s, "pace_s": 0.0}
        return MortalSender(self.run.database, self.ways, record_result, check=objection, **about)

    async def happen(self, event: EventPart) -> bool:
        if event.provider is not None:
            part = event.provider
            for one in self.stand_ins:
                if one.way == part.way and part.name in {None, one.name}:
                    one.behave(part)
        elif event.kill is not None and event.kill.sender is not None:
            self.sender.dies = event.kill.sender
        elif event.backlog is not None:
            await self._put_backlog(event.backlog)
        elif event.hand_over is not None:
            enough = len(self.run.received) + event.hand_over
            while len(self.run.received) < enough and await self.send():
                pass
        else:
            return False
        return True

    async def _put_backlog(self, count: int) -> None:
        """Let notices of hand-overs wait, each for somebody else; they go behind every alarm that is not technical."""
        rows = [
            notice_row(
                Notice.HANDOVER, f"backlog:{n}", Address("sms", f"backlog-{n}", "Somebody"), about=new_id(),
                council_id=None, subject="You come on", text="You come on at nine", data={},
            )
            for n in range(count)
        ]  # fmt: skip
        async with self.run.database.transaction() as session:
            OutboxRepository(session).add(rows)

    async def drive(self) -> bool:
        return await self.hangs.give_up(self.run.now)

    async def next(self) -> datetime | None:
        moments = (self.hangs.next(), self._rests_until if self.rests else None)
        return min((moment for moment in moments if moment is not None), default=None)

    async def send(self) -> bool:
        """Hand over what is next; return whether there was anything."""
        if self.rests:
            return False
        try:
            taken, _ = await self.sender._take()
            for message in taken:
                self.sender._in_flight.add(message)
                await self.hangs.ended_or_hangs(asyncio.create_task(self.sender._deliver(message)))
        except KilledError:
            self.sender = self._next_sender()
            return True
        if taken and self.slow:
            self._rests_until = self.run.now + A_BATCH_EACH
        return bool(taken)

    @property
    def rests(self) -> bool:
        """Whether a slow sender is still at its last batch."""
        return self._rests_until is not None and self.run.now < self._rests_until

    async def check(self, wanted: CheckPart) -> list[str]:
        found = []
        if wanted.shown is not None:
            shown = {way: len({*(await self._handed_over(way)).values()}) for way in wanted.shown}
            found += [f"shown are {shown}, not {wanted.shown}"] * (shown != wanted.shown)
        if wanted.ahead is not None:
            ahead = {way: min(await self._handed_over(way), default=None) for way in wanted.ahead}
            found += [f"before them went {ahead}, not {wanted.ahead}"] * (ahead != wanted.ahead)
        if wanted.taken_by is not None:
            by = select(OutboxMessage.provider, func.count()).where(OutboxMessage.state == OutboxState.SENT)
            async with self.run.database.transaction() as session:
                rows = (await session.execute(by.group_by(OutboxMessage.provider))).all()
            taken = {provider: count for provider, count in rows}  # noqa: C416 - rows, and no pairs
            found += [f"taken are {taken}, not {wanted.taken_by}"] * (taken != wanted.taken_by)
        return found

    async def _handed_over(self, way: str) -> dict[int, str]:
        """Return the keys of what was handed over by a way, by how many went before it."""
        name, _, by = way.rpartition(".")
        mine = select(OutboxMessage.effect_key).where(OutboxMessage.address == self.run.house.address_of(name, by))
        async with self.run.database.transaction() as session:
            keys = {*(await session.execute(mine)).scalars()}
        return {place: key for place, (key, _) in enumerate(self.run.received) if key in keys}
