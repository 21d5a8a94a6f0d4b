"""A scenario from end to end: by MQTT through broker and ingest, and out through a provider's own client."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from alarms.handling.models import Alarm
from alarms.notify.delivery import Provider
from alarms.policy.scenario import EventPart, Scenario
from alarms.policy.simulate import FIRST
from devices.registry.models import Hub
from telecare.kernel.db import Database
from tests.scenarios.at_homes import AtHomes
from tests.scenarios.canary import CanaryFlies
from tests.scenarios.database_run import DatabaseRun
from tests.scenarios.house import House
from tests.scenarios.hubs import Hubs
from tests.scenarios.providers import Passing
from tests.scenarios.watchers import Watchers
from tests.wire import WireHub

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

    def __init__(self, run: "WireRun", gateway: WireHub) -> None:
        super().__init__(run)
        self._run = run
        self._gateway = gateway
        self._mark = uuid4().hex

    async def build(self) -> None:
        await super().build()
        self._next_beat.clear()

    async def deliver(self, hub: str, lane: str, body: dict[str, Any]) -> list[str]:
        _, hub_id = await self._run._hub_of(hub)
        event_id = f"{self._mark}-{body['event_id']}"  # the same hub has sent others in earlier scenarios
        await self._gateway.publish(f"telecare/v1/{hub_id}/{lane}", {**body, "event_id": event_id})
        return [(await self._gateway.ack(event_id))["status"]]


class WireRun(DatabaseRun):
    """Each alarm comes from a hub of its own; a second press comes from the same."""

    def __init__(
        self,
        scenario: Scenario,
        database: Database,
        *,
        gateway: WireHub,
        hubs: list[str],
        ways: Mapping[str, Provider],
        canary_url: str,
        after_raise: Callable[[], Any] | None = None,
    ) -> None:
        self._ways = ways
        self._gateway = gateway
        self._free = list(hubs)
        self._hubs: dict[str, str] = {}
        self._after_raise = after_raise
        super().__init__(scenario, database, house=WireHouse(scenario))
        # The fleet was there before this scenario, and nothing of it but what hubs send is the scenario's.
        others = (stage for stage in self.stages if not isinstance(stage, AtHomes | Hubs | Watchers))
        self.stages = (*others, WireHubs(self, gateway), CanaryFlies(self, canary_url))

    def providers(self) -> dict[str, Provider]:
        return {name: Passing(self._ways[name], self.receive) for name in WAYS}

    async def _raise(self, event: EventPart) -> None:
        name = event.alarm or str(len(self.alarms) + 1)
        _, hub_id = await self._hub_of(name)
        assert event.raise_ is not None
        await self._press(hub_id, event.raise_)
        async with self.database.transaction() as session:
            found = (await session.execute(select(Alarm.id).where(Alarm.hub_id == hub_id))).scalar_one()
        self.alarms[name] = found
        if self._after_raise is not None:
            await self._after_raise()

    async def _hub_of(self, name: str) -> tuple[str, str]:
        if name not in self._hubs:
            self._hubs[name] = self._free.pop(0)
        async with self.database.transaction() as session:
            found = select(Hub.council_id).where(Hub.hub_id == self._hubs[name])
            return (await session.execute(found)).scalar_one(), self._hubs[name]

    async def _act(self, event: EventPart) -> None:
        name = event.alarm or FIRST
        if event.act == "repeat":
            async with self.database.transaction() as session:
                alarm = (await session.execute(select(Alarm).where(Alarm.id == self.alarms[name]))).scalar_one()
            await self._press(self._hubs[name], alarm.type)
        else:
            await super()._act(event)

    async def _press(self, hub_id: str, type_: str) -> None:
        event_id = uuid4().hex
        await self._gateway.publish(f"telecare/v1/{hub_id}/alarm", {"event_id": event_id, "type": type_})
        async with asyncio.timeout(20):
            answer = await self._gateway.ack(event_id)
        assert answer["status"] == "accepted", answer
