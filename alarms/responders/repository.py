"""All queries on responders, the ways to reach them, their rules, and teams."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from alarms.escalation.domain import Party
from alarms.responders.domain import Method, QuietHours, Reached, Rule, Urgency, reached
from alarms.responders.domain import Responder as ResponderFacts
from alarms.responders.models import ContactMethod, ContactRule, Responder, Team, TeamMember
from telecare.kernel.among import among
from telecare.kernel.ids import new_id

LONDON = ZoneInfo("Europe/London")


class Named(NamedTuple):
    """A responder by name, for those who list somebody else's members."""

    id: UUID
    key: str
    name: str


def serves(column: InstrumentedAttribute[str | None], council_id: str | None) -> ColumnElement[bool]:
    """Return the condition for what serves a council: its own and the shared; without one the shared only."""
    shared = column.is_(None)
    return shared if council_id is None else shared | (column == council_id)


def seen_by(column: InstrumentedAttribute[str | None], councils: Collection[str]) -> ColumnElement[bool]:
    """Return the condition for what users of these councils may see, the shared included; none means all councils."""
    return column.is_(None) | column.in_(councils) if councils else true()


class ResponderRepository:
    """Reads and writes of responders in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    # On the way of an alarm: few statements, whatever the number.

    async def by_keys(self, keys: Collection[str], council_id: str | None) -> dict[str, UUID]:
        """Return the responders with these keys: a council's own before a shared one of the same key."""
        statement = select(Responder.key, Responder.id).where(
            among(Responder.key, keys), Responder.removed_at.is_(None)
        )
        # The own come last, and so stay.
        ordered = statement.where(serves(Responder.council_id, council_id)).order_by(Responder.council_id.nulls_first())
        return {key: responder_id for key, responder_id in await self.session.execute(ordered)}  # noqa: C416 - rows

    async def keys(self, council_id: str | None) -> list[str]:
        """Return the keys of all responders who serve a council."""
        statement = select(Responder.key).where(
            Responder.removed_at.is_(None), serves(Responder.council_id, council_id)
        )
        return list((await self.session.execute(statement)).scalars())

    async def members_of_teams(self, keys: Collection[str], council_id: str | None) -> dict[str, tuple[UUID, ...]]:
        """Return the members of the teams with these keys, in order; of a council's own before a shared one."""
        statement = (
            select(Team.id, Team.key, TeamMember.responder_id)
            .join(TeamMember, TeamMember.team_id == Team.id, isouter=True)
            .where(among(Team.key, keys), Team.removed_at.is_(None))
        )
        own_last = (Team.council_id.nulls_first(), TeamMember.position)
        ordered = statement.where(serves(Team.council_id, council_id)).order_by(*own_last)
        found: dict[str, dict[UUID, list[UUID]]] = defaultdict(dict)
        for team_id, key, member in await self.session.execute(ordered):
            members = found[key].setdefault(team_id, [])
            if member is not None:
                members.append(member)
        return {key: tuple(list(teams.values())[-1]) for key, teams in found.items()}

    async def parties(self, responder_ids: Collection[UUID], class_: str, at: datetime) -> dict[UUID, Party]:
        """Return how each of these is told of an alarm of a class (L, U, T, I); who no longer serves is left out."""
        return {
            responder_id: found.party for responder_id, found in (await self.reached(responder_ids, class_, at)).items()
        }

    async def reached(self, responder_ids: Collection[UUID], class_: str, at: datetime) -> dict[UUID, Reached]:
        """Return the same with the reason of each silence. Two statements, whatever the number."""
        local = at.astimezone(LONDON).time()
        facts = await self.facts(responder_ids)
        return {responder_id: reached(responder, class_, local) for responder_id, responder in facts.items()}

    async def facts(self, responder_ids: Collection[UUID]) -> dict[UUID, ResponderFacts]:
        """Return those of these responders who serve, with methods and rules, by id and in the order asked for."""
        if not responder_ids:
            return {}
        serving = (
            select(Responder, ContactMethod)
            .join(ContactMethod, ContactMethod.responder_id == Responder.id, isouter=True)
            .where(among(Responder.id, responder_ids), Responder.active, Responder.removed_at.is_(None))
            .order_by(ContactMethod.position)
        )
        people: dict[UUID, Responder] = {}
        methods: dict[UUID, list[Method]] = defaultdict(list)
        for person, method in await self.session.execute(serving):
            people[person.id] = person
            if method is not None:
                methods[person.id].append(_method(method))
        rules = await self._rules(people)
        return {
            each: ResponderFacts(
                each, people[each].name, tuple(methods[each]), tuple(rules[each]), _quiet(people[each])
            )
            for each in responder_ids
            if each in people
        }

    async def serving(self, responder_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return which of these are neither removed nor switched off."""
        statement = select(Responder.id).where(
            among(Responder.id, responder_ids), Responder.active, Responder.removed_at.is_(None)
        )
        return frozenset((await self.session.execute(statement)).scalars())

    async def _rules(self, responder_ids: Iterable[UUID]) -> dict[UUID, list[Rule]]:
        found: dict[UUID, list[Rule]] = defaultdict(list)
        statement = select(ContactRule).where(among(ContactRule.responder_id, responder_ids))
        for rule in (await self.session.execute(statement)).scalars():
            found[rule.responder_id].append(Rule(rule.method_id, rule.after_s, Urgency(rule.urgency)))
        return found

    # For people who look after them.

    async def page(self, councils: Collection[str], before: UUID | None, limit: int) -> list[Responder]:
        """Return responders, newest first: those of these councils (none means all) and those that serve all."""
        statement = select(Responder).where(Responder.removed_at.is_(None)).order_by(Responder.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(Responder.id < before)
        return list((await self.session.execute(statement.where(seen_by(Responder.council_id, councils)))).scalars())

    async def get(self, responder_id: UUID, *, lock: bool = False) -> Responder | None:
        """Return a responder who has not been removed, on demand with the row locked, or None."""
        statement = select(Responder).where(Responder.id == responder_id, Responder.removed_at.is_(None))
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def create(self, **columns: Any) -> Responder | None:
        """Add a responder; None when the council has one of this key already."""
        statement = insert(Responder).values(id=new_id(), **columns).on_conflict_do_nothing().returning(Responder)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def remove(self, responder_id: UUID) -> None:
        """Take a responder out of service and out of every team; the row stays, its key is free."""
        await self.session.execute(delete(TeamMember).where(TeamMember.responder_id == responder_id))
        await self.session.execute(
            update(Responder).where(Responder.id == responder_id).values(removed_at=func.now(), active=False)
        )

    async def named(self, responder_ids: Iterable[UUID]) -> dict[UUID, Named]:
        """Return the keys and names of responders, those removed included."""
        statement = select(Responder.id, Responder.key, Responder.name).where(among(Responder.id, responder_ids))
        return {row.id: Named(*row) for row in await self.session.execute(statement)}

    async def not_for(self, responder_ids: Collection[UUID], council_id: str | None) -> set[UUID]:
        """Return those ids that are no responder who may serve a council: its own or a shared one, not removed."""
        statement = select(Responder.id).where(among(Responder.id, responder_ids), Responder.removed_at.is_(None))
        known = await self.session.execute(statement.where(serves(Responder.council_id, council_id)))
        return set(responder_ids) - set(known.scalars())

    async def methods_of(self, responder_id: UUID) -> Sequence[ContactMethod]:
        """Return a responder's methods in their order."""
        statement = select(ContactMethod).where(ContactMethod.responder_id == responder_id)
        ordered = statement.order_by(ContactMethod.position, ContactMethod.id)
        return (await self.session.execute(ordered)).scalars().all()

    async def methods_by(self, responder_ids: Collection[UUID]) -> dict[UUID, list[ContactMethod]]:
        """Return the methods of responders in their order."""
        found: dict[UUID, list[ContactMethod]] = {each: [] for each in responder_ids}
        statement = select(ContactMethod).where(among(ContactMethod.responder_id, responder_ids))
        for method in (
            await self.session.execute(statement.order_by(ContactMethod.position, ContactMethod.id))
        ).scalars():
            found[method.responder_id].append(method)
        return found

    async def lock_method(self, responder_id: UUID, method_id: UUID) -> ContactMethod | None:
        """Return one of a responder's methods with its row locked, or None."""
        statement = select(ContactMethod).where(
            ContactMethod.id == method_id, ContactMethod.responder_id == responder_id
        )
        locked = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(locked)).scalar_one_or_none()

    async def add_method(self, **columns: Any) -> ContactMethod | None:
        """Add a method; None when the responder has this address on this channel already."""
        statement = insert(ContactMethod).values(id=new_id(), **columns).on_conflict_do_nothing()
        return (await self.session.execute(statement.returning(ContactMethod))).scalar_one_or_none()

    async def delete_method(self, method_id: UUID) -> None:
        """Remove a method, and its rules."""
        await self.session.execute(delete(ContactMethod).where(ContactMethod.id == method_id))

    async def rules_of(self, responder_id: UUID) -> Sequence[ContactRule]:
        """Return a responder's rules: by urgency, then in the order in which they come."""
        statement = select(ContactRule).where(ContactRule.responder_id == responder_id)
        ordered = statement.order_by(ContactRule.urgency, ContactRule.after_s, ContactRule.id)
        return (await self.session.execute(ordered)).scalars().all()

    async def replace_rules(self, responder: Responder, rules: Iterable[Rule]) -> None:
        """Put these rules in place of all that a responder has."""
        await self.session.execute(delete(ContactRule).where(ContactRule.responder_id == responder.id))
        rows = [
            {
                "id": new_id(),
                "responder_id": responder.id,
                "council_id": responder.council_id,
                "method_id": rule.method_id,
                "after_s": rule.after_s,
                "urgency": rule.urgency,
            }
            for rule in dict.fromkeys(rules)
        ]
        if rows:
            await self.session.execute(insert(ContactRule).values(rows))

    async def is_switched_off(self, channel: str, address: str) -> bool:
        """Say whether responders have this address and every one of them has switched it off."""
        statement = select(func.bool_and(ContactMethod.disabled_at.is_not(None))).where(
            ContactMethod.channel == channel, ContactMethod.address == address
        )
        return bool((await self.session.execute(statement)).scalar_one())

    async def enable_address(self, channel: str, address: str, why: str) -> list[ContactMethod]:
        """Switch on again what was switched off for this reason, and nothing else; return what was off."""
        statement = (
            update(ContactMethod)
            .where(
                ContactMethod.channel == channel, ContactMethod.address == address, ContactMethod.disabled_why == why
            )
            .values(disabled_at=None, disabled_why=None)
            .returning(ContactMethod)
        )
        return list((await self.session.execute(statement)).scalars())

    async def disable_address(self, channel: str, address: str, why: str) -> list[ContactMethod]:
        """Switch off every method with this address, as a reply of STOP asks for; return those that were on."""
        statement = (
            update(ContactMethod)
            .where(
                ContactMethod.channel == channel, ContactMethod.address == address, ContactMethod.disabled_at.is_(None)
            )
            .values(disabled_at=func.clock_timestamp(), disabled_why=why)
            .returning(ContactMethod)
        )
        return list((await self.session.execute(statement)).scalars())


