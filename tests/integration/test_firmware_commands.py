"""`telecare firmware`: the fleet and its rollouts from a shell."""

import asyncio
import json
from typing import Any

from typer.testing import CliRunner

from telecare.cli.main import app
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.test_firmware import Estate


async def telecare(settings: Settings, *arguments: str):
    environment = {"TELECARE_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["firmware", *arguments], env=environment)


async def as_json(settings: Settings, *arguments: str) -> Any:
    return json.loads((await telecare(settings, *arguments, "--json")).stdout)


async def test_a_rollout_is_seen_and_stopped_from_a_shell(database: Database, settings: Settings) -> None:
    estate = Estate(database)
    await estate.build(4)
    rollout_id = str(await estate.roll_out((50, 100)))
    await estate.worker.drive()
    listed = await telecare(settings, "list")
    assert "Skerry Halo  1.0: 4 hubs, 4 online" in listed.stdout
    assert f"{rollout_id}  Skerry Halo 2.0: running; 2 asked, 2 to come" in listed.stdout
    assert (await telecare(settings, "rollout", rollout_id, "--do", "pause")).exit_code == 1
    paused = await as_json(settings, "rollout", rollout_id, "--do", "pause", "--reason", "calls about it")
    assert (paused["rollout"]["state"], paused["log"][0]["what"]) == ("paused", "Paused: calls about it")
    assert (await telecare(settings, "rollout", rollout_id, "--do", "start")).exit_code == 1
    resumed = await telecare(settings, "rollout", rollout_id, "--do", "resume", "--reason", "all well")
    assert "Wave 1, up to 50 %, on now" in resumed.stdout
    await estate.worker.drive()
    for hub_id in await estate.members("asked"):
        await estate.say(hub_id, "failed")
    await estate.worker.drive()
    halted = await telecare(settings, "list")
    assert halted.exit_code == 1
    assert "halted" in halted.stdout
