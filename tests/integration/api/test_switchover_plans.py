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


async def test_a_plan_is_of_a_wave_alone_and_so_is_what_is_made_anew_from_it(
    register: Register, client_for: ClientFor, database: Database
) -> None:
    supervisor = await client_for(UserRole.SUPERVISOR, FIFE)
    user_id = await engineer(register, "ewan")
    assert (await supervisor.put(f"{ENGINEERS}/{user_id}", json=BASE)).status_code == 200
    hubs = [await register.hub(connection="analogue") for _ in range(2)]
    for hub in hubs:
        premises = await register.premises(latitude=56.21, longitude=-3.12)
        await register.install(hub, person_id=await register.person(), premises_id=premises)
    lines = {"name": "Lines", "cause": "pstn", "deadline": "2030-12-31", "councils": [FIFE]}
    programme = (await register.send("POST", "/switchover/programmes", lines))["id"]
    await register.send("POST", f"/switchover/programmes/{programme}/find-units", status=200)
    units = (await register.send("GET", f"/switchover/programmes/{programme}/units", status=200))["items"]
    first, empty = [
        (await register.send("POST", f"/switchover/programmes/{programme}/waves", {"name": name}))["id"]
        for name in ("First", "Empty")
    ]
    unit = next(each["id"] for each in units if each["hub_id"] == hubs[0])
    assign = {"wave_id": first, "units": [unit]}
    await register.send("POST", f"/switchover/programmes/{programme}/units/assign", assign, 200)
    # Each is a plan of its own, though the days are the same.
    asked = [{"wave_id": first}, {"programme_id": programme}, {"wave_id": empty}]
    ordered = [(await supervisor.post(PLANS, json={**DAYS, **of})).json() for of in asked]
    assert [(each["programme_id"], each["wave_id"]) for each in ordered] == [
        (programme, first), (programme, None), (programme, empty),
    ]  # fmt: skip
    while await PlanRunner(database).make_next():
        pass
    made = [(await supervisor.get(f"{PLANS}/{each['id']}")).json() for each in ordered]
    planned = [{each["hub_id"] for each in plan["result"]["appointments"]} for plan in made[:2]]
    assert planned == [{hubs[0]}, set(hubs)]
    assert made[2]["failed_why"] == "No home of it is left to be visited in this council"
    (visit,) = made[0]["result"]["appointments"]
    wrong = [{"wave_id": str(UUID(int=1))}, {"programme_id": str(UUID(int=1))}]
    assert [(await supervisor.post(PLANS, json={**DAYS, **of})).status_code for of in wrong] == [404, 404]
    again = (await supervisor.post(PLANS, json={**DAYS, "wave_id": first})).json()["id"]
    while await PlanRunner(database).make_next():
        pass
    away = {"council_id": FIFE, "first_on": visit["day"], "last_on": visit["day"], "reason": "called in sick"}
    anew = (await supervisor.post(f"{ENGINEERS}/{user_id}/absences", json=away)).json()["plan"]
    assert (anew["replaces_id"], anew["programme_id"], anew["wave_id"]) == (again, programme, first)


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
