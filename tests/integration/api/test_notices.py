"""Notices (S60) on a real database: of policies, rotas and alarms that nobody has, and who sees which."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from typer.testing import CliRunner

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked, Closed
from alarms.handling.domain import Subject
from alarms.handling.models import Alarm
from alarms.handling.tasks import NoticeWatch
from telecare.access.accounts import create_user
from telecare.access.domain import UserRole
from telecare.access.service import SESSION_COOKIE, login
from telecare.cli.main import app as command_line
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.settings import Settings
from tests.integration.alarms.world import World
from tests.integration.api.desk import Desk
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]

NOTICES = "/api/v1/notices"
LIMIT = 5
NEAR = 4
ANN = Holder(str(new_id()), "Ann")

POLICY = """\
key: {key}
name: {key}
{council}
for: {{classes: [T]}}
steps:
  - {{tell: [queue], wait: 30s}}
  - {{tell: ["{target}"], wait: 60s}}
catch_all: {{tell: [queue], every: 60s}}
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"unclaimed_limit": LIMIT})


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def desk(register: Register) -> Desk:
    return Desk(register)


async def save(client: httpx.AsyncClient, target: str, council: str | None = FIFE, key: str = "nights") -> str:
    words = POLICY.format(key=key, target=target, council=f"council: {council}" if council else "")
    reply = await client.post("/api/v1/policies", json={"text": words})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def put_version(world: World, policy_id: str, document: dict[str, Any]) -> None:
    """Put a version in place that no save would: of another release."""
    await world.sql(
        "INSERT INTO policy_version (policy_id, version, text, document, outlook, note, created_by)"
        " VALUES (CAST(:id AS uuid), 2, '', CAST(:document AS jsonb), '{}', '', 'x')",
        id=policy_id,
        document=json.dumps(document),
    )
    await world.sql("UPDATE policy SET version = 2 WHERE id = CAST(:id AS uuid)", id=policy_id)


async def said(client: httpx.AsyncClient) -> list[tuple[str, str | None, str]]:
    reply = await client.get(NOTICES)
    assert reply.status_code == 200, reply.text
    assert reply.json()["next"] is None
    return [(one["level"], one["council_id"], one["what"]) for one in reply.json()["items"]]


async def test_without_policies_and_alarms_there_is_none(administrator: httpx.AsyncClient) -> None:
    assert await said(administrator) == []


async def test_a_policy_with_no_steps_shows_one_notice_until_it_is_saved_anew(
    administrator: httpx.AsyncClient, world: World
) -> None:
    policy_id = await save(administrator, "queue")
    document = (await administrator.get(f"/api/v1/policies/{policy_id}")).json()["document"]
    await put_version(world, policy_id, {**document, "steps": []})
    (notice,) = (await administrator.get(NOTICES)).json()["items"]
    assert notice == {
        "level": "error",
        "council_id": FIFE,
        "what": "The policy “nights”: it has no steps: the last resort would be told at once",
        "mend": "Add a step, such as `- {tell: [queue], wait: 30s}`",
        "link": f"/policies/{policy_id}",
    }
    good = {"as_of": 2, "text": POLICY.format(key="nights", target="queue", council=f"council: {FIFE}")}
    assert (await administrator.put(f"/api/v1/policies/{policy_id}", json=good)).status_code == 200
    assert await said(administrator) == []


async def test_a_policy_that_cannot_be_read_shows_one_notice(administrator: httpx.AsyncClient, world: World) -> None:
    await put_version(world, await save(administrator, "queue"), {"of": "the future"})
    assert await said(administrator) == [("error", FIFE, "The policy “nights” cannot be read")]
    await world.sql("UPDATE policy SET retired_at = now()")
    assert await said(administrator) == []


