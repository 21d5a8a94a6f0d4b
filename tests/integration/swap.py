"""A swap to test on: somebody with an analogue unit, a digital one in stock, and those who carry it out."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.service import RegistryService
from devices.switchover.programmes.domain import PSTN_ENDS, Cause
from devices.switchover.programmes.service import ProgrammeService
from devices.switchover.visits.domain import ContactChannel, ContactOutcome, VisitState
from devices.switchover.visits.models import Visit
from devices.switchover.visits.schemas import StepIn
from telecare.access.domain import Actor, UserRole
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.switchover.swaps import Swaps
from tests.homes import ARGYLL, add_home, add_hub, add_models

S = VisitState
ALL: frozenset[str] = frozenset()
NOBODY = UUID(int=0)
ON_THE_WAY = (
    S.DATA_VALIDATED, S.PRIORITISED, S.CONTACTED, S.CONSENTED, S.SURVEYED, S.STOCK_ALLOCATED, S.BOOKED, S.CONFIRMED,
    S.ON_SITE, S.INSTALLED, S.PERIPHERALS_PAIRED, S.E2E_TESTED, S.SOAK, S.ACCEPTED, S.OLD_UNIT_DECOMMISSIONED,
    S.RECORD_CLOSED,
)  # fmt: skip


async def free_from(session: AsyncSession, engineer_id: UUID, but: UUID) -> datetime:
    """Return a time to come from which on an engineer has no other visit."""
    last = select(func.max(Visit.ends_at)).where(
        Visit.engineer_id == engineer_id, Visit.over_at.is_(None), Visit.id != but
    )
    soon = await database_now(session) + timedelta(hours=1)
    return max(soon, (await session.execute(last)).scalar_one() or soon)


@dataclass
class Swap:
    """Acts on one visit, each act in a transaction of its own."""

    database: Database
    people: dict[str, Actor] = field(default_factory=dict)
    models: dict[str, UUID] = field(default_factory=dict)
    home: tuple[UUID, UUID] = (NOBODY, NOBODY)
    programme_id: UUID = NOBODY
    visit_id: UUID = NOBODY
    units: dict[str, UUID] = field(default_factory=dict)
    suffix: str = ""
    """Of the ids of its hubs, where a database has several homes."""

    def named(self, hub: str) -> str:
        """Return the id of OLD, NEW or SPARE of this home."""
        return f"{hub}{self.suffix}"

    async def settle(self, *, council: str = ARGYLL) -> "Swap":
        """Put everything in: OLD stands there and is relied on, NEW and SPARE are in stock with a pendant each."""
        if not self.people:
            for name, role in (
                ("ewan", UserRole.ENGINEER), ("rory", UserRole.ENGINEER), ("sheila", UserRole.SUPERVISOR),
                ("fiona", UserRole.OPERATOR),
            ):  # fmt: skip
                self.people[name] = await self.user(name, role)
            async with self.database.transaction() as session:
                self.models = await add_models(session)
        old = self.named("OLD")
        async with self.database.transaction() as session:
            await add_hub(session, self.models["Lifeline 400"], old, connection="analogue", council_id=council)
            self.home = await add_home(session, council)
            registry = RegistryService(session, ALL)
            await registry.install(old, *self.home)
            await registry.accept(old, [], "import")
            for hub_id in map(self.named, ("NEW", "SPARE")):
                await add_hub(session, self.models["Halo"], hub_id, council_id=council)
                hub = await registry.hubs.row(hub_id)
                await registry.hubs.pair(hub, device_id="p1", kind="pendant", room=None)
        # What happens in a test is the past of its evidence: the old unit has stood there for a year.
        year = "UPDATE installation SET period = tstzrange(now() - interval '1 year', NULL) WHERE hub_id = :old"
        await self.sql(year, old=old)
        async with self.database.transaction() as session:
            service = ProgrammeService(session, ALL)
            if self.programme_id == NOBODY:
                programme = await service.make(
                    name="PSTN",
                    cause=Cause.PSTN,
                    deadline=PSTN_ENDS,
                    councils=[council],
                    network=None,
                    by="user:sheila",
                )
                self.programme_id = programme.id
            await service.find(self.programme_id)
            rows = await service.programmes.units_by_hub(self.programme_id, [old])
            self.units = {hub_id: unit.id for hub_id, unit in rows.items()}
        async with self.database.transaction() as session:
            self.visit_id = (await Swaps(session, self.people["ewan"]).make(self.units[old])).id
        return self

    async def user(self, name: str, role: UserRole) -> Actor:
        user_id = new_id()
        await self.sql(
            "INSERT INTO app_user (id, username, display_name, password_hash, role)"
            " VALUES (:id, :name, :display, '-', :role)",
            id=user_id, name=name, display=name.title(), role=role,
        )  # fmt: skip
        return Actor("user", user_id, name.title(), role, ALL, name)

    async def sql(self, statement: str, **values: object) -> list[Any]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement), values)
            return list(result) if result.returns_rows else []  # type: ignore[attr-defined]

    async def visit(self) -> Visit:
        async with self.database.transaction() as session:
            return await Swaps(session, self.people["ewan"]).visits.require(self.visit_id)

    async def step(self, to: VisitState, who: str = "ewan", **columns: Any) -> Visit:
        """Take the visit on as it is now, with what the state needs unless said."""
        async with self.database.transaction() as session:
            swaps = Swaps(session, self.people[who])
            if "as_of" not in columns:
                columns["as_of"] = (await swaps.visits.require(self.visit_id)).version
            if to is S.STOCK_ALLOCATED:
                columns.setdefault("new_hub_id", self.named("NEW"))
            if to is S.BOOKED:
                starts = await free_from(session, self.people["ewan"].id, self.visit_id)
                columns = {
                    "engineer_id": self.people["ewan"].id, "starts_at": starts, "ends_at": starts + timedelta(hours=2),
                } | columns  # fmt: skip
            return await swaps.step(self.visit_id, StepIn(to=to, **columns))

    async def contact(self, channel: ContactChannel, outcome: ContactOutcome) -> None:
        async with self.database.transaction() as session:
            await Swaps(session, self.people["ewan"]).contact(self.visit_id, channel, outcome, None)

    async def go_to(self, last: VisitState) -> None:
        """Take a fresh visit so far, and let the new hub show what is needed on the way."""
        for to in ON_THE_WAY:
            if to is S.CONTACTED:
                await self.contact(ContactChannel.LETTER, ContactOutcome.SENT)
                await self.contact(ContactChannel.PHONE, ContactOutcome.REACHED)
            if to is S.E2E_TESTED:
                await self.show_all()
            if to is S.ACCEPTED:
                await self.soak()
            await self.step(to)
            if to is last:
                return

    async def arrives(
        self,
        type_: str = "test",
        device: str | None = "p1",
        path: str = "ethernet",
        hub: str = "NEW",
        at: datetime | None = None,
    ) -> UUID:
        """Let a message of the new hub have been received now."""
        event_id = new_id()
        payload: dict[str, Any] = {"event_id": str(event_id), "type": type_, "path": path}
        if at is not None:
            payload["at"] = at.isoformat()
        if device:
            payload["device"] = {"id": device, "kind": "pendant"}
        treatment = {"test": "test", "mains_restored": "clear", "path_restored": "clear"}.get(type_, "alarm")
        await self.sql(
            "INSERT INTO event (id, lane, topic, hub_id, council_id, event_id, dedup_key, type, treatment, payload,"
            " payload_size) VALUES (:id, 'alarm', 't', :hub, 'S12000035', :key, :key, :type, :treatment, :payload, 1)",
            id=event_id, hub=self.named(hub), key=str(event_id), type=type_, treatment=treatment,
            payload=json.dumps(payload).encode(),
        )  # fmt: skip
        return event_id

    async def show_all(self, hub: str = "NEW") -> None:
        """Let the new hub show all but the soak."""
        await self.arrives(hub=hub)
        await self.voice()
        await self.arrives("path_lost", None, "lte", hub)
        await self.arrives(path="lte", hub=hub)
        for type_ in ("path_restored", "mains_fail", "mains_restored"):
            await self.arrives(type_, None, hub=hub)

    async def voice(self, who: str = "fiona") -> None:
        async with self.database.transaction() as session:
            await Swaps(session, self.people[who]).voice(self.visit_id, None)

    async def soak(self, hours: float = 25, hub: str = "NEW") -> None:
        """Let what has happened with the new hub have happened so long ago, and let it have been heard since."""
        await self.sql(
            "UPDATE installation SET period = tstzrange(lower(period) - make_interval(mins => :m), NULL)"
            " WHERE hub_id = :hub AND upper_inf(period)",
            m=int(hours * 60) + 60, hub=self.named(hub),
        )  # fmt: skip
        await self.sql(
            "UPDATE visit SET soak_since = now() - make_interval(mins => :m) WHERE id = :id",
            m=int(hours * 60), id=self.visit_id,
        )  # fmt: skip
        await self.sql(
            "INSERT INTO presence_period (hub_id, started_at, state)"
            " VALUES (:hub, now() - make_interval(mins => :m), 'online') ON CONFLICT DO NOTHING",
            m=int(hours * 60) + 30, hub=self.named(hub),
        )  # fmt: skip

    async def fell_silent(self) -> None:
        """Let the new hub have been silent for an hour, twenty hours ago: a soak begins anew after it."""
        await self.sql(
            "UPDATE presence_period SET ended_at = now() - interval '20 hours' WHERE hub_id = :hub",
            hub=self.named("NEW"),
        )
        await self.sql(
            "INSERT INTO presence_period (hub_id, started_at, ended_at, state) VALUES"
            " (:hub, now() - interval '20 hours', now() - interval '19 hours', 'offline'),"
            " (:hub, now() - interval '19 hours', NULL, 'online')",
            hub=self.named("NEW"),
        )

    async def state(self) -> str:
        return (await self.visit()).state

    @staticmethod
    def later(days: int = 3) -> date:
        return date.today() + timedelta(days=days)  # noqa: DTZ011 - any day to come
