"""What somebody finds of hubs, alarms and incidents at a moment of a scenario."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.models import Alarm
from alarms.incidents.repository import IncidentRepository
from alarms.intake.repository import IntakeRepository
from alarms.policy.scenario_checks import CheckPart
from alarms.policy.scenario_homes import HomeChecks, IncidentPart, StoodPart, hubs_of
from alarms.policy.simulate import FIRST
from devices.jobs.models import Job
from devices.presence.verdict_repository import Period, VerdictRepository
from devices.registry.repository import HubRepository
from telecare.api.endpoints.hubs import show_event
from telecare.console.timeline import in_order
from telecare.kernel.db import database_now
from telecare.kernel.pure.sight import Sight
from telecare.protection.standings import Standings
from tests.scenarios.stage import Stage

MOST = 200


class AtHomesChecks(Stage):
    """Reads as the console does."""

    async def check(self, wanted: CheckPart) -> list[str]:
        async with self.run.database.transaction() as session:
            faults = await self._of_alarm(session, wanted)
            for hub in hubs_of(self.run.scenario.homes, wanted.hub) if wanted.hub else ():
                faults += await self._of_hub(session, hub, wanted)
            if wanted.incident is not None:
                faults += await self._of_incident(session, wanted.incident)
        return faults

    async def _of_hub(self, session: AsyncSession, hub: str, wanted: HomeChecks) -> list[str]:
        found: dict[str, object] = {}
        if wanted.is_ is not None:
            found["is"] = (await HubRepository(session, frozenset()).require(hub))["presence"]
        if wanted.was is not None:
            periods = await VerdictRepository(session).history(hub, None, MOST)
            was = tuple(self._stood(period) for period in reversed(periods))
            found["was"] = wanted.was if was == wanted.or_was else was
        if wanted.tested is not None:
            proofs = await IntakeRepository(session).proofs_of(hub)
            found["tested"] = tuple(sorted(proof.device_id for proof in proofs if proof.last_test_at is not None))
        if wanted.timeline is not None:
            events = await IntakeRepository(session).events_of(hub, None, MOST)
            found["timeline"] = tuple(event.type for event in reversed(in_order(show_event(row) for row in events)))
        if wanted.jobs is not None:
            jobs = select(Job.kind).where(Job.hub_id == hub).order_by(Job.kind)
            found["jobs"] = tuple((await session.execute(jobs)).scalars())
        asked = {
            "is": wanted.is_,
            "was": wanted.was,
            "tested": wanted.tested,
            "timeline": wanted.timeline,
            "jobs": wanted.jobs,
        }
        return [f"{name} of {hub} is {one}, not {asked[name]}" for name, one in found.items() if one != asked[name]]

    def _stood(self, period: Period) -> StoodPart:
        at = round((period.started_at - self.run.scenario.start).total_seconds())
        return StoodPart(at=at, state=period.state.value)

    async def _of_alarm(self, session: AsyncSession, wanted: CheckPart) -> list[str]:
        if not wanted.shows and not wanted.with_:
            return []
        alarm = await self._get(session, wanted.alarm or FIRST)
        if alarm is None:
            return [f"there is no alarm {wanted.alarm}, but {', '.join(self.run.alarms) or 'none'}"]
        tier = f"tier {alarm.tier}" if alarm.tier else None
        read = " / ".join(each for each in (alarm.words, alarm.person_name, alarm.place, tier, *alarm.notes) if each)
        faults = [f"{wanted.alarm} does not show “{words}”: {read}" for words in wanted.shows if words not in read]
        for name in wanted.with_:
            other = await self._get(session, name)
            if other is None or other.case_id != alarm.case_id:
                faults.append(f"{name} is not of the case of {wanted.alarm}")
        return faults

    async def _get(self, session: AsyncSession, name: str) -> Alarm | None:
        return (await session.execute(select(Alarm).where(Alarm.id == self.run.alarms.get(name)))).scalar_one_or_none()

    async def _of_incident(self, session: AsyncSession, wanted: IncidentPart) -> list[str]:
        incidents = await IncidentRepository(session).open()
        found = next((one for one in incidents if one.key == wanted.of), None)
        if found is None:
            return [f"there is no incident of {wanted.of}, but {[one.key for one in incidents]}"]
        now, sight = await database_now(session), Sight()
        rows = await Standings(session).members(found.id, sight, now, "joined", None, MOST)
        members = [row["hub_id"] for row in rows]
        lasts = {
            row["hub_id"]: row["battery_until"] and round((row["battery_until"] - now).total_seconds()) for row in rows
        }
        faults = [
            f"the battery of {hub} lasts for {lasts.get(hub)} s, not {wanted.lasts[hub]}"
            for hub in wanted.lasts
            if lasts.get(hub) != wanted.lasts[hub]
        ]
        faults += [] if len(members) == wanted.homes else [f"{len(members)} homes are hit, not {wanted.homes}"]
        if tuple(members[: len(wanted.first)]) != wanted.first:
            faults.append(f"worst off are {members[: len(wanted.first)]}, not {[*wanted.first]}")
        return faults
