"""By which rule hubs are missed, set over the API: what holds, of whom it is, who may, and that it counts at once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from devices.presence.keeper import PresenceKeeper
from devices.presence.verdict_repository import VerdictRepository
from telecare.access.domain import UserRole
from telecare.access.models import AuditEntry
from telecare.kernel.db import Database
from tests.integration.api.register import FIFE, GLASGOW, Register
from tests.integration.api.test_hubs import beat

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
WHY = {"reason": "the road is dug up"}
COUNCIL = f"/councils/{FIFE}/heartbeat-rule"


async def put(register: Register, path: str, status: int = 200, **rule: Any) -> Any:
    return await register.send("PUT", path, {**WHY, **rule}, status)


async def in_force(register: Register, hub_id: str) -> dict[str, tuple[int, str]]:
    shown = await register.send("GET", f"/hubs/{hub_id}/heartbeat-rule", status=200)
    return {name: (shown[name]["value"], shown[name]["of"]) for name in ("interval", "grace", "misses")}


async def test_the_closest_rule_counts_and_says_of_whom_it_is(register: Register) -> None:
    hub = await register.hub()
    model = (await register.send("GET", f"/hubs/{hub}", status=200))["model_id"]
    assert await in_force(register, hub) == {"interval": (300, "usual"), "grace": (75, "usual"), "misses": (3, "usual")}
    await put(register, COUNCIL, heartbeat_interval_s=120, heartbeat_grace_s=60, miss_limit=5)
    await put(register, f"/device-models/{model}/heartbeat-rule", heartbeat_grace_s=90)
    await put(register, f"/hubs/{hub}/heartbeat-rule", miss_limit=2)
    assert await in_force(register, hub) == {"interval": (120, "council"), "grace": (90, "model"), "misses": (2, "hub")}
    shown = await register.send("GET", f"/hubs/{hub}/heartbeat-rule", status=200)
    assert (shown["late_after_s"], shown["offline_after_s"]) == (210, 330)
    assert (await register.send("GET", f"/hubs/{hub}", status=200))["heartbeat_interval_s"] == 120
    assert [hub] == [item["hub_id"] for item in (await register.send("GET", "/hubs", status=200))["items"]]
    await put(register, f"/hubs/{hub}/heartbeat-rule")
    assert (await in_force(register, hub))["misses"] == (5, "council")


async def test_the_audit_says_who_set_what_from_what_and_why(register: Register, database: Database) -> None:
    await put(register, COUNCIL, miss_limit=5)
    await put(register, COUNCIL, miss_limit=4)
    async with database.transaction() as session:
        found = (await session.execute(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))).scalar_one()
    assert (found.action, found.subject_kind, found.council_id) == ("heartbeat_rule_set", "council", FIFE)
    assert (found.reason, found.details) == (
        WHY["reason"],
        {
            name: {"heartbeat_interval_s": None, "heartbeat_grace_s": None, "miss_limit": limit}
            for name, limit in (("from", 5), ("to", 4))
        },
    )


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ({"heartbeat_interval_s": 29}, "body.heartbeat_interval_s"),
        ({"heartbeat_interval_s": 7 * 86_400 + 1}, "body.heartbeat_interval_s"),
        ({"heartbeat_grace_s": -1}, "body.heartbeat_grace_s"),
        ({"miss_limit": 0}, "body.miss_limit"),
        ({"reason": ""}, "body.reason"),
    ],
)
async def test_what_is_out_of_bounds_is_refused_at_its_field(
    register: Register, rule: dict[str, Any], where: str
) -> None:
    shown = await register.send("PUT", COUNCIL, {**WHY, **rule}, 422)
    assert [error["where"] for error in shown["errors"]] == [where]


async def test_a_shorter_interval_of_the_council_counts_at_once_and_a_longer_takes_no_verdict_back(
    register: Register, database: Database
) -> None:
    hub, elsewhere = await register.hub(), await register.hub(council=GLASGOW)

    async def judged() -> list[str]:
        async with database.transaction() as session:
            await VerdictRepository(session).hear("1")
        while await PresenceKeeper(database).step():
            pass
        return [(await register.send("GET", f"/hubs/{each}", status=200))["presence"] for each in (hub, elsewhere)]

    for each in (hub, elsewhere):
        await beat(database, each, timedelta(minutes=4))
    assert await judged() == ["online", "online"]
    await put(register, COUNCIL, heartbeat_interval_s=60, heartbeat_grace_s=0)
    assert await judged() == ["offline", "online"]
    await put(register, COUNCIL, heartbeat_interval_s=3600, miss_limit=10)
    assert await judged() == ["offline", "online"]


async def test_hubs_that_say_that_they_beat_less_often_are_no_accident(register: Register, database: Database) -> None:
    hub = await register.hub()
    await beat(database, hub, interval_s=300)
    shown = await put(register, COUNCIL, 409, heartbeat_interval_s=60)
    assert shown["detail"].startswith("1 hub says that it beats less often and would look silent")
    assert (await in_force(register, hub))["interval"] == (300, "usual")
    await put(register, COUNCIL, heartbeat_interval_s=60, sure=True)
    assert (await in_force(register, hub))["interval"] == (60, "council")
    await beat(database, hub, interval_s=45)
    assert (await in_force(register, hub))["interval"] == (45, "announced")
    await put(register, COUNCIL, heartbeat_interval_s=50)


async def test_only_who_answers_for_them_sets_the_rule_of_hubs_models_and_councils(
    register: Register, client_for: ClientFor
) -> None:
    hub = await register.hub()
    model = (await register.send("GET", f"/hubs/{hub}", status=200))["model_id"]
    paths = [f"/hubs/{hub}/heartbeat-rule", f"/device-models/{model}/heartbeat-rule", COUNCIL]

    async def answers(role: UserRole, council: str | None) -> list[int]:
        client = await client_for(role, council) if council else await client_for(role)
        return [(await client.put(f"/api/v1{path}", json=WHY)).status_code for path in paths]

    assert await answers(UserRole.OPERATOR, None) == [403, 403, 403]
    assert await answers(UserRole.ENGINEER, None) == [200, 403, 403]
    assert await answers(UserRole.ADMINISTRATOR, FIFE) == [200, 403, 200]
    assert await answers(UserRole.ADMINISTRATOR, GLASGOW) == [404, 403, 403]


DEADLINES = f"/councils/{FIFE}/silence-deadlines"


async def test_a_council_sets_by_when_somebody_sees_to_a_silent_hub(register: Register, database: Database) -> None:
    shown = await register.send("GET", DEADLINES, status=200)
    assert (shown["minutes"], shown["set_by"]) == ({"a": 15, "b": 60, "c": 240, "d": None}, None)
    shown = await put(register, DEADLINES, a=10, b=30, c=240, d=1440)
    assert (shown["minutes"], shown["usual"]["a"], shown["reason"]) == (
        {"a": 10, "b": 30, "c": 240, "d": 1440},
        15,
        WHY["reason"],
    )
    async with database.transaction() as session:
        found = (await session.execute(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))).scalar_one()
    assert (found.action, found.council_id, found.reason) == ("silence_deadlines_set", FIFE, WHY["reason"])
    assert found.details == {"from": shown["usual"], "to": shown["minutes"]}


@pytest.mark.parametrize(
    ("minutes", "what"),
    [
        ({"a": 4, "b": 60, "c": 240}, "greater than or equal to 5"),
        ({"a": 15, "b": 60, "c": 1441}, "less than or equal to 1440"),
        ({"a": 61, "b": 60, "c": 240}, "A at most B"),
        ({"a": 15, "b": 60, "c": 240, "d": 200}, "C at most D"),
    ],
)
async def test_deadlines_out_of_bounds_or_against_the_risk_are_refused(
    register: Register, minutes: dict[str, int], what: str
) -> None:
    shown = await put(register, DEADLINES, 422, **minutes)
    assert what in shown["errors"][0]["what"]


async def test_only_administrators_of_the_council_set_its_deadlines(client_for: ClientFor) -> None:
    body = {"a": 15, "b": 60, "c": 240, **WHY}

    async def answer(role: UserRole, council: str) -> int:
        client = await client_for(role, council)
        return (await client.put(f"/api/v1{DEADLINES}", json=body)).status_code

    assert [await answer(UserRole.SUPERVISOR, FIFE), await answer(UserRole.ADMINISTRATOR, GLASGOW)] == [403, 403]
    assert await answer(UserRole.ADMINISTRATOR, FIFE) == 200
