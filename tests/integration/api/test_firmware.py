"""Firmware over the API: who may do what, what is refused in which words, and what each council sees of a rollout."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from devices.presence.domain import HeartbeatRow
from devices.presence.keeper import PresenceKeeper
from devices.presence.repository import PresenceRepository
from devices.presence.verdict_repository import VerdictRepository
from telecare.access.domain import UserRole
from telecare.access.models import AuditEntry
from telecare.firmware.waves import FirmwareWaves
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from tests.integration.api.register import FIFE, GLASGOW, Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
FIRMWARE = "/api/v1/firmware"
WHY = {"reason": "calls about it"}


async def tell(database: Database, hub_id: str, firmware: str, *, mains: bool = True) -> None:
    """Let a hub be online with a firmware."""
    for _ in range(2):
        async with database.transaction() as session:
            at = await database_now(session)
            row = HeartbeatRow(new_id(), hub_id, at, b"{}", firmware=firmware, mains=mains)
            await PresenceRepository(session).record([row])
            await VerdictRepository(session).hear("main")
        await PresenceKeeper(database).step()


async def send(client: httpx.AsyncClient, path: str, body: Any = None, status: int = 200) -> Any:
    reply = await client.post(f"{FIRMWARE}{path}", json=body)
    assert reply.status_code == status, reply.text
    return reply.json()


@pytest.fixture
async def model(register: Register, database: Database) -> str:
    """A model with two hubs in Fife and one in Glasgow, all online."""
    model = str((await register.model())["id"])
    for number, council in enumerate((FIFE, FIFE, GLASGOW), 1):
        hub_id = await register.hub(f"FW-{number}", council, model_id=model, connection="digital")
        await tell(database, hub_id, "1.0")
    return model


async def test_administrators_start_and_stop_and_engineers_see(
    register: Register, model: str, client_for: ClientFor, database: Database
) -> None:
    image_id = await register.image(model)
    plan = {"image_id": image_id, "council_id": FIFE, "reason": "mends the clock", "shares": [50, 100]}
    for role in (UserRole.OPERATOR, UserRole.SUPERVISOR, UserRole.ENGINEER):
        client = await client_for(role)
        await send(client, "/rollouts", plan, 403)
        await send(client, f"/images/{image_id}/block", WHY, 403)
        assert (await client.get(f"{FIRMWARE}/rollouts")).json()["items"] == []
    of_fife = await client_for(UserRole.ADMINISTRATOR, FIFE)
    await send(of_fife, f"/images/{image_id}/block", WHY, 403)
    await send(of_fife, "/rollouts", plan | {"council_id": None}, 403)
    rollout = await send(of_fife, "/rollouts", plan, 201)
    assert [wave["hubs"] for wave in rollout["waves"]] == [{"pending": 1}, {"pending": 1}]
    one = f"/rollouts/{rollout['id']}"
    await send(of_fife, f"{one}/pause", WHY, 409)
    assert (await send(of_fife, f"{one}/start"))["state"] == "running"
    assert (await send(of_fife, f"{one}/pause", WHY))["state"] == "paused"
    await send(of_fife, f"{one}/resume", {}, 422)
    assert (await send(of_fife, f"{one}/resume", WHY))["state"] == "running"
    cancelled = await send(of_fife, f"{one}/cancel", WHY)
    assert (cancelled["state"], cancelled["hubs"]) == ("cancelled", {"skipped": 2})
    engineer = await client_for(UserRole.ENGINEER)
    log = [line["what"] for line in (await engineer.get(f"{FIRMWARE}{one}/log")).json()["items"]]
    assert log[0] == "Cancelled: calls about it"
    async with database.transaction() as session:
        entries = select(AuditEntry.action).where(AuditEntry.subject_kind == "firmware_rollout").order_by(AuditEntry.id)
        actions = list((await session.execute(entries)).scalars())
    assert actions == ["rollout_made", "rollout_started", "rollout_paused", "rollout_resumed", "rollout_cancelled"]


async def test_of_a_rollout_for_all_councils_each_sees_its_own_hubs(
    register: Register, model: str, client_for: ClientFor, database: Database
) -> None:
    image_id = await register.image(model)
    plan = {"image_id": image_id, "reason": "mends the clock", "shares": [100], "at_night": True}
    rollout = await send(register.client, "/rollouts", plan, 201)
    one = f"{FIRMWARE}/rollouts/{rollout['id']}"
    await send(register.client, f"/rollouts/{rollout['id']}/start")
    await FirmwareWaves(database).drive()
    glasgow = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    assert [hub["hub_id"] for hub in (await glasgow.get(f"{one}/hubs")).json()["items"]] == ["FW-3"]
    assert (await glasgow.get(one)).json()["hubs"] == {"asked": 1}
    assert (await glasgow.get(f"{one}/preview")).json()["waves"] == [1]
    assert (await glasgow.get(f"{FIRMWARE}/versions")).json()["items"][0]["hubs"] == 1
    assert (await glasgow.get(f"{FIRMWARE}/versions?council={FIFE}")).json()["items"] == []
    await send(glasgow, f"/rollouts/{rollout['id']}/pause", WHY, 403)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"shares": [25, 5, 100]}, "shares rise"),
        ({"shares": [5, 25]}, "the last share is 100"),
        ({"shares": []}, "a rollout needs shares"),
        ({"first_hubs": ["FW-9"]}, "no digital hub of this model"),
        ({"image_id": "0199a1b2-0000-7000-8000-000000000001"}, "there is no such image"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused(
    register: Register, model: str, change: dict[str, Any], what: str
) -> None:
    plan = {"image_id": await register.image(model), "reason": "mends the clock"}
    refused = await send(register.client, "/rollouts", plan | change, 422)
    assert what in str(refused["errors"])


async def test_what_is_not_released_or_blocked_goes_nowhere(register: Register, model: str) -> None:
    image_id = await register.image(model, released=False)
    rollout = await send(register.client, "/rollouts", {"image_id": image_id, "reason": "mends the clock"}, 201)
    refused = await send(register.client, f"/rollouts/{rollout['id']}/start", status=409)
    assert refused["detail"] == "The image is draft: only one that is released goes to hubs"
    await send(register.client, f"/images/{image_id}/block", WHY)
    refused = await send(register.client, f"/images/{image_id}/release", status=409)
    assert "never released again" in refused["detail"]
    body = {"command": "update_firmware", "args": {"version": "2.0"}}
    refused = await register.send("POST", "/hubs/FW-1/commands", body, 409)
    assert "No image 2.0 is released" in refused["detail"]


async def test_one_hub_is_updated_by_an_administrator_unless_somebody_may_need_it(
    register: Register, model: str, client_for: ClientFor, database: Database
) -> None:
    await register.image(model)
    body = {"command": "update_firmware", "args": {"version": "2.0"}}
    engineer = await client_for(UserRole.ENGINEER)
    refused = await engineer.post("/api/v1/hubs/FW-1/commands", json=body)
    assert (refused.status_code, "needs the permission administer" in refused.json()["detail"]) == (403, True)
    await tell(database, "FW-1", "1.0", mains=False)
    on_battery = await register.send("POST", "/hubs/FW-1/commands", body, 409)
    assert on_battery["detail"] == "It cannot update now. It is on battery"
    await tell(database, "FW-1", "1.0")
    command = await register.send("POST", "/hubs/FW-1/commands", body)
    assert command["args"] == {"version": "2.0", "url": "https://firmware.example/halo.bin", "sha256": "0" * 64}
    twice = await register.send("POST", "/hubs/FW-1/commands", body, 409)
    assert twice["detail"] == "It cannot update now. Another update is on its way in this home"
    await tell(database, "FW-2", "2.0")
    has_it = await register.send("POST", "/hubs/FW-2/commands", body, 409)
    assert has_it["detail"] == "It cannot update now. It has 2.0 already"
    for wrong in ({"command": "update_firmware"}, {"command": "ping", "args": {"version": "2.0"}}):
        await register.send("POST", "/hubs/FW-1/commands", wrong, 422)
