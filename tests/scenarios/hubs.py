"""Hubs that beat and send: what they say is read, stored and taken in by the product's lanes, without a broker."""

import itertools
import json
import random
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from alarms.handling.models import Alarm
from alarms.intake.types import TYPES, AlarmClass
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_homes import each_home, hubs_of
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.ingest.lane import Delivery
from telecare.ingest.messages import MessageLane
from telecare.kernel.settings import Settings
from tests.integration.ingest.desk import Said
from tests.scenarios.stage import Stage

EVERY = timedelta(minutes=5)
LOTS = 6
"""What many do at random within a while they do at so many moments of it."""
AT_THIS_MOMENT_S = 3600.0
"""So far ahead that a message has been in hand for no time, however long this machine takes over it."""


class Hubs(Stage):
    """Each hub in service beats until it is silent. `service: off`: what they send waits; beats are gone."""

    apart = True

    async def build(self) -> None:
        self._hears = True
        self._numbers, self._chance = itertools.count(1), random.Random(self.run.scenario.name)
        every = each_home(self.run.scenario.homes).values()
        in_service = [hub for home, hubs in every if not home.taken_away for hub in hubs]
        self._next_beat = dict.fromkeys(in_service, self.run.now)
        self._last_beat: dict[str, datetime] = {}
        self._later: list[tuple[datetime, str, EventPart]] = []
        settings = Settings(database_url=self.run.database.url)
        self._said = Said(settings, "alarm", ("alarm",))
        self._messages = MessageLane(self._said, self.run.database, workers=1, retry_cap_s=5, public_url=None)
        self._beats = HeartbeatLane(self._said, self.run.database, self._messages, retry_cap_s=5)

    async def happen(self, event: EventPart) -> bool:
        if event.service is not None:
            self._hears = event.service == "on"
        if event.sends is not None:
            assert event.hub is not None
            for hub, at in self._moments([event.hub], event.over):
                if at <= self.run.now and self._hears:
                    await self._send(hub, event)
                else:
                    self._later.append((at, hub, event))
        for hub, at in self._moments(event.silent, event.over):
            if hub in self._next_beat:
                self._last_beat[hub], self._next_beat[hub] = at, min(at, self._next_beat[hub])
        for hub, at in self._moments(event.beats, None):
            self._next_beat[hub] = at
            self._last_beat.pop(hub, None)
        return bool(event.sends or event.silent or event.beats)

    def _moments(self, names: Iterable[str], over: int | None) -> Iterable[tuple[str, datetime]]:
        lot = timedelta(seconds=over or 0) / LOTS
        for name in names:
            for hub in hubs_of(self.run.scenario.homes, name):
                yield hub, self.run.now + lot * self._chance.randrange(LOTS)

    async def drive(self) -> bool:
        if not self._hears:
            return False
        sent = [one for one in self._later if one[0] <= self.run.now]
        self._later = [one for one in self._later if one not in sent]
        for _, hub, event in sent:
            await self._send(hub, event)
        due = [hub for hub, at in self._next_beat.items() if at <= self.run.now]
        beat = [hub for hub in due if self._next_beat[hub] == self.run.now]
        if beat:
            await self._beats._write([self._delivery(hub, "heartbeat", {}) for hub in beat])
        for hub in due:
            last = self._last_beat.get(hub)
            if last is not None and last <= self.run.now:
                del self._next_beat[hub], self._last_beat[hub]
            else:
                following = self._next_beat[hub] + EVERY * (1 + (self.run.now - self._next_beat[hub]) // EVERY)
                self._next_beat[hub] = following if last is None else min(following, last)
        await self._name_alarms()
        return bool(sent or beat)

    async def next(self) -> datetime | None:
        if not self._hears:
            return None
        return min([*self._next_beat.values(), *(at for at, _, _ in self._later)], default=None)

    async def _send(self, hub: str, event: EventPart) -> None:
        body: dict[str, Any] = {"event_id": event.event_id or f"e{next(self._numbers)}"}
        body |= {"type": event.sends} if isinstance(event.sends, str) else {"codes": event.sends}
        if event.device is not None:
            body["device"] = {"id": event.device}
        if event.bytes is not None:
            body["text"] = "x" * event.bytes
        if event.boot is not None:
            body["boot_id"] = event.boot
        if event.battery is not None:
            body |= {"battery_pct": event.battery, "mains": False}
        if event.device_time is not None:
            at = event.device_time if isinstance(event.device_time, datetime) else self.run.now + event.device_time
            body["at"] = at.isoformat()
        answers = await self.deliver(hub, _lane_of(event.sends), body)
        if event.answer is not None and answers != [event.answer]:
            self.run.timeline.surprises.append(f"at {event.at} s: {hub} was told {answers}, not {event.answer}")
        await self._name_alarms(event.alarm)

    async def deliver(self, hub: str, lane: str, body: dict[str, Any]) -> list[str]:
        """Let it be heard; return what the hub is answered."""
        before = len(self._said.answers)
        if lane == "heartbeat":
            await self._beats._write([self._delivery(hub, lane, body)])
        else:
            await self._messages.settle(self._delivery(hub, lane, body))
        return [answer["status"] for answer in self._said.answers[before:]]

    def _delivery(self, hub: str, lane: str, body: dict[str, Any]) -> Delivery:
        topic, at = f"telecare/v1/{hub}/{lane}".encode(), time.monotonic() + AT_THIS_MOMENT_S
        return Delivery(self._said.generation, next(self._numbers), 1, topic, json.dumps(body).encode(), False, at)

    async def _name_alarms(self, wanted: str | None = None) -> None:
        """Name alarms that were opened since: as the event wants, or by their types."""
        if not self.run.scenario.homes:
            return
        known = {*self.run.alarms.values()}
        async with self.run.database.transaction() as session:
            rows = (await session.execute(select(Alarm.id, Alarm.type).order_by(Alarm.raised_at, Alarm.id))).all()
        for alarm_id, type_ in rows:
            if alarm_id not in known:
                names = (f"{type_}-{n}" if n > 1 else type_ for n in itertools.count(1))
                name = wanted or next(name for name in names if name not in self.run.alarms)
                self.run.alarms[name], wanted = alarm_id, None


def _lane_of(sends: str | dict[str, str] | None) -> str:
    """Technical things are events; whatever else hubs send by the lane of alarms."""
    if sends == "heartbeat":
        return sends
    known = TYPES.get(sends) if isinstance(sends, str) else None
    return "event" if known is not None and known.class_ is AlarmClass.TECHNICAL else "alarm"
