"""A scenario on a real database: the engine, the service, the outbox and the sender of the product, a clock of ours."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Holder, RuleError
from alarms.escalation.inputs import Delivered
from alarms.handling.domain import SYSTEM_HUB, Opening, Subject
from alarms.handling.engine import Engine
from alarms.handling.models import Alarm, AlarmLog
from alarms.handling.service import AlarmService, Origin
from alarms.intake.types import TYPES
from alarms.notify.delivery import Provider
from alarms.policy.acts import input_of
from alarms.policy.cast import person_id
from alarms.policy.scenario import EventPart, Scenario, WorkPart
from alarms.policy.simulate import FIRST, Said, Timeline, Told
from alarms.rota.domain import Rota
from alarms.rota.repository import RotaRepository
from alarms.work.service import WorkService
from telecare.kernel.db import Database, database_now
from telecare.kernel.outbox import BUNDLE, OutboxMessage
from tests.homes import ARGYLL, add_home
from tests.scenarios.at_homes import AtHomes
from tests.scenarios.clock import set_clock
from tests.scenarios.faults import Faults
from tests.scenarios.from_outside import FromOutside
from tests.scenarios.hanging import Hanging
from tests.scenarios.home_checks import AtHomesChecks
from tests.scenarios.house import House
from tests.scenarios.hubs import Hubs
from tests.scenarios.listening import Listening
from tests.scenarios.messages import Messages
from tests.scenarios.outgoing import Outgoing
from tests.scenarios.own_rhythm import OwnRhythm
from tests.scenarios.rooms import Rooms
from tests.scenarios.rulebook import Rulebook
from tests.scenarios.service import Service
from tests.scenarios.stage import Stage
from tests.scenarios.watchers import Watchers
from tests.scenarios.web import Web

_CHANCE = random.Random(7)
_LONGEST_START = 30
_NEXT = text(
    """
    SELECT least(
        (SELECT min(next_due_at) FROM alarm WHERE handling <> 'closed' AND :drives),
        (SELECT min(due_at) FROM outbox WHERE state = 'pending' AND :sends),
        (SELECT min(lease_until) FROM outbox WHERE state = 'sending' AND lease_until > clock_timestamp()))
    """
)


class DatabaseRun:
    """`await DatabaseRun(scenario, database).run()` returns the timeline; the rows are there to be looked at after."""

    def __init__(self, scenario: Scenario, database: Database, *, house: House | None = None) -> None:
        self.scenario = scenario
        self.database = database
        self.house = house or House(scenario)
        self.now = scenario.start
        self.ahead = timedelta(0)
        self.alarms: dict[str, UUID] = {}
        self.work: dict[str, UUID] = {}
        self.received: list[tuple[str, datetime]] = []
        self.timeline = Timeline(scenario.start)
        self.engines = [Engine(database, self.house.contacts_of) for _ in range(scenario.workers)]
        self.outgoing = Outgoing(self)
        self.sends = True
        self.person: UUID | None = None
        self.rooms = Rooms(self)
        rhythm = OwnRhythm(self)
        self.stages: tuple[Stage, ...] = (
            self.outgoing,
            Listening(self, rhythm),
            rhythm,
            Hanging(self),
            Faults(self, rhythm),
            AtHomes(self),
            Hubs(self),
            Watchers(self),
            AtHomesChecks(self),
            Messages(self),
            Rulebook(self),
            Service(self),
            self.rooms,
            FromOutside(self),
        )
        self.engine_on = self.schema_fits = self.reachable = True

    def providers(self) -> dict[str, Provider]:
        """Return what takes the messages of each way."""
        return self.outgoing.providers()

    @cached_property
    def web(self) -> Web:
        """The product's web side."""
        return Web(self.database)

    def receive(self, effect_key: str) -> None:
        """Note that a provider has a message: that, and not that it was written, is what tells somebody."""
        self.received.append((effect_key, self.now))

    async def run(self) -> Timeline:
        try:
            return await self._run()
        finally:
            for stage in self.stages:
                await stage.close()

    async def _run(self) -> Timeline:
        await self.be_at(self.scenario.start)
        async with self.database.transaction() as session:
            await self.house.build(session)
            self.person, _ = await add_home(session)
        for stage in self.stages:
            await stage.build()
        in_time = sorted(self.scenario.events, key=lambda event: event.at)
        for (at, together), events in groupby(in_time, key=lambda event: (event.at, event.together)):
            moment = self.scenario.start + timedelta(seconds=at)
            if together:
                await self._race(moment, events)
                continue
            for event in events:
                await self._drive_until(moment)
                await self._happen(event)
                await self._drive()
        await self._drive_until(self.scenario.start + timedelta(seconds=self.scenario.until))
        await self._read_back()
        return self.timeline

    async def _race(self, moment: datetime, events: Iterable[EventPart]) -> None:
        """Let these happen at one instant, with what is due at it: whoever is first, is."""
        await self._drive_until(moment - timedelta(microseconds=1))
        await self.be_at(moment)
        contenders = [*(self._happen(event) for event in events), self._work(), *(one.race() for one in self._at_work)]
        await asyncio.gather(*(_after_a_moment(contender) for contender in contenders))
        await self._drive()

    # Time.

    async def be_at(self, moment: datetime) -> None:
        """Let it be this moment; the database's clock may be `ahead` of it."""
        self.now = max(self.now, moment)
        if self.reachable:
            await set_clock(self.database, self.clock)

    def seconds(self) -> float:
        """Return how long after the beginning it is."""
        return (self.now - self.scenario.start).total_seconds()

    @property
    def clock(self) -> datetime:
        """What the database's clock shows."""
        return self.now + self.ahead

    async def _drive_until(self, end: datetime) -> None:
        while True:
            moments = [moment for moment in await self._next_moments() if moment <= end]
            if not moments:
                break
            await self.be_at(min(moments))
            await self._drive()
        await self.be_at(end)

    async def _next_moments(self) -> list[datetime]:
        moments = [await stage.next() for stage in self._at_work]
        if self.awake:
            async with self.database.transaction() as session:
                sends = self.sends and not self.outgoing.rests
                due = (await session.execute(_NEXT, {"drives": bool(self.engines), "sends": sends})).scalar_one()
            moments.append(due and due - self.ahead)
        return [moment for moment in moments if moment is not None]

    async def _drive(self) -> None:
        """Let everybody work until nobody finds anything at this moment."""
        busy = True
        while busy:
            busy = any([*[await stage.drive() for stage in self._at_work], await self._work()])

    @property
    def awake(self) -> bool:
        """Whether our own parts are at work."""
        return self.engine_on and self.schema_fits and self.reachable

    @property
    def _at_work(self) -> list[Stage]:
        return [stage for stage in self.stages if self.awake or stage.apart]

    async def _work(self) -> bool:
        """Let engines and sender do what they find; return whether there was anything."""
        if not self.awake:
            return False
        driven = await asyncio.gather(*(engine.drive() for engine in self.engines))
        return any([*driven, await self._send()])

    async def _send(self) -> bool:
        return self.sends and await self.outgoing.send()

    # What happens.

    async def _happen(self, event: EventPart) -> None:
        if event.raise_ is not None:
            await self._raise(event)
        elif event.engine is not None:
            self.engine_on = event.engine == "on"
        elif event.is_act:
            await self._act(event)
        elif event.plan_work is not None:
            await self._plan_work(event.plan_work)
        elif event.move_work or event.end_work:
            await self._change_work(event)
        elif event.check is not None:
            self.timeline.surprises += [
                f"at {event.at} s: {fault}" for stage in self.stages for fault in await stage.check(event.check)
            ]
        elif not any([await stage.happen(event) for stage in self.stages]):
            async with self.database.transaction() as session:
                otherwise = await self.house.change(session, event)
            if otherwise:
                await self._tell_of_rules(event)

    async def _raise(self, event: EventPart) -> None:
        assert event.raise_ is not None
        name = event.alarm or str(len(self.alarms) + 1)
        row = TYPES[event.raise_]
        opening = Opening(event.raise_, event.class_ or row.class_, row.rank, row.family, row.words)
        subject = Subject(ARGYLL, self.person, tier=event.tier)
        if event.quiet_for is not None:
            await self._plan_work(WorkPart(name=f"work at {name}", for_=event.quiet_for, hub=name))
        async with self.database.transaction() as session:
            now = await database_now(session)
            _, hub_id = await self._hub_of(name)
            received_at = now - timedelta(seconds=event.waited)
            self.alarms[name] = await AlarmService(session).open(
                opening, subject, Origin(hub_id, None, received_at), now
            )

    async def _hub_of(self, name: str) -> tuple[str, str]:
        """The council and the hub of an alarm, also before it is raised."""
        return ARGYLL, f"hub-{name}"

    async def council(self) -> str:
        """Ours: that of the first alarm."""
        first = next((event.alarm for event in self.scenario.events if event.raise_ and event.alarm), FIRST)
        return (await self._hub_of(first))[0]

    async def _plan_work(self, part: WorkPart) -> None:
        council_id, hub_id = await self._hub_of(part.hub) if part.hub else (None, None)
        start = self.clock + timedelta(seconds=part.starts_in)
        times = {"starts_at": start, "ends_at": start + timedelta(seconds=part.for_)}
        said = {"reason": "the scenario", "made_by": "the scenario"}
        async with self.database.transaction() as session:
            work = await WorkService(session).plan(council_id=council_id, hub_id=hub_id, **times, **said)
        self.work[part.name] = work.id

    async def _change_work(self, event: EventPart) -> None:
        async with self.database.transaction() as session:
            service = WorkService(session)
            if event.move_work is not None:
                until = self.clock + timedelta(seconds=event.move_work.for_)
                work = await service.move(self.work[event.move_work.name], until)
            else:
                work = await service.end(self.work[str(event.end_work)], event.by)
            await AlarmService(session).work_moved(work.window, Holder(str(person_id(event.by)), event.by))

    async def _act(self, event: EventPart) -> None:
        alarm_id = await self.alarm_of(event.alarm or FIRST)
        if alarm_id is None:
            self.timeline.surprises.append(f"there is no alarm “{event.alarm or FIRST}”")
            return
        if event.by in self.rooms.operators:
            refused = await self.rooms.act(event, alarm_id)
        else:
            refused = await self._try(event, alarm_id)
        self.timeline.surprises += event.surprises(event.alarm or FIRST, refused)

    async def _try(self, event: EventPart, alarm_id: UUID) -> str | None:
        try:
            async with self.database.transaction() as session:
                await self._feed(AlarmService(session), alarm_id, event)
        except RuleError as error:
            return str(error)
        return None

    async def alarm_of(self, name: str) -> UUID | None:
        """Return the alarm of this name; one about the service itself goes by its type."""
        if name in self.alarms:
            return self.alarms[name]
        async with self.database.transaction() as session:
            return next(iter(await self._about_us(session, {name})), None)

    async def _feed(self, service: AlarmService, alarm_id: UUID, event: EventPart) -> None:
        if event.act == "reroute":
            assert await service.reroute(alarm_id, Holder(str(person_id(event.by)), event.by))
            return
        alarm = await service.alarms.lock(alarm_id)
        assert alarm is not None
        row = TYPES.get(alarm.type, alarm)  # those about the service itself are no type of a hub's
        said = input_of(event, row.words, row.rank, _no_ladder)
        if isinstance(said, Delivered):
            name, _, way = said.address.rpartition(".")
            said = replace(said, address=self.house.address_of(name, way))
        await service.feed(alarm_id, said)

    async def _tell_of_rules(self, event: EventPart) -> None:
        names = {*(event.people or {}), *(way.partition(".")[0] for way in (*event.disable, *event.enable))}
        async with self.database.transaction() as session:
            await AlarmService(session).rules_changed([person_id(name) for name in sorted(names)])

    # What came of it.

    async def _read_back(self) -> None:
        names = {alarm_id: name for name, alarm_id in self.alarms.items()}
        async with self.database.transaction() as session:
            named = {one.alarm for one in (*(self.scenario.expect or ()), *self.scenario.log) if one.alarm}
            names |= await self._about_us(session, named)
            for stage in self.stages:
                names |= await stage.names(session)
            rows = (await session.execute(select(OutboxMessage).where(OutboxMessage.target != BUNDLE))).scalars().all()
            keys = {row.id: row.effect_key for row in (await session.execute(select(OutboxMessage))).scalars()}
            log = select(AlarmLog).order_by(AlarmLog.at, AlarmLog.alarm_id, AlarmLog.seq)
            lines = (await session.execute(log)).scalars()
            self.timeline.said += [
                Said(line.at, names[line.alarm_id], line.kind, line.actor, line.text)
                for line in lines
                if line.alarm_id in names
            ]
            alarms = (await session.execute(select(Alarm).where(Alarm.id.in_(names)))).scalars()
            self.timeline.answers = {names[one.id]: (one.raised_at, one.first_acked_at) for one in alarms}
            self.timeline.rotas = await _rotas(RotaRepository(session), self.scenario)
        of_key: dict[str, list[OutboxMessage]] = defaultdict(list)
        for row in rows:
            of_key[keys.get(row.merged_into, row.effect_key)].append(row)
        for key, at in self.received:
            about = {names[row.subject_id]: row for row in of_key[key] if row.subject_id in names}
            if about:
                row, behind = next(iter(about.values())), ",".join(name for name in names.values() if name in about)
                who, _, way = self.house.name_of(row.address).rpartition(".")
                self.timeline.told.append(Told(at, behind, row.target, who, way, row.message["text"]))

    async def _about_us(self, session: AsyncSession, types: Collection[str]) -> dict[UUID, str]:
        """Return the alarms about the service itself of these types: that is how a file names them."""
        ours = select(Alarm.id, Alarm.type).where(Alarm.hub_id == SYSTEM_HUB, Alarm.type.in_(types))
        return {row.id: row.type for row in await session.execute(ours)}


async def _after_a_moment(contender: Awaitable[object]) -> None:
    """Give the others of a race a start of some turns, now of many and now of none."""
    for _ in range(_CHANCE.randrange(_LONGEST_START)):
        await asyncio.sleep(0)
    await contender


async def _rotas(rotas: RotaRepository, scenario: Scenario) -> dict[str, Rota]:
    until = scenario.start + timedelta(seconds=scenario.until)
    plans = await rotas.all()
    read = await rotas.rotas(plans, scenario.start, until)
    return {plan.key: rota for plan in plans if isinstance(rota := read[plan.id], Rota)}


def _no_ladder() -> Any:
    raise AssertionError("the service chooses the policy itself")
