"""Finds out which homes are hit together, and keeps the incidents that come of it. Any number of copies; one at a time.

No alarm waits for it: it reads what intake and presence have written. Life-safety is none of its business.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.deadline_repository import DeadlineRepository
from alarms.handling.deadlines import Deadlines
from alarms.handling.service import AlarmService
from alarms.handling.silence import gravest
from alarms.incidents.domain import OF_PLACES, Group, Rule, Signal, Standing, correlate, is_over
from alarms.incidents.models import Incident
from alarms.incidents.repository import IncidentRepository, Member, as_open, group_of
from alarms.incidents.service import IncidentService, News
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import by_itself
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.settings import Settings
from telecare.kernel.waiting import letting_in
from telecare.protection.open_silences import OpenSilences
from telecare.protection.standings import Standings

log = get_logger("incidents")

SIZES_LAST_S = 60.0
AT_ONCE = 200

OPENED = Counter(
    "telecare_incidents_opened", "Mass incidents that this process has opened", ["kind"], registry=REGISTRY
)
OPEN = Gauge("telecare_incidents_open", "Mass incidents that are on, as of the last look", registry=REGISTRY)
HIT = Gauge("telecare_incident_members", "Homes that are hit in open incidents, as of the last look", registry=REGISTRY)


def incident_rule(settings: Settings) -> Rule:
    """Return when homes are one incident, as configured."""
    within, settle = (timedelta(seconds=each) for each in (settings.incident_within_s, settings.incident_settle_s))
    return Rule(settings.incident_at_least, settings.incident_share, within, settle)


class IncidentWatch:
    """One worker that keeps incidents."""

    def __init__(self, database: Database, public_url: str | None = None, rule: Rule | None = None) -> None:
        self.database = database
        self.public_url = public_url
        self.rule = rule or Rule()
        self._sizes: dict[Group, int] = {}
        self._counted_at = float("-inf")

    async def look(self) -> None:
        """Let homes join, return, and be told of as overdue; open and close what follows."""
        async with self.database.transaction() as session:
            service = IncidentService(session, self.public_url)
            if not await service.incidents.take_turn():
                return
            now = await database_now(session)
            incidents = await service.incidents.open()
            members = await service.incidents.joined()
            standing = {one.hub_id: one for one in await Standings(session).now(self.rule.within)}
            fresh = [one for hub_id, one in standing.items() if hub_id not in members]
            if incidents or len(fresh) >= self.rule.at_least:
                await self._count(session)
            plan = correlate(
                [one.signal for one in fresh],
                self._sizes,
                [as_open(one) for one in incidents],
                now,
                self.rule,
                await _of_places(incidents, members, standing) if fresh else {},
            )
            await service.incidents.change(await _changed(standing, members))
            set_by_councils = await DeadlineRepository(session).all() if incidents else {}
            overdue = await _overdue(standing, members, set_by_councils, now)
            own = _by_incident(members)
            news = {
                one.id: _news(
                    own[one.id], [standing[hub_id] for hub_id in plan.joins.get(one.id, ())], standing, overdue
                )
                for one in incidents
            }
            moved = [one for one in incidents if self._moves(one, news[one.id], now)]
            await service.incidents.lock_alarms([one.id for one in moved])
            for incident in moved:
                await self._follow(service, incident, news[incident.id], now)
            for group, hub_ids in plan.opens.items():
                homes = [standing[hub_id] for hub_id in hub_ids]
                await service.open(group, max(self._sizes.get(group, 0), len(homes)), homes, now)
                OPENED.labels(group.kind).inc()
                log.warning("incident_opened", kind=group.kind, homes=len(homes))
            OPEN.set(len(incidents) + len(plan.opens))
            HIT.set(len(members))

    async def attach(self) -> None:
        """Let alarms of members be told with their incident, and those of who stayed out go on; one by one."""
        async with self.database.transaction() as session:
            incidents = IncidentRepository(session)
            titles = {one.id: group_of(one).words for one in await incidents.open()}
            attached = await incidents.to_attach(AT_ONCE) if titles else []
            detached = await incidents.to_detach(AT_ONCE)
        for alarm_id, incident_id in attached:
            move = self._move(alarm_id, incident_id, titles.get(incident_id, ""))
            await by_itself(move, "alarm_not_moved", alarm_id=str(alarm_id))
        for alarm_id in detached:
            await by_itself(self._move(alarm_id, None, ""), "alarm_not_moved", alarm_id=str(alarm_id))

    async def _move(self, alarm_id: UUID, incident_id: UUID | None, words: str) -> None:
        """Let an alarm go to an incident or out of one."""
        async with self.database.transaction() as session:
            alarms = AlarmService(session, self.public_url)
            if incident_id is None:
                await alarms.detach(alarm_id, await OpenSilences(session).since(alarm_id))
            else:
                await alarms.attach(alarm_id, incident_id, words)

    async def _count(self, session: AsyncSession) -> None:
        """Count the homes of each group now and then: the register is large, and changes little."""
        if time.monotonic() - self._counted_at > SIZES_LAST_S:
            self._sizes, self._counted_at = await Standings(session).sizes(), time.monotonic()

    def _moves(self, incident: Incident, news: News, now: datetime) -> bool:
        return bool(news.joined or news.returned or news.overdue) or self._is_over(incident, news, now)

    def _is_over(self, incident: Incident, news: News, now: datetime) -> bool:
        needed = self.rule.needed(incident.size)
        return is_over(len(news.members), needed, incident.last_moved_at, now, self.rule)

    async def _follow(self, service: IncidentService, incident: Incident, news: News, now: datetime) -> None:
        await service.follow(incident, news, now)
        if self._is_over(incident, news, now):
            await service.close(incident, news.members, now)
            log.info("incident_closed", kind=incident.kind, stayed=len(news.members))


async def _of_places(
    incidents: Sequence[Incident], members: dict[str, Member], standing: dict[str, Standing]
) -> defaultdict[UUID, list[Signal]]:
    """Return what is wrong at the members of each incident of a place that are still hit; of others nobody asks."""
    places = {one.id for one in incidents if one.kind in OF_PLACES}
    hit: defaultdict[UUID, list[Signal]] = defaultdict(list)
    async for hub_id, member in letting_in(members.items()):
        if member.incident_id in places and hub_id in standing:
            hit[member.incident_id].append(standing[hub_id].signal)
    return hit


def _by_incident(members: dict[str, Member]) -> defaultdict[UUID, list[Member]]:
    own: defaultdict[UUID, list[Member]] = defaultdict(list)
    for one in members.values():
        own[one.incident_id].append(one)
    return own


def _news(own: Sequence[Member], joins: Sequence[Standing], standing: dict[str, Standing], overdue: set[str]) -> News:
    """Return what has come of an incident with these members since the last look."""
    returned = [one.hub_id for one in own if one.hub_id not in standing]
    hit = [standing[one.hub_id] for one in own if one.hub_id in standing]
    return News([*hit, *joins], joins, returned, [one for one in hit if one.hub_id in overdue])


async def _changed(standing: dict[str, Standing], members: dict[str, Member]) -> list[Standing]:
    """Return the members of which something else is wrong than was written, or whose person is at more risk."""
    return [
        one
        async for hub_id, was in letting_in(members.items())
        if (one := standing.get(hub_id)) is not None
        and (one.offline_since, one.mains_lost_at, one.path_lost_at, one.battery_until, gravest(one.tier, was.tier))
        != (was.offline_since, was.mains_lost_at, was.path_lost_at, was.battery_until, was.tier)
    ]


async def _overdue(
    standing: dict[str, Standing], members: dict[str, Member], set_by: dict[str, Deadlines], now: datetime
) -> set[str]:
    """Return the silent members whom a human should have seen to by now, and nobody was told so.

    Less risk moves no deadline away (C17).
    """
    return {
        hub_id
        async for hub_id, was in letting_in(members.items())
        if was.overdue_told_at is None
        and (home := standing.get(hub_id)) is not None
        and home.offline_since is not None
        and now >= set_by.get(home.council_id, Deadlines()).act_by(gravest(home.tier, was.tier), home.offline_since)
    }
