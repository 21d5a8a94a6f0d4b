"""`telecare switchover forecast`: sentences and a burn-down, JSON for programs, codes for scripts."""

import asyncio
import json
from datetime import date, timedelta

from typer.testing import CliRunner

from telecare.cli.main import app
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.devices.standing import Fleet
from tests.programmes import programme

FIFE = "S12000047"


async def telecare(settings: Settings, *arguments: str):
    environment = {"TELECARE_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["switchover", "forecast", *arguments], env=environment)


async def test_it_says_what_remains_and_what_it_takes(database: Database, settings: Settings) -> None:
    fleet = Fleet(database)
    await fleet.settle(6)
    assert (await telecare(settings)).exit_code == 1, "there is no programme yet"
    await fleet.live_in("B", 3)
    async with database.transaction() as session:
        await programme(session, FIFE, deadline=date.today() + timedelta(days=30), name="The last lines")  # noqa: DTZ011
    told = await telecare(settings, "--council", "Fife", "--engineers", "0")
    assert told.exit_code == 1, "homes remain"
    assert "The last lines, Fife" in told.stdout
    assert "On this pace" in told.stdout
    as_json = json.loads((await telecare(settings, "--engineers", "0", "--json")).stdout)
    assert (as_json["homes"], as_json["engineers"]) == (as_json["remaining"], 0)
    async with database.transaction() as session:
        late = await programme(session, "S12000049", deadline=date.today() + timedelta(days=9), name="Nobody's")  # noqa: DTZ011
    done = await telecare(settings, "--programme", str(late))
    assert (done.exit_code, "No home is in this programme yet" in done.stdout) == (0, True)


async def test_wrong_use_is_code_2_and_says_how(settings: Settings) -> None:
    for wrong in (
        ["--council", "Fyfe"], ["--day-off", "tomorrow"], ["--programme", "7"], ["--engineers", "-1"],
        ["--saturday", "1999-01-02"],
    ):  # fmt: skip
        found = await telecare(settings, *wrong)
        assert found.exit_code == 2, wrong
        assert found.stderr
