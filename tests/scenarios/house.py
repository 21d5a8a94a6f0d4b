"""The people, rotas and policies of a scenario as rows of a real database."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Party, Target
from alarms.notify.models import ContactPoint
from alarms.policy.cast import Cast, layers_of, person_id
from alarms.policy.document import PolicyDocument
from alarms.policy.repository import PolicyRepository
from alarms.policy.scenario import EventPart, RotaPart, Scenario
from alarms.policy.scenario_words import WayPart
from alarms.responders.domain import Rule, Urgency
from alarms.responders.models import ContactMethod, Responder, Team
from alarms.responders.repository import ResponderRepository, TeamRepository
from alarms.rota.document import dump_layers, dump_turns
from alarms.rota.domain import Turn
from alarms.rota.models import RotaOverride, RotaPlan, RotaTemporary
from telecare.kernel.ids import new_id

EMPTY = (
    "TRUNCATE alarm, alarm_log, board_change, outbox, policy, policy_version, responder, contact_method, contact_rule,"
    " team, team_member, rota, rota_override, rota_temporary, contact_point, planned_work CASCADE"
)


class House:
    """Whoever a scenario names; `address_of` is what stands in the rows for a way such as `u1.sms`."""

    def __init__(self, scenario: Scenario, prefix: str = "") -> None:
        self.scenario = scenario
        self.cast = Cast(scenario)
        self._prefix = prefix

    def address_of(self, name: str, way: str) -> str:
        return f"{self._prefix}{name}.{way}"

    def name_of(self, address: str) -> str:
        return address.removeprefix(self._prefix)

    async def build(self, session: AsyncSession) -> None:
        await session.execute(text("SET LOCAL session_replication_role = replica"))  # logs are append-only
        await session.execute(text(EMPTY))
        await session.execute(text("SET LOCAL session_replication_role = DEFAULT"))
        for name, ways in self.scenario.people.items():
            await self._put_person(session, name, ways)
        for key, members in self.scenario.teams.items():
            row = insert(Team).values(id=new_id(), key=key, name=key).returning(Team)
            team = (await session.execute(row)).scalar_one()
            await TeamRepository(session).put_members(team, [person_id(name) for name in members])
        for key, part in self.scenario.rotas.items():
            await self._put_rota(session, key, part)
        for document in self.scenario.policies:
            await self._put_policy(session, document)
        for target, names in self.scenario.standing.items():
            if target is not Target.CONTACTS:
                for name in names:
                    await self._put_behind(session, target, name)

    async def contacts_of(self, _session: AsyncSession, _person_id: UUID) -> tuple[Party, ...]:
        """Return the person's contacts as the register would, in their order."""
        names = self.scenario.standing.get(Target.CONTACTS, ())
        return tuple(self.cast.party(name) for name in names if name in self.cast.people)

    async def change(self, session: AsyncSession, event: EventPart) -> bool:
        """Let rows be as an event says; return whether anybody is told otherwise now."""
        responders = ResponderRepository(session)
        for name in event.remove:
            await responders.remove(person_id(name))
        for name, ways in (event.people or {}).items():
            await self._put_person(session, name, ways)
        for way in event.disable:
            await responders.disable_address(*self._channel_and_address(way), "switched off")
        for way in event.enable:
            _, address = self._channel_and_address(way)
            on = update(ContactMethod).where(ContactMethod.address == address)
            await session.execute(on.values(disabled_at=None, disabled_why=None))
        for key, part in (event.rotas or {}).items():
            gone = update(RotaPlan).where(RotaPlan.key == key, RotaPlan.removed_at.is_(None))
            await session.execute(gone.values(removed_at=text("clock_timestamp()")))
            await self._put_rota(session, key, part)
        if event.policy is not None:
            await self._put_policy(session, event.policy)
        return self.cast.change(event)

    def _channel_and_address(self, way: str) -> tuple[str, str]:
        name, _, by = way.rpartition(".")
        return by.partition("/")[0], self.address_of(name, by)

    async def _put_person(self, session: AsyncSession, name: str, ways: tuple[WayPart, ...]) -> None:
        responders = ResponderRepository(session)
        responder = await responders.get(person_id(name))
        if responder is None:
            row = insert(Responder).values(id=person_id(name), key=name, name=name).returning(Responder)
            responder = (await session.execute(row)).scalar_one()
        methods = {method.address: method.id for method in await responders.methods_of(responder.id)}
        rules = []
        for rule in ways:
            channel, address = self._channel_and_address(f"{name}.{rule.way}")
            if address not in methods:
                about: dict[str, Any] = {"channel": channel, "address": address, "label": name}
                position = len(methods) + 1
                method = await responders.add_method(responder_id=responder.id, position=position, **about)
                assert method is not None
                methods[address] = method.id
            rules += [Rule(methods[address], rule.after, urgency) for urgency in Urgency]
        await responders.replace_rules(responder, rules)

    async def _put_behind(self, session: AsyncSession, target: Target, name: str) -> None:
        for rule in self.scenario.people[name]:
            channel, address = self._channel_and_address(f"{name}.{rule.way}")
            row = {"target": target, "channel": channel, "address": address, "label": name}
            await session.execute(insert(ContactPoint).values(id=new_id(), **row))

    async def _put_rota(self, session: AsyncSession, key: str, part: RotaPart) -> None:
        plan = {"layers": "nobody can read this"} if part.broken else dump_layers(layers_of(part))
        rota_id = new_id()
        await session.execute(insert(RotaPlan).values(id=rota_id, key=key, name=key, zone=part.zone, plan=plan))
        said = {"rota_id": rota_id, "why": "the scenario", "made_by": "the scenario"}
        for one in part.overrides:
            row = {"kind": one.kind, "starts_at": one.start, "ends_at": one.end, **said}
            who = {"member_id": _id(one.member), "instead_of_id": _id(one.instead_of)}
            await session.execute(insert(RotaOverride).values(id=new_id(), **row, **who))
        for each in part.temporary:
            turns = dump_turns(Turn(person_id(turn.member), turn.start, turn.end) for turn in each.turns)
            row = {"starts_at": each.start, "ends_at": each.end, "plan": turns, **said}
            await session.execute(insert(RotaTemporary).values(id=new_id(), **row))

    async def _put_policy(self, session: AsyncSession, document: PolicyDocument) -> None:
        """Save a version as `PolicyService` does, but unchecked: the peer profile's waits are too long for us."""
        policies = PolicyRepository(session)
        policy = await policies.create(None, document.key)
        if policy is None:
            policy = next(one for one in await policies.page((), None, 100) if one.key == document.key)
            policy.version += 1
            await session.flush()
        columns = {"text": "", "outlook": {}, "note": "the scenario", "created_by": "the scenario"}
        await policies.add_version(policy, document=document.model_dump(mode="json", by_alias=True), **columns)


def _id(name: str | None) -> UUID | None:
    return None if name is None else person_id(name)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