async def test_whoever_cannot_be_told_now_is_a_notice_until_they_can(
    administrator: httpx.AsyncClient, desk: Desk, world: World
) -> None:
    ann = await desk.responder("ann")
    await desk.team("mobile", ann)
    await desk.rota("wardens", ann)
    targets = ("rota:wardens", "team:mobile", "responder:ann", "webhook:ann", "supervisor")
    for number, target in enumerate(targets):
        await save(administrator, target, key=f"p{number}")
    found = await said(administrator)
    assert len(found) == len(targets)
    assert {level for level, _, _ in found} == {"error"}
    assert all(
        f"an alarm falls through step 2 of “p{number}”" in "".join(what for *_, what in found) for number in range(5)
    )
    await desk.method(ann, "email", "ann@responders.example")
    await world.put_behind_supervisor("sue")
    assert [what for *_, what in await said(administrator)] == [
        "Nobody stands behind the receiver ann now: an alarm falls through step 2 of “p3”"
    ]
    await world.sql("UPDATE contact_method SET disabled_at = now(), disabled_why = 'STOP'")
    assert len(await said(administrator)) == 4


async def test_a_rota_that_a_policy_names_says_its_gap_of_the_next_day(
    administrator: httpx.AsyncClient, desk: Desk, world: World
) -> None:
    ann = await desk.responder("ann")
    await desk.method(ann, "email", "ann@responders.example")
    rota = await desk.rota("wardens", ann)
    await desk.rota("unnamed", ann)
    await save(administrator, "rota:wardens")
    assert await said(administrator) == []
    span = {"starts_at": "now() + interval '3 h'", "ends_at": "now() + interval '5 h'"}
    for key in ("wardens", "unnamed"):
        await world.sql(
            "INSERT INTO rota_override (id, rota_id, council_id, kind, instead_of_id, starts_at, ends_at, why, made_by)"  # noqa: S608
            " SELECT gen_random_uuid(), id, council_id, 'remove', CAST(:ann AS uuid),"
            f" {span['starts_at']}, {span['ends_at']}, 'a test', 'x' FROM rota WHERE key = :key",
            ann=ann,
            key=key,
        )
    (notice,) = (await administrator.get(NOTICES)).json()["items"]
    assert (notice["level"], notice["link"]) == ("warning", f"/rotas/{rota['id']}")
    assert notice["what"].startswith("Nobody is on the rota wardens from ")
    await world.sql("UPDATE rota_override SET starts_at = now() - interval '1 h'")
    ((level, _, what),) = await said(administrator)
    assert (level, what.startswith("Nobody stands behind the rota wardens now, until ")) == ("error", True)
    await world.sql("UPDATE rota SET plan = '{\"layers\": 7}' WHERE key = 'wardens'")
    assert await said(administrator) == [("error", FIFE, "The rota “wardens” cannot be read")]


async def test_a_shared_rota_that_a_councils_policy_names_is_not_nobody(
    administrator: httpx.AsyncClient, desk: Desk
) -> None:
    """As on the way of an alarm: a council's own before the shared one."""
    ann = await desk.responder("ann", None)
    await desk.method(ann, "email", "ann@responders.example")
    await desk.rota("wardens", ann, council=None)
    policy_id = await save(administrator, "rota:wardens")
    assert await said(administrator) == []
    shown = (await administrator.get(f"/api/v1/policies/{policy_id}")).json()
    assert shown["outlook"]["holes"] == []
    await desk.rota("wardens", await desk.responder("bob"))
    assert [level for level, *_ in await said(administrator)] == ["error"], "behind its own nobody can be told"


async def test_who_looks_waits_for_nobody(administrator: httpx.AsyncClient, desk: Desk, database: Database) -> None:
    await desk.rota("wardens", await desk.responder("ann"))
    await save(administrator, "rota:wardens")
    async with database.transaction() as session, asyncio.timeout(5):
        await session.execute(text("SELECT 1 FROM rota, policy FOR UPDATE"))
        assert len(await said(administrator)) == 1


