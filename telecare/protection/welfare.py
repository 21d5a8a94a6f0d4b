"""After a gap of ours: puts on a list who could have pressed in it, and keeps each list as it is worked through.

Any number of copies: one at a time makes lists, and a campaign is locked while one looks at it. A crash in between is
taken up where it was left, one council a transaction.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.welfare.domain import Cause, Facts, Ranked, ranked
from alarms.welfare.models import WelfareCampaign
from alarms.welfare.repository import WelfareRepository
from alarms.welfare.service import WelfareService
from telecare.access.repository import AuditRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import InvalidError
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import look_each
from telecare.protection.welfare_repository import WelfareFacts

log = get_logger("welfare")

EVERY_S = 3.0
RANK_EVERY_S = 20.0
KEEPS_FOR_S = 2.0
"""So long one look is kept at it: with a list in each council the rest comes with the next, after new gaps."""


class WelfareWatch:
    """One worker that makes the campaigns that are due, and looks after those that are open."""

    def __init__(self, database: Database, after_s: float, public_url: str | None = None) -> None:
        self.database = database
        self.after_s = after_s
        self.public_url = public_url

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        await look_each(EVERY_S, stop, self.make, self.keep, name="welfare", database=self.database)

    async def make(self) -> None:
        """Deal with every gap that nobody has dealt with yet."""
        while await self._make_one():
            pass

    async def _make_one(self) -> bool:
        """Make the list of one council for one gap, or write down that a gap is done; False when there is none."""
        async with self.database.transaction() as session:
            facts = WelfareFacts(session)
            if not await facts.lock():
                return False
            found = await facts.unchecked(self.after_s)
            if found is None:
                return False
            gap, is_long = found
            council_id = await facts.next_council(gap) if is_long else None
            if council_id is None:
                await facts.checked(gap)
                return True
            known = await facts.of_council(council_id, (gap.started_at, gap.ended_at), digital_only=True)
            people = await in_order(known, gap.ended_at, await database_now(session))
            await WelfareService(session, AuditRepository(session), self.public_url).make_for_gap(
                council_id, gap, people
            )
            return True

    async def keep(self) -> None:
        """Rank anew, settle who is proven, end what is done: each campaign that nobody has looked at lately."""
        clock = asyncio.get_running_loop().time
        until = clock() + KEEPS_FOR_S
        while await self._keep_one() and clock() < until:
            pass

    async def _keep_one(self) -> bool:
        async with self.database.transaction() as session:
            campaign = await WelfareRepository(session).due(RANK_EVERY_S)
            if campaign is None:
                return False
            window = (campaign.gap_from, campaign.gap_to)
            of_ours = campaign.cause == Cause.DEAF_PERIOD
            known = await WelfareFacts(session).of_campaign(campaign.id, window, digital_only=of_ours)
            now = await database_now(session)
            people = await in_order(known, campaign.gap_to, now)
            await WelfareService(session, AuditRepository(session), self.public_url).keep(campaign, people, now)
            return True


async def make_by_hand(
    session: AsyncSession,
    *,
    council_id: str,
    reason: str,
    by: str,
    window: tuple[datetime | None, datetime | None] = (None, None),
    person_ids: Collection[UUID] | None = None,
    hub_ids: Collection[str] | None = None,
    alarm_id: UUID | None = None,
    public_url: str | None = None,
) -> WelfareCampaign:
    """Make a campaign because somebody asks for it: about a council, those whom lists name, or those of a mass alarm.

    InvalidError when there is nobody to be asked. Without a window it is about whoever is served by a hub now, and what
    is known of a person from now on counts.
    """
    now = await database_now(session)
    gap_to = min(window[1] or now, now)
    gap_from = min(window[0] or gap_to, gap_to)
    facts = WelfareFacts(session)
    if alarm_id is not None:
        hub_ids = [*(hub_ids or ()), *await facts.told_by(alarm_id)]
    known = await facts.of_council(
        council_id, (gap_from, gap_to), digital_only=False, person_ids=person_ids, hub_ids=hub_ids
    )
    if not known:
        errors = [{"where": "body", "what": "no hub serves anybody there at that time"}]
        raise InvalidError("There is nobody to check on", errors=errors)
    people = await in_order(known, gap_to, now)
    service = WelfareService(session, AuditRepository(session), public_url)
    return await service.make(council_id, Cause.BY_HAND, reason, (gap_from, gap_to), people, by)


async def in_order(known: Sequence[Facts], gap_to: datetime, now: datetime) -> list[Ranked]:
    """Rank people beside the event loop: of a large council they are many, and alarms go on meanwhile."""
    return await asyncio.to_thread(ranked, known, gap_to, now)
