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
from alarms.rota.domain import RotaError, shifts
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
        turns: dict[str, Spans] = {}
        for target in targets:
            kind, _, key = target.partition(":")
            if kind in {TargetKind.RESPONDER, TargetKind.WEBHOOK}:
                found = (await self.responders.by_keys([key], council_id)).values()
                if await self._tellable(found, webhook=kind == TargetKind.WEBHOOK):
                    always.add(target)
            elif kind == TargetKind.TEAM:
                members = (await self.responders.members_of_teams([key], council_id)).get(key, ())
                if await self._tellable(members):
                    always.add(target)
            elif kind == TargetKind.ROTA:
                turns[target] = await self._turns(key, council_id, since, until)

        def behind(target: str, moment: datetime) -> bool:
            if target in always:
                return True
            spans = turns.get(target, [])
            place = bisect_right(spans, moment, key=lambda span: span[0]) - 1
            return place >= 0 and moment < spans[place][1]

        return behind

    async def _turns(self, key: str, council_id: str | None, since: datetime, until: datetime) -> Spans:
        """Return when anybody who can be told is on call; a rota that cannot be read is nobody (R26)."""
        plan = await self.rotas.by_key(key, council_id)
        if plan is None:
            return []
        rota = (await self.rotas.rotas([plan], since, until))[plan.id]
        if isinstance(rota, RotaError):
            return []
        on = shifts(rota, since, until)
        tellable = await self._tellable({member for shift in on for member in shift.members})
        return [(shift.start, shift.end) for shift in on if tellable & set(shift.members)]

    async def _tellable(self, responder_ids: Collection[UUID], *, webhook: bool = False) -> set[UUID]:
        facts = await self.responders.facts(list(responder_ids))
        return {
            responder_id
            for responder_id, responder in facts.items()
            if any(not method.disabled and (not webhook or method.channel == "webhook") for method in responder.methods)
        }
