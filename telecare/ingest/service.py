"""The ingest of one process: its lanes, their workers, the commands, and the slot that lets them be connected."""

import asyncio

from telecare.ingest.commands import CommandPublisher
from telecare.ingest.lane import Lane
from telecare.ingest.messages import MessageLane
from telecare.ingest.metrics import WAITING
from telecare.ingest.slot import SlotLease
from telecare.ingest.taker import takers
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings

ALARM_WORKERS = 8
EVENT_WORKERS = 4


class Ingest:
    """Three connections, so that no heartbeat and no event is ever ahead of an alarm; a fourth for commands.

    Heartbeats may be shared with other processes. Alarms and events are not: the order of one hub's messages means
    something there, and what bounds them is the board's one row and not this process.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.lanes = {
            "alarm": Lane(settings, "alarm", ("alarm",)),
            "event": Lane(settings, "event", ("event", "status", "result")),
        }
        self._database = database
        self.commands = CommandPublisher(settings, database)
        self._connections = [*self.lanes.values(), self.commands.lane]
        cap, url = settings.ingest_retry_cap_s, settings.public_url
        self._alarms = MessageLane(
            self.lanes["alarm"], database, workers=ALARM_WORKERS, retry_cap_s=cap, public_url=url
        )
        self._events = MessageLane(
            self.lanes["event"], database, workers=EVENT_WORKERS, retry_cap_s=cap, public_url=url
        )
        self._takers = takers(settings, database)
        beats = [taker.connection for taker in self._takers]
        if settings.ingest_place is None:
            self.lanes["heartbeat"] = beats[0]
        self.slot = SlotLease(settings, [*self.lanes.values(), self.commands.lane])
        for name, lane in self.lanes.items():
            WAITING.labels(name).set_function(lane.count_waiting)
        WAITING.labels("heartbeat").set_function(lambda: sum(lane.count_waiting() for lane in beats))

    async def problem(self) -> str | None:
        """Return why messages cannot be received just now, None when they can; a process that stands by is well."""
        if found := next((words for taker in self._takers if (words := taker.problem())), None):
            return found
        if self.slot.problem is not None:
            return None if self.slot.problem.startswith("stand-by") else self.slot.problem
        if refused := next((lane.refused for lane in self.lanes.values() if lane.refused and not lane.connected), None):
            return refused
        away = [name for name, lane in self.lanes.items() if not lane.connected]
        return f"not connected to the broker: {', '.join(away)}" if away else None

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop` is set; messages in hand that are not committed come again from the broker."""
        await self._database.open()
        for lane in self._connections:
            lane.start()
        workers = [asyncio.create_task(part.run()) for part in (self._alarms, self._events, self.commands)]
        workers += [asyncio.create_task(taker.run(self.slot, stop)) for taker in self._takers]
        lease = asyncio.create_task(self.slot.run(stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*workers, lease, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()  # a lane that ended by itself is a fault that must be seen: let the process end loudly
        finally:
            for task in (*workers, lease, stopping):
                task.cancel()
            await asyncio.gather(*workers, lease, stopping, return_exceptions=True)
            for lane in self._connections:
                await lane.stop()
