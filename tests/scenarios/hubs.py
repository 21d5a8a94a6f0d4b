"""Hubs that beat and send: what they say is read, stored and taken in by the product's lanes, without a broker."""

import itertools
import json
import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from alarms.handling.models import Alarm
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_homes import hubs_of
from telecare.ingest.heartbeats import HeartbeatLane
from telecare.ingest.lane import Delivery
from telecare.ingest.messages import MessageLane
from telecare.kernel.settings import Settings
from tests.integration.ingest.desk import Said
from tests.scenarios.stage import Stage

EVERY = timedelta(minutes=5)
AT_THIS_MOMENT = 3600.0
"""So far ahead that a message has been in hand for no time, however long this machine takes over it."""


class Hubs(Stage):
    """Each hub in service beats until it is silent."""

    async def build(self) -> None:
        homes = self.run.scenario.homes
        self._numbers = itertools.count(1)
        self._next_beat = {
            hub: self.run.now for name, hubs in hubs_of(homes).items() for hub in hubs if not homes[name].taken_away
        }
        settings = Settings(database_url=self.run.database.url)
        self._said = Said(settings, "alarm", ("alarm",))
        self._messages = MessageLane(self._said, self.run.database, workers=1, retry_cap_s=5, public_url=None)
        self._beats = HeartbeatLane(self._said, self.run.database, self._messages, retry_cap_s=5)

    async def happen(self, event: EventPart) -> bool:
        if event.sends is None:
            return False
        before = len(self._said.answers)
        await self._send(event)
        answers = [answer["status"] for answer in self._said.answers[before:]]
        if event.answer is not None and answers != [event.answer]:
            self.run.timeline.surprises.append(f"at {event.at} s: {event.hub} was told {answers}, not {event.answer}")
        await self._name_alarms(event.alarm)
        return True

    async def drive(self) -> bool:
        """Let those beat whose moment this is; what came while nobody listened is gone."""
        due = [hub for hub, at in self._next_beat.items() if at <= self.run.now]
        beat = [hub for hub in due if self._next_beat[hub] == self.run.now]
        for hub in due:
            self._next_beat[hub] += EVERY * (1 + (self.run.now - self._next_beat[hub]) // EVERY)
        if beat:
            await self._beats._write([self._delivery(hub, "heartbeat", {}) for hub in beat])
        await self._name_alarms()
        return bool(beat)

    async def next(self) -> datetime | None:
        return min(self._next_beat.values(), default=None)

    async def _send(self, event: EventPart) -> None:
        assert event.hub is not None
        body: dict[str, Any] = {"event_id": f"e{next(self._numbers)}"}
        body |= {"type": event.sends} if isinstance(event.sends, str) else {"codes": event.sends}
        if event.device is not None:
            body["device"] = {"id": event.device}
        if event.boot is not None:
            body["boot_id"] = event.boot
        if event.device_time is not None:
            at = event.device_time if isinstance(event.device_time, datetime) else self.run.now + event.device_time
            body["at"] = at.isoformat()
        if event.sends == "heartbeat":
            await self._beats._write([self._delivery(event.hub, "heartbeat", body)])
        else:
            await self._messages.settle(self._delivery(event.hub, "alarm", body))

    def _delivery(self, hub: str, lane: str, body: dict[str, Any]) -> Delivery:
        topic, at = f"telecare/v1/{hub}/{lane}".encode(), time.monotonic() + AT_THIS_MOMENT
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