async def test_each_sees_the_notices_of_their_own_councils_and_of_what_serves_all(
    administrator: httpx.AsyncClient, client_for: ClientFor, world: World, anonymous: httpx.AsyncClient
) -> None:
    await save(administrator, "supervisor", FIFE)
    await save(administrator, "duty_manager", None, key="for-all")
    for n in range(LIMIT):
        await world.raise_alarm("pendant", f"h{n}", Subject(council_id=FIFE))
    for n in range(NEAR):
        await world.raise_alarm("unknown_hub", f"stranger{n}")
    all_of_them = await said(administrator)
    assert [council for _, council, _ in all_of_them] == [None, FIFE, FIFE, None]
    assert await said(await client_for(UserRole.OPERATOR, FIFE)) == all_of_them
    assert [council for _, council, _ in await said(await client_for(UserRole.ADMINISTRATOR, GLASGOW))] == [None, None]
    assert (await anonymous.get(NOTICES)).status_code == 401


async def test_only_who_can_act_sees_them_on_pages(
    administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient, database: Database
) -> None:
    await save(administrator, "supervisor", FIFE)
    for name, role, council, sees in (
        ("op", UserRole.OPERATOR, FIFE, False),
        ("sup", UserRole.SUPERVISOR, FIFE, True),
        ("other", UserRole.SUPERVISOR, GLASGOW, False),
    ):
        async with database.transaction() as session:
            await create_user(
                session, username=name, display_name=name, password="a long password", role=role, councils=[council]
            )
        anonymous.cookies.clear()
        anonymous.cookies.set(SESSION_COOKIE, (await login(database, name, "a long password")).session_token)
        for path, words in (
            ("/", "1 notice</a>, 1 error"),
            ("/policies", "Nobody stands"),
            ("/rotas", "Nobody stands"),
        ):
            reply = await anonymous.get(path)
            assert reply.status_code == 200
            assert (words in reply.text) is sees, (name, path)


