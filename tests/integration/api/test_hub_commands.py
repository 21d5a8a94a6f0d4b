"""Commands to hubs over the API: who may ask for what, what is refused in which words, and how they are listed."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from devices.commands.service import MOST_OPEN, CommandService
from devices.presence.domain import HeartbeatRow
from devices.presence.keeper import PresenceKeeper
from devices.presence.repository import PresenceRepository
from devices.presence.verdict_repository import VerdictRepository
from telecare.access.domain import UserRole
from telecare.access.models import AuditEntry
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]


async def beat(database: Database, hub_id: str, ago: timedelta = timedelta(0)) -> None:
    """Let a hub have been heard so long ago."""
    async with database.transaction() as session:
        at = await database_now(session) - ago
        await PresenceRepository(session).record([HeartbeatRow(new_id(), hub_id, at, b"{}")])
        await VerdictRepository(session).hear("main")
    await PresenceKeeper(database).step()


def path_of(hub_id: str) -> str:
    return f"/api/v1/hubs/{hub_id}/commands"


async def test_an_engineer_asks_and_it_is_queued_and_audited(
    register: Register, client_for: ClientFor, database: Database
) -> None:
    hub_id = await register.hub()
    await beat(database, hub_id)
    engineer = await client_for(UserRole.ENGINEER)
    reply = await engineer.post(path_of(hub_id), json={"command": "set_interval", "args": {"interval_s": 120}})
    assert reply.status_code == 201, reply.text
    command = reply.json()
    life = datetime.fromisoformat(command["expires_at"]) - datetime.fromisoformat(command["created_at"])
    assert life == timedelta(minutes=10)
    assert command == {
        "id": command["id"], "hub_id": hub_id, "command": "set_interval", "args": {"interval_s": 120},
        "state": "queued", "requested_by": command["requested_by"], "created_at": command["created_at"],
        "sent_at": None, "expires_at": command["expires_at"], "finished_at": None, "result": None,
        "step": None, "step_at": None,
        "note": "On its way to the broker",
    }  # fmt: skip
    assert (await engineer.get(path_of(hub_id))).json() == {"items": [command], "next": None}
    async with database.transaction() as session:
        line = (await session.execute(select(AuditEntry).where(AuditEntry.action == "command_sent"))).scalar_one()
    assert (line.actor, line.subject_kind, line.subject_id, line.council_id) == (
        command["requested_by"], "hub", hub_id, FIFE,
    )  # fmt: skip
    assert line.actor.startswith("token:a test's engineer#")
    assert line.details == {"command_id": command["id"], "command": "set_interval", "args": {"interval_s": 120}}


@pytest.mark.parametrize("args", [None, {}], ids=["without", "empty"])
async def test_what_needs_no_arguments_takes_none(register: Register, args: dict[str, Any] | None) -> None:
    hub_id = await register.hub()
    body = {"command": "ping"} if args is None else {"command": "ping", "args": args}
    assert (await register.send("POST", f"/hubs/{hub_id}/commands", body))["args"] is None


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        ({}, "body.command", "required"),
        (
            {"command": "explode"},
            "body.command",
            "'test', 'ping', 'heartbeat', 'set_interval', 'reboot' or 'update_firmware'",
        ),
        ({"command": "set_interval"}, "body.args", 'set_interval needs {"interval_s": seconds}'),
        ({"command": "set_interval", "args": {}}, "body.args", 'set_interval needs {"interval_s": seconds}'),
        ({"command": "set_interval", "args": {"interval_s": 29}}, "body.args.interval_s", "or equal to 30"),
        ({"command": "set_interval", "args": {"interval_s": 604801}}, "body.args.interval_s", "equal to 604800"),
        ({"command": "set_interval", "args": {"interval_s": "soon"}}, "body.args.interval_s", "integer"),
        ({"command": "set_interval", "args": [60]}, "body.args", "object"),
        ({"command": "set_interval", "args": {"interval_s": 60, "x": 1}}, "body.args.x", "not permitted"),
        ({"command": "reboot", "args": {"interval_s": 60}}, "body.args", "reboot takes no interval_s"),
        ({"command": "ping", "expires_in_s": 4}, "body.expires_in_s", "greater than or equal to 5"),
        ({"command": "ping", "expires_in_s": 86401}, "body.expires_in_s", "less than or equal to 86400"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(
    register: Register, body: dict[str, Any], where: str, what: str
) -> None:
    hub_id = await register.hub()
    refused = await register.send("POST", f"/hubs/{hub_id}/commands", body, 422)
    (error,) = refused["errors"]
    assert error["where"] == where
    assert what in error["what"]


async def test_a_hub_that_cannot_hear_is_refused_with_what_to_do(register: Register, database: Database) -> None:
    digital = (await register.model())["id"]
    analogue = await register.hub("AN-1", model_id=digital, connection="analogue")
    refused = await register.send("POST", f"/hubs/{analogue}/commands", {"command": "test"}, 409)
    assert "ring it, send somebody, or change its connection" in refused["detail"]
    retired = await register.hub("RE-1", model_id=digital)
    await register.send("PATCH", f"/hubs/{retired}", {"status": "retired"}, 200)
    refused = await register.send("POST", f"/hubs/{retired}/commands", {"command": "test"}, 409)
    assert "put it back into stock first" in refused["detail"]
    ready = await register.hub("DR-1", model_id=digital, connection="digital_ready")
    refused = await register.send("POST", f"/hubs/{ready}/commands", {"command": "test"}, 409)
    assert "Connect it first" in refused["detail"]
    await beat(database, ready)
    await register.send("POST", f"/hubs/{ready}/commands", {"command": "test"})
    await register.send("POST", "/hubs/NOBODY/commands", {"command": "test"}, 404)
    await register.send("GET", "/hubs/NOBODY/commands", status=404)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (UserRole.OPERATOR, {"test", "ping"}),
        (UserRole.SUPERVISOR, {"test", "ping"}),
        (UserRole.ENGINEER, {"test", "ping", "heartbeat", "reboot"}),
        (UserRole.ADMINISTRATOR, {"test", "ping", "heartbeat", "reboot"}),
    ],
)
async def test_who_may_ask_for_what(
    register: Register, client_for: ClientFor, role: UserRole, allowed: set[str]
) -> None:
    hub_id = await register.hub()
    client = await client_for(role)
    replies = {
        name: await client.post(path_of(hub_id), json={"command": name})
        for name in ("test", "ping", "heartbeat", "reboot")
    }
    assert {name for name, reply in replies.items() if reply.status_code == 201} == allowed
    refused = [reply for name, reply in replies.items() if name not in allowed]
    assert all(reply.status_code == 403 and "edit_fleet" in reply.json()["detail"] for reply in refused)


async def test_another_councils_hub_is_not_there(register: Register, client_for: ClientFor) -> None:
    hub_id = await register.hub(council=FIFE)
    elsewhere = await client_for(UserRole.ENGINEER, GLASGOW)
    assert (await elsewhere.post(path_of(hub_id), json={"command": "ping"})).status_code == 404
    assert (await elsewhere.get(path_of(hub_id))).status_code == 404


async def test_the_same_key_is_one_command(register: Register, client_for: ClientFor) -> None:
    hub_id = await register.hub()
    engineer = await client_for(UserRole.ENGINEER)
    replies = [
        await engineer.post(path_of(hub_id), json={"command": "reboot"}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert replies[0].json() == replies[1].json()
    assert len((await engineer.get(path_of(hub_id))).json()["items"]) == 1


async def test_the_list_is_paged_newest_first(register: Register) -> None:
    hub_id, other = await register.hub(), await register.hub()
    sent = [(await register.send("POST", f"/hubs/{hub_id}/commands", {"command": "ping"}))["id"] for _ in range(5)]
    await register.send("POST", f"/hubs/{other}/commands", {"command": "ping"})
    found, query = [], "?limit=2"
    while query:
        page = await register.send("GET", f"/hubs/{hub_id}/commands{query}", status=200)
        found += [item["id"] for item in page["items"]]
        query = f"?limit=2&cursor={page['next']}" if page["next"] else ""
    assert found == sent[::-1]


async def test_commands_do_not_pile_up_at_a_hub_that_never_answers(register: Register, database: Database) -> None:
    hub_id = await register.hub()
    sent = [
        (await register.send("POST", f"/hubs/{hub_id}/commands", {"command": "ping"}))["id"] for _ in range(MOST_OPEN)
    ]
    refused = await register.send("POST", f"/hubs/{hub_id}/commands", {"command": "ping"}, 409)
    assert "wait until they end" in refused["detail"]
    async with database.transaction() as session:
        await CommandService(session).settle(
            hub_id, sent[0], {"status": "done", "reason": None, "at": None}, await database_now(session)
        )
    await register.send("POST", f"/hubs/{hub_id}/commands", {"command": "ping"})


async def test_the_reply_says_what_an_offline_hub_means(register: Register, database: Database) -> None:
    hub_id = await register.hub()
    never = await register.send("POST", f"/hubs/{hub_id}/commands", {"command": "ping"})
    assert "never been heard" in never["note"]
    await beat(database, hub_id, timedelta(days=2))
    offline = await register.send("POST", f"/hubs/{hub_id}/commands", {"command": "ping"})
    assert "waits in its session at the broker until it connects again" in offline["note"]
