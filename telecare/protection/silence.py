"""Opens an alarm for each hub that is silent where somebody lives, and ends it on return.

Silent is a hub that is offline, and one that was never heard though it was put up long enough ago. Many that fall
silent together are an incident; many that were never heard are one alarm of their council.

Any number of copies: a hub is locked while its alarm is opened.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from alarms.escalation.inputs import Annotated, Cleared
from alarms.handling.deadline_repository import DeadlineRepository
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService, Origin
from alarms.handling.silence import (
    MASS_SILENCE,
    are_many,
    ladder_until,
    mass_silence,
    silent_hub,
)
from alarms.incidents.domain import Rule
from alarms.intake.repository import IntakeRepository
from devices.presence.silence_repository import SilenceRepository, Silent
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.context import hub_context
from telecare.ingest.subject import subject_of
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import by_itself, look_each
from telecare.protection.incidents import IncidentWatch
from telecare.protection.open_silences import OpenSilences
from telecare.wire.payloads import Message

log = get_logger("silence")

EVERY_S = 2.0
UNHEARD_EVERY_S = 30.0
AT_ONCE = 500
LOOKED_AT_FOR = timedelta(minutes=1)
"""For so long new deadlines are held against what is open: an alarm may have been opened by the old ones just now."""
FIRST_HEARD_WITHIN = timedelta(hours=1)


class SilenceWatch:
    """One worker that has humans told of hubs that are offline."""

    def __init__(
        self,
        database: Database,
        public_url: str | None = None,
        first_heard_within: timedelta = FIRST_HEARD_WITHIN,
        rule: Rule | None = None,
    ) -> None:
        self.database = database
        self.public_url = public_url
        self.first_heard_within = first_heard_within
        self.incidents = IncidentWatch(database, public_url, rule)
        self.settle = self.incidents.rule.settle + timedelta(seconds=2 * EVERY_S)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        looks = (self.incidents.look, self.incidents.attach, self.tell, self.end, self.hasten)
        await asyncio.gather(
            look_each(EVERY_S, stop, *looks, name="silence", database=self.database),
            look_each(UNHEARD_EVERY_S, stop, self.tell_of_unheard, name="never heard", database=self.database),
        )

    async def tell(self) -> None:
        """Open what is missing of hubs that are offline, one transaction each; the people most at risk come first.

        Whoever is in an incident is told of by that, and whoever may soon be waits until its cause shows.
        """
        async with self.database.transaction() as session:
            untold = await SilenceRepository(session).untold(self.settle)
        for each in untold:
            await by_itself(self._tell_of_one(each), "silence_not_told", whose=each.hub_id)

    async def tell_of_unheard(self) -> None:
        """Open what is missing of hubs that were put up and never heard; while we are deaf ourselves, of none."""
        async with self.database.transaction() as session:
            silences, ear = SilenceRepository(session), await VerdictRepository(session).ear()
            await silences.expect()
            if ear.deaf:
                return
            untold = await silences.unheard(self.first_heard_within)
            councils = sorted({each.council_id for each in untold})
            fleets = await silences.in_councils(councils) if untold else {}
            on_the_board = await AlarmRepository(session).open_faults(MASS_SILENCE)
        for council, listed in groupby(sorted(untold, key=lambda each: each.council_id), lambda each: each.council_id):
            silent = list(listed)
            if council in on_the_board or are_many(len(silent), fleets.get(council, 0)):
                await by_itself(self._tell_of_many(council, silent), "silence_not_told", whose=council)
            else:
                for each in silent:
                    await by_itself(self._tell_of_one(each), "silence_not_told", whose=each.hub_id)

    async def _tell_of_one(self, silent: Silent) -> None:
        async with self.database.transaction() as session:
            now = await IntakeRepository(session).lock_hub(silent.hub_id)
            silences, alarms = SilenceRepository(session), AlarmService(session, self.public_url)
            still, last_proof = await silences.lock(silent.hub_id)
            if not still:
                return
            subject = subject_of(await hub_context(session, silent.hub_id, None), Message(type="hub_offline"))
            deadlines = await DeadlineRepository(session).of(silent.council_id)
            deadline = deadlines.act_by(subject.tier, silent.since)
            ladder = ladder_until(subject.tier, now, deadline)
            opening = silent_hub(subject.tier, silent.since, last_proof, ladder)
            alarm_id = await alarms.open(opening, subject, Origin(silent.hub_id, None, now), now)
            await silences.tell([silent.hub_id], alarm_id)

    async def _tell_of_many(self, council: str, silent: Sequence[Silent]) -> None:
        """Tell of them by the one alarm of their council, a new one when none is open."""
        async with self.database.transaction() as session:
            graves = [f"{each.hub_id} (tier {each.tier})" for each in sorted(silent, key=lambda one: one.tier or "Z")]
            alarms = AlarmService(session, self.public_url)
            alarm_id, is_new = await alarms.open_or_find(mass_silence(len(silent), graves), council)
            if not is_new:
                await alarms.feed(alarm_id, Annotated(f"{len(silent)} more units were never heard"))
            await SilenceRepository(session).tell([each.hub_id for each in silent], alarm_id)

    async def end(self) -> None:
        """Let alarms be cleared whose hubs are all back; what a human has is theirs to close. One transaction each."""
        async with self.database.transaction() as session:
            ended = await SilenceRepository(session).ended(AT_ONCE)
        for alarm_id in ended:
            async with self.database.transaction() as session:
                silences = SilenceRepository(session)
                if await silences.back(alarm_id) and not await silences.still(alarm_id):
                    await AlarmService(session, self.public_url).clear_if_open(
                        alarm_id, Cleared("Heard again, away by plan, or taken away")
                    )

    async def hasten(self) -> None:
        """Let a deadline come sooner where the person is at more risk, or the council wants it; never later."""
        async with self.database.transaction() as session:
            graver = await OpenSilences(session).graver()
            older = await OpenSilences(session).older_than_deadlines()
            looked_at = await database_now(session)
        for alarm_id, tier, since in graver:
            async with self.database.transaction() as session:
                await AlarmService(session, self.public_url).hasten(alarm_id, tier, since)
        worked = [
            await by_itself(self._bring_forward(alarm_id, since), "deadline_not_moved", whose=alarm_id)
            for alarm_id, since in older
        ]
        if all(worked):  # else all are looked at once more, until a human has mended what fails
            async with self.database.transaction() as session:
                await DeadlineRepository(session).applied(looked_at - LOOKED_AT_FOR)

    async def _bring_forward(self, alarm_id: UUID, since: datetime) -> None:
        async with self.database.transaction() as session:
            await AlarmService(session, self.public_url).bring_forward(alarm_id, since)
