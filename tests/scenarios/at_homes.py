"""Homes, people and hubs of a scenario as rows of the register, and who comes to them."""

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import Range

from alarms.policy.scenario_homes import HomePart, hubs_of
from devices.registry.models import Hub, Installation, Person, Premises
from telecare.kernel.ids import new_id
from tests.homes import ARGYLL, add_models
from tests.scenarios.house import seconds
from tests.scenarios.stage import Stage

EMPTY = (
    "TRUNCATE device_model, premises, person, hub, event, trigger_proof, heartbeat, hub_live, hub_presence,"
    " presence_period, deaf_period, listening, incident, job, job_look, test_window CASCADE"
)
LONG_AGO, YESTERDAY = -seconds(365 * 86400), -seconds(86400)


class AtHomes(Stage):
    """The register: who lives where, with which hubs."""

    async def build(self) -> None:
        if not self.run.scenario.homes:
            return
        async with self.run.database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))  # logs are append-only
            await session.execute(text(EMPTY))
            await session.execute(text("SET LOCAL session_replication_role = DEFAULT"))
            model = (await add_models(session))["Halo"]
            for name, hubs in hubs_of(self.run.scenario.homes).items():
                home = self.run.scenario.homes[name]
                owns = {"council_id": ARGYLL, "created_at": self.run.now + LONG_AGO}
                status = home.taken_away or "in_service"
                rows = [{"hub_id": hub, "model_id": model, "connection": "digital", "status": status} for hub in hubs]
                await session.execute(insert(Hub), [row | owns for row in rows])
                person, premises = new_id(), new_id()
                who = {"given_name": name.capitalize(), "family_name": "Sinclair", "risk_tier": home.tier}
                await session.execute(insert(Person).values(id=person, **who, **owns))
                where = {"address": home.address, "town": "Port Corran", "postcode": "PX31 4AB"}
                await session.execute(insert(Premises).values(id=premises, **where, **owns))
                stays = {
                    "council_id": ARGYLL,
                    "person_id": person,
                    "premises_id": premises,
                    "period": self._period(home),
                }
                await session.execute(insert(Installation), [{"id": new_id(), "hub_id": hub, **stays} for hub in hubs])

    def _period(self, home: HomePart) -> Range:
        until = self.run.now + YESTERDAY if home.taken_away else None
        return Range(self.run.now + LONG_AGO, until, bounds="[)")
