"""A partner's control room takes over and gives back, on a real database, over the API (C25)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from alarms.cover.tasks import CoverWatch
from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked
from alarms.handling.domain import Subject
from alarms.notify.domain import ContactTarget
from telecare.access.accounts import create_api_token
from telecare.access.domain import Actor, UserRole
from telecare.access.repository import AuditRepository
from telecare.api.deps import Services
from telecare.api.endpoints.stream import _shown
from telecare.api.feed import BoardFeed
from telecare.app import create_app
from tests.integration.alarms.world import World

FIFE, GLASGOW, FALKIRK = "S12000047", "S12000049", "S12000014"
OURS = Subject(council_id=FIFE)


class Rooms:
    """Control rooms on one service: people of theirs, an agreement, and the look of the engine."""

    def __init__(self, app: FastAPI, world: World, stack: AsyncExitStack) -> None:
        self.app, self.world, self._stack = app, world, stack
        self.watch = CoverWatch(world.database, AuditRepository)

    async def person(self, name: str, council: str, role: UserRole = UserRole.OPERATOR) -> httpx.AsyncClient:
        """Somebody of a council."""
        async with self.world.database.transaction() as session:
            issued = await create_api_token(session, name=name, role=role, councils=[council] if council else [])
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://test/api/v1",
            headers={"Authorization": f"Bearer {issued.plain}"},
        )
        return await self._stack.enter_async_context(client)

    async def agree(self, council: str = FIFE, partner: str = GLASGOW) -> str:
        """Let the partner cover the council."""
        boss = await self.person("boss", council, UserRole.ADMINISTRATOR)
        reply = await boss.post("/covers/agreements", json={"council_id": council, "partner_id": partner})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    async def alarm(self, kind: str = "pendant", hub: str = "h", **subject: Any) -> str:
        return str(await self.world.raise_alarm(kind, hub, Subject(council_id=FIFE, **subject)))

    async def age(self, seconds: int) -> None:
        """Let so much time have passed for all that has happened so far."""
        past = f"- interval '{seconds} s'"
        await self.world.sql(f"UPDATE alarm SET raised_at = raised_at {past}, assigned_at = assigned_at {past}")  # noqa: S608
        await self.world.sql(
            f"UPDATE cover SET started_at = started_at {past}, ended_at = ended_at {past},"  # noqa: S608
            f" calm_since = calm_since {past}"
        )

    async def running(self) -> list[dict[str, Any]]:
        rows = await self.world.sql("SELECT * FROM cover WHERE ended_at IS NULL")
        return [dict(row._mapping) for row in rows]


@pytest.fixture
async def rooms(services: Services, world: World) -> AsyncIterator[Rooms]:
    await world.sql("INSERT INTO council (code, name) VALUES (:a, 'Fife'), (:b, 'Glasgow City'), (:c, 'Falkirk')"
                    " ON CONFLICT DO NOTHING", a=FIFE, b=GLASGOW, c=FALKIRK)  # fmt: skip
    async with AsyncExitStack() as stack:
        yield Rooms(create_app(services), world, stack)


async def seen(client: httpx.AsyncClient) -> set[str]:
    return {item["id"] for item in (await client.get("/alarms?handling=open")).json()["items"]}


async def give(client: httpx.AsyncClient, alarm_id: str, command: str, **body: Any) -> httpx.Response:
    """Give a command on the alarm as it is now, as somebody does who looks at it."""
    version = (await client.get(f"/alarms/{alarm_id}")).json().get("version", 1)
    return await client.post(f"/alarms/{alarm_id}/{command}", json={"as_of": version, **body})


async def test_after_120_s_the_partner_has_the_same_cases_and_on_return_none_is_owned_twice(rooms: Rooms) -> None:
    await rooms.agree()
    fife, glasgow = await rooms.person("Fiona", FIFE), await rooms.person("Gordon", GLASGOW)
    falkirk = await rooms.person("Fergus", FALKIRK)
    first, second = await rooms.alarm(hub="h1"), await rooms.alarm("smoke", hub="h2")
    await rooms.age(115)
    assert await rooms.watch.look() == 0
    assert await seen(glasgow) == set()
    before = {item["id"]: item for item in (await fife.get("/alarms")).json()["items"]}
    await rooms.age(6)
    assert [await rooms.watch.look() for _ in range(2)] == [1, 0]

    theirs = {item["id"]: item for item in (await glasgow.get("/alarms")).json()["items"]}
    assert theirs == {item["id"]: item for item in (await fife.get("/alarms")).json()["items"]}
    assert {(id_, item["next_due_at"]) for id_, item in theirs.items()} == {
        (id_, item["next_due_at"]) for id_, item in before.items()
    }, "the same timers"
    assert (await glasgow.get(f"/alarms/{first}")).json()["log"] == (await fife.get(f"/alarms/{first}")).json()["log"]
    assert await seen(falkirk) == set()

    assert (await give(glasgow, first, "ack")).status_code == 200
    taken = await give(fife, first, "ack")
    assert taken.status_code == 409
    assert "Gordon" in taken.json()["detail"]

    # They come back, take the other one, and nothing waits for five minutes.
    assert (await give(fife, second, "ack")).status_code == 200
    await rooms.watch.look()
    await rooms.age(299)
    assert await rooms.watch.look() == 0
    await rooms.age(2)
    assert await rooms.watch.look() == 1
    assert await rooms.running() == []

    assert await seen(glasgow) == {first}, "what they have in hand stays with them"
    assert await seen(fife) == {first, second}
    assert (await glasgow.get(f"/alarms/{second}")).status_code == 404
    assert (await give(glasgow, second, "note", text="x")).status_code == 404
    held = await rooms.world.get(UUID(first))
    assert (held.assigned_name, (await rooms.world.get(UUID(second))).assigned_name) == ("Gordon", "Fiona")
    assert (await give(fife, first, "ack")).status_code == 409
    assert (await give(glasgow, first, "release", reason="they are back")).status_code == 200
    assert await seen(glasgow) == set()
    assert (await give(fife, first, "ack")).status_code == 200


async def test_both_rooms_claim_at_the_same_moment_and_one_of_them_has_it(rooms: Rooms) -> None:
    agreement = await rooms.agree()
    boss = await rooms.person("boss", FIFE, UserRole.SUPERVISOR)
    assert (await boss.post("/covers", json={"agreement_id": agreement, "why": "exercise"})).status_code == 201
    fife, glasgow = await rooms.person("Fiona", FIFE), await rooms.person("Gordon", GLASGOW)
    owners = []
    for number in range(50):
        alarm = await rooms.alarm(hub=f"h{number}")
        replies = await asyncio.gather(
            *(each.post(f"/alarms/{alarm}/ack", json={"as_of": 1}) for each in (fife, glasgow))
        )
        assert sorted(reply.status_code for reply in replies) == [200, 409], number
        owners.append((await rooms.world.get(UUID(alarm))).assigned_name)
        winner = next(reply.json()["assigned_name"] for reply in replies if reply.status_code == 200)
        assert winner == owners[-1]
        lines = await rooms.world.log(UUID(alarm))
        assert len([line for line in lines if line.endswith("has it.")]) == 1
    assert await rooms.running() != []


async def test_the_look_is_taken_by_many_engines_at_once_and_one_cover_begins(rooms: Rooms) -> None:
    await rooms.agree()
    await rooms.world.put_behind(ContactTarget.SUPERVISOR, "fife", FIFE)
    await rooms.world.put_behind(ContactTarget.SUPERVISOR, "glasgow", GLASGOW)
    await rooms.world.put_behind(ContactTarget.SUPERVISOR, "falkirk", FALKIRK)
    await rooms.alarm()
    await rooms.age(121)
    looks = [CoverWatch(rooms.world.database, AuditRepository) for _ in range(8)]
    assert sum(await asyncio.gather(*(each.look() for each in looks))) == 1
    (cover,) = await rooms.running()
    assert (cover["why"], cover["started_by"], cover["lag_s"] >= 121) == ("lag", "system", True)
    sent = await rooms.world.sql(
        "SELECT address, target, rank, message FROM outbox WHERE subject_id = :id", id=cover["id"]
    )
    rows = sent.all()
    assert {row.address.partition("@")[0] for row in rows} == {"fife", "glasgow"}
    assert {row.target for row in rows} == {"cover"}
    assert "Nobody there has taken a life-safety alarm for 2:0" in rows[0].message["text"]
    audit = await rooms.world.sql("SELECT council_id FROM audit WHERE action = 'cover_started'")
    assert set(audit.scalars()) == {FIFE, GLASGOW}


@pytest.mark.parametrize(
    "what",
    ["technical", "taken", "canary", "ours", "other council", "just given back"],
)
async def test_what_is_no_lag(rooms: Rooms, what: str) -> None:
    await rooms.agree()
    if what == "other council":
        await rooms.world.raise_alarm("pendant", "h", Subject(council_id=FALKIRK))
    else:
        alarm = await rooms.alarm("hub_battery_low" if what == "technical" else "pendant")
    if what == "ours":
        await rooms.world.sql("UPDATE alarm SET hub_id = '(telecare)'")
    if what == "canary":
        await rooms.world.sql("UPDATE alarm SET class = 'C', hub_id = 'telecare-canary'")
    fife = await rooms.person("Fiona", FIFE)
    await rooms.age(600)
    if what in {"taken", "just given back"}:
        assert (await give(fife, alarm, "ack")).status_code == 200
    if what == "just given back":
        assert (await give(fife, alarm, "release", reason="end of shift")).status_code == 200
    assert await rooms.watch.look() == 0


async def test_a_cover_gives_the_partner_alarms_and_nothing_else(rooms: Rooms) -> None:
    agreement = await rooms.agree()
    boss = await rooms.person("boss", FIFE, UserRole.ADMINISTRATOR)
    person = (
        await boss.post("/people", json={"council_id": FIFE, "given_name": "Zaphodia", "family_name": "B"})
    ).json()
    made = await boss.post("/responders", json={"key": "zaphod", "name": "Zaphodia", "council_id": FIFE})
    assert made.status_code == 201
    alarm = await rooms.alarm(person_id=UUID(person["id"]), person_name="Zaphodia B")
    assert (await boss.post("/covers", json={"agreement_id": agreement, "why": "declared"})).status_code == 201
    for role in UserRole:
        glasgow = await rooms.person(f"G {role}", GLASGOW, role)
        stands_in = role in {UserRole.OPERATOR, UserRole.SUPERVISOR}
        assert await seen(glasgow) == ({alarm} if stands_in else set()), role
        for path in (f"/people/{person['id']}", f"/responders/{made.json()['id']}"):
            assert (await glasgow.get(path)).status_code in {403, 404}, (role, path)
        changed = await glasgow.patch(f"/people/{person['id']}", json={"hazards": "x"})
        assert changed.status_code in {403, 404}
        for path in ("/people", "/hubs", "/premises", "/responders", "/rotas", "/policies", "/users", "/audit"):
            reply = await glasgow.get(path, params={"q": "Zaphod"} if path in {"/people", "/hubs"} else None)
            assert "Zaphodia" not in reply.text, (role, path)
    third = await rooms.person("third", FALKIRK, UserRole.SUPERVISOR)
    assert await seen(third) == set()


async def test_whoever_covers_the_partner_does_not_cover_whom_the_partner_covers(rooms: Rooms) -> None:
    for council, partner in ((FIFE, GLASGOW), (GLASGOW, FALKIRK)):
        agreement = await rooms.agree(council, partner)
        boss = await rooms.person("boss", council, UserRole.SUPERVISOR)
        await boss.post("/covers", json={"agreement_id": agreement, "why": "declared"})
    alarm = await rooms.alarm()
    assert await seen(await rooms.person("Gordon", GLASGOW)) == {alarm}
    assert await seen(await rooms.person("Fergus", FALKIRK)) == set()


async def test_who_may_begin_and_end_one(rooms: Rooms) -> None:
    agreement = await rooms.agree()
    ours, theirs = [await rooms.person("s", code, UserRole.SUPERVISOR) for code in (FIFE, GLASGOW)]
    other = await rooms.person("s", FALKIRK, UserRole.SUPERVISOR)
    operator = await rooms.person("o", FIFE)

    async def start(who: httpx.AsyncClient, why: str) -> httpx.Response:
        return await who.post("/covers", json={"agreement_id": agreement, "why": why})

    assert (await start(operator, "declared")).status_code == 403
    assert (await start(other, "declared")).status_code == 404
    assert (await start(theirs, "exercise")).status_code == 409
    assert "waited for 0 s" in (await start(theirs, "lag")).json()["detail"]
    assert (await start(ours, "exercise")).status_code == 201
    assert (await start(ours, "declared")).status_code == 409
    (cover,) = (await ours.get("/covers")).json()["items"]
    assert (await theirs.post(f"/covers/{cover['id']}/end", json={})).status_code == 403
    assert (await other.post(f"/covers/{cover['id']}/end", json={})).status_code == 404
    assert (await ours.post(f"/covers/{cover['id']}/end", json={"why": "it is over"})).status_code == 200
    assert (await ours.post(f"/covers/{cover['id']}/end", json={})).status_code == 409
    # By hand ended, and an alarm that waits: they have the whole time once more.
    await rooms.alarm()
    await rooms.age(121)
    await rooms.world.sql("UPDATE cover SET ended_at = now()")
    assert await rooms.watch.look() == 0
    await rooms.age(121)
    begun = await start(theirs, "lag")
    assert begun.status_code == 201, begun.text
    assert begun.json()["lag_s"] >= 121


async def test_agreements_are_made_and_ended_by_the_covered_council(rooms: Rooms) -> None:
    agreement = await rooms.agree()
    ours, theirs = [await rooms.person("a", code, UserRole.ADMINISTRATOR) for code in (FIFE, GLASGOW)]
    body = {"council_id": FIFE, "partner_id": GLASGOW}
    assert (await ours.post("/covers/agreements", json=body)).status_code == 409
    assert (await theirs.post("/covers/agreements", json={**body, "partner_id": FALKIRK})).status_code == 403
    for wrong in ({"partner_id": FIFE}, {"partner_id": "S12999999"}, {"after_s": 30}):
        assert (await ours.post("/covers/agreements", json={**body, **wrong})).status_code == 422, wrong
    (shown,) = (await theirs.get("/covers/agreements")).json()["items"]
    assert (shown["id"], shown["after_s"], shown["lag_s"], shown["running"]) == (agreement, 120, 0, None)
    await ours.post("/covers", json={"agreement_id": agreement, "why": "declared"})
    assert (await theirs.delete(f"/covers/agreements/{agreement}")).status_code == 403
    assert (await ours.delete(f"/covers/agreements/{agreement}")).status_code == 204
    assert await rooms.running() == []
    assert (await ours.get("/covers/agreements")).json()["items"] == []
    (cover,) = (await theirs.get("/covers")).json()["items"]
    assert cover["ended_why"] == "The agreement was ended"
    assert (await ours.post("/covers/agreements", json=body)).status_code == 201


async def test_the_report_of_an_exercise(rooms: Rooms) -> None:
    agreement = await rooms.agree()
    boss = await rooms.person("boss", FIFE, UserRole.SUPERVISOR)
    fife, glasgow = await rooms.person("Fiona", FIFE), await rooms.person("Gordon", GLASGOW)
    before = await rooms.alarm(hub="h0")
    assert (await give(fife, before, "ack")).status_code == 200
    cover = (
        await boss.post("/covers", json={"agreement_id": agreement, "why": "exercise", "reason": "monthly"})
    ).json()
    one, two = await rooms.alarm(hub="h1"), await rooms.alarm("smoke", hub="h2")
    await give(glasgow, one, "ack")
    await give(fife, two, "ack")
    await boss.post(f"/covers/{cover['id']}/end", json={"why": "it went well"})
    await rooms.alarm(hub="h3")
    shown = (await (await rooms.person("G", GLASGOW)).get(f"/covers/{cover['id']}")).json()
    assert (shown["seen"], shown["taken_by_partner"], shown["taken_by_own"], shown["not_taken"]) == (3, 1, 1, 1)
    found = {case["alarm_id"]: case["taker"] for case in shown["cases"]}
    assert found == {before: None, one: "Gordon", two: "Fiona"}
    assert 0 <= shown["median_answer_s"] <= shown["longest_answer_s"] < 30
    assert shown["reason"] == "monthly"
    assert (await (await rooms.person("F", FALKIRK)).get(f"/covers/{cover['id']}")).status_code == 404


async def test_the_stream_shows_what_is_covered_and_says_when_that_changes(rooms: Rooms) -> None:
    agreement = await rooms.agree()
    boss = await rooms.person("boss", FIFE, UserRole.SUPERVISOR)
    glasgow = await rooms.person("Gordon", GLASGOW)
    me = (await glasgow.get("/me")).json()
    gordon = Actor("token", UUID(me["id"]), "Gordon", UserRole.OPERATOR, frozenset({GLASGOW}))
    feed = BoardFeed(rooms.world.database)
    await feed._start()

    async def told() -> list[str]:
        """The kinds of the changes that Gordon is told of since the last time."""
        with feed.follow(feed.seq) as following:
            await feed._read()
            sight = gordon.covering(feed.covered_by(gordon)).sight
            found = []
            while (change := await following.next(0.01)) is not None:
                shown = _shown(change, sight, "data")
                if shown is not None:
                    found.append(shown["kind"] if shown["data"] else f"bare {shown['kind']}")
            return found

    alarm = await rooms.alarm()
    assert await told() == []
    assert feed.covers_of(gordon) == frozenset()
    cover = (await boss.post("/covers", json={"agreement_id": agreement, "why": "declared"})).json()
    await give(glasgow, alarm, "ack")
    assert await told() == ["alarm"]
    assert {str(one) for one in feed.covers_of(gordon)} == {cover["id"]}
    with feed.follow(0) as before, feed.follow(feed.seq) as since:
        assert (before.resumed, since.resumed) == (False, True), "whoever has the picture from before loads it anew"
    engineer = Actor("token", gordon.id, "G", UserRole.ENGINEER, frozenset({GLASGOW}))
    assert engineer.covering(feed.covered_by(engineer)).sight.councils == {GLASGOW}
    await boss.post(f"/covers/{cover['id']}/end", json={})
    await rooms.alarm(hub="h2")
    await give(glasgow, alarm, "note", text="still on it")
    assert await told() == ["alarm"], "what Gordon has in hand, and not the new one"
    assert feed.covers_of(gordon) == frozenset()
    await give(glasgow, alarm, "release", reason="they are back")
    assert await told() == ["bare gone"]
    await rooms.world.feed(UUID(alarm), Acked(Holder(str(UUID(int=7)), "Fiona")))
    assert await told() == []


async def test_whom_somebody_covers_is_no_question_of_its_own(rooms: Rooms, services: Services) -> None:
    """It comes with the row that says who they are."""
    glasgow = await rooms.person("Gordon", GLASGOW)
    asked: list[str] = []
    engine = services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert (await glasgow.get("/me")).status_code == 200
    assert len(asked) == 1, asked
