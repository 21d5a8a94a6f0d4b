"""Opens an alarm for each hub that is offline where somebody lives, and ends it on return; many at once: an incident.

Any number of copies: a hub is locked while its alarm is opened.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from sqlalchemy import text

from alarms.escalation.inputs import Cleared
from alarms.handling.service import AlarmService, Origin
from alarms.handling.silence import HUB_OFFLINE, act_by, ladder_until, silent_hub
from alarms.incidents.domain import Rule
from alarms.incidents.repository import IncidentRepository
from alarms.intake.repository import IntakeRepository
from alarms.policy.calendar import next_morning
from devices.presence.silence_repository import SilenceRepository, Silent
from devices.registry.context import hub_context
from telecare.ingest.subject import subject_of
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import look_each
from telecare.kernel.transient import is_transient
from telecare.protection.incidents import IncidentWatch
from telecare.wire.payloads import Message

log = get_logger("silence")

# Of people whose tier has changed since the alarm about their silent hub was opened.
_TIER_CHANGED = text(
    """
    SELECT a.id, n.risk_tier
      FROM alarm a JOIN person n ON n.id = a.person_id
     WHERE a.type = :type AND a.handling <> 'closed' AND a.tier IS DISTINCT FROM n.risk_tier
     ORDER BY a.id
    """
)

EVERY_S = 2.0
AT_ONCE = 500


class SilenceWatch:
    """One worker that has humans told of hubs that are offline."""

    def __init__(self, database: Database, public_url: str | None = None, rule: Rule | None = None) -> None:
        self.database = database
        self.public_url = public_url
        self.incidents = IncidentWatch(database, public_url, rule)
        self.settle = self.incidents.rule.settle + timedelta(seconds=2 * EVERY_S)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        looks = (self.incidents.look, self.incidents.attach, self.tell, self.end, self.hasten)
        await look_each(EVERY_S, stop, *looks, name="silence")

    async def tell(self) -> None:
        """Open what is missing, one transaction each; the people most at risk come first.

        Whoever is in an incident is told of by that, and whoever may soon be waits until its cause shows.
        """
        async with self.database.transaction() as session:
            untold = await SilenceRepository(session).untold()
            members = await IncidentRepository(session).joined() if untold else {}
            now = await database_now(session)
        for each in untold:
            if each.hub_id not in members and now - each.since >= self.settle:
                await self._unless_it_fails(self._tell_of_one(each), each.hub_id)

    async def _unless_it_fails(self, work: Awaitable[None], whose: str) -> None:
        """Let a hub on which we fail keep no other from being told of; it is tried again with the next look."""
        try:
            await work
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("silence_not_told", whose=whose)

    async def _tell_of_one(self, silent: Silent) -> None:
        async with self.database.transaction() as session:
            now = await IntakeRepository(session).lock_hub(silent.hub_id)
            silences, alarms = SilenceRepository(session), AlarmService(session, self.public_url)
            still, last_proof = await silences.lock(silent.hub_id)
            if not still:
                return
            subject = subject_of(await hub_context(session, silent.hub_id, None), Message(type="hub_offline"))
            deadline = act_by(subject.tier, silent.since, next_morning(silent.since))
            ladder = ladder_until(subject.tier, now, deadline)
            opening = silent_hub(subject.tier, silent.since, last_proof, ladder)
            alarm = await alarms.open(opening, subject, Origin(silent.hub_id, None, now), now)
            await silences.tell([silent.hub_id], alarm.id)

    async def end(self) -> None:
        """Let alarms be cleared whose hubs are all back; what a human has is theirs to close. One transaction each."""
        async with self.database.transaction() as session:
            ended = await SilenceRepository(session).ended(AT_ONCE)
        for alarm_id in ended:
            async with self.database.transaction() as session:
                silences = SilenceRepository(session)
                if await silences.back(alarm_id) and not await silences.still(alarm_id):
                    await AlarmService(session, self.public_url).clear_if_open(
                        alarm_id, Cleared("Heard again, or away by plan")
                    )

    async def hasten(self) -> None:
        """Let a deadline come sooner where the person is at more risk than when the alarm was opened; never later."""
        async with self.database.transaction() as session:
            changed = [tuple(row) for row in await session.execute(_TIER_CHANGED, {"type": HUB_OFFLINE})]
        for alarm_id, tier in changed:
            async with self.database.transaction() as session:
                await AlarmService(session, self.public_url).hasten(alarm_id, tier)
