"""Opens incidents, tells the humans of each council by one alarm, and lets members return, in one transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.inputs import Annotated, Cleared, Repeated
from alarms.escalation.ranks import URGENT
from alarms.handling.domain import SYSTEM_HUB, Subject
from alarms.handling.service import AlarmService, Origin
from alarms.incidents.domain import (
    Group,
    MemberState,
    Standing,
    opening_of,
    overdue_words,
    title,
    worst_words,
)
from alarms.incidents.models import Incident
from alarms.incidents.repository import IncidentRepository, group_of
from telecare.kernel.pure.sight import Sight

NAMES_IN_A_LINE = 50


@dataclass(frozen=True)
class News:
    """What has come of one incident since the last look. `members` are all who are still hit."""

    members: Sequence[Standing]
    joined: Sequence[Standing] = ()
    returned: Collection[str] = ()
    overdue: Sequence[Standing] = ()


class IncidentService:
    """Changes incidents; call it with the turn to do so (`IncidentRepository.take_turn`)."""

    def __init__(self, session: AsyncSession, public_url: str | None = None) -> None:
        self.session = session
        self.incidents = IncidentRepository(session)
        self.alarms = AlarmService(session, public_url)

    async def open(self, group: Group, size: int, homes: Sequence[Standing], now: datetime) -> Incident:
        """Open an incident with its first members."""
        incident = await self.incidents.add(group, size, now)
        await self.follow(incident, News(homes, joined=homes), now)
        return incident

    async def follow(self, incident: Incident, news: News, now: datetime) -> None:
        """Keep what has come of an incident, and tell the humans of each council what concerns them."""
        if news.joined:
            await self.incidents.join(incident, news.joined, now)
        if news.returned:
            await self.incidents.end_for(news.returned, MemberState.RETURNED, now)
            incident.last_moved_at = now
        if news.overdue:
            await self.incidents.told_overdue([one.hub_id for one in news.overdue], now)
        known = await self.incidents.alarms(incident.id)
        concerned = {one.council_id for one in (*news.joined, *news.overdue)}
        for council_id in sorted(concerned, key=lambda code: (str(known.get(code, "")), code)):
            members, joined, overdue = (_of(council_id, homes) for homes in (news.members, news.joined, news.overdue))
            theirs = News(members, joined, overdue=overdue)
            await self._tell(incident, council_id, known.get(council_id), theirs, now)

    async def close(self, incident: Incident, stayed: Sequence[Standing], now: datetime) -> None:
        """End an incident. Those still hit are told of one by one from here on; its alarms are for humans to close."""
        await self.incidents.end_for([one.hub_id for one in stayed], MemberState.STAYED, now)
        words = "All homes are back" if not stayed else "The incident is over"
        for council_id, alarm_id in sorted((await self.incidents.alarms(incident.id)).items(), key=lambda row: row[1]):
            left = _of(council_id, stayed)
            more = f"; {len(left)} stay out and have alarms of their own: {_names(left)}" if left else ""
            await self.alarms.clear_if_open(alarm_id, Cleared(words + more))
        incident.state, incident.closed_at = "closed", now

    async def _tell(
        self, incident: Incident, council_id: str, alarm_id: UUID | None, news: News, now: datetime
    ) -> None:
        """Tell a council's humans by the alarm of the incident, or by a new one where they have closed that."""
        tallies = await self.incidents.tallies([incident.id], Sight(frozenset({council_id})))
        words = title(group_of(incident), tallies[incident.id].all)
        notes = [worst_words(news.members, now)]
        if news.overdue:
            notes.insert(0, overdue_words(news.overdue))
        if alarm_id is not None and await self.alarms.describe(alarm_id, words, notes):
            if news.joined:
                what = f"{_homes(len(news.joined))} more: {_names(news.joined)}"
                await self.alarms.feed(alarm_id, Annotated(what))
            await self._name_overdue(alarm_id, news.overdue)
            return
        opening = opening_of(incident.id, group_of(incident), tallies[incident.id].all, notes)
        alarm_id = await self.alarms.open(opening, Subject(council_id=council_id), Origin(SYSTEM_HUB, None, now), now)
        await self.incidents.told_by(incident.id, council_id, alarm_id)
        await self._name_overdue(alarm_id, news.overdue)

    async def _name_overdue(self, alarm_id: UUID, overdue: Sequence[Standing]) -> None:
        """Name each of them in the log; it is evidence of need, and the alarm shows it."""
        for first in range(0, len(overdue), NAMES_IN_A_LINE):
            named = "; ".join(one.words for one in overdue[first : first + NAMES_IN_A_LINE])
            await self.alarms.feed(alarm_id, Repeated(f"Past the deadline of their tier: {named}", URGENT))


def _of(council_id: str, homes: Iterable[Standing]) -> list[Standing]:
    return [one for one in homes if one.council_id == council_id]


def _homes(count: int) -> str:
    return f"{count} home{'' if count == 1 else 's'}"


def _names(homes: Sequence[Standing]) -> str:
    more = f" and {len(homes) - NAMES_IN_A_LINE} more" if len(homes) > NAMES_IN_A_LINE else ""
    return ", ".join(one.person_name or one.hub_id for one in homes[:NAMES_IN_A_LINE]) + more
