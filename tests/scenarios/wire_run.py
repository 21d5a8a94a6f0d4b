"""A scenario from end to end: by MQTT through broker and ingest, and out through a provider's own client."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from alarms.notify.delivery import Provider
from alarms.policy.scenario import EventPart, Scenario
from alarms.policy.simulate import FIRST
from devices.registry.models import Hub
from tests.scenarios.at_homes import AtHomes
from tests.scenarios.canary import CanaryFlies
from tests.scenarios.database_run import DatabaseRun
from tests.scenarios.house import House
from tests.scenarios.hubs import Hubs
from tests.scenarios.line import Line
from tests.scenarios.on_the_line import OnTheLine
from tests.scenarios.providers import Passing
from tests.scenarios.watchers import Watchers

LIMIT_S = 20.0
WAYS = {"sms", "email"}
"""Those that end with the provider's answer; calls go on by callbacks, which have tests of their own."""


def fits(scenario: Scenario) -> bool:
    """Say whether a scenario can be run so: what it says of an alarm is what a hub can say."""
    people = [scenario.people, *(event.people or {} for event in scenario.events)]
    ways = {rule.way.partition("/")[0] for some in people for rules in some.values() for rule in rules}
    raised = [event for event in scenario.events if event.raise_ is not None]
    plain = all(event.tier is event.class_ is event.quiet_for is None and not event.waited for event in raised)
    return plain and ways <= WAYS and not scenario.broken_channels


class WireHouse(House):
    """People with addresses that a provider takes: numbers kept for drama, and mail that goes nowhere."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self._addresses: dict[str, str] = {}

    def address_of(self, name: str, way: str) -> str:
        number = len(self._addresses)
        fresh = f"+447700900{number:03d}" if way.startswith("sms") else f"{name}{number}@council.example"
        return self._addresses.setdefault(f"{name}.{way}", fresh)

    def name_of(self, address: str) -> str:
        return next(way for way, known in self._addresses.items() if known == address)


class WireHubs(Hubs):
    """Hubs that send through the broker: each is one of the fleet, and none of them beats."""

    def __init__(self, run: "WireRun") -> None:
        super().__init__(run)
        self._run = run
        self._mark = uuid4().hex

    async def build(self) -> None:
        await super().build()
        self._next_beat.clear()

    async def deliver(self, hub: str, lane: str, body: dict[str, Any]) -> list[str]:
        _, hub_id = await self._run._hub_of(hub)
        event_id = f"{self._mark}-{body['event_id']}"  # the same hub has sent others in earlier scenarios
        await self._run.line.gateway.publish(f"telecare/v1/{hub_id}/{lane}", {**body, "event_id": event_id})
        return [(await self._run.line.gateway.ack(event_id))["status"]]


class WireRun(DatabaseRun):
    """Each alarm comes from a hub of its own; a second press comes from the same."""

    def __init__(self, scenario: Scenario, line: Line) -> None:
        self.line = line
        self._free = list(line.hubs)
        self._hubs: dict[str, str] = {}
        self._pressed: dict[str, str] = {}
        self._unanswered: dict[str, str] = {}
        super().__init__(scenario, line.database, house=WireHouse(scenario))
        # The fleet was there before this scenario, and nothing of it but what hubs send is the scenario's.
        others = (stage for stage in self.stages if not isinstance(stage, AtHomes | Hubs | Watchers))
        on_wire = WireHubs(self), CanaryFlies(self, line.canary_url), OnTheLine(self, line)
        self.stages = (*others, *on_wire)

    def providers(self) -> dict[str, Provider]:
        return {name: Passing(self.line.ways[name], self.receive) for name in WAYS}

    async def _raise(self, event: EventPart) -> None:
        assert event.raise_ is not None
        name = event.alarm or str(len(self._pressed) + 1)
        self._pressed[name] = event.raise_
        await self._press(name)

    def _hub_id(self, name: str) -> str:
        if name not in self._hubs:
            self._hubs[name] = self._free.pop(0)
        return self._hubs[name]

    async def _hub_of(self, name: str) -> tuple[str, str]:
        hub_id = self._hub_id(name)
        async with self.database.transaction() as session:
            found = select(Hub.council_id).where(Hub.hub_id == hub_id)
            return (await session.execute(found)).scalar_one(), hub_id

    async def _act(self, event: EventPart) -> None:
        if event.act == "repeat":
            await self._press(event.alarm or FIRST)
        else:
            await super()._act(event)

    async def _press(self, name: str) -> None:
        event_id, topic = uuid4().hex, f"telecare/v1/{self._hub_id(name)}/alarm"
        await self.line.gateway.publish(topic, {"event_id": event_id, "type": self._pressed[name]})
        self._unanswered[event_id] = name
        await self.line.be_killed()
        if self.reachable:
            await self.be_answered()

    async def be_answered(self) -> None:
        """Wait until each hub has been told that its message is kept, and of which alarm it is."""
        async with asyncio.timeout(LIMIT_S):
            while self._unanswered:
                _, payload = await self.line.gateway.heard.get()
                answer = json.loads(payload)
                name = self._unanswered.pop(answer["event_id"], None)
                if name is not None:
                    assert answer["status"] in {"accepted", "duplicate"}, answer
                    self.alarms[name] = UUID(answer["alarm_id"])
