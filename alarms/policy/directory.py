"""Whom a policy may name, and whether anybody stands behind a name over the days to come."""

from bisect import bisect_right
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import IN_HOUSE, TargetKind
from alarms.notify.repository import ContactPointRepository
from alarms.policy.bound import StandsBehind
from alarms.responders.repository import ResponderRepository, TeamRepository
from alarms.rota.domain import Rota, RotaError, Shift, shifts
from alarms.rota.repository import RotaRepository

Spans = list[tuple[datetime, datetime]]


class Directory:
    """Looks names up in the transaction of `session`: a council's own before those that serve all."""

    def __init__(self, session: AsyncSession) -> None:
        self.points = ContactPointRepository(session)
        self.responders = ResponderRepository(session)
        self.teams = TeamRepository(session)
        self.rotas = RotaRepository(session)

    async def known(self, council_id: str | None) -> frozenset[str]:
        """Return every target with a key that a council's policy may name."""
        responders = await self.responders.keys(council_id)
        return frozenset(
            f"{kind}:{key}"
            for kind, keys in (
                (TargetKind.RESPONDER, responders),
                (TargetKind.WEBHOOK, responders),
                (TargetKind.TEAM, await self.teams.keys(council_id)),
                (TargetKind.ROTA, await self.rotas.keys(council_id)),
            )
            for key in keys
        )

    async def stands_behind(
        self, council_id: str | None, targets: Collection[str], since: datetime, until: datetime
    ) -> StandsBehind:
        """Return who can be told when, as far as it is known. A person's contacts count as nobody: some have none."""
        standing = await self.points.parties_for(council_id)
        always = {*IN_HOUSE, *(target for target, parties in standing.items() if parties)}
        people = await self._people(council_id, targets)
        shifts_of = await self._shifts(council_id, targets, since, until)
        members = {one for listed in people.values() for one in listed}
        on = {one for listed in shifts_of.values() for shift in listed for one in shift.members}
        tellable, by_webhook = await self._tellable(members | on)
        for target, listed in people.items():
            reached = by_webhook if target.startswith(f"{TargetKind.WEBHOOK}:") else tellable
            if reached & {*listed}:
                always.add(target)
        turns: dict[str, Spans] = {
            target: [(shift.start, shift.end) for shift in listed if tellable & {*shift.members}]
            for target, listed in shifts_of.items()
        }

        def behind(target: str, moment: datetime) -> bool:
            if target in always:
                return True
            spans = turns.get(target, [])
            place = bisect_right(spans, moment, key=lambda span: span[0]) - 1
            return place >= 0 and moment < spans[place][1]

        return behind

    async def _people(self, council_id: str | None, targets: Collection[str]) -> dict[str, tuple[UUID, ...]]:
        """Return the responders behind each target that is the same at any hour."""
        people: dict[str, tuple[UUID, ...]] = {}
        for kind in (TargetKind.RESPONDER, TargetKind.WEBHOOK):
            if keys := keys_of(kind, targets):
                found = await self.responders.by_keys(keys, council_id)
                people |= {f"{kind}:{key}": (one,) for key, one in found.items()}
        if keys := keys_of(TargetKind.TEAM, targets):
            members = await self.responders.members_of_teams(keys, council_id)
            people |= {f"{TargetKind.TEAM}:{key}": listed for key, listed in members.items()}
        return people

    async def _shifts(
        self, council_id: str | None, targets: Collection[str], since: datetime, until: datetime
    ) -> dict[str, tuple[Shift, ...]]:
        """Return who is on when behind each rota."""
        plans = await self.rotas.by_keys(keys_of(TargetKind.ROTA, targets), council_id)
        rotas = await self.rotas.rotas(list(plans.values()), since, until)
        return {f"{TargetKind.ROTA}:{key}": _shifts(rotas[plan.id], since, until) for key, plan in plans.items()}

    async def _tellable(self, responder_ids: Collection[UUID]) -> tuple[set[UUID], set[UUID]]:
        """Return which of these can be told by any way, and which by webhook."""
        facts = await self.responders.facts(list(responder_ids))
        ways = {one: {way.channel for way in who.methods if not way.disabled} for one, who in facts.items()}
        return {one for one, found in ways.items() if found}, {one for one, found in ways.items() if "webhook" in found}


def _shifts(rota: Rota | RotaError, since: datetime, until: datetime) -> tuple[Shift, ...]:
    """Return who is on when; a rota that cannot be read or computed is nobody (R26)."""
    if isinstance(rota, RotaError):
        return ()
    try:
        return shifts(rota, since, until)
    except (ArithmeticError, ValueError, LookupError):
        return ()


def keys_of(kind: TargetKind, targets: Collection[str]) -> list[str]:
    """Return the keys of the targets of one kind."""
    named = (target.partition(":") for target in targets)
    return [key for found, _, key in named if found == kind]
