"""A request of each operation that succeeds, on things made for it: what random bodies do not reach."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from sqlalchemy import select

from alarms.incidents.models import Incident, IncidentCouncil, IncidentMember
from devices.jobs.domain import Finding, Item, JobKind, Look
from devices.jobs.service import JobService
from devices.switchover.planning.domain import PlanState
from devices.switchover.planning.repository import PlanningRepository
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxMessage
from tests.e2e.conftest import until
from tests.e2e.contract_telco import agreement, analogue, check_of, look_for_exposed
from tests.homes import sheet
from tests.wire import WireHub

FIFE, GLASGOW = "S12000047", "S12000049"
PASSWORD = "correct horse battery"
API = "/api/v1"


class Sample(NamedTuple):
    """One request: its operation as the description names it, what goes into the path, and the body."""

    method: str
    path: str
    ids: dict[str, str]
    body: Any = None
    media_type: str | None = None


@dataclass
class Things:
    """Makes what a request needs, over the API and the wire, each time anew."""

    lab: Lab
    api: httpx.AsyncClient
    gateway: WireHub
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    free: Any = field(default_factory=lambda: itertools.count(1))
    """Hubs without an alarm of these tests yet."""
    spared: set[str] = field(default_factory=set)

    async def made(self, path: str, body: Any) -> dict[str, Any]:
        reply = await self.api.post(f"{API}{path}", json=body)
        assert reply.status_code == 201, reply.text
        shown: dict[str, Any] = reply.json()
        return shown

    async def imports(self, row: dict[str, str]) -> AsyncIterator[Sample]:
        """Yield what becomes of a council's own list, from its arrival until it is live."""
        path = f"{API}/switchover/import"
        octets = "application/octet-stream"
        yield Sample("POST", path, {}, sheet(row | {"town": "Ceres"}).decode(), octets)
        read = {"import_id": await self.imported(sheet(row | {"town": "Elie"}))}
        yield Sample("PUT", f"{path}/{{import_id}}/columns", read, {"columns": {}})
        yield Sample("POST", f"{path}/{{import_id}}/check", read, {})
        tried = {"import_id": await self.imported(sheet(row))}
        asked = await self.api.post(f"{path}/{tried['import_id']}/check", json={})
        assert asked.status_code == 202, asked.text
        await self.import_is(tried["import_id"], "checked")
        yield Sample("POST", f"{path}/{{import_id}}/commit", tried, {})
        other = {"import_id": await self.imported(sheet(row | {"town": "Leven"}))}
        yield Sample("POST", f"{path}/{{import_id}}/discard", other, {})

    async def imported(self, raw: bytes) -> str:
        reply = await self.api.post(f"{API}/switchover/import", content=raw)
        assert reply.status_code == 201, reply.text
        import_id = str(reply.json()["id"])
        await self.import_is(import_id, "read")
        return import_id

    async def import_is(self, import_id: str, state: str) -> None:
        async def look() -> bool:
            return bool((await self.api.get(f"{API}/switchover/import/{import_id}")).json()["state"] == state)

        await until(look)

    async def person(self) -> dict[str, str]:
        body = {"council_id": FIFE, "given_name": "Jean", "family_name": "Rennie"}
        return {"person_id": (await self.made("/people", body))["id"]}

    async def premises(self) -> dict[str, str]:
        body = {"council_id": FIFE, "address": "1 High Street", "town": "Cupar", "postcode": "KY15 4AA"}
        return {"premises_id": (await self.made("/premises", body))["id"]}

    async def hub(self) -> dict[str, str]:
        model = (await self.api.get(f"{API}/device-models")).json()["items"][0]
        body = {"hub_id": f"CONTRACT-{next(self.numbers)}", "council_id": FIFE, "model_id": model["id"]}
        return {"hub_id": (await self.made("/hubs", body))["hub_id"]}

    async def home(self) -> dict[str, str]:
        """A hub that is installed for a person, with a pendant."""
        ids = await self.hub() | await self.person() | await self.premises()
        place = {name: ids[name] for name in ("person_id", "premises_id")}
        await self.made(f"/hubs/{ids['hub_id']}/installations", place)
        pendant = {"device_id": "p1", "kind": "pendant"}
        return ids | {"device_id": (await self.made(f"/hubs/{ids['hub_id']}/peripherals", pendant))["device_id"]}

    async def alarm(self, hub_id: str | None = None, type_: str = "pendant", lane: str = "alarm") -> dict[str, Any]:
        """A fresh alarm of a hub, once the engine has run its first step, so that its version stands for a while."""
        number = next(self.numbers)
        hub_id = hub_id or self.lab.hubs[next(self.free)].hub_id
        await self.gateway.publish(f"telecare/v1/{hub_id}/{lane}", {"event_id": f"c{number}", "type": type_})
        alarm_id = (await self.gateway.ack(f"c{number}"))["alarm_id"]

        async def look() -> dict[str, Any] | None:
            shown: dict[str, Any] = (await self.api.get(f"{API}/alarms/{alarm_id}")).json()
            return shown if shown["version"] >= 2 else None

        found: dict[str, Any] = await until(look)
        return found

    async def claimed(self) -> dict[str, Any]:
        """An alarm that this client has."""
        alarm = await self.alarm()
        reply = await self.api.post(f"{API}/alarms/{alarm['id']}/ack", json={"as_of": alarm["version"]})
        assert reply.status_code == 200, reply.text
        shown: dict[str, Any] = reply.json()
        return shown

    async def user(self) -> dict[str, str]:
        name = f"contract-{next(self.numbers)}"
        body = {"username": name, "display_name": name, "password": PASSWORD, "role": "engineer"}
        return {"user_id": (await self.made("/users", body))["id"]}

    async def token(self) -> dict[str, str]:
        return {"token_id": (await self.made("/tokens", {"name": "contract", "role": "operator"}))["id"]}

    async def contact_point(self) -> dict[str, str]:
        return {"point_id": (await self.made("/contact-points", self.address()))["id"]}

    def address(self) -> dict[str, str]:
        address = f"duty{next(self.numbers)}@fife.example"
        return {"target": "duty_manager", "channel": "email", "address": address, "label": "Duty", "council_id": FIFE}

    async def responder(self) -> dict[str, str]:
        key = f"contract-{next(self.numbers)}"
        return {
            "responder_id": (await self.made("/responders", {"key": key, "name": "Isla", "council_id": FIFE}))["id"]
        }

    async def method(self) -> dict[str, str]:
        """A contact method of a responder of its own."""
        ids = await self.responder()
        body = {"channel": "email", "address": f"isla{next(self.numbers)}@fife.example"}
        return ids | {"method_id": (await self.made(f"/responders/{ids['responder_id']}/methods", body))["id"]}

    async def code(self, ids: dict[str, str]) -> str:
        """A code that was sent to a contact method, as its mail says it."""
        reply = await self.api.post(f"{API}/responders/{ids['responder_id']}/methods/{ids['method_id']}/code")
        assert reply.status_code == 202, reply.text
        database = Database(self.lab.settings())
        async with database.transaction() as session:
            sent = select(OutboxMessage.message).where(OutboxMessage.subject_id == UUID(ids["method_id"]))
            message = (await session.execute(sent)).scalar_one()
        await database.dispose()
        return str(message["data"]["code"])

    async def incident(self, home: dict[str, str]) -> dict[str, str]:
        """One that is over, with a home that stayed out."""
        database = Database(self.lab.settings())
        async with database.transaction() as session:
            now = await database_now(session)
            named = {"council_id": FIFE, "incident_id": new_id()}
            times = {"opened_at": now, "last_joined_at": now, "last_moved_at": now, "closed_at": now}
            session.add(
                Incident(id=named["incident_id"], kind="exchange", key="Cupar", size=5, state="closed", **times)
            )
            await session.flush()
            session.add(IncidentCouncil(**named, alarm_id=UUID(home["alarm_id"])))
            person_id, hub_id = UUID(home["person_id"]), home["hub_id"]
            member = {"hub_id": hub_id, "person_id": person_id, "state": "stayed", "joined_at": now}
            session.add(IncidentMember(**named, **member, offline_since=now))
        await database.dispose()
        return {"incident_id": str(named["incident_id"])}

    async def team(self) -> dict[str, str]:
        key = f"contract-{next(self.numbers)}"
        return {"team_id": (await self.made("/teams", {"key": key, "name": "Wardens", "council_id": FIFE}))["id"]}

    async def policy(self) -> dict[str, str]:
        return {"policy_id": (await self.made("/policies", {"text": self.ladder()}))["id"]}

    async def image(self) -> dict[str, str]:
        """A released image for a model that has one hub."""
        number = next(self.numbers)
        model = await self.made(
            "/device-models", {"make": "Skerry", "name": f"Firmware {number}", "connection": "digital"}
        )
        hub = {"hub_id": f"CONTRACT-{number}f", "council_id": FIFE, "model_id": model["id"], "connection": "digital"}
        await self.made("/hubs", hub)
        ids = {"image_id": (await self.made("/firmware/images", self.firmware(model["id"])))["id"]}
        reply = await self.api.post(f"{API}/firmware/images/{ids['image_id']}/release")
        assert reply.status_code == 200, reply.text
        return ids

    def firmware(self, model_id: str) -> dict[str, str]:
        return {"model_id": model_id, "version": "2.0", "url": "https://firmware.example/2.0", "sha256": "0" * 64}

    async def rollout(self) -> dict[str, str]:
        ids = await self.image()
        return ids | {"rollout_id": (await self.made("/firmware/rollouts", self.waves(ids["image_id"])))["id"]}

    def waves(self, image_id: str) -> dict[str, str]:
        return {"image_id": image_id, "council_id": FIFE, "reason": "mends the clock"}

    async def work(self) -> dict[str, str]:
        return {"work_id": (await self.made("/planned-work", self.window()))["id"]}

    async def job(self) -> dict[str, str]:
        """A job of a hub of its own."""
        hub_id = (await self.home())["hub_id"]
        finding = Finding(JobKind.FACTORY_RESET, (Item("contract", "Reset"),))
        database = Database(self.lab.settings())
        async with database.transaction() as session:
            now = await database_now(session)
            await JobService(session).follow([Look(hub_id, JobKind.FACTORY_RESET, finding)], now)
        await database.dispose()
        return {"job_id": (await self.api.get(f"{API}/jobs", params={"hub_id": hub_id})).json()["items"][0]["id"]}

    async def exposed(self) -> dict[str, str]:
        """An analogue unit on a digital line, on its list."""
        home = await self.home()
        for path, method, body in (
            (f"/hubs/{home['hub_id']}", "PATCH", {"connection": "analogue"}),
            (f"/premises/{home['premises_id']}/lines", "PUT", [analogue()]),
        ):
            reply = await self.api.request(method, f"{API}{path}", json=body)
            assert reply.status_code == 200, reply.text
        await look_for_exposed(self.lab)
        listed = (await self.api.get(f"{API}/switchover/exposure", params={"limit": 500})).json()["items"]
        return {"exposure_id": next(one["id"] for one in listed if one["hub_id"] == home["hub_id"])}

    async def telco(self) -> dict[str, str]:
        """An agreement, a batch that has not left, a notice of a home with a check, and a hold."""
        home = await self.home()
        agreed = await self.made("/switchover/telco/agreements", agreement(FIFE, next(self.numbers)))
        number = f"01632 960{next(self.numbers) % 1000:03d}"
        lines = [analogue() | {"kind": "pstn", "number": number, "provider": agreed["provider"]}]
        await self.api.put(f"{API}/premises/{home['premises_id']}/lines", json=lines)
        one = f"/switchover/telco/agreements/{agreed['id']}/batches"
        notice = {"number": number, "planned_at": self.ahead(9)}
        body = {"council_id": FIFE, "provider": agreed["provider"], "notices": [notice]}
        await self.api.post(f"{API}/switchover/telco/notices", json=body)
        asked = {"provider": agreed["provider"]}
        (shown,) = (await self.api.get(f"{API}/switchover/telco/notices", params=asked)).json()["items"]
        held = await self.made("/switchover/telco/holds", {"council_id": FIFE, "number": number, "reason": "no signal"})
        return {
            "telco_agreement_id": agreed["id"],
            "batch_id": (await self.made(one, {"purpose": "identify"}))["id"],
            "check_id": await check_of(self.lab, shown["id"], home["hub_id"]),
            "hold_id": held["id"],
        }

    async def attestation(self) -> dict[str, str]:
        """What somebody attests, of a council that nobody has spoken of."""
        body = await self.attests()
        return {"attestation_id": (await self.made("/switchover/attestations", body))["id"]}

    async def attests(self) -> dict[str, str]:
        """Return an attestation of a council of its own."""
        every = (await self.api.get(f"{API}/councils")).json()["items"]
        code = every[next(self.numbers) % len(every)]["code"]
        keys = ("silver_arc", "gold_1_arc", "gold_2_uat")
        key = keys[next(self.numbers) % len(keys)]
        return {"council_id": code, "criterion": key, "evidence": "tested with ten calls", "met_on": "2026-01-05"}

    def window(self) -> dict[str, str]:
        """Return planned work that is yet to come, so that it quiets no alarm of these tests."""
        times = {"starts_at": self.ahead(20), "ends_at": self.ahead(21)}
        return {"council_id": FIFE, "reason": "a new switchboard", **times}

    def ahead(self, days: int) -> str:
        return (datetime.now(UTC) + timedelta(days=days)).isoformat()

    def ladder(self, key: str = "") -> str:
        """Return a policy that fits nobody here: no type of alarm of these tests."""
        key = key or f"contract-{next(self.numbers)}"
        return (
            f"key: {key}\nname: Flood of {key}\ncouncil: {FIFE}\nfor: {{types: [flood]}}\n"
            "steps:\n  - {tell: [queue], wait: 30s}\ncatch_all: {tell: [queue], every: 60s}\n"
        )

    async def rota(self) -> dict[str, str]:
        """A rota with a member, an override and a temporary schedule."""
        ids = await self.responder()
        ids["rota_id"] = (await self.made("/rotas", self.plan(ids["responder_id"])))["id"]
        ids["override_id"] = (await self.made(f"/rotas/{ids['rota_id']}/overrides", self.swap(ids)))["id"]
        schedule = await self.made(f"/rotas/{ids['rota_id']}/temporary-schedules", self.storm(ids))
        return ids | {"schedule_id": schedule["id"]}

    def plan(self, member: str) -> dict[str, Any]:
        layer = {"kind": "rotation", "unit": "daily", "starts_at": "2026-01-05T09:00", "members": [member]}
        key = f"contract-{next(self.numbers)}"
        return {"key": key, "name": "Nights", "council_id": FIFE, "layers": [layer]}

    def swap(self, ids: dict[str, str]) -> dict[str, str]:
        times = {"starts_at": "2026-11-02T09:00:00Z", "ends_at": "2026-11-03T09:00:00Z"}
        return {"kind": "add", "member_id": ids["responder_id"], "why": "storm", **times}

    def storm(self, ids: dict[str, str]) -> dict[str, Any]:
        times = {"starts_at": "2026-11-02T09:00:00Z", "ends_at": "2026-11-03T09:00:00Z"}
        return {"turns": [{"member_id": ids["responder_id"], **times}], "why": "storm", **times}

    async def agreement(self) -> dict[str, str]:
        """A council that Glasgow covers, another one each time: a council has one partner."""
        body = {"council_id": await self.alone(), "partner_id": GLASGOW}
        return {"agreement_id": (await self.made("/covers/agreements", body))["id"]}

    async def alone(self) -> str:
        """A council without a partner."""
        listed = (await self.api.get(f"{API}/covers/agreements?limit=100")).json()["items"]
        taken = {one["council_id"] for one in listed} | self.spared | {GLASGOW}
        code: str = next(
            one["code"] for one in (await self.api.get(f"{API}/councils")).json()["items"] if one["code"] not in taken
        )
        return code

    async def cover(self) -> dict[str, str]:
        """A cover that is on."""
        ids = await self.agreement()
        return ids | {"cover_id": (await self.made("/covers", ids | {"why": "exercise"}))["id"]}

    async def tried(self, hub_id: str) -> None:
        """Open a test window and end it, or the next press would be a test."""
        await self.made(f"/hubs/{hub_id}/test-window", {"reason": "a new pendant"})
        reply = await self.api.post(f"{API}/hubs/{hub_id}/test-window/end")
        assert reply.status_code == 200, reply.text

    async def programme(self) -> dict[str, str]:
        """A programme with one unit, whose certificate runs out."""
        ids = await self.home()
        hub = f"{API}/hubs/{ids['hub_id']}"
        assert (await self.api.patch(hub, json={"certificate_expires_on": "2027-03-01"})).status_code == 200
        made = await self.made("/switchover/programmes", self.retirement())
        one = f"{API}/switchover/programmes/{made['id']}"
        assert (await self.api.post(f"{one}/find-units")).status_code == 200
        units = (await self.api.get(f"{one}/units", params={"limit": 500})).json()["items"]
        unit = next(each["id"] for each in units if each["hub_id"] == ids["hub_id"])
        return {"programme_id": made["id"], "unit_id": unit}

    def retirement(self) -> dict[str, Any]:
        return {"name": "Certificates", "cause": "certificate", "deadline": "2027-06-30", "councils": [FIFE]}

    async def visit(self) -> dict[str, str]:
        ids = await self.programme()
        return ids | {"visit_id": (await self.made("/switchover/visits", {"unit_id": ids["unit_id"]}))["id"]}

    async def visits_plan(self) -> dict[str, str]:
        """A plan, and somebody who visits homes and is away."""
        name = f"contract-{next(self.numbers)}"
        user = {"username": name, "display_name": name, "password": PASSWORD, "role": "engineer"}
        engineer = (await self.made("/users", user))["id"]
        reply = await self.api.put(f"{API}/switchover/engineers/{engineer}", json=self.base())
        assert reply.status_code == 200, reply.text
        away = await self.made(f"/switchover/engineers/{engineer}/absences", self.monday() | {"reason": "on leave"})
        reply = await self.api.post(f"{API}/switchover/plans", json=self.monday() | {"seconds": 0.2})
        assert reply.status_code == 202, reply.text
        found = {"plan_id": reply.json()["id"], "absence_id": away["absence"]["id"]}
        return found | {"engineer": engineer, "council": FIFE}

    async def ready_plan(self, day: str, hub_id: str = "NOBODYS") -> dict[str, str]:
        """A plan with one appointment: what the planner makes of so few homes is its own affair."""
        ids = await self.visits_plan()

        async def made() -> bool:
            state = (await self.api.get(f"{API}/switchover/plans/{ids['plan_id']}")).json()["state"]
            return state in {"ready", "failed"}

        await until(made)
        one = {"hub_id": hub_id, "day": day, "start": 600, "end": 660, "crew": [ids["engineer"]], "engineers": ["E"]}
        database = Database(self.lab.settings())
        async with database.transaction() as session:
            plan = await PlanningRepository(session).require(UUID(ids["plan_id"]), lock=True)
            plan.state, plan.failed_why = PlanState.READY, None
            plan.result = {"appointments": [one], "moves": [], "unplanned": []}
        await database.dispose()
        return ids

    def base(self) -> dict[str, Any]:
        return {"council_id": FIFE, "base_latitude": 56.2, "base_longitude": -3.1}

    def monday(self) -> dict[str, str]:
        return {"council_id": FIFE, "first_on": "2030-01-07", "last_on": "2030-01-07"}

    async def one_of_each(self) -> dict[str, str]:
        """An id of something real for each name in a path."""
        home = await self.home()
        await self.tried(home["hub_id"])
        accounts = await self.user() | await self.token() | await self.contact_point()
        desk = await self.method() | await self.team() | await self.rota() | await self.policy() | await self.cover()
        desk |= (
            await self.work()
            | await self.job()
            | await self.rollout()
            | await self.exposed()
            | await self.telco()
            | await self.attestation()
            | await self.visit()
            | await self.visits_plan()
        )
        model = {"make": "Skerry", "name": f"Looked at {next(self.numbers)}", "connection": "digital"}
        desk |= {"model_id": (await self.made("/device-models", model))["id"]}
        desk |= {"import_id": await self.imported(b"hub_id,town\nSK-1,Cupar\n")}
        desk |= {"campaign_id": (await self.campaign(home["person_id"]))["campaign_id"]}
        found = home | {"alarm_id": (await self.alarm(home["hub_id"]))["id"]}
        return found | accounts | desk | await self.incident(found)

    async def campaign(self, *person_ids: str) -> dict[str, str]:
        """A welfare campaign about these people, or about somebody of its own."""
        people = list(person_ids) or [(await self.home())["person_id"]]
        body = {"council_id": FIFE, "reason": "contract", "person_ids": people}
        return {"campaign_id": (await self.made("/welfare/campaigns", body))["id"], "person_id": people[0]}

    async def samples(self) -> AsyncIterator[Sample]:
        """Yield a request of each operation that changes something; those that only look need no body."""
        sources = (
            self._of_alarms,
            self._of_homes,
            self._of_hubs,
            self._of_responders,
            self._of_rotas,
            self._of_policies,
            self._of_work,
            self._of_covers,
            self._of_jobs,
            self._of_exposure,
            self._of_telco,
            self._of_awards,
            self._of_firmware,
            self._of_welfare,
            self._of_programmes,
            self._of_visits,
            self._of_plans,
        )
        for source in sources:
            async for sample in source():
                yield sample
        user = {"username": f"contract-{next(self.numbers)}", "display_name": "C", "password": PASSWORD}
        yield Sample("POST", f"{API}/users", {}, {**user, "role": "engineer", "councils": [FIFE]})
        yield Sample("PATCH", f"{API}/users/{{user_id}}", await self.user(), {"active": False})
        yield Sample("PUT", f"{API}/users/{{user_id}}/password", await self.user(), {"password": PASSWORD})
        expires = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        yield Sample("POST", f"{API}/tokens", {}, {"name": "contract", "role": "operator", "expires_at": expires})
        yield Sample("DELETE", f"{API}/tokens/{{token_id}}", await self.token())
        yield Sample("POST", f"{API}/contact-points", {}, self.address())
        yield Sample("DELETE", f"{API}/contact-points/{{point_id}}", await self.contact_point())

    async def _of_alarms(self) -> AsyncIterator[Sample]:
        fresh = await self.alarm()
        yield Sample("POST", f"{API}/alarms/{{alarm_id}}/ack", {"alarm_id": fresh["id"]}, {"as_of": fresh["version"]})
        commands: dict[str, dict[str, Any]] = {
            "renew": {},
            "attend": {"who": "Responder 4"},
            "hold": {"reason": "the other line"},
            "release": {"reason": "end of shift"},
            "escalate": {"reason": "no answer"},
            "no-speech": {},
            "note": {"text": "spoke with a neighbour"},
            "contact-attempt": {"contact": "Bob", "reached": False},
            "close": {"outcome": "reassured", "voice_confirmed": True},
        }
        for command, body in commands.items():
            mine = await self.claimed()
            as_of = {"as_of": mine["version"]}
            yield Sample("POST", f"{API}/alarms/{{alarm_id}}/{command}", {"alarm_id": mine["id"]}, as_of | body)

        low = await self.alarm(type_="hub_battery_low", lane="event")
        aside = {"as_of": low["version"], "minutes": 60, "reason": "an engineer comes tomorrow"}
        yield Sample("POST", f"{API}/alarms/{{alarm_id}}/shelve", {"alarm_id": low["id"]}, aside)

    async def _of_policies(self) -> AsyncIterator[Sample]:
        one, ids = f"{API}/policies/{{policy_id}}", await self.policy()
        yield Sample("POST", f"{API}/policies", {}, {"text": self.ladder()})
        yield Sample("POST", f"{API}/policies/lint", {}, {"text": self.ladder()})
        yield Sample("POST", f"{API}/policies/simulate", {}, {"type": "pendant", "council_id": FIFE})
        shown = (await self.api.get(f"{API}/policies/{ids['policy_id']}")).json()
        yield Sample("PUT", one, ids, {"as_of": 1, "text": self.ladder(shown["key"])})
        yield Sample("POST", f"{one}/reroute", ids)
        yield Sample("DELETE", one, ids)
        # An alarm that began on the default moves to a policy that was saved since.
        alarm = await self.alarm(type_="bath")
        of_all_councils = self.ladder().replace(f"council: {FIFE}\n", "").replace("flood", "bath")
        await self.made("/policies", {"text": of_all_councils})
        reroute = {"as_of": alarm["version"], "reason": "a new policy"}
        yield Sample("POST", f"{API}/alarms/{{alarm_id}}/reroute", {"alarm_id": alarm["id"]}, reroute)

    async def _of_work(self) -> AsyncIterator[Sample]:
        yield Sample("POST", f"{API}/planned-work", {}, self.window())
        yield Sample("PATCH", f"{API}/planned-work/{{work_id}}", await self.work(), {"ends_at": self.ahead(30)})
        yield Sample("POST", f"{API}/planned-work/{{work_id}}/end", await self.work())

    async def _of_programmes(self) -> AsyncIterator[Sample]:
        one = f"{API}/switchover/programmes/{{programme_id}}"
        yield Sample("POST", f"{API}/switchover/programmes", {}, self.retirement())
        yield Sample("POST", f"{one}/find-units", await self.programme())
        yield Sample("POST", f"{one}/waves", await self.programme(), {"name": "First"})
        ids = await self.programme()
        yield Sample("POST", f"{one}/units/assign", ids, {"units": [ids["unit_id"]], "tier": "A"})
        yield Sample("POST", f"{one}/end", await self.programme(), {"as_of": 1})

    async def _of_visits(self) -> AsyncIterator[Sample]:
        one = f"{API}/switchover/visits/{{visit_id}}"
        yield Sample("POST", f"{API}/switchover/visits", {}, {"unit_id": (await self.programme())["unit_id"]})
        yield Sample("POST", f"{one}/steps", await self.visit(), {"to": "data_validated", "as_of": 1})
        yield Sample("POST", f"{one}/contacts", await self.visit(), {"channel": "letter", "outcome": "sent"})
        yield Sample("POST", f"{one}/note", await self.visit(), {"text": "a dog, friendly"})
        yield Sample("POST", f"{one}/cancel", await self.visit(), {"as_of": 1, "reason": "another way"})

    async def _of_plans(self) -> AsyncIterator[Sample]:
        one, ids = f"{API}/switchover/engineers/{{user_id}}", await self.visits_plan()
        engineer = {"user_id": ids["engineer"], "council": FIFE}
        yield Sample("POST", f"{API}/switchover/plans", {}, self.monday() | {"seconds": 0.2})
        day = self.monday()["first_on"]
        yield Sample("POST", f"{API}/switchover/plans/{{plan_id}}/accept", await self.ready_plan(day), {"day": day})
        visit = await self.api.get(f"{API}/switchover/visits/{(await self.visit())['visit_id']}")
        hub_id = visit.json()["old_hub_id"]
        said = {"hub_id": hub_id, "answer": "not_reached", "as_of": visit.json()["version"]}
        yield Sample("POST", f"{API}/switchover/plans/{{plan_id}}/answers", await self.ready_plan(day, hub_id), said)
        yield Sample("PUT", one, engineer, self.base() | {"skills": ["key safe"]})
        yield Sample("POST", f"{one}/absences", engineer, self.monday() | {"reason": "called in sick"})
        yield Sample("DELETE", f"{API}/switchover/absences/{{absence_id}}", ids)
        yield Sample("POST", f"{one}/calendar-feed", engineer)
        yield Sample("DELETE", f"{one}/calendar-feed", engineer)
        yield Sample("DELETE", f"{one}/councils/{{council}}", engineer)
        yield Sample("PUT", f"{API}/switchover/rules/{{council}}", ids, {"lines_end_on": None, "undo_minutes": 30})

    async def _of_jobs(self) -> AsyncIterator[Sample]:
        one = f"{API}/jobs/{{job_id}}"
        yield Sample("POST", f"{one}/assign", await self.job(), {"owner": "Rory", "interim": "a spare pendant"})
        yield Sample("POST", f"{one}/note", await self.job(), {"text": "nobody at home"})
        yield Sample("POST", f"{one}/close", await self.job(), {"as_of": 1, "reason": "set up anew"})
        yield Sample("POST", f"{API}/jobs/reconcile", {})

    async def _of_exposure(self) -> AsyncIterator[Sample]:
        one = f"{API}/switchover/exposure/{{exposure_id}}"
        plan = {"next_action": "book a visit", "next_on": self.ahead(3)[:10]}
        ids = await self.exposed()
        yield Sample("POST", f"{one}/plan", ids, plan)
        wrong = {"as_of": 2, "cause": "line_corrected", "line_kind": "pstn", "reason": "rang the provider"}
        yield Sample("POST", f"{one}/close", ids, wrong)  # who has it, and what they do next, stands there by now

    async def _of_telco(self) -> AsyncIterator[Sample]:
        telco, ids, why = f"{API}/switchover/telco", await self.telco(), {"reason": "a contract test"}
        yield Sample("POST", f"{telco}/agreements", {}, agreement(FIFE, next(self.numbers)))
        yield Sample("POST", f"{telco}/agreements/{{telco_agreement_id}}/batches", ids, {"purpose": "identify"})
        yield Sample("POST", f"{telco}/batches/{{batch_id}}/download", ids)
        found = {"matches": [{"number": "01632 960123", "result": "matched"}]}
        yield Sample("POST", f"{telco}/batches/{{batch_id}}/matches", ids, found)
        table = f"number,date\n01632 960199,{self.ahead(30)[:10]}\n"
        yield Sample("POST", f"{telco}/notices", {}, {"council_id": FIFE, "provider": "Norvik", "csv": table})
        yield Sample("POST", f"{telco}/checks/{{check_id}}/rung", ids, {"answered": True})
        yield Sample("POST", f"{telco}/holds", {}, {"council_id": FIFE, "number": "01632 960198", **why})
        yield Sample("POST", f"{telco}/holds/{{hold_id}}/lift", ids, why)
        yield Sample("POST", f"{telco}/agreements/{{telco_agreement_id}}/end", ids, why)

    async def _of_awards(self) -> AsyncIterator[Sample]:
        yield Sample("POST", f"{API}/switchover/attestations", {}, await self.attests())
        one = f"{API}/switchover/attestations/{{attestation_id}}/withdraw"
        yield Sample("POST", one, await self.attestation(), {"reason": "a contract test"})
        costs = {"council_id": FIFE, "items": {"device": 24_950}, "source": "the contract of 2026"}
        yield Sample("PUT", f"{API}/switchover/costs", {}, costs)

    async def _of_firmware(self) -> AsyncIterator[Sample]:
        firmware, why = f"{API}/firmware", {"reason": "a look at them first"}
        model = await self.made(
            "/device-models", {"make": "Skerry", "name": f"Image {next(self.numbers)}", "connection": "digital"}
        )
        yield Sample("POST", f"{firmware}/images", {}, self.firmware(model["id"]))
        ids = await self.image()
        yield Sample("POST", f"{firmware}/images/{{image_id}}/release", ids)
        yield Sample("POST", f"{firmware}/rollouts", {}, self.waves(ids["image_id"]))
        one, ids = f"{firmware}/rollouts/{{rollout_id}}", await self.rollout()
        yield Sample("POST", f"{one}/start", ids)
        yield Sample("POST", f"{one}/pause", ids, why)
        yield Sample("POST", f"{one}/resume", ids, why)
        yield Sample("POST", f"{one}/cancel", ids, why)
        yield Sample("POST", f"{firmware}/images/{{image_id}}/block", await self.image(), why)

    async def _of_covers(self) -> AsyncIterator[Sample]:
        covers = f"{API}/covers"
        code = await self.alone()
        self.spared.add(code)  # it gets its partner later
        agreed = {"council_id": code, "partner_id": GLASGOW, "after_s": 180}
        yield Sample("POST", f"{covers}/agreements", {}, agreed)
        yield Sample("DELETE", f"{covers}/agreements/{{agreement_id}}", await self.agreement())
        begun = await self.agreement() | {"why": "exercise", "reason": "monthly"}
        yield Sample("POST", covers, {}, begun)
        yield Sample("POST", f"{covers}/{{cover_id}}/end", await self.cover(), {"why": "it is over"})

    async def _of_welfare(self) -> AsyncIterator[Sample]:
        campaigns = f"{API}/welfare/campaigns"
        one, ids = f"{campaigns}/{{campaign_id}}", await self.campaign()
        them = f"{one}/people/{{person_id}}"
        yield Sample("POST", campaigns, {}, {"council_id": FIFE, "reason": "a flood", "person_ids": [ids["person_id"]]})
        yield Sample("POST", f"{one}/next", ids)
        yield Sample("POST", f"{them}/take", ids)
        yield Sample("POST", f"{them}/release", ids)
        yield Sample("POST", f"{them}/attempts", ids, {"outcome": "no_answer", "note": "rang twice"})
        yield Sample("POST", f"{one}/finish", ids, {"reason": "the wardens go from door to door"})

    async def _of_homes(self) -> AsyncIterator[Sample]:
        person, premises = await self.person(), await self.premises()
        contact = {"name": "Bob", "phone": "07700 900123", "holds_key": True}
        named = {"council_id": FIFE, "given_name": "Jean", "family_name": "Rennie"}
        placed = {"council_id": FIFE, "address": "2 High Street", "town": "Cupar", "postcode": "KY15 4AA"}
        safe = {"location": "left of the door", "code": "4711"}
        yield Sample("POST", f"{API}/people", {}, named)
        yield Sample("PATCH", f"{API}/people/{{person_id}}", person, {"hazards": "dog", "phone": None})
        yield Sample("PUT", f"{API}/people/{{person_id}}/contacts", person, [contact])
        yield Sample("POST", f"{API}/premises", {}, placed)
        yield Sample("PATCH", f"{API}/premises/{{premises_id}}", premises, {"access_notes": "ring twice"})
        yield Sample("PUT", f"{API}/premises/{{premises_id}}/lines", premises, [{"kind": "pstn"}])
        yield Sample("PUT", f"{API}/premises/{{premises_id}}/key-safe", premises, safe)
        carer = {"start": 540, "end": 600, "weekdays": [0, 2], "why": "the carer is there"}
        yield Sample("PUT", f"{API}/switchover/homes/{{premises_id}}/needs", premises, {"people": 2, "busy": [carer]})
        yield Sample("POST", f"{API}/premises/{{premises_id}}/key-safe/reveal", premises, {"reason": "no answer"})

    async def _of_responders(self) -> AsyncIterator[Sample]:
        one, theirs = f"{API}/responders/{{responder_id}}", f"{API}/responders/{{responder_id}}/methods/{{method_id}}"
        row = {"key": f"contract-{next(self.numbers)}", "name": "Rory", "quiet_hours": {"from": "22:00", "to": "07:00"}}
        yield Sample("POST", f"{API}/responders", {}, row)
        yield Sample("PATCH", one, await self.responder(), {"name": "Mhairi"})
        yield Sample("DELETE", one, await self.responder())
        yield Sample("POST", f"{one}/methods", await self.responder(), {"channel": "sms", "address": "07700 900123"})
        yield Sample("PATCH", theirs, await self.method(), {"disabled": True, "why": "on leave"})
        yield Sample("DELETE", theirs, await self.method())
        yield Sample("POST", f"{theirs}/code", await self.method())
        waiting = await self.method()
        yield Sample("POST", f"{theirs}/verify", waiting, {"code": await self.code(waiting)})
        ids = await self.method()
        yield Sample("PUT", f"{one}/rules", ids, [{"method_id": ids["method_id"], "after_s": 30}])
        yield Sample("POST", f"{one}/calendar-feed", await self.responder())
        yield Sample("DELETE", f"{one}/calendar-feed", await self.responder())
        member = await self.responder()
        team = {"key": f"contract-{next(self.numbers)}", "name": "W", "council_id": FIFE}
        yield Sample("POST", f"{API}/teams", {}, {**team, "members": [member["responder_id"]]})
        yield Sample("PATCH", f"{API}/teams/{{team_id}}", await self.team(), {"name": "Wardens", "members": []})
        yield Sample("DELETE", f"{API}/teams/{{team_id}}", await self.team())

    async def _of_rotas(self) -> AsyncIterator[Sample]:
        one, ids = f"{API}/rotas/{{rota_id}}", await self.rota()
        plan = self.plan(ids["responder_id"])
        yield Sample("POST", f"{API}/rotas", {}, plan)
        yield Sample("PUT", one, ids, {"as_of": 1, "name": "Nights", "layers": plan["layers"]})
        yield Sample("POST", f"{one}/overrides", ids, self.swap(ids))
        yield Sample("DELETE", f"{one}/overrides/{{override_id}}", ids)
        yield Sample("POST", f"{one}/temporary-schedules", ids, self.storm(ids))
        yield Sample("DELETE", f"{one}/temporary-schedules/{{schedule_id}}", ids)
        yield Sample("POST", f"{one}/calendar-feed", ids)
        yield Sample("DELETE", f"{one}/calendar-feed", ids)
        yield Sample("DELETE", f"{one}/members/{{responder_id}}", ids)
        yield Sample("DELETE", one, ids)
        rotas = {"rotas": [{"key": f"contract-{next(self.numbers)}", "name": "N", "council_id": FIFE, "layers": []}]}
        yield Sample("POST", f"{API}/rotas/import", {}, rotas, "application/yaml")

    async def _of_hubs(self) -> AsyncIterator[Sample]:
        model = {"make": "Skerry", "name": f"Contract {next(self.numbers)}", "connection": "digital"}
        made = await self.made("/device-models", model)
        yield Sample("PATCH", f"{API}/device-models/{{model_id}}", {"model_id": made["id"]}, {"battery_years": 5})
        yield Sample("POST", f"{API}/device-models", {}, model | {"name": f"{model['name']}b"})
        hub_id = f"CONTRACT-{next(self.numbers)}"
        yield Sample("POST", f"{API}/hubs", {}, {"hub_id": hub_id, "council_id": FIFE, "model_id": made["id"]})
        digital = await self.made("/hubs", {"hub_id": f"{hub_id}d", "council_id": FIFE, "model_id": made["id"]})
        interval = {"command": "set_interval", "args": {"interval_s": 60}}
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/commands", {"hub_id": digital["hub_id"]}, interval)
        row = {"council": FIFE, "hub_id": f"{hub_id}x", "make": made["make"], "model": made["name"]}
        row |= {"address": "3 High Street", "town": "Cupar", "postcode": "KY15 4AA"}
        row |= {"given_name": "Jean", "family_name": "Rennie"}
        yield Sample("POST", f"{API}/hubs/import", {}, sheet(row).decode(), "text/csv")
        async for sample in self.imports(row | {"hub_id": f"{hub_id}y", "address": "5 High Street"}):
            yield sample
        hub, home = await self.hub(), await self.home()
        place = await self.person() | await self.premises()
        pendant = {"device_id": "p2", "kind": "pendant", "room": "Hall"}
        yield Sample("PATCH", f"{API}/hubs/{{hub_id}}", hub, {"serial": "S-1"})
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/credential", hub)
        old = await self.hub()
        assert (await self.api.patch(f"{API}/hubs/{old['hub_id']}", json={"connection": "analogue"})).status_code == 200
        failed = {"count": 29, "until": "2026-10-31"}
        yield Sample("PUT", f"{API}/hubs/{{hub_id}}/failed-handshakes", old, failed)
        rule = {"heartbeat_grace_s": 90, "reason": "a slow network"}
        yield Sample("PUT", f"{API}/hubs/{{hub_id}}/heartbeat-rule", hub, rule)
        yield Sample("PUT", f"{API}/device-models/{{model_id}}/heartbeat-rule", {"model_id": made["id"]}, rule)
        yield Sample("PUT", f"{API}/councils/{{council}}/heartbeat-rule", {"council": GLASGOW}, rule)
        minutes = {"a": 10, "b": 60, "c": 240, "reason": "a longer way"}
        yield Sample("PUT", f"{API}/councils/{{council}}/silence-deadlines", {"council": GLASGOW}, minutes)
        until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        yield Sample("PUT", f"{API}/hubs/{{hub_id}}/absence", hub, {"until": until, "why": "in hospital"})
        yield Sample("DELETE", f"{API}/hubs/{{hub_id}}/absence", hub)
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/installations", hub, place)
        tried = {"devices": ["p1"], "unit": True, "minutes": 5, "reason": "a new pendant"}
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/test-window", home, tried)
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/test-window/end", home)
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/acceptance", {"hub_id": self.lab.hubs[0].hub_id})
        agreed = {"reason": "moves to a care home", "agreed_with": "Sheila Reid"}
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/installations/end", home, {"withdrawal": agreed})
        yield Sample("POST", f"{API}/hubs/{{hub_id}}/peripherals", hub, pendant)
        yield Sample("DELETE", f"{API}/hubs/{{hub_id}}/peripherals/{{device_id}}", home)
