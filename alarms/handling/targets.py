"""Who stands behind each target of an alarm at this moment: asked before the core decides, and passed to it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Parties, Party, State, Target
from alarms.escalation.inputs import TimerDue
from alarms.handling.models import Alarm
from alarms.notify.repository import ContactPointRepository
from alarms.policy.calendar import local_at

ContactsOf = Callable[[AsyncSession, UUID], Awaitable[tuple[Party, ...]]]
"""Gives a person's contacts in their order of reach; the register is another house, so whoever starts us lends it."""


class Targets:
    """Looks parties up, live, in the transaction of whoever asks."""

    def __init__(self, contacts_of: ContactsOf) -> None:
        self._contacts_of = contacts_of

    async def timer_due(self, session: AsyncSession, alarm: Alarm, state: State, now: datetime) -> TimerDue:
        """Return what the core must know when an alarm's moment has come."""
        parties = await self.standing(session, alarm)
        present = {party.id: party for listed in parties.values() for party in listed}
        asked = {turn.party for turn in state.rounds} | {acceptance.by.id for acceptance in state.acceptances}
        going_on = {party_id: present[party_id] for party_id in sorted(asked) if party_id in present}
        return TimerDue(parties, going_on, local_at(now))

    async def standing(self, session: AsyncSession, alarm: Alarm) -> Parties:
        """Return who stands behind the standing targets."""
        parties = await ContactPointRepository(session).parties_for(alarm.council_id)
        if alarm.person_id is not None:
            parties[Target.CONTACTS] = await self._contacts_of(session, alarm.person_id)
        return parties