class Flood:
    """Alarms of Fife that nobody has."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alarms: list[Any] = []

    async def to(self, count: int) -> None:
        """Let there be so many, by new ones or by closing some."""
        while len(self.alarms) < count:
            name = f"flood{len(self.alarms)}"
            self.alarms.append(await self.world.raise_alarm("pendant", name, Subject(council_id=FIFE)))
        while len(self.alarms) > count:
            await self.world.feed(self.alarms.pop(), Closed(ANN, "reassured"))


@pytest.fixture
def flood(world: World) -> Flood:
    return Flood(world)


@pytest.fixture
def watches(database: Database) -> list[NoticeWatch]:
    """Two copies."""
    return [NoticeWatch(database, LIMIT), NoticeWatch(database, LIMIT)]


async def look(watches: list[NoticeWatch]) -> None:
    await asyncio.gather(*(watch.look_at_the_limit() for watch in watches))


async def about_the_limit(world: World) -> list[Alarm]:
    found = await world.about_us()
    assert {one.type for one in found} <= {"unclaimed_limit"}
    return sorted(found, key=lambda one: one.id)


async def test_near_is_a_warning_reached_an_error_and_what_somebody_has_does_not_count(
    administrator: httpx.AsyncClient, flood: Flood, world: World
) -> None:
    await flood.to(NEAR - 1)
    await world.sql(
        "UPDATE alarm SET class = 'C', hub_id = 'telecare-canary' WHERE id = :id",
        id=await world.raise_alarm("pendant", "c", Subject(council_id=FIFE)),
    )
    assert await said(administrator) == [], "a canary is nobody's alarm"
    await flood.to(NEAR)
    assert await said(administrator) == [("warning", FIFE, "4 open alarms are nobody's; the limit is 5")]
    await flood.to(LIMIT)
    assert await said(administrator) == [("error", FIFE, "5 open alarms are nobody's; the limit is 5")]
    metrics = (await administrator.get("/metrics")).text
    assert f'telecare_alarms_unclaimed{{council="{FIFE}"}} 5.0' in metrics
    for alarm in flood.alarms[:2]:
        await world.feed(alarm, Acked(ANN))
    assert await said(administrator) == []


async def test_the_limit_raises_one_alarm_whoever_looks_and_none_again_once_somebody_has_seen_it(
    flood: Flood, world: World, watches: list[NoticeWatch]
) -> None:
    await world.put_behind_supervisor("sue")
    await flood.to(LIMIT - 1)
    await look(watches)
    assert await about_the_limit(world) == []
    await flood.to(LIMIT)
    for _ in range(2):
        await look(watches)
    (alarm,) = await about_the_limit(world)
    assert (alarm.class_, alarm.council_id, alarm.handling) == ("U", FIFE, "raised")
    assert alarm.words == "5 open alarms that nobody has: the limit is 5"
    await world.feed(alarm.id, Closed(ANN, "reassured"))
    await flood.to(LIMIT + 2)
    await look(watches)
    assert len(await about_the_limit(world)) == 1
    await flood.to(1)
    await look(watches)
    await flood.to(LIMIT)
    await look(watches)
    assert len(await about_the_limit(world)) == 2, "the next time is told again"


async def test_an_alarm_of_the_limit_says_that_they_are_few_again_and_is_said_again(
    flood: Flood, world: World, watches: list[NoticeWatch]
) -> None:
    await flood.to(LIMIT)
    await look(watches)
    await flood.to(1)
    for _ in range(2):
        await look(watches)
    (alarm,) = await about_the_limit(world)
    assert (alarm.condition, alarm.handling) == ("cleared", "raised"), "a human closes it"
    assert (await world.log(alarm.id)).count("They are few again.") == 1
    await flood.to(LIMIT)
    for _ in range(2):
        await look(watches)
    (alarm,) = await about_the_limit(world)
    assert (alarm.condition, alarm.events) == ("active", 2)


async def test_the_engines_process_counts_them_for_the_metrics(
    administrator: httpx.AsyncClient, flood: Flood, watches: list[NoticeWatch]
) -> None:
    await save(administrator, "supervisor")
    await flood.to(NEAR)
    await watches[0].count()
    families = text_string_to_metric_families((await administrator.get("/metrics")).text)
    samples = {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
    assert samples["telecare_notices", "error"] == 1
    assert samples["telecare_notices", "warning"] == 1


async def test_a_look_that_fails_is_followed_by_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch, flood: Flood, world: World
) -> None:
    await flood.to(LIMIT)
    watch, stop, looks = NoticeWatch(database, LIMIT), asyncio.Event(), 0

    async def fails() -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            stop.set()
        raise RuntimeError("a rota nobody thought of")

    monkeypatch.setattr("alarms.handling.tasks.EVERY_S", 0.01)
    monkeypatch.setattr(watch, "count", fails)
    async with asyncio.timeout(10):
        await watch.run(stop)
    assert len(await about_the_limit(world)) == 1


async def test_the_command_line_says_them_with_code_1_for_an_error(
    administrator: httpx.AsyncClient, settings: Settings, flood: Flood
) -> None:
    async def telecare(*arguments: str) -> Any:
        environment = {
            "TELECARE_DATABASE_URL": settings.database_url.get_secret_value(),
            "TELECARE_UNCLAIMED_LIMIT": str(LIMIT),
        }
        return await asyncio.to_thread(CliRunner().invoke, command_line, ["notices", *arguments], env=environment)

    done = await telecare()
    assert (done.exit_code, done.stdout) == (0, "Nothing is to be mended.\n")
    await flood.to(NEAR)
    done = await telecare()
    assert done.exit_code == 0, "a warning is none"
    assert done.stdout.startswith(f"WARNING: {FIFE}: 4 open alarms are nobody's; the limit is 5. ")
    await save(administrator, "supervisor")
    done = await telecare("--json")
    assert done.exit_code == 1
    assert [one["level"] for one in json.loads(done.stdout)["items"]] == ["error", "warning"]
