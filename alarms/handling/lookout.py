"""Collects what notices are made of: the live policies, who stands behind what they name, and what waits."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import TargetKind
from alarms.handling.notices import AHEAD, Circle, LivePolicy, NamedRota, Notice, named_by, notices
from alarms.handling.repository import AlarmRepository
from alarms.policy.directory import Directory, keys_of
from alarms.policy.repository import PolicyRepository
from alarms.rota.domain import Rota, RotaError, Shift, gaps
from telecare.kernel.db import database_now


class Lookout:
    """Looks in the transaction of `session`, and only reads; so many alarms of a council are the `limit`."""

    def __init__(self, session: AsyncSession, limit: int) -> None:
        self.session = session
        self.limit = limit
        self.directory = Directory(session)

    async def look(self, councils: frozenset[str]) -> tuple[Notice, ...]:
        """Return the notices for users of these councils (none means all), those of what serves all included."""
        now = await database_now(self.session)
        groups: dict[str | None, list[LivePolicy]] = defaultdict(list)
        for policy, document in await PolicyRepository(self.session).documents(councils):
            groups[policy.council_id].append(LivePolicy(policy.id, policy.key, document))
        circles = [await self._circle(council_id, policies, now) for council_id, policies in groups.items()]
        return notices(circles, await AlarmRepository(self.session).unclaimed(councils), self.limit, now)

    async def _circle(self, council_id: str | None, policies: list[LivePolicy], now: datetime) -> Circle:
        targets = frozenset[str]().union(*(named_by(one.document) for one in policies if one.document))
        behind = await self.directory.stands_behind(council_id, targets, now, now + AHEAD)
        return Circle(council_id, policies, behind, await self._rotas(council_id, targets, now))

    async def _rotas(self, council_id: str | None, targets: Collection[str], now: datetime) -> dict[str, NamedRota]:
        rotas = self.directory.rotas
        plans = await rotas.by_keys(keys_of(TargetKind.ROTA, targets), council_id)
        read = await rotas.rotas(list(plans.values()), now, now + AHEAD)
        return {
            f"{TargetKind.ROTA}:{key}": NamedRota(plan.id, _gaps(read[plan.id], now)) for key, plan in plans.items()
        }


def _gaps(rota: Rota | RotaError, now: datetime) -> tuple[Shift, ...] | None:
    """Return the gaps ahead; None for a rota that cannot be read, or of which they cannot be computed."""
    if isinstance(rota, RotaError):
        return None
    try:
        return gaps(rota, now, now + AHEAD)
    except (ArithmeticError, ValueError, LookupError):
        return None
