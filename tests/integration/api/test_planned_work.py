"""Planned work over the API: what is raised in it is quiet until its end, which may move; life-safety never is."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked, Released
from alarms.handling.domain import CANARY_CLASS, Opening, Subject
from alarms.handling.faults import hole
from alarms.handling.service import AlarmService, Origin
from alarms.work.repository import WorkRepository
from telecare.access.domain import UserRole
from telecare.kernel.db import Database, database_now
from tests.integration.alarms.world import World, opens
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]

WORK = "/api/v1/planned-work"
ANN = Holder(str(UUID(int=7)), "Ann")
IN_FIFE = Subject(council_id=FIFE)
FLOOD = opens("flood")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def ahead(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


async def plan(client: httpx.AsyncClient, status: int = 201, **body: Any) -> Any:
    row = {"council_id": FIFE, "ends_at": ahead(60), "reason": "a new switchboard", **body}
    reply = await client.post(WORK, json={name: value for name, value in row.items() if value is not None})
    assert reply.status_code == status, reply.text
    return reply.json()


async def until(world: World, alarm_id: UUID) -> datetime | None:
    told = (await world.get(alarm_id)).state["quiet_until"]
    return datetime.fromisoformat(told) if told else None


async def steps(world: World, alarm_id: UUID) -> int:
    await world.drive()
    return int((await world.get(alarm_id)).state["step"])


async def test_what_is_raised_in_it_is_quiet_and_ending_it_lets_it_go_on_at_once(
    administrator: httpx.AsyncClient, world: World
) -> None:
    before = await world.raise_alarm("flood", "h1", IN_FIFE)
    work = await plan(administrator)
    assert (work["state"], work["council_id"], work["hub_id"]) == ("on", FIFE, None)
    during = await world.raise_alarm("flood", "h2", IN_FIFE)
    smoke = await world.raise_alarm("smoke", "h3", IN_FIFE)
    elsewhere = await world.raise_alarm("flood", "h4", Subject(council_id=GLASGOW))

    assert [await steps(world, one) for one in (before, during, smoke, elsewhere)] == [1, 0, 1, 1]
    row = await world.get(during)
    assert row.next_due_at == await until(world, during) == datetime.fromisoformat(work["ends_at"])
    assert row.next_step == "the planned work is over: the operators' queue told"
    assert (await world.get(smoke)).state["in_work"] is True
    assert "Planned work is going on here" in (await world.log(smoke))[0]

    ended = (await administrator.post(f"{WORK}/{work['id']}/end")).json()
    assert (ended["state"], ended["ended_by"]) == ("over", work["made_by"])
    assert await steps(world, during) == 1
    assert "ended the planned work: it goes on now" in (await world.log(during))[1]
    after = await world.raise_alarm("flood", "h5", IN_FIFE)
    assert await until(world, after) is None


async def test_a_move_moves_what_is_quiet_and_nothing_else(administrator: httpx.AsyncClient, world: World) -> None:
    work = await plan(administrator)
    quiet = await world.raise_alarm("flood", "h1", IN_FIFE)
    claimed = await world.raise_alarm("flood", "h2", IN_FIFE)
    await world.feed(claimed, Acked(ANN))
    for minutes in (120, 10):
        moved = ahead(minutes)
        reply = await administrator.patch(f"{WORK}/{work['id']}", json={"ends_at": moved, "reason": "it rains"})
        assert (reply.status_code, reply.json()["reason"]) == (200, "it rains")
        there = datetime.fromisoformat(moved)
        assert (await world.get(quiet)).next_due_at == await until(world, quiet) == there
        assert await until(world, claimed) == there
    await world.feed(claimed, Released(ANN))
    assert (await world.get(claimed)).next_due_at == there  # given back, it waits as the others do
    assert "moved the planned work: nobody is told for" in (await world.log(quiet))[-1]


async def test_what_another_work_covers_stays_quiet_until_the_last_end(
    administrator: httpx.AsyncClient, world: World, register: Register
) -> None:
    hub = await register.hub("H-1")
    wide, narrow = await plan(administrator), await plan(administrator, hub_id=hub, ends_at=ahead(30))
    assert narrow["council_id"] == FIFE
    both = await world.raise_alarm("flood", hub, IN_FIFE)
    one = await world.raise_alarm("flood", "h2", IN_FIFE)
    await plan(administrator, ends_at=ahead(300))  # later than both alarms: it has no part in them
    assert await until(world, both) == datetime.fromisoformat(wide["ends_at"])
    await administrator.post(f"{WORK}/{wide['id']}/end")
    assert await until(world, both) == datetime.fromisoformat(narrow["ends_at"])
    assert [await steps(world, each) for each in (both, one)] == [0, 1]


async def test_neither_the_canary_nor_a_fault_of_ours_is_ever_in_it(
    administrator: httpx.AsyncClient, world: World, database: Database
) -> None:
    await plan(administrator, council_id=None)
    async with database.transaction() as session:
        service, now = AlarmService(session), await database_now(session)
        await service.report(hole(("supervisor",)), FIFE, now)
    assert [one.state["in_work"] for one in await world.about_us()] == [False]
    canary = Opening("canary", CANARY_CLASS, 90, "canary", "Canary")
    async with database.transaction() as session:
        policy, work = await AlarmService(session)._policy_and_work(canary, Subject(), Origin("h1", None, now), now)
    assert (policy, work) == (None, None)


async def test_whoever_ends_it_waits_for_what_is_being_raised_in_it(
    administrator: httpx.AsyncClient, world: World, database: Database
) -> None:
    """Else such an alarm would be quiet until an end that is no more."""
    work = await plan(administrator)
    async with database.transaction() as session:
        now = await database_now(session)
        alarm_id = await AlarmService(session).open(FLOOD, IN_FIFE, Origin("h1", None, now), now)
        ending = asyncio.create_task(administrator.post(f"{WORK}/{work['id']}/end"))
        await asyncio.sleep(0.5)
        assert not ending.done()
    assert (await ending).status_code == 200
    assert await steps(world, alarm_id) == 1


async def test_what_is_raised_while_it_is_being_ended_does_not_wait_and_is_told(
    administrator: httpx.AsyncClient, world: World, database: Database
) -> None:
    work = await plan(administrator)
    async with database.transaction() as session:
        await WorkRepository(session).get(UUID(work["id"]), lock=True)
        async with asyncio.timeout(3):
            alarm = await world.raise_alarm("flood", "h1", IN_FIFE)
    assert await until(world, alarm) is None


async def test_it_is_planned_ahead_and_called_off(administrator: httpx.AsyncClient, world: World) -> None:
    work = await plan(administrator, starts_at=ahead(60), ends_at=ahead(120))
    assert work["state"] == "coming"
    alarm = await world.raise_alarm("flood", "h1", IN_FIFE)
    assert await until(world, alarm) is None
    assert (await administrator.post(f"{WORK}/{work['id']}/end")).json()["state"] == "over"
    for again in (
        administrator.post(f"{WORK}/{work['id']}/end"),
        administrator.patch(f"{WORK}/{work['id']}", json={"ends_at": ahead(90)}),
    ):
        refused = await again
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "refused")


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        ({"ends_at": ahead(15 * 24 * 60)}, "body.ends_at", "14 days at most"),
        ({"ends_at": ahead(-1)}, "body.ends_at", "must lie after the start"),
        ({"starts_at": ahead(-60)}, "body.starts_at", "cannot begin in the past"),
        ({"starts_at": ahead(500 * 24 * 60), "ends_at": ahead(500 * 24 * 60 + 5)}, "body.starts_at", "400 days ahead"),
        ({"hub_id": "H-9"}, "body.hub_id", "no such hub"),
        ({"council_id": "S12000999"}, "body.council_id", "no council"),
        ({"reason": "x"}, "body.reason", "3"),
    ],
)
async def test_what_cannot_be_is_refused_by_field(
    administrator: httpx.AsyncClient, body: dict[str, str], where: str, words: str
) -> None:
    problem = await plan(administrator, 422, **body)
    assert [one["where"] for one in problem["errors"]] == [where]
    assert words in problem["errors"][0]["what"]


async def test_it_is_listed_by_state_council_and_hub_in_pages(
    administrator: httpx.AsyncClient, register: Register, client_for: ClientFor
) -> None:
    hub = await register.hub("H-1")
    wide = await plan(administrator)
    coming = await plan(administrator, starts_at=ahead(60), ends_at=ahead(120), hub_id=hub)
    glasgow = await plan(administrator, council_id=GLASGOW)
    everywhere = await plan(administrator, council_id=None)
    await administrator.post(f"{WORK}/{everywhere['id']}/end")

    async def listed(client: httpx.AsyncClient = administrator, **query: str) -> list[str]:
        found, cursor = [], None
        while True:
            page = (
                await client.get(WORK, params={"limit": "1", **query, **({"cursor": cursor} if cursor else {})})
            ).json()
            found += [one["id"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return found

    ids = {name: one["id"] for name, one in (("w", wide), ("c", coming), ("g", glasgow), ("e", everywhere))}
    assert await listed() == [ids["e"], ids["g"], ids["c"], ids["w"]]
    assert await listed(state="on") == [ids["g"], ids["w"]]
    assert await listed(state="coming") == [ids["c"]]
    assert await listed(state="over") == [ids["e"]]
    assert await listed(council="Fife") == [ids["e"], ids["c"], ids["w"]]
    assert await listed(hub_id="H-1") == [ids["e"], ids["c"], ids["w"]]
    assert await listed(hub_id="nobodys") == [ids["e"]]
    of_glasgow = await client_for(UserRole.OPERATOR, GLASGOW)
    assert await listed(of_glasgow) == [ids["e"], ids["g"]]
    assert await listed(of_glasgow, hub_id="H-1") == [ids["e"]]
    assert (await of_glasgow.get(f"{WORK}/{wide['id']}")).status_code == 404
    assert (await of_glasgow.get(f"{WORK}/{everywhere['id']}")).json()["state"] == "over"


@pytest.mark.parametrize(
    ("role", "status"), [(UserRole.OPERATOR, 403), (UserRole.ENGINEER, 201), (UserRole.SUPERVISOR, 201)]
)
async def test_engineers_and_supervisors_plan_it_each_for_their_own(
    client_for: ClientFor, administrator: httpx.AsyncClient, role: UserRole, status: int
) -> None:
    client = await client_for(role, FIFE)
    await plan(client, status)
    await plan(client, 403, council_id=GLASGOW)
    await plan(client, 403, council_id=None)
    everywhere = await plan(administrator, council_id=None)
    assert (await client.post(f"{WORK}/{everywhere['id']}/end")).status_code == 403


async def test_each_act_is_in_the_audit(administrator: httpx.AsyncClient) -> None:
    work = await plan(administrator)
    await administrator.patch(f"{WORK}/{work['id']}", json={"ends_at": ahead(90)})
    await administrator.post(f"{WORK}/{work['id']}/end")
    entries = (await administrator.get("/api/v1/audit", params={"subject_id": work["id"]})).json()["items"]
    assert [entry["action"] for entry in entries] == ["work_ended", "work_moved", "work_planned"]
    assert entries[0]["details"]["reason"] == "a new switchboard"


async def test_what_would_happen_knows_of_it(administrator: httpx.AsyncClient) -> None:
    await plan(administrator, starts_at=ahead(60), ends_at=ahead(240))
    asked = {"type": "flood", "council_id": FIFE, "at": ahead(61)}
    said = [
        (await administrator.post("/api/v1/policies/simulate", json=body)).text
        for body in (asked, {**asked, "at": ahead(59)}, {**asked, "council_id": GLASGOW})
    ]
    assert ["Planned work is going on: nobody is told" in one for one in said] == [True, False, False]
