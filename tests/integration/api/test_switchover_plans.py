"""Plans over the API: ordered once, made, shown; somebody is ill, and the plan is made anew; of one's own councils."""

from uuid import UUID

from telecare.access.domain import UserRole
from telecare.kernel.db import Database
from telecare.switchover.plan_runner import PlanRunner
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FIFE, GLASGOW, Register

PLANS, ENGINEERS = "/api/v1/switchover/plans", "/api/v1/switchover/engineers"
DAYS = {"council_id": FIFE, "first_on": "2030-01-07", "last_on": "2030-01-08", "seconds": 0.2}
BASE = {"council_id": FIFE, "base_latitude": 56.2, "base_longitude": -3.1, "skills": ["key safe"]}


async def engineer(register: Register, name: str) -> str:
    user = {"username": name, "display_name": name.title(), "password": "a long password", "role": "engineer"}
    return str((await register.send("POST", "/users", {**user, "councils": [FIFE]}))["id"])


async def test_a_plan_is_ordered_once_made_and_made_anew_when_somebody_is_ill(
    register: Register, client_for: ClientFor, database: Database
) -> None:
    supervisor = await client_for(UserRole.SUPERVISOR, FIFE)
    refused = await supervisor.post(PLANS, json=DAYS)
    assert (refused.status_code, "Nobody visits homes" in refused.json()["detail"]) == (409, True)
    people = [await engineer(register, name) for name in ("ewan", "rory")]
    for user_id in people:
        assert (await supervisor.put(f"{ENGINEERS}/{user_id}", json=BASE)).status_code == 200
    assert [each["name"] for each in (await supervisor.get(ENGINEERS)).json()["items"]] == ["Ewan", "Rory"]
    hub = await register.hub("ANALOGUE-1", connection="analogue")
    premises = await register.premises(latitude=56.21, longitude=-3.12)
    await register.install(hub, person_id=await register.person(), premises_id=premises)
    begun = await supervisor.post(PLANS, json={**DAYS, "first_on": "2020-01-06"})
    assert begun.status_code == 422
    ordered = [await supervisor.post(PLANS, json=DAYS) for _ in range(2)]
    assert [reply.status_code for reply in ordered] == [202, 202]
    (plan_id,) = {reply.json()["id"] for reply in ordered}
    assert (await supervisor.get(f"{PLANS}/{plan_id}")).json()["result"] is None
    assert await PlanRunner(database).make_next()
    made = (await supervisor.get(f"{PLANS}/{plan_id}")).json()
    assert (made["state"], made["progress"], made["result"]["faults"]) == ("ready", 1.0, [])
    (visit,) = made["result"]["appointments"]
    assert visit["hub_id"] == hub
    assert visit["factors"]
    (ill,) = visit["crew"]
    away = {"council_id": FIFE, "first_on": visit["day"], "last_on": visit["day"], "reason": "called in sick"}
    said = [(await supervisor.post(f"{ENGINEERS}/{ill}/absences", json=away)).json() for _ in range(2)]
    assert said[0] == said[1]
    assert said[0]["plan"]["replaces_id"] == plan_id
    assert await PlanRunner(database).make_next()
    anew = (await supervisor.get(f"{PLANS}/{said[0]['plan']['id']}")).json()["result"]
    assert [move["hub_id"] for move in anew["moves"]] == [hub]
    assert all(ill not in each["crew"] for each in anew["appointments"] if each["day"] == visit["day"])
    (absence,) = (await supervisor.get("/api/v1/switchover/absences")).json()["items"]
    assert absence["reason"] == "called in sick"
    assert (await supervisor.delete(f"/api/v1/switchover/absences/{absence['id']}")).status_code == 204
    assert (await supervisor.delete(f"{ENGINEERS}/{ill}/councils/Fife")).status_code == 204
    assert len((await supervisor.get(ENGINEERS)).json()["items"]) == 1


async def test_only_who_plans_orders_and_only_for_their_councils(register: Register, client_for: ClientFor) -> None:
    user_id, operator = await engineer(register, "ewan"), await client_for(UserRole.OPERATOR, FIFE)
    assert (await operator.post(PLANS, json=DAYS)).status_code == 403
    assert (await operator.get("/api/v1/switchover/absences")).status_code == 403
    elsewhere = await client_for(UserRole.SUPERVISOR, GLASGOW)
    assert (await elsewhere.post(PLANS, json=DAYS)).status_code == 403
    assert (await elsewhere.put(f"{ENGINEERS}/{user_id}", json=BASE)).status_code == 403
    assert (await elsewhere.put("/api/v1/switchover/rules/Fife", json={})).status_code == 403
    supervisor = await client_for(UserRole.SUPERVISOR, FIFE)
    assert (await supervisor.put(f"{ENGINEERS}/{UUID(int=1)}", json=BASE)).status_code == 422
    usual = (await supervisor.get("/api/v1/switchover/rules/Fife")).json()
    assert (usual["saved_by"], usual["lines_end_on"]) == (None, "2027-01-31")
    changed = await supervisor.put("/api/v1/switchover/rules/Fife", json={"local_holidays": ["2030-01-08"]})
    assert (changed.status_code, changed.json()["local_holidays"]) == (200, ["2030-01-08"])