class TeamRepository:
    """Reads and writes of teams in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def keys(self, council_id: str | None) -> list[str]:
        """Return the keys of all teams that serve a council."""
        statement = select(Team.key).where(Team.removed_at.is_(None), serves(Team.council_id, council_id))
        return list((await self.session.execute(statement)).scalars())

    async def page(self, councils: Collection[str], before: UUID | None, limit: int) -> list[Team]:
        """Return teams, newest first: those of these councils (none means all) and those that serve all."""
        statement = select(Team).where(Team.removed_at.is_(None)).order_by(Team.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(Team.id < before)
        return list((await self.session.execute(statement.where(seen_by(Team.council_id, councils)))).scalars())

    async def get(self, team_id: UUID, *, lock: bool = False) -> Team | None:
        """Return a team that has not been removed, on demand with its row locked, or None."""
        statement = select(Team).where(Team.id == team_id, Team.removed_at.is_(None))
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def create(self, **columns: Any) -> Team | None:
        """Add a team; None when the council has one of this key already."""
        statement = insert(Team).values(id=new_id(), **columns).on_conflict_do_nothing().returning(Team)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def remove(self, team_id: UUID) -> None:
        """Remove a team; its key is free."""
        await self.session.execute(update(Team).where(Team.id == team_id).values(removed_at=func.now()))

    async def members(self, team_ids: Collection[UUID]) -> dict[UUID, tuple[Named, ...]]:
        """Return the members of teams in their order."""
        statement = (
            select(TeamMember.team_id, Responder.id, Responder.key, Responder.name)
            .join(Responder, Responder.id == TeamMember.responder_id)
            .where(among(TeamMember.team_id, team_ids))
            .order_by(TeamMember.position)
        )
        found: dict[UUID, list[Named]] = defaultdict(list)
        for row in await self.session.execute(statement):
            found[row.team_id].append(Named(row.id, row.key, row.name))
        return {team_id: tuple(found[team_id]) for team_id in team_ids}

    async def put_members(self, team: Team, members: Sequence[UUID]) -> None:
        """Put these members, in this order, in place of all that a team has."""
        await self.session.execute(delete(TeamMember).where(TeamMember.team_id == team.id))
        rows = [
            {"team_id": team.id, "responder_id": member, "council_id": team.council_id, "position": position}
            for position, member in enumerate(dict.fromkeys(members))
        ]
        if rows:
            await self.session.execute(insert(TeamMember).values(rows))


def _method(row: ContactMethod) -> Method:
    return Method(row.id, row.channel, row.address, row.label, row.position, row.disabled_at is not None)


def _quiet(row: Responder) -> QuietHours | None:
    return QuietHours(row.quiet_from, row.quiet_to) if row.quiet_from is not None and row.quiet_to is not None else None
