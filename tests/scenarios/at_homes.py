"""Homes, people and hubs of a scenario as rows of the register, and what engineers and the office do there."""

from collections.abc import Awaitable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.intake.repository import IntakeRepository
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_homes import HomePart, MovePart, WindowPart, each_home, hubs_of
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.models import DeviceModel, Hub, Installation, Peripheral, Person, Premises
from devices.testing.service import WindowService
from telecare.kernel.errors import NotFoundError, RefusedError
from telecare.kernel.ids import new_id
from telecare.protection.swap_day import SwapDay
from tests.homes import ARGYLL, add_hub, add_models
from tests.scenarios.stage import Stage

EMPTY = (
    "TRUNCATE device_model, premises, person, hub, event, trigger_proof, heartbeat, hub_live, hub_presence,"
    " presence_period, deaf_period, listening, incident, job, job_look, test_window CASCADE"
)
LONG_AGO, YESTERDAY = -timedelta(days=365), -timedelta(days=1)
ALL: frozenset[str] = frozenset()
EWAN = "user:ewan"


class AtHomes(Stage):
    """The register: who lives where, with which hubs."""

    async def build(self) -> None:
        self._places: dict[str, tuple[UUID, UUID]] = {}
        if not self.run.scenario.homes:
            return
        async with self.run.database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))  # logs are append-only
            await session.execute(text(EMPTY))
            await session.execute(text("SET LOCAL session_replication_role = DEFAULT"))
            model = (await add_models(session))["Halo"]
            await session.execute(update(DeviceModel).values(battery_hours=24))
            known = set[str]()
            for name, (home, hubs) in each_home(self.run.scenario.homes).items():
                await self._put_home(session, model, name, home, hubs)
                known |= {*hubs}
            moved = {event.move_hub.hub for event in self.run.scenario.events if event.move_hub is not None}
            for hub in sorted(moved - known):
                await add_hub(session, model, hub)

    async def _put_home(
        self, session: AsyncSession, model: UUID, name: str, home: HomePart, hubs: tuple[str, ...]
    ) -> None:
        since = self.run.now + LONG_AGO
        own = {"council_id": ARGYLL, "created_at": since}
        unit = {"model_id": model, "connection": "digital", "mobile_network": home.network}
        status = home.taken_away or "in_service"
        await session.execute(insert(Hub), [{"hub_id": hub, "status": status, **unit, **own} for hub in hubs])
        for device, kind in home.devices.items():
            paired = {"device_id": device, "kind": kind, "council_id": ARGYLL, "paired_at": since}
            await session.execute(insert(Peripheral).values(id=new_id(), hub_id=hubs[0], **paired))
        person, premises = self._places[name] = new_id(), new_id()
        who = {"given_name": name.capitalize(), "family_name": "Sinclair", "risk_tier": home.tier}
        await session.execute(insert(Person).values(id=person, **who, **own))
        where = {"address": home.address, "town": "Port Corran", "postcode": home.postcode}
        await session.execute(insert(Premises).values(id=premises, **where, **own))
        until = self.run.now + YESTERDAY if home.taken_away else None
        stays = {"person_id": person, "premises_id": premises, "period": Range(since, until, bounds="[)")}
        relied = {"council_id": ARGYLL, "accepted_at": since, "accepted_by": EWAN}
        rows = [{"id": new_id(), "hub_id": hub, **stays, **relied} for hub in hubs]
        await session.execute(insert(Installation), rows)

    async def happen(self, event: EventPart) -> bool:
        refused: Exception | None = None
        try:
            async with self.run.database.transaction() as session:
                act = self._act(session, event)
                if act is None:
                    return False
                await act
        except (RefusedError, NotFoundError) as error:
            refused = error
        if (refused is not None) != event.refused or (event.because or "") not in str(refused):
            self.run.timeline.surprises.append(f"at {event.at} s: refused is {refused}")
        return True

    def _act(self, session: AsyncSession, event: EventPart) -> Awaitable[object] | None:
        acts = (
            (event.test_window, self._open_window),
            (event.end_test_window, self._end_window),
            (event.move_hub, self._move),
            (event.accept_hub, self._accept),
            (event.remove_hub, self._remove),
            (event.absent, self._away),
            (event.risk, self._risk),
        )
        return next((act(session, what) for what, act in acts if what is not None), None)  # type: ignore[operator]

    async def _open_window(self, session: AsyncSession, window: WindowPart) -> None:
        windows, lasts = WindowService(session, ALL), timedelta(seconds=window.for_)
        now = await IntakeRepository(session).lock_hub(window.hub)
        hub = await windows.hubs.require(window.hub)
        said = {"reason": "the scenario", "by": EWAN, "name": "Ewan"}
        await windows.open(hub, window.devices, now, lasts=lasts, **said)

    async def _end_window(self, session: AsyncSession, hub: str) -> None:
        now = await IntakeRepository(session).lock_hub(hub)
        await WindowService(session, ALL).end(hub, now, EWAN)

    async def _move(self, session: AsyncSession, move: MovePart) -> None:
        swap = SwapDay(session, ALL)
        leaving = await swap.leaving(move.hub, EWAN)
        await swap.registry.install(move.hub, *self._places[move.to], move=True, leaving=leaving)

    async def _accept(self, session: AsyncSession, hub: str) -> None:
        await SwapDay(session, ALL).accept(hub, EWAN)

    async def _remove(self, session: AsyncSession, hub: str) -> None:
        swap = SwapDay(session, ALL)
        await swap.registry.end_installation(hub, None, await swap.leaving(hub, EWAN))

    async def _away(self, session: AsyncSession, absent: dict[str, int]) -> None:
        for name, lasts in absent.items():
            for hub in hubs_of(self.run.scenario.homes, name):
                until = self.run.now + timedelta(seconds=lasts)
                await VerdictRepository(session).plan_absence(hub, until, "the scenario")

    async def _risk(self, session: AsyncSession, risk: dict[str, str]) -> None:
        for name, tier in risk.items():
            person, _ = self._places[name]
            await session.execute(update(Person).where(Person.id == person).values(risk_tier=tier))
