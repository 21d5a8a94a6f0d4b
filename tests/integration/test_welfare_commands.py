"""`telecare welfare`: made, listed with a code for cron, and taken along on the day when the network is down."""

import asyncio
import json
from pathlib import Path
from stat import S_IMODE

from typer.testing import CliRunner

from telecare.cli.main import app
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.devices.standing import Fleet

FIFE = "S12000047"


async def telecare(settings: Settings, *arguments: str):
    environment = {"TELECARE_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["welfare", *arguments], env=environment)


async def test_a_list_is_made_seen_and_taken_along(database: Database, settings: Settings, tmp_path: Path) -> None:
    fleet = Fleet(database)
    await fleet.settle(3)
    await fleet.live_in("B", 3)
    assert (await telecare(settings, "list")).exit_code == 0
    hubs = tmp_path / "hubs.txt"
    hubs.write_text("h1\n\nh2\n", encoding="utf-8")
    made = await telecare(
        settings, "make", "--council", FIFE, "--reason", "a flood", "--hubs-file", str(hubs), "--json"
    )
    campaign = json.loads(made.stdout)
    assert (campaign["people"], campaign["reason"], campaign["made_by"]) == (2, "a flood", "system")
    listed = await telecare(settings, "list", "--json")
    assert listed.exit_code == 1, "people are left"
    assert [each["id"] for each in json.loads(listed.stdout)] == [campaign["id"]]
    file = tmp_path / "list.csv"
    assert (await telecare(settings, "export", campaign["id"], str(file))).exit_code == 0
    assert S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="utf-8-sig").count("Jean Rennie") == 2


async def test_what_cannot_be_is_said_in_words(database: Database, settings: Settings) -> None:
    await Fleet(database).settle(1)
    nobody = await telecare(settings, "make", "--council", FIFE, "--reason", "a flood")
    assert (nobody.exit_code, "nobody to check on" in nobody.stderr) == (1, True)
    no_council = await telecare(settings, "make", "--council", "S12999999", "--reason", "a flood")
    assert no_council.exit_code == 1
